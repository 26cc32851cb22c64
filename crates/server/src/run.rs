//! A process that serves, from its first listener to its last answer. Not here: what is
//! wired to what (`compose`).

use crate::adapter::LEASE;
use crate::bind;
use crate::cli::{Failure, output};
use crate::compose::{Composed, compose};
use crate::config::{self, Loaded, Overrides, ServerSettings};
use crate::control::Control;
use crate::descriptor;
use crate::engine::Engine;
use crate::jobs::Jobs;
use crate::limits::Limits;
use crate::nodes::ThisNode;
use crate::ops::Ops;
use crate::sole::Sole;
use crate::telemetry::metrics::{Metrics, Sources};
use crate::terms::terms;
use crate::vitals::Vitals;
use doorward_gate::listener::{self, Certificate, ListenerOptions};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What is said of a configuration that is not put in force.
const NOT_RELOADED: &str = "the configuration was not reloaded; the last good one stays in force";
/// How often the configuration file, and the files it refers to, are looked at.
const FILE_CHECK: Duration = Duration::from_secs(1);

/// What to serve.
pub(crate) struct Plan {
    pub(crate) loaded: Loaded,
    pub(crate) overrides: Overrides,
    /// Printed once everything answers, given the parts.
    pub(crate) greeting: Option<Greeting>,
}

/// What a caller of [`run`] does before the first request.
pub(crate) type Greeting = Box<dyn AsyncGreeting>;

/// Runs once when the listeners are bound.
#[async_trait::async_trait]
pub(crate) trait AsyncGreeting: Send {
    /// Prepares and prints.
    async fn greet(
        &self,
        engine: &Engine,
        composed: &Composed,
        addresses: &[SocketAddr],
    ) -> Result<(), Failure>;
}

/// Serves until told to stop, then drains.
pub(crate) async fn run(plan: Plan) -> Result<(), Failure> {
    // Before anything is announced: a signal that nobody listens for ends the process.
    let mut signals = Signals::listen()?;
    let sole = Sole::take(&plan.loaded.settings.server.database)?;
    // Starting may wait, for the store or for another process.
    let started = tokio::select! {
        started = start(&plan.loaded) => started?,
        () = signals.stop() => return Ok(()),
    };
    let Started { engine, membership } = started;
    let served = serve(plan, signals, &engine, &membership, sole).await;
    engine.limits.close().await;
    membership.withdraw().await;
    engine.close().await;
    served
}

/// A process that may serve and does not yet.
struct Started {
    engine: Engine,
    membership: Arc<ThisNode>,
}

/// Opens the store and joins its processes, before the realms' keys are looked at: on
/// contradictory terms they must not be touched.
async fn start(loaded: &Loaded) -> Result<Started, Failure> {
    let limits = Limits::start(&loaded.settings.server.limits)?;
    let engine = Engine::start(loaded.settings.clone(), limits).await?;
    let membership = Arc::new(ThisNode::join(&engine.identity, &engine.settings).await?);
    Ok(Started { engine, membership })
}

async fn serve(
    plan: Plan,
    mut signals: Signals,
    engine: &Engine,
    membership: &Arc<ThisNode>,
    sole: Sole,
) -> Result<(), Failure> {
    let Plan {
        loaded,
        overrides,
        greeting,
    } = plan;
    let mut background = JoinSet::new();
    // Before the snapshot, which may take longer than the others remember this process.
    let kept = Arc::clone(membership);
    background.spawn(async move { kept.keep().await });
    let composed = Arc::new(compose(engine, &loaded).await?);
    let server = loaded.settings.server.clone();
    let (listeners, addresses) = bind::all(&server.listen)?;
    let certificate = server.tls.as_ref().map(Certificate::new);
    let options = listener_options(&composed, &server, certificate.as_ref());
    let vitals = Arc::new(Vitals {
        feed: Arc::clone(&composed.feed),
        membership: Arc::clone(membership),
        limits: engine.limits.clone(),
        issuers: Arc::clone(&composed.issuers),
        lease: LEASE,
        draining: AtomicBool::new(false),
    });
    start_background(&mut background, &server, &composed, &vitals).await?;
    if let Some(greeting) = greeting {
        greeting.greet(engine, &composed, &addresses).await?;
    }
    announce(&server, &addresses);
    let (stop, stopped) = watch::channel(false);
    let configured = listeners.into_iter().zip(server.listen.iter().copied());
    let mut serving = accept_all(&composed, configured, &options, &stopped);
    let running = Running {
        composed: &composed,
        membership,
        overrides: &overrides,
        certificate: certificate.as_deref(),
    };
    running.until_stopped(&mut signals, loaded.in_force()).await;
    vitals.draining.store(true, Ordering::Release);
    tracing::info!("stopping: finishing open requests");
    // The next one may begin while this one finishes.
    drop(sole);
    stop.send_replace(true);
    while serving.join_next().await.is_some() {}
    background.shutdown().await;
    write_what_is_gathered(&composed).await;
    Ok(())
}

/// Writes what was gathered in memory: the process ends.
async fn write_what_is_gathered(composed: &Composed) {
    if let Err(error) = composed.flush().await {
        tracing::warn!(%error, "uses of API tokens could not be written");
    }
    if let Err(error) = composed.tell_quotas().await {
        tracing::warn!(%error, "the use of quotas could not be written");
    }
    if let Err(error) = composed.write_accesses().await {
        tracing::warn!(%error, "requests could not be written into the audit log");
    }
    if let Err(error) = composed.write_refusals().await {
        tracing::warn!(%error, "refusals of strangers could not be written down");
    }
}

/// Serves on every public listener until it is told to stop.
fn accept_all(
    composed: &Composed,
    listeners: impl Iterator<Item = (TcpListener, SocketAddr)>,
    options: &ListenerOptions,
    stopped: &watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut serving = JoinSet::new();
    for (listener, address) in listeners {
        let options = ListenerOptions {
            address: Some(address),
            ..options.clone()
        };
        let mut stopped = stopped.clone();
        let until = async move { drop(stopped.wait_for(|stop| *stop).await) };
        let gate = Arc::clone(&composed.gate);
        serving.spawn(listener::serve(gate, listener, options, until));
    }
    serving
}

/// What runs beside the listeners until the end.
async fn start_background(
    background: &mut JoinSet<()>,
    server: &ServerSettings,
    composed: &Arc<Composed>,
    vitals: &Arc<Vitals>,
) -> Result<(), Failure> {
    background.spawn(Arc::clone(&composed.feed).follow());
    background.spawn(Arc::clone(&composed.issuers).refresh_when_due());
    // A database of rows that does not answer is told now, and refuses nobody but its callers.
    let opened = Arc::clone(composed);
    background.spawn(async move { opened.open_rows().await });
    let jobs = Jobs::new(composed);
    if let Some(address) = server.ops_listen {
        let listener = bind::one(address)?;
        if let Ok(bound) = listener.local_addr() {
            output::note(&format!("operations on http://{bound}"));
        }
        let ops = Ops {
            vitals: Arc::clone(vitals),
            metrics: Metrics::new(Sources {
                gate: Arc::clone(&composed.gate),
                vitals: Arc::clone(vitals),
                egress: Arc::clone(composed.egress.counters()),
                jobs: jobs.records(),
                mail: Arc::clone(&composed.mail_count),
            }),
            turn: tokio::sync::Mutex::default(),
        };
        background.spawn(Arc::new(ops).serve(listener));
    }
    jobs.start(background, &composed.identity);
    match Control::bind(server.control_socket.clone()) {
        Ok(control) => drop(background.spawn(control.serve(Arc::clone(composed)))),
        Err(error) => {
            tracing::warn!(%error, "no control socket: `doorward explain ID` cannot ask this process");
        }
    }
    Ok(())
}

fn announce(server: &ServerSettings, addresses: &[SocketAddr]) {
    let scheme = if server.tls.is_some() {
        "https"
    } else {
        "http"
    };
    for address in addresses {
        output::note(&format!("listening on {scheme}://{address}"));
    }
}

fn listener_options(
    composed: &Composed,
    server: &ServerSettings,
    certificate: Option<&Arc<Certificate>>,
) -> ListenerOptions {
    let max_connections =
        descriptor::connections(server, composed.rows.taken(), descriptor::raise());
    ListenerOptions {
        tls: certificate.map(listener::tls_config),
        header_timeout: server.header_timeout,
        idle_timeout: server.idle_timeout,
        answer_idle: server.answer_idle,
        max_connections,
        max_per_address: descriptor::share(server, max_connections),
        drain_delay: server.drain_delay,
        drain: server.drain_timeout,
        ..ListenerOptions::default()
    }
}

/// How the process is told something.
struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        // A file-size limit is a full disk, which the store answers for, not the end.
        let _ = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()));
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Failure::Refused(format!("cannot listen for signals: {error}")))
        };
        Ok(Self {
            hangup: listen(SignalKind::hangup())?,
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// What the process is told next.
    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.hangup.recv() => Told::Reload,
        }
    }

    /// Returns when the process is told to stop.
    async fn stop(&mut self) {
        while self.next().await != Told::Stop {}
    }
}

/// What a process can be told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Stop,
    Reload,
}

/// A process that serves, as far as reloading needs it.
struct Running<'r> {
    composed: &'r Composed,
    membership: &'r ThisNode,
    overrides: &'r Overrides,
    /// What the listeners show, where they are TLS.
    certificate: Option<&'r Certificate>,
}

impl Running<'_> {
    /// Returns when the process is told to stop; reloads until then.
    async fn until_stopped(&self, signals: &mut Signals, mut running: Loaded) {
        let mut looks = tokio::time::interval(FILE_CHECK);
        let mut seen = stamp(&running);
        let mut told = None;
        loop {
            tokio::select! {
                told = signals.next() => if told == Told::Stop { return },
                _ = looks.tick() => if stamp(&running) == seen { continue },
            }
            let now = stamp(&running);
            match self.reload(&mut running).await {
                Ok(()) => (seen, told) = (now, None),
                // Nothing is wrong with the file: it is tried again until the store
                // answers or the contradiction is gone.
                Err(reason) => {
                    seen = None;
                    if told.as_ref() != Some(&reason) {
                        tracing::error!(failure = reason, "{NOT_RELOADED}; it is tried again");
                        told = Some(reason);
                    }
                }
            }
        }
    }

    /// Reloads, or says what is wrong with the file. What may pass is an error.
    async fn reload(&self, running: &mut Loaded) -> Result<(), String> {
        let read = config::reload::reload(running, &config::process_environment, self.overrides);
        let reloaded = match read {
            Ok(reloaded) => reloaded,
            Err(problems) => {
                let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
                tracing::error!(problems = problems.join("\n"), "{NOT_RELOADED}");
                return Ok(());
            }
        };
        match self.put_in_force(&reloaded.loaded).await {
            Ok(()) => {}
            Err(Failure::Refused(reason)) => return Err(reason),
            Err(failure @ Failure::Usage(_)) => {
                tracing::error!(%failure, "{NOT_RELOADED}");
                return Ok(());
            }
        }
        if let (Some(certificate), Some(pair)) =
            (self.certificate, &reloaded.loaded.settings.server.tls)
        {
            certificate.replace(pair);
        }
        if !reloaded.after_restart.is_empty() {
            tracing::warn!(
                keys = reloaded.after_restart.join(", "),
                "changed keys that count from the next start"
            );
        }
        *running = reloaded.loaded.in_force();
        tracing::info!("configuration reloaded");
        Ok(())
    }

    /// The others are told and asked first: on contradictory terms nothing may be touched.
    async fn put_in_force(&self, loaded: &Loaded) -> Result<(), Failure> {
        let before = self.membership.change(&terms(&loaded.settings)).await?;
        let outcome = self.composed.reload(loaded).await;
        if outcome.is_err() {
            self.membership.take_back(before).await;
        }
        outcome
    }
}

/// What changes when one of the files does.
fn stamp(running: &Loaded) -> Option<Vec<Option<(SystemTime, u64)>>> {
    let of = |file| {
        let about = std::fs::metadata(file).ok()?;
        Some((about.modified().ok()?, about.len()))
    };
    Some(running.files().map(of).collect())
}
