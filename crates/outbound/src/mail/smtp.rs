//! SMTP: one connection for each letter, TLS as configured, authentication only where
//! nobody can listen. Not here: what a letter says, and whom TLS trusts (`trust`).

use super::wire::Wire;
use crate::trust::{CaError, Trust};
use doorward_base::Secret;
use doorward_base::tls::TlsFault;
use doorward_base::tls::verify::find_fault;
use doorward_identity::port::MailerError;
use lettre::Message;
use lettre::transport::smtp as transport;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::commands::Starttls;
use lettre::transport::smtp::extension::ClientId;
use rustls::pki_types::ServerName;
use std::fmt;
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

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
pub(super) struct Smtp {
    host: String,
    port: u16,
    tls: SmtpTls,
    credentials: Option<Credentials>,
    helo: ClientId,
    trust: Trust,
}

impl Smtp {
    /// `helo` is the domain we write as.
    pub(super) fn new(settings: &SmtpSettings, helo: &str) -> Result<Self, SmtpError> {
        let ca = settings.ca.as_ref().map(|ca| ca.expose().as_bytes());
        let credentials = settings.credentials.as_ref();
        Ok(Self {
            host: settings.host.clone(),
            port: settings.port,
            tls: settings.tls,
            credentials: credentials.map(|(user, password)| {
                Credentials::new(user.clone(), password.expose().to_owned())
            }),
            helo: ClientId::Domain(helo.to_owned()),
            trust: Trust::new(ca, &[]).map_err(|CaError| SmtpError)?,
        })
    }

    pub(super) async fn send(&self, message: Message) -> Result<(), MailerError> {
        let within = tokio::time::timeout(TOTAL, self.deliver(&message));
        within.await.map_err(|_| MailerError::TimedOut)?
    }

    async fn deliver(&self, message: &Message) -> Result<(), MailerError> {
        let mut server = self.connect().await?;
        if let Some(credentials) = &self.credentials {
            step(server.auth(DEFAULT_MECHANISMS, credentials)).await?;
        }
        step(server.send(message.envelope(), &message.formatted())).await?;
        // It took the letter; how it takes leave changes nothing.
        let _ = step(server.quit()).await;
        Ok(())
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, MailerError> {
        let dialing = TcpStream::connect((&*self.host, self.port));
        let dialed = tokio::time::timeout(STEP, dialing).await;
        let stream = dialed
            .map_err(|_| MailerError::TimedOut)?
            .map_err(|_| MailerError::Unreachable)?;
        match self.tls {
            SmtpTls::Off => self.greet(Box::new(stream)).await,
            SmtpTls::Implicit => {
                let tls = self.secure(stream).await?;
                self.greet(Box::new(Wire::new(tls))).await
            }
            SmtpTls::Required | SmtpTls::Opportunistic => self.start_tls(stream).await,
        }
    }

    /// Begins in clear, and goes on by TLS where the server offers it.
    async fn start_tls(&self, stream: TcpStream) -> Result<AsyncSmtpConnection, MailerError> {
        let (stream, below) = twice(stream).map_err(|_| MailerError::Unreachable)?;
        let mut server = self.greet(Box::new(stream)).await?;
        if !server.can_starttls() {
            return match self.tls {
                SmtpTls::Opportunistic => Ok(server),
                SmtpTls::Implicit | SmtpTls::Required | SmtpTls::Off => {
                    Err(MailerError::Tls(TlsFault::NotOffered))
                }
            };
        }
        step(server.command(Starttls)).await?;
        // What was said in clear counts no more, nor what came in clear after the answer.
        drop(server);
        let tls = self.secure(below).await?;
        self.greet(Box::new(Wire::greeted(tls))).await
    }

    async fn secure(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, MailerError> {
        // What no certificate can name, none names.
        let host = ServerName::try_from(self.host.clone());
        let host = host.map_err(|_| MailerError::Tls(TlsFault::Name))?;
        let handshake = tokio::time::timeout(STEP, self.trust.secure(host, stream)).await;
        handshake
            .map_err(|_| MailerError::TimedOut)?
            .map_err(MailerError::Tls)
    }

    async fn greet(
        &self,
        stream: Box<dyn AsyncTokioStream>,
    ) -> Result<AsyncSmtpConnection, MailerError> {
        step(AsyncSmtpConnection::connect_with_transport(
            stream, &self.helo,
        ))
        .await
    }
}

/// The connection, held twice: one for what is said in clear, one for what comes after.
fn twice(stream: TcpStream) -> io::Result<(TcpStream, TcpStream)> {
    let stream = stream.into_std()?;
    let other = stream.try_clone()?;
    Ok((TcpStream::from_std(stream)?, TcpStream::from_std(other)?))
}

/// One step of the conversation.
async fn step<T>(
    said: impl Future<Output = Result<T, transport::Error>>,
) -> Result<T, MailerError> {
    let within = tokio::time::timeout(STEP, said).await;
    within
        .map_err(|_| MailerError::TimedOut)?
        .map_err(|error| meaning(&error))
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
    match find_fault(error) {
        Some(fault) => MailerError::Tls(fault.into()),
        None if error.is_timeout() => MailerError::TimedOut,
        None => MailerError::Unreachable,
    }
}
