//! The listener: its own accept loop, with a cap on connections and a deadline on
//! everything a client can be slow at before its request is whole. Not here: what a
//! request means (`gate`).

mod activity;
mod connection;
mod framing;
mod linger;
mod place;
mod share;
mod stall;
mod taking;
mod tls;

pub(crate) use activity::Held;
pub(crate) use place::Tether;
pub use stall::Stalling;
pub(crate) use tls::read_certificates;
pub use tls::{Certificate, Pair, TlsError, tls_config};

use crate::gate::Gate;
use place::Phase;
use share::{Share, Shares};
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// How long a connection that is idle when the listener closes is kept, for a request
/// that is on its way.
const ON_THE_WAY: Duration = Duration::from_millis(250);

/// How long nobody must have come before the listener closes, and how long that is
/// waited for at most: a connection that the kernel finished just before would be reset.
const QUIET: Duration = Duration::from_millis(5);
const LAST_CALL: Duration = Duration::from_millis(100);

/// Settings of one listener.
#[derive(Clone, Debug)]
pub struct ListenerOptions {
    /// The address it was configured with, by which realms name it.
    pub address: Option<SocketAddr>,
    /// TLS with ALPN `h2` and `http/1.1`; `None` is plain.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// How long a client may take for a header section, first byte to last, and for
    /// the first byte of its connection.
    pub header_timeout: Duration,
    /// How long a connection may be without a request after its first.
    pub idle_timeout: Duration,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long a client may take nothing of what is there for it, on its connection or
    /// on one HTTP/2 stream.
    pub answer_idle: Duration,
    /// Connections open at once; more are closed as they are accepted. A request of an
    /// HTTP/2 connection that has another one open counts like a connection.
    pub max_connections: u32,
    /// How many of them one address may have, or one IPv6 network of /56. Proxies that
    /// are trusted may have all.
    pub max_per_address: u32,
    /// How long connections are accepted after shutdown began, while answers ask
    /// clients to close theirs.
    pub drain_delay: Duration,
    /// How long open requests may go on after that.
    pub drain: Duration,
}

impl Default for ListenerOptions {
    /// Plain, 10 s for a header section and for a handshake, 75 s of idleness, 60 s in
    /// which nothing is taken, 20,000 connections, 5,000 for an address, no delay, 10 s.
    fn default() -> Self {
        Self {
            address: None,
            tls: None,
            header_timeout: Duration::from_secs(10),
            // Longer than common load balancers keep theirs (60 s), so that it is they
            // who close, and no request meets a closing connection.
            idle_timeout: Duration::from_secs(75),
            handshake_timeout: Duration::from_secs(10),
            // As long as common servers wait.
            answer_idle: Duration::from_secs(60),
            max_connections: 20_000,
            max_per_address: 5_000,
            drain_delay: Duration::ZERO,
            drain: Duration::from_secs(10),
        }
    }
}

/// Serves until `shutdown` ends, goes on for the delay while answers ask clients to
/// leave, then drains: no new connections, idle ones closed, open requests finished
/// within the limit, the rest cut. Returns when that is done.
pub async fn serve(
    gate: Arc<Gate>,
    listener: TcpListener,
    options: ListenerOptions,
    shutdown: impl Future<Output = ()>,
) {
    let room = Arc::new(Semaphore::new(options.max_connections as usize));
    let (phase, watched) = watch::channel(Phase::Serving);
    let options = Arc::new(options);
    let until_drained = async {
        shutdown.await;
        phase.send_replace(Phase::Leaving);
        tokio::time::sleep(options.drain_delay).await;
    };
    let door = Door {
        gate: &gate,
        listener: &listener,
        options: &options,
        room: &room,
        shares: &Shares::new(options.max_per_address),
        phase: &watched,
    };
    tokio::select! {
        () = door.accept() => {}
        () = until_drained => {}
    }
    // Whoever was let in by the kernel already is answered.
    let last_call = async {
        while let Ok(Ok(accepted)) = tokio::time::timeout(QUIET, listener.accept()).await {
            door.admit(accepted);
        }
    };
    let _quiet_or_late = tokio::time::timeout(LAST_CALL, last_call).await;
    drop(listener);
    let all = || room.acquire_many(options.max_connections);
    if tokio::time::timeout(ON_THE_WAY, all()).await.is_ok() {
        return;
    }
    phase.send_replace(Phase::Draining);
    if tokio::time::timeout(options.drain, all()).await.is_err() {
        phase.send_replace(Phase::Cut);
        // Cutting needs nothing but a turn of each task.
        let _all = all().await;
    }
}

/// Where connections come in.
struct Door<'d> {
    gate: &'d Arc<Gate>,
    listener: &'d TcpListener,
    options: &'d Arc<ListenerOptions>,
    room: &'d Arc<Semaphore>,
    shares: &'d Arc<Shares>,
    phase: &'d watch::Receiver<Phase>,
}

impl Door<'_> {
    async fn accept(&self) {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => self.admit(accepted),
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    // Out of descriptors: some must be closed before it can go on.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }

    fn admit(&self, (stream, peer): (TcpStream, SocketAddr)) {
        let counters = self.gate.counters();
        let share = self.share(peer.ip());
        let room = Arc::clone(self.room).try_acquire_owned();
        let (Ok(room), Ok(share)) = (room, share) else {
            counters.connections_refused.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let place = (room, share);
        counters.connections.fetch_add(1, Ordering::Relaxed);
        let tether = Tether::new(place, Arc::clone(counters), self.phase.clone());
        let (gate, options) = (Arc::clone(self.gate), Arc::clone(self.options));
        tokio::spawn(async move {
            let counters = Arc::clone(gate.counters());
            let ended = connection::run(gate, stream, peer, &options, tether).await;
            if ended.is_err() {
                counters.connections_failed.fetch_add(1, Ordering::Relaxed);
            }
        });
    }

    /// What a connection of this address takes of its share.
    fn share(&self, ip: IpAddr) -> Result<Option<Share>, ShareTaken> {
        let proxies = self.gate.trusted_proxies();
        if proxies.iter().any(|net| net.contains(&ip.to_canonical())) {
            return Ok(None);
        }
        self.shares.take(ip).map(Some).ok_or(ShareTaken)
    }
}

/// An address has all the places that it may have.
struct ShareTaken;
