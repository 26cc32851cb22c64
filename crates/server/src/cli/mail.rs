//! `doorward mail`: whether mail arrives. Not here: mail of the server, which waits in the
//! store (`jobs`).

use super::args::Installation;
use super::{Failure, output};
use crate::compose::mailer;
use crate::config::Overrides;
use crate::engine::load_configuration;
use crate::system::{SystemClock, SystemEntropy};
use clap::{Args, Subcommand};
use doorward_base::{Clock as _, Email, MailId, RealmName};
use doorward_identity::model::MailKind;
use doorward_identity::port::{Letter, MailerError};
use std::collections::BTreeMap;

/// Mail.
#[derive(Subcommand, Debug)]
pub(super) enum Mail {
    /// Send a test mail at once, past the outbox, and say what became of it
    Test(Test),
}

#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  doorward mail test --config doorward.toml --realm main --to me@example.com"
)]
pub(super) struct Test {
    #[command(flatten)]
    installation: Installation,
    /// The realm whose templates are used
    #[arg(long)]
    realm: RealmName,
    /// To whom
    #[arg(long, value_name = "ADDRESS")]
    to: String,
    /// The language, for example de
    #[arg(long)]
    language: Option<String>,
}

impl Mail {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Test(test) => tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| Failure::Refused(format!("cannot start: {error}")))?
                .block_on(test.send()),
        }
    }
}

impl Test {
    async fn send(self) -> Result<(), Failure> {
        let loaded = load_configuration(&self.installation, Overrides::default())?;
        let server = &loaded.settings.server;
        let mailer = mailer(server)?.ok_or_else(|| {
            Failure::Usage("the configuration has no [server.mail]; no mail is sent".to_owned())
        })?;
        let realms = &loaded.settings.realms;
        if !realms.iter().any(|realm| *realm.name() == self.realm) {
            let realm = &self.realm;
            return Err(Failure::Usage(format!(
                "the configuration has no realm {realm}"
            )));
        }
        let to = Email::new(&self.to).map_err(|error| Failure::Usage(format!("--to: {error}")))?;
        let now = SystemClock.now();
        let letter = Letter {
            id: MailId::mint(&SystemEntropy, now),
            realm: self.realm,
            to,
            kind: MailKind::Test,
            language: self.language,
            variables: BTreeMap::new(),
            now,
        };
        match mailer.send(&letter).await {
            Ok(()) => {
                output::note("the mail was handed over");
                Ok(())
            }
            Err(error) => Err(Failure::Refused(format!(
                "the mail was not sent: {}",
                cause(error)
            ))),
        }
    }
}

/// What to look at.
fn cause(error: MailerError) -> String {
    match error {
        MailerError::Refused(code) | MailerError::Deferred(code) => {
            format!("the server answered {code}")
        }
        MailerError::Unreachable => {
            "the server cannot be reached, or the folder written".to_owned()
        }
        MailerError::Tls(fault) => {
            format!("no TLS with the server: {fault}; look at its certificate, ca and starttls")
        }
        MailerError::Credentials => "the server does not accept user and password".to_owned(),
        MailerError::TimedOut => "the server did not answer in time".to_owned(),
        MailerError::Unwritable => "its template or the address cannot be written".to_owned(),
    }
}
