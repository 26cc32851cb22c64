//! TLS to the server: whom it must prove to be. Not here: whether TLS is asked for
//! (`connect`).

use super::open::OpenError;
use doorward_base::tls::verify::NamedVerifier;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use tokio_postgres::config::SslMode;

/// What a client presents and demands.
pub(super) fn client(mode: SslMode, root_cert: Option<&[u8]>) -> Result<ClientConfig, OpenError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| OpenError::Tls(error.to_string()))?;
    if mode == SslMode::Disable {
        let none = builder.with_root_certificates(RootCertStore::empty());
        return Ok(none.with_no_client_auth());
    }
    let (named, roots) = match root_cert {
        Some(pem) => from_pem(pem)?,
        None => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            (Vec::new(), roots)
        }
    };
    if roots.is_empty() {
        return Err(OpenError::Tls("there is no root certificate".to_owned()));
    }
    let verifier = NamedVerifier::new(Arc::new(roots), named, provider)
        .map_err(|error| OpenError::Tls(error.to_string()))?;
    let builder = builder
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    Ok(builder.with_no_client_auth())
}

fn from_pem(pem: &[u8]) -> Result<(Vec<CertificateDer<'static>>, RootCertStore), OpenError> {
    let mut roots = RootCertStore::empty();
    let mut named = Vec::new();
    for cert in CertificateDer::pem_slice_iter(pem) {
        // What the reader found may be a private key that was named by mistake.
        let cert = cert.map_err(|_| OpenError::Tls("root_cert is not PEM".to_owned()))?;
        roots
            .add(cert.clone())
            .map_err(|error| OpenError::Tls(error.to_string()))?;
        named.push(cert);
    }
    Ok((named, roots))
}
