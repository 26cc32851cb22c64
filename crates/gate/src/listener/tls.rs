//! TLS from PEM: 1.2 and 1.3 on aws-lc-rs, ALPN for HTTP/2 and HTTP/1.1, no early data.
//! The certificate can be replaced while connections are open. Not here: TLS towards
//! upstreams (`proxy::tls`).

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::fmt;
use std::sync::Arc;

/// Why a certificate and key cannot be used. What a library says of them is left out:
/// it repeats pieces of what it was given, and a key is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// There is no certificate.
    #[error(
        "holds no certificate in PEM form, from -----BEGIN CERTIFICATE----- to its end, each on lines of its own"
    )]
    NoCertificate,
    /// There is no private key.
    #[error(
        "holds no private key in PEM form, from -----BEGIN … PRIVATE KEY----- to its end, each on lines of its own"
    )]
    NoKey,
    /// The key is of a kind that is not supported, or encrypted.
    #[error("is not a private key that can be used: RSA, ECDSA or Ed25519, not encrypted")]
    UnusableKey,
    /// The certificate is none, or cannot be read.
    #[error("is not a certificate that can be used")]
    UnusableCertificate,
    /// The certificate and the key do not belong together.
    #[error("does not belong to the certificate")]
    Mismatch,
}

impl TlsError {
    /// Whether the certificate is at fault, and not the key.
    #[must_use]
    pub const fn is_of_certificate(self) -> bool {
        matches!(self, Self::NoCertificate | Self::UnusableCertificate)
    }
}

/// A certificate chain and its key, read and found to belong together.
#[derive(Clone)]
pub struct Pair(Arc<CertifiedKey>);

/// Prints nothing of either.
impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pair")
    }
}

impl Pair {
    /// Reads a PEM chain, the server's own certificate first, and its PEM key.
    ///
    /// # Errors
    /// [`TlsError`] when they cannot be read or do not belong together.
    pub fn read(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain = read_certificates(chain)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::NoKey)?;
        let key = default_provider()
            .key_provider
            .load_private_key(key)
            .map_err(|_| TlsError::UnusableKey)?;
        let pair = CertifiedKey::new(chain, key);
        match pair.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
                Ok(Self(Arc::new(pair)))
            }
            Err(rustls::Error::InconsistentKeys(_)) => Err(TlsError::Mismatch),
            Err(_) => Err(TlsError::UnusableCertificate),
        }
    }

    pub(crate) fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0)
    }
}

/// The certificates of a PEM text, at least one.
pub(crate) fn read_certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| TlsError::NoCertificate)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    Ok(chain)
}

/// The pair that a listener shows to new connections.
pub struct Certificate(ArcSwap<CertifiedKey>);

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate")
    }
}

impl Certificate {
    /// With its first pair.
    #[must_use]
    pub fn new(pair: &Pair) -> Arc<Self> {
        Arc::new(Self(ArcSwap::new(pair.certified())))
    }

    /// Shows another pair to whoever connects from now on. Open connections go on.
    pub fn replace(&self, pair: &Pair) {
        self.0.store(pair.certified());
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// The configuration of a TLS listener that shows `certificate`.
#[must_use]
pub fn tls_config(certificate: &Arc<Certificate>) -> Arc<ServerConfig> {
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(rustls::DEFAULT_VERSIONS);
    let mut config = match builder {
        Ok(builder) => builder
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(certificate) as _),
        Err(_) => unreachable!("the provider has the default versions"),
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}
