//! A connection to an address that was checked, with TLS where the request wants it. Not
//! here: whom TLS trusts (`trust`), the lookup, and what is sent.

use crate::trust::{CaError, Trust};
use doorward_base::egress::{EgressError, EgressHost, EgressUrl};
use doorward_base::tls::TlsFault;
use rustls::pki_types::ServerName;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A stream in both directions.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Makes connections.
pub(super) struct Dialer(Trust);

impl Dialer {
    /// Trusts these authorities, PEM, beside the system's.
    pub(super) fn new(ca: Option<&[u8]>) -> Result<Self, CaError> {
        Trust::new(ca, &[b"http/1.1"]).map(Self)
    }

    /// Connects to the first of `addresses` that answers; each has `patience`.
    pub(super) async fn connect(
        &self,
        url: &EgressUrl,
        addresses: &[IpAddr],
        patience: Duration,
    ) -> Result<Box<dyn Duplex>, EgressError> {
        let mut failure = EgressError::Unreachable;
        for &address in addresses {
            let attempt = self.connect_one(url, SocketAddr::new(address, url.port()));
            match tokio::time::timeout(patience, attempt).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => failure = error,
                Err(_) => failure = EgressError::TimedOut,
            }
        }
        Err(failure)
    }

    async fn connect_one(
        &self,
        url: &EgressUrl,
        address: SocketAddr,
    ) -> Result<Box<dyn Duplex>, EgressError> {
        let stream = TcpStream::connect(address)
            .await
            .map_err(|_| EgressError::Unreachable)?;
        // The request is written at once; waiting for more helps nobody.
        let _ = stream.set_nodelay(true);
        if !url.is_tls() {
            return Ok(Box::new(stream));
        }
        let host = match url.host() {
            EgressHost::Address(address) => ServerName::from(*address),
            // What no certificate can name, none names.
            EgressHost::Name(name) => {
                ServerName::try_from(name.clone()).map_err(|_| TlsFault::Name)?
            }
        };
        Ok(Box::new(self.0.secure(host, stream).await?))
    }
}
