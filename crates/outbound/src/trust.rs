//! Whom requests and mail of our own trust: the system's authorities, and what the operator
//! named beside them. Not here: what is sent.

use doorward_base::tls::TlsFault;
use doorward_base::tls::verify::NamedVerifier;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The certificates, PEM, were no certificates. The text is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a PEM file of certificates")]
pub struct CaError;

/// Makes TLS of connections. The system's authorities are read when the first is made: a
/// process that never sends anything need not.
pub(crate) struct Trust {
    named: Vec<CertificateDer<'static>>,
    protocols: &'static [&'static [u8]],
    tls: OnceCell<TlsConnector>,
}

impl Trust {
    /// Trusts these, PEM, beside the system's, and speaks one of `protocols` (ALPN).
    pub(crate) fn new(
        ca: Option<&[u8]>,
        protocols: &'static [&'static [u8]],
    ) -> Result<Self, CaError> {
        let named = ca.map_or(Ok(Vec::new()), read)?;
        Ok(Self {
            named,
            protocols,
            tls: OnceCell::new(),
        })
    }

    /// TLS over this connection, with whoever proves to be `host`.
    pub(crate) async fn secure(
        &self,
        host: ServerName<'static>,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, TlsFault> {
        let tls = self.tls.get_or_try_init(|| self.connector()).await?;
        let handshake = tls.connect(host, stream).await;
        handshake.map_err(|error| TlsFault::of(&error))
    }

    async fn connector(&self) -> Result<TlsConnector, TlsFault> {
        let read = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs);
        let system = read.await.map_err(|_| TlsFault::Handshake)?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(system.certs);
        roots.add_parsable_certificates(self.named.iter().cloned());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        // Without any authority nobody can prove anything.
        let verifier =
            NamedVerifier::new(Arc::new(roots), self.named.clone(), Arc::clone(&provider))
                .map_err(|_| TlsFault::UnknownAuthority)?;
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| TlsFault::Handshake)?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        config.alpn_protocols = self.protocols.iter().map(|name| name.to_vec()).collect();
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trust")
    }
}

fn read(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CaError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let named = read.map_err(|_| CaError)?;
    let mut roots = RootCertStore::empty();
    if named.is_empty() || named.iter().any(|cert| roots.add(cert.clone()).is_err()) {
        return Err(CaError);
    }
    Ok(named)
}
