//! TLS towards upstreams: who must be at the other end. Not here: connecting (`connect`),
//! and our own listeners (`listener`).

use crate::listener::{Pair, TlsError, read_certificates};
use aws_lc_rs::digest::{Context, SHA256};
use doorward_base::tls::verify::NamedVerifier;
use rustls::RootCertStore;
use rustls::client::ClientConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::SingleCertAndKey;
use std::fmt;
use std::sync::Arc;

/// Whom an upstream's certificate must descend from.
#[derive(Clone, Debug)]
pub enum Roots {
    /// The system's authorities, as they were read.
    System(Arc<RootCertStore>),
    /// Those of a PEM text, and no others.
    Pem(Vec<u8>),
}

/// How upstreams are recognised, and how we are by them.
#[derive(Clone)]
pub struct UpstreamTls {
    pub(super) config: Arc<ClientConfig>,
    /// The name in its certificate, where it is not the host of its address.
    pub(super) name: Option<ServerName<'static>>,
    /// Tells these settings from others: connections are not shared between them.
    pub(super) id: [u8; 32],
}

impl PartialEq for UpstreamTls {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for UpstreamTls {}

/// Prints nothing that was read.
impl fmt::Debug for UpstreamTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamTls")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl UpstreamTls {
    /// Trusts `roots`, shows `own` to an upstream that asks, and expects `name` in the
    /// certificate if one is given.
    ///
    /// # Errors
    /// [`TlsError`] when the roots hold no certificate that can be used.
    pub fn new(
        roots: &Roots,
        own: Option<&Pair>,
        name: Option<ServerName<'static>>,
    ) -> Result<Self, TlsError> {
        let mut id = Context::new(&SHA256);
        let (trusted, named) = match roots {
            Roots::System(store) => {
                id.update(b"system");
                (Arc::clone(store), Vec::new())
            }
            Roots::Pem(pem) => {
                id.update(b"pem");
                id.update(pem);
                let named = read_certificates(pem)?;
                (Arc::new(roots_of(&named)?), named)
            }
        };
        let provider = Arc::new(default_provider());
        let verifier = NamedVerifier::new(trusted, named, Arc::clone(&provider))
            .map_err(|_| TlsError::NoCertificate)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(rustls::DEFAULT_VERSIONS);
        let builder = match builder {
            Ok(builder) => builder
                .dangerous()
                .with_custom_certificate_verifier(verifier),
            Err(_) => unreachable!("the provider has the default versions"),
        };
        let mut config = match own {
            None => builder.with_no_client_auth(),
            Some(pair) => {
                let pair = pair.certified();
                for part in &pair.cert {
                    id.update(b"own");
                    id.update(part);
                }
                let shown = SingleCertAndKey::from(pair);
                builder.with_client_cert_resolver(Arc::new(shown))
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        if let Some(name) = &name {
            id.update(b"name");
            id.update(name.to_str().as_bytes());
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(id.finish().as_ref());
        Ok(Self {
            config: Arc::new(config),
            name,
            id: digest,
        })
    }
}

fn roots_of(named: &[CertificateDer<'static>]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in named {
        roots
            .add(certificate.clone())
            .map_err(|_| TlsError::UnusableCertificate)?;
    }
    Ok(roots)
}
