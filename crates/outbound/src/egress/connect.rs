//! A connection to an address that was checked, with TLS where the request wants it.
//! Certificates are verified against the system's authorities and one of the operator's
//! own. Not here: the lookup, and what is sent.

use doorward_base::egress::{EgressError, EgressHost, EgressUrl};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;

/// A stream in both directions.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// The certificates, PEM, were no certificates. The text is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a PEM file of certificates")]
pub struct CaError;

/// Makes connections. The system's authorities are read when the first is made: a
/// process that never sends anything need not.
pub(super) struct Dialer {
    own: Vec<CertificateDer<'static>>,
    tls: OnceCell<TlsConnector>,
}

impl Dialer {
    /// Trusts these authorities, PEM, beside the system's.
    pub(super) fn new(ca: Option<&[u8]>) -> Result<Self, CaError> {
        let own = match ca {
            None => Vec::new(),
            Some(pem) => {
                let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
                let own = read.map_err(|_| CaError)?;
                let mut roots = RootCertStore::empty();
                if own.is_empty() || own.iter().any(|cert| roots.add(cert.clone()).is_err()) {
                    return Err(CaError);
                }
                own
            }
        };
        Ok(Self {
            own,
            tls: OnceCell::new(),
        })
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
        let name = match url.host() {
            EgressHost::Address(address) => ServerName::from(*address),
            EgressHost::Name(name) => {
                ServerName::try_from(name.clone()).map_err(|_| EgressError::Tls)?
            }
        };
        let tls = self.tls.get_or_try_init(|| self.trust()).await?;
        let stream = tls
            .connect(name, stream)
            .await
            .map_err(|_| EgressError::Tls)?;
        Ok(Box::new(stream))
    }

    async fn trust(&self) -> Result<TlsConnector, EgressError> {
        let read = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs);
        let system = read.await.map_err(|_| EgressError::Tls)?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(system.certs);
        roots.add_parsable_certificates(self.own.iter().cloned());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| EgressError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsConnector::from(Arc::new(config)))
    }
}
