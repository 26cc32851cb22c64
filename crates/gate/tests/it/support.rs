//! A gate with stand-in ports, an upstream, and a client that says exactly what it is
//! told to say.

mod client;
mod realm;
mod upload;
mod upstream;
mod world;

pub(crate) use client::*;
pub(crate) use realm::*;
pub(crate) use upload::*;
pub(crate) use upstream::tls_upstream;
pub(crate) use world::*;

use doorward_base::limit::LocalLimiter;
use doorward_base::testing::SeededEntropy;
use doorward_gate::policy::spec::RealmSpec;
use doorward_gate::{Gate, GateOptions, GateParts, ListenerOptions, lower, serve};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A running gate.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    pub(crate) gate: Arc<Gate>,
    pub(crate) world: Arc<World>,
    pub(crate) served: tokio::task::JoinHandle<()>,
    pub(crate) stop: oneshot::Sender<()>,
}

/// Starts a gate with the realm as `change` leaves it.
pub(crate) async fn start(change: impl FnOnce(&mut RealmSpec)) -> Running {
    start_with(ListenerOptions::default(), GateOptions::default(), change).await
}

/// One more listener of the gate, configured with this address.
pub(crate) async fn listen_also(gate: &Running, address: SocketAddr) -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    let options = ListenerOptions {
        address: Some(address),
        ..ListenerOptions::default()
    };
    let gate = Arc::clone(&gate.gate);
    tokio::spawn(serve(gate, socket, options, std::future::pending()));
    addr
}

/// Starts a gate that listens as `change` says, for any host.
pub(crate) async fn start_listener(change: impl FnOnce(&mut ListenerOptions)) -> Running {
    let mut options = ListenerOptions::default();
    change(&mut options);
    start_with(options, GateOptions::default(), |realm| {
        realm.hosts = vec!["*".into()];
    })
    .await
}

pub(crate) async fn start_with(
    listener: ListenerOptions,
    options: GateOptions,
    change: impl FnOnce(&mut RealmSpec),
) -> Running {
    let mut spec = realm(upstream::upstream().await);
    change(&mut spec);
    let entropy = Arc::new(SeededEntropy::new(7));
    let world = Arc::new(World::new(&entropy));
    let parts = GateParts {
        introspect: Arc::clone(&world) as _,
        revocations: Arc::clone(&world) as _,
        minter: Arc::clone(&world) as _,
        keys: Arc::clone(&world) as _,
        limiter: Arc::new(LocalLimiter::new(10_000)),
        plans: Arc::clone(&world) as _,
        access: Arc::clone(&world) as _,
        limit_seed: [7; 32],
        clock: Arc::new(Shared(Arc::clone(&world))),
        entropy,
        streams: Arc::default(),
        options,
    };
    let gate = Gate::new(parts, lower(vec![spec]).unwrap());
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let served = tokio::spawn(serve(Arc::clone(&gate), socket, listener, async {
        let _ = stopped.await;
    }));
    Running {
        addr,
        gate,
        world,
        served,
        stop,
    }
}
