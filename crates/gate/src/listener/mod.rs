//! The listener: its own accept loop, with a cap on connections and a deadline on
//! everything a client can be slow at before its request is whole. Not here: what a
//! request means (`gate`).
//!
//! A connection that is idle between requests is closed after `header_timeout` too:
//! the deadline for the next header section begins when the last answer ended.

mod connection;
mod framing;
mod place;
mod tls;

pub(crate) use place::Tether;
pub use tls::{TlsError, tls_config};

use crate::gate::Gate;
use place::Phase;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

/// Settings of one listener.
#[derive(Clone, Debug)]
pub struct ListenerOptions {
    /// TLS with ALPN `h2` and `http/1.1`; `None` is plain.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// How long a client may take for a header section, first byte to last, and how
    /// long a connection may be idle.
    pub header_timeout: Duration,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// Connections open at once; more are closed as they are accepted.
    pub max_connections: u32,
    /// How long open requests may go on after shutdown began.
    pub drain: Duration,
}

impl Default for ListenerOptions {
    /// Plain, 10 s, 10 s, 20,000 connections, 10 s.
    fn default() -> Self {
        Self {
            tls: None,
            header_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(10),
            max_connections: 20_000,
            drain: Duration::from_secs(10),
        }
    }
}

/// Serves until `shutdown` ends, then drains: no new connections, idle ones closed,
/// open requests finished within the limit, the rest cut. Returns when that is done.
pub async fn serve(
    gate: Arc<Gate>,
    listener: TcpListener,
    options: ListenerOptions,
    shutdown: impl Future<Output = ()>,
) {
    let room = Arc::new(Semaphore::new(options.max_connections as usize));
    let (phase, watched) = watch::channel(Phase::Serving);
    let options = Arc::new(options);
    let accepting = accept(&gate, &listener, &options, &room, &watched);
    tokio::select! {
        () = accepting => {}
        () = shutdown => {}
    }
    drop(listener);
    phase.send_replace(Phase::Draining);
    let all = room.acquire_many(options.max_connections);
    if tokio::time::timeout(options.drain, all).await.is_err() {
        phase.send_replace(Phase::Cut);
        // Cutting needs nothing but a turn of each task.
        let _all = room.acquire_many(options.max_connections).await;
    }
}

async fn accept(
    gate: &Arc<Gate>,
    listener: &TcpListener,
    options: &Arc<ListenerOptions>,
    room: &Arc<Semaphore>,
    phase: &watch::Receiver<Phase>,
) {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                // Out of descriptors: some must be closed before it can go on.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
        };
        let counters = gate.counters();
        let Ok(place) = Arc::clone(room).try_acquire_owned() else {
            counters.connections_refused.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        counters.connections.fetch_add(1, Ordering::Relaxed);
        let tether = Tether::new(place, Arc::clone(counters), phase.clone());
        let (gate, options) = (Arc::clone(gate), Arc::clone(options));
        tokio::spawn(async move {
            let counters = Arc::clone(gate.counters());
            let ended = connection::run(gate, stream, peer, &options, tether).await;
            if ended.is_err() {
                counters.connections_failed.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
}
