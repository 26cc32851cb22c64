//! Mail: the one adapter of the `Mailer` port. A letter is written by its template and
//! goes by SMTP, or into a folder.
//!
//! * this file: from a letter to a message;
//! * [`template`], [`templates`], [`builtin`]: what it says;
//! * [`smtp`] (over a [`wire`]), [`folder`]: where it goes.
//!
//! Not here: the outbox, and when a letter is tried again (`identity`).

mod builtin;
mod folder;
mod smtp;
mod template;
mod templates;
mod wire;

pub use smtp::{SmtpError, SmtpSettings, SmtpTls};
pub use templates::Templates;

use async_trait::async_trait;
use doorward_identity::port::{Letter, Mailer, MailerError};
use folder::Folder;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};
use smtp::Smtp;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, UNIX_EPOCH};

/// Who mail is from: an address, with a name if you like.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sender(Mailbox);

impl FromStr for Sender {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "expected an address such as \"Doorward <door@example.com>\"".to_owned();
        if text.chars().any(char::is_control) {
            return Err(wrong());
        }
        text.parse().map(Self).map_err(|_| wrong())
    }
}

/// Where mail goes.
#[derive(Clone, Debug)]
pub enum MailWay {
    /// To a mail server.
    Smtp(SmtpSettings),
    /// Into a folder, for first runs.
    Folder(PathBuf),
}

/// Writes letters and brings them on their way.
#[derive(Debug)]
pub struct Post {
    from: Sender,
    templates: Templates,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Smtp(Smtp),
    Folder(Folder),
}

impl Post {
    /// Connects to nobody yet.
    ///
    /// # Errors
    /// [`SmtpError`] when the settings contradict themselves.
    pub fn new(way: &MailWay, from: Sender, templates: Templates) -> Result<Self, SmtpError> {
        let way = match way {
            MailWay::Smtp(settings) => Way::Smtp(Smtp::new(settings, from.0.email.domain())?),
            MailWay::Folder(path) => Way::Folder(Folder::new(path.clone())),
        };
        Ok(Self {
            from,
            templates,
            way,
        })
    }

    fn write(&self, letter: &Letter) -> Option<Message> {
        let to: Address = letter.to.as_str().parse().ok()?;
        let mut variables = letter.variables.clone();
        let known = [
            ("realm", letter.realm.as_str()),
            ("recipient", letter.to.as_str()),
        ];
        for (name, value) in known {
            variables.insert(
                name.to_owned(),
                doorward_base::Secret::new(value.to_owned()),
            );
        }
        let language = letter.language.as_deref();
        let texts = self
            .templates
            .render(&letter.realm, language, letter.kind, &variables)?;
        let seconds = u64::try_from(letter.now.as_seconds()).ok()?;
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        Message::builder()
            .from(self.from.0.clone())
            .to(Mailbox::new(None, to))
            .subject(texts.subject)
            .date(UNIX_EPOCH + Duration::from_secs(seconds))
            .message_id(Some(format!(
                "<{}@{}>",
                letter.id,
                self.from.0.email.domain()
            )))
            // Nobody's absence notice is to answer (RFC 3834 §5).
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .multipart(MultiPart::alternative_plain_html(texts.text, texts.html))
            .ok()
    }
}

#[async_trait]
impl Mailer for Post {
    async fn send(&self, letter: &Letter) -> Result<(), MailerError> {
        let message = self.write(letter).ok_or(MailerError::Unwritable)?;
        match &self.way {
            Way::Smtp(smtp) => smtp.send(message).await,
            Way::Folder(folder) => folder.put(letter.id, message).await,
        }
    }
}
