//! Listening on addresses. Not here: what is served there (`run`).

use crate::cli::Failure;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpSocket};

/// How many connections the kernel keeps for us until they are accepted.
const BACKLOG: u32 = 1024;

/// Listens on each; the listeners, and where they really are.
pub(crate) fn all(wanted: &[SocketAddr]) -> Result<(Vec<TcpListener>, Vec<SocketAddr>), Failure> {
    let (mut listeners, mut addresses) = (Vec::new(), Vec::new());
    for &address in wanted {
        let beside = |other: &SocketAddr| {
            other.is_ipv4() && other.port() == address.port() && address.port() != 0
        };
        let family = if wanted.iter().any(beside) {
            Family::Own
        } else {
            Family::Both
        };
        let listener = bind(address, family)?;
        addresses.push(listener.local_addr().unwrap_or(address));
        listeners.push(listener);
    }
    Ok((listeners, addresses))
}

/// Whose connections an address of IPv6 takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    /// Those of IPv4 too, where it is every address of the machine.
    Both,
    /// Its own only: an address of IPv4 is listened on beside it.
    Own,
}

fn bind(address: SocketAddr, family: Family) -> Result<TcpListener, Failure> {
    let open = || {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            let socket = TcpSocket::new_v6()?;
            rustix::net::sockopt::set_ipv6_v6only(&socket, family == Family::Own)?;
            socket
        };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    open().map_err(|error: std::io::Error| {
        Failure::Refused(format!(
            "cannot listen on {address}: {error}; choose another with --listen or in [server]"
        ))
    })
}

/// Listens on one address.
pub(crate) fn one(address: SocketAddr) -> Result<TcpListener, Failure> {
    bind(address, Family::Both)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpStream;

    #[tokio::test]
    async fn every_address_of_both_families_is_listened_on_with_one_port() {
        let port = {
            let free = one("0.0.0.0:0".parse().unwrap()).unwrap();
            free.local_addr().unwrap().port()
        };
        let [four, six]: [SocketAddr; 2] =
            [format!("0.0.0.0:{port}"), format!("[::]:{port}")].map(|text| text.parse().unwrap());
        for wanted in [[four, six], [six, four]] {
            let (listeners, addresses) = all(&wanted).unwrap();
            assert_eq!(addresses, wanted);
            for (listener, wanted) in listeners.iter().zip(wanted) {
                let to = if wanted == four { "127.0.0.1" } else { "::1" };
                let client = TcpStream::connect((to, port)).await.unwrap();
                let (_, peer) = listener.accept().await.unwrap();
                assert_eq!(peer, client.local_addr().unwrap());
            }
        }
    }

    #[tokio::test]
    async fn alone_it_takes_both_families() {
        let listener = one("[::]:0".parse().unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        for to in ["127.0.0.1", "::1"] {
            TcpStream::connect((to, port)).await.unwrap();
        }
        let busy = one(listener.local_addr().unwrap());
        assert!(busy.is_err(), "taken already");
    }
}
