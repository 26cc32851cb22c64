//! A forwarder of TCP connections whose cable can be cut, or held so that nothing
//! passes. Not here: the protocols that pass through it, but for the name that a
//! PostgreSQL client gives itself (`startup`).

use super::startup::{self, Startup};
use crate::artifact::must;
use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Which connections a fault is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Affected {
    /// Every connection.
    All,
    /// PostgreSQL clients of this `application_name`, connected without TLS.
    Application(String),
}

/// A forwarder on the loopback. Dropping it closes its connections.
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    fault: Option<(Fault, Affected)>,
    connections: HashMap<u64, Connection>,
    made: u64,
    over: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    Cut,
    Stall,
}

/// Both ends, so that others than their threads can close them.
#[derive(Debug)]
struct Connection {
    name: Startup,
    client: TcpStream,
    server: TcpStream,
}

impl Proxy {
    /// Forwards to this address from a free port.
    ///
    /// # Panics
    /// When it cannot listen.
    #[must_use]
    pub fn start(target: SocketAddr) -> Self {
        let listener = must("listen as a proxy", TcpListener::bind("127.0.0.1:0"));
        let addr = must("listen as a proxy", listener.local_addr());
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if accepting.lock().over {
                    return;
                }
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || forward(&shared, &client, target));
            }
        });
        Self { addr, shared }
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The URL with its host and port replaced by the proxy's.
    ///
    /// # Panics
    /// When the text is no URL with a host.
    #[must_use]
    pub fn url(&self, target: &str) -> String {
        at_address(target, self.addr)
    }

    /// Closes the affected connections, and new ones at once.
    pub fn cut(&self, affected: Affected) {
        let mut state = self.shared.lock();
        for connection in state.connections.values() {
            if affected.includes(connection) {
                connection.close();
            }
        }
        state.fault = Some((Fault::Cut, affected));
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Keeps connections open and takes new ones, but what the affected ones send waits
    /// until [`Self::mend`].
    pub fn stall(&self, affected: Affected) {
        self.shared.lock().fault = Some((Fault::Stall, affected));
        self.shared.changed.notify_all();
    }

    /// Forwards as before. What was stalled is delivered; what was cut stays closed.
    pub fn mend(&self) {
        self.shared.lock().fault = None;
        self.shared.changed.notify_all();
    }

    /// How many such connections are open.
    #[must_use]
    pub fn connections(&self, affected: &Affected) -> usize {
        let state = self.shared.lock();
        let open = state.connections.values();
        open.filter(|connection| affected.includes(connection))
            .count()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.over = true;
        state.connections.values().for_each(Connection::close);
        drop(state);
        self.shared.changed.notify_all();
        // The accepting thread looks only when somebody comes.
        let _ = TcpStream::connect(self.addr);
    }
}

impl Affected {
    fn includes(&self, connection: &Connection) -> bool {
        match self {
            Self::All => true,
            Self::Application(name) => {
                matches!(&connection.name, Startup::Application(of) if of == name)
            }
        }
    }
}

impl Connection {
    fn close(&self) {
        for stream in [&self.client, &self.server] {
            // It fails only on one that the peer has closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while the connection is stalled. Whether it may still pass anything on.
    fn passes(&self, id: u64) -> bool {
        let mut state = self.lock();
        loop {
            let Some(connection) = state.connections.get(&id) else {
                return false;
            };
            let fault = match &state.fault {
                Some((fault, affected)) if affected.includes(connection) => Some(*fault),
                _ => None,
            };
            match fault {
                _ if state.over => return false,
                None => return true,
                Some(Fault::Cut) => return false,
                Some(Fault::Stall) => {
                    let changed = self.changed.wait(state);
                    state = changed.unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    fn name(&self, id: u64, name: Startup) {
        if let Some(connection) = self.lock().connections.get_mut(&id) {
            connection.name = name;
        }
    }
}

/// One connection: the client's bytes on this thread, the answers on another.
fn forward(shared: &Shared, client: &TcpStream, target: SocketAddr) {
    let Ok(server) = TcpStream::connect(target) else {
        return;
    };
    let connection = || -> std::io::Result<Connection> {
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        Ok(Connection {
            name: Startup::Unknown,
            client: client.try_clone()?,
            server: server.try_clone()?,
        })
    };
    let connection = must("forward a connection", connection());
    let mut state = shared.lock();
    state.made += 1;
    let id = state.made;
    state.connections.insert(id, connection);
    drop(state);
    std::thread::scope(|scope| {
        scope.spawn(|| pump(shared, id, &server, client, Side::Server));
        pump(shared, id, client, &server, Side::Client);
    });
    shared.lock().connections.remove(&id);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// Passes bytes on in one direction until an end closes, then closes both.
fn pump(shared: &Shared, id: u64, mut from: &TcpStream, mut to: &TcpStream, side: Side) {
    let mut part = [0_u8; 16 * 1024];
    let mut first = Vec::new();
    let mut name = Startup::Unknown;
    loop {
        let bytes = match from.read(&mut part) {
            Ok(count) => part.get(..count).unwrap_or_default(),
            Err(_) => &[],
        };
        if side == Side::Client && name == Startup::Unknown {
            first.extend_from_slice(bytes);
            name = startup::read(&first);
            shared.name(id, name.clone());
        }
        // A stalled cable carries no end either.
        if !shared.passes(id) || bytes.is_empty() || to.write_all(bytes).is_err() {
            break;
        }
    }
    for stream in [from, to] {
        let _ = stream.shutdown(Shutdown::Both);
    }
}
/// A URL with another host and port.
pub(crate) fn at_address(target: &str, addr: SocketAddr) -> String {
    let Some((scheme, rest)) = target.split_once("://") else {
        panic!("{target} is not a URL");
    };
    let (authority, path) = rest
        .find('/')
        .map_or((rest, ""), |slash| rest.split_at(slash));
    let user = authority
        .rsplit_once('@')
        .map_or(String::new(), |(user, _)| format!("{user}@"));
    format!("{scheme}://{user}{addr}{path}")
}
