//! TLS to the database: whom it must prove to be. Not here: whether TLS is asked for
//! (`connect`).

use crate::fault::{Fault, FaultKind};
use doorward_base::tls::verify::NamedVerifier;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::fmt::Display;
use std::sync::Arc;
use tokio_postgres::config::SslMode;

/// What a client demands: a certificate that is one of these (PEM), or descends from one; the
/// system's where none are named.
pub(super) fn client(mode: SslMode, named: Option<&[u8]>) -> Result<ClientConfig, Fault> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    if mode == SslMode::Disable {
        let nobody = builder.with_root_certificates(RootCertStore::empty());
        return Ok(nobody.with_no_client_auth());
    }
    let mut roots = RootCertStore::empty();
    let mut own = Vec::new();
    if let Some(pem) = named {
        for cert in CertificateDer::pem_slice_iter(pem) {
            // What the reader found may be a private key that was named by mistake.
            let cert = cert.map_err(|_| failed("root_cert is not PEM"))?;
            roots.add(cert.clone()).map_err(failed)?;
            own.push(cert);
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let verifier = NamedVerifier::new(Arc::new(roots), own, provider).map_err(failed)?;
    let builder = builder
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    Ok(builder.with_no_client_auth())
}

fn failed(why: impl Display) -> Fault {
    Fault::because(
        FaultKind::Unavailable,
        format!("TLS to the rows' PostgreSQL: {why}"),
    )
}
