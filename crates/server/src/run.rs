//! A process that serves, from its first listener to its last answer. Not here: what is
//! wired to what (`compose`).

use crate::adapter::LEASE;
use crate::cli::{Failure, output};
use crate::compose::{Composed, compose};
use crate::config::{self, Loaded, Overrides, ServerSettings, TlsSettings};
use crate::control::{Control, socket_path};
use crate::engine::Engine;
use crate::ops::Ops;
use crate::telemetry::metrics::Metrics;
use doorward_gate::listener::{self, ListenerOptions};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How often uses of API tokens are written and expired keys forgotten.
const HOUSEKEEPING: Duration = Duration::from_secs(30);
/// How often the configuration file is looked at.
const FILE_CHECK: Duration = Duration::from_secs(1);

/// What to serve.
pub(crate) struct Plan {
    pub(crate) loaded: Loaded,
    pub(crate) overrides: Overrides,
    /// Printed once everything answers, given the engine.
    pub(crate) greeting: Option<Greeting>,
}

/// What a caller of [`run`] does before the first request.
pub(crate) type Greeting = Box<dyn AsyncGreeting>;

/// Runs once when the listeners are bound.
#[async_trait::async_trait]
pub(crate) trait AsyncGreeting: Send {
    /// Prepares and prints.
    async fn greet(&self, engine: &Engine, addresses: &[SocketAddr]) -> Result<(), Failure>;
}

/// Serves until told to stop, then drains.
pub(crate) async fn run(plan: Plan) -> Result<(), Failure> {
    let Plan {
        loaded,
        overrides,
        greeting,
    } = plan;
    // Before anything is announced: a signal that nobody listens for ends the process.
    let mut signals = Signals::listen()?;
    let engine = Engine::start(loaded.settings.clone()).await?;
    let composed = Arc::new(compose(&engine, &loaded).await?);
    let server = loaded.settings.server.clone();
    let (listeners, addresses) = bind_all(&server.listen).await?;
    let options = listener_options(&server)?;
    let ops = Arc::new(Ops {
        feed: Arc::clone(&composed.feed),
        metrics: Metrics::new(Arc::clone(&composed.gate), Arc::clone(&composed.feed)),
        lease: LEASE,
        draining: AtomicBool::new(false),
    });
    let mut background = start_background(&server, &composed, &ops).await?;
    if let Some(greeting) = greeting {
        greeting.greet(&engine, &addresses).await?;
    }
    announce(&server, &addresses);
    let (stop, stopped) = watch::channel(false);
    let mut serving = JoinSet::new();
    for listener in listeners {
        let mut stopped = stopped.clone();
        let until = async move { drop(stopped.wait_for(|stop| *stop).await) };
        serving.spawn(listener::serve(
            Arc::clone(&composed.gate),
            listener,
            options.clone(),
            until,
        ));
    }
    wait_for_the_end(&mut signals, &composed, loaded, &overrides).await;
    ops.draining.store(true, Ordering::Release);
    tracing::info!("stopping: finishing open requests");
    stop.send_replace(true);
    while serving.join_next().await.is_some() {}
    background.shutdown().await;
    composed.flush().await;
    engine.close().await;
    Ok(())
}

/// What runs beside the listeners until the end.
async fn start_background(
    server: &ServerSettings,
    composed: &Arc<Composed>,
    ops: &Arc<Ops>,
) -> Result<JoinSet<()>, Failure> {
    let mut background = JoinSet::new();
    background.spawn(Arc::clone(&composed.feed).follow());
    background.spawn(keep_house(Arc::clone(composed)));
    if let Some(address) = server.ops_listen {
        let listener = bind(address).await?;
        if let Ok(bound) = listener.local_addr() {
            output::note(&format!("operations on http://{bound}"));
        }
        background.spawn(Arc::clone(ops).serve(listener));
    }
    match Control::bind(socket_path(&server.database)) {
        Ok(control) => drop(background.spawn(control.serve(Arc::clone(composed)))),
        Err(error) => {
            tracing::warn!(%error, "no control socket: `doorward explain ID` cannot ask this process");
        }
    }
    Ok(background)
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

async fn bind_all(wanted: &[SocketAddr]) -> Result<(Vec<TcpListener>, Vec<SocketAddr>), Failure> {
    let (mut listeners, mut addresses) = (Vec::new(), Vec::new());
    for &address in wanted {
        let listener = bind(address).await?;
        addresses.push(listener.local_addr().unwrap_or(address));
        listeners.push(listener);
    }
    Ok((listeners, addresses))
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::Refused(format!(
            "cannot listen on {address}: {error}; choose another with --listen or in [server]"
        ))
    })
}

fn listener_options(server: &ServerSettings) -> Result<ListenerOptions, Failure> {
    let tls = match &server.tls {
        None => None,
        Some(TlsSettings { cert, key }) => Some(
            listener::tls_config(cert.expose().as_bytes(), key.expose().as_bytes())
                .map_err(|error| Failure::Usage(format!("[server] tls: {error}")))?,
        ),
    };
    Ok(ListenerOptions {
        tls,
        header_timeout: server.header_timeout,
        max_connections: u32::try_from(server.max_connections).unwrap_or(u32::MAX),
        drain: server.drain_timeout,
        ..ListenerOptions::default()
    })
}

/// What the process can be told.
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
}

/// Returns when the process is told to stop; reloads until then.
async fn wait_for_the_end(
    signals: &mut Signals,
    composed: &Composed,
    mut running: Loaded,
    overrides: &Overrides,
) {
    let mut looks = tokio::time::interval(FILE_CHECK);
    let mut seen = stamp(&running);
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => return,
            _ = signals.interrupt.recv() => return,
            _ = signals.hangup.recv() => {}
            _ = looks.tick() => {
                let now = stamp(&running);
                if now == seen {
                    continue;
                }
                seen = now;
            }
        }
        reload(composed, &mut running, overrides).await;
    }
}

async fn reload(composed: &Composed, running: &mut Loaded, overrides: &Overrides) {
    match config::reload::reload(running, &config::process_environment, overrides) {
        Err(problems) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            tracing::error!(
                problems = problems.join("\n"),
                "the configuration was not reloaded; the last good one stays in force"
            );
        }
        Ok(reloaded) => match composed.reload(&reloaded.loaded).await {
            Err(failure) => {
                tracing::error!(%failure, "the configuration was not reloaded; the last good one stays in force");
            }
            Ok(()) => {
                if !reloaded.after_restart.is_empty() {
                    tracing::warn!(
                        keys = reloaded.after_restart.join(", "),
                        "changed keys that count from the next start"
                    );
                }
                *running = reloaded.loaded;
                tracing::info!("configuration reloaded");
            }
        },
    }
}

/// What changes when the file does.
fn stamp(running: &Loaded) -> Option<(SystemTime, u64)> {
    let about = std::fs::metadata(running.file()).ok()?;
    Some((about.modified().ok()?, about.len()))
}

async fn keep_house(composed: Arc<Composed>) {
    let mut ticks = tokio::time::interval(HOUSEKEEPING);
    loop {
        ticks.tick().await;
        composed.flush().await;
        composed.feed.forget_old_keys().await;
    }
}
