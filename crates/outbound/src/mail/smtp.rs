//! SMTP: one connection for each letter, TLS as configured, authentication only where
//! nobody can listen. Not here: what a letter says.

use doorward_base::Secret;
use doorward_identity::port::MailerError;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

/// How long one letter may take, and one step of it.
const TOTAL: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_secs(20);

/// How a connection is made safe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SmtpTls {
    /// TLS from the first byte (RFC 8314 §3): `smtps://`.
    Implicit,
    /// STARTTLS, or no letter.
    Required,
    /// STARTTLS if the server offers it.
    Opportunistic,
    /// None.
    Off,
}

/// A mail server.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// Its name, as its certificate has it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is made safe.
    pub tls: SmtpTls,
    /// Who we are.
    pub credentials: Option<(String, Secret)>,
    /// Authorities to trust beside the system's, PEM.
    pub ca: Option<Secret>,
}

/// The server cannot be talked to as configured. The text repeats nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the authorities are not a PEM file of certificates")]
pub struct SmtpError;

/// A way by SMTP.
pub(super) struct Smtp(AsyncSmtpTransport<Tokio1Executor>);

impl Smtp {
    /// `helo` is the domain we write as.
    pub(super) fn new(settings: &SmtpSettings, helo: &str) -> Result<Self, SmtpError> {
        let parameters = || {
            let mut builder = TlsParameters::builder(settings.host.clone());
            if let Some(ca) = &settings.ca {
                let ca = Certificate::from_pem(ca.expose().as_bytes()).map_err(|_| SmtpError)?;
                builder = builder.add_root_certificate(ca);
            }
            builder.build().map_err(|_| SmtpError)
        };
        let tls = match settings.tls {
            SmtpTls::Implicit => Tls::Wrapper(parameters()?),
            SmtpTls::Required => Tls::Required(parameters()?),
            SmtpTls::Opportunistic => Tls::Opportunistic(parameters()?),
            SmtpTls::Off => Tls::None,
        };
        let server = settings.host.clone();
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server)
            .port(settings.port)
            .tls(tls)
            .hello_name(ClientId::Domain(helo.to_owned()))
            .timeout(Some(STEP));
        if let Some((user, password)) = &settings.credentials {
            let password = password.expose().to_owned();
            builder = builder.credentials(Credentials::new(user.clone(), password));
        }
        Ok(Self(builder.build()))
    }

    pub(super) async fn send(&self, message: Message) -> Result<(), MailerError> {
        match tokio::time::timeout(TOTAL, self.0.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(meaning(&error)),
            Err(_) => Err(MailerError::TimedOut),
        }
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Smtp")
    }
}

/// What an error means for the letter. A server that does not know us is not the
/// letter's fault (RFC 4954 §6).
fn meaning(error: &lettre::transport::smtp::Error) -> MailerError {
    if let Some(code) = error.status() {
        return match u16::from(code) {
            530 | 534 | 535 | 538 => MailerError::Credentials,
            code @ 500..=599 => MailerError::Refused(code),
            code => MailerError::Deferred(code),
        };
    }
    if error.is_timeout() {
        MailerError::TimedOut
    } else if error.is_tls() || error.is_client() || is_of_tls(error) {
        // Of what we ourselves refuse, the missing STARTTLS is all that can happen.
        MailerError::Tls
    } else {
        MailerError::Unreachable
    }
}

/// Whether TLS is at the bottom of it: a handshake fails as a connection does.
fn is_of_tls(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        if error.is::<rustls::Error>()
            || inner.is_some_and(<dyn Error + Send + Sync>::is::<rustls::Error>)
        {
            return true;
        }
        cause = error.source();
    }
    false
}
