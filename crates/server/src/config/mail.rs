//! `[server.mail]`: where mail goes and who it is from.

use super::text::{FromText, Text};
use super::value::{Rate, SecretRef};
use doorward_outbound::mail::Sender;
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use std::fmt;
use std::path::PathBuf;

/// Where mail goes and who it is from.
#[derive(Clone, Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The mail server, or a folder for first runs.
    pub url: Text<MailUrl>,
    /// Who mail is from.
    pub from: Text<Sender>,
    /// The user, where the server wants to know who we are.
    #[serde(default)]
    pub user: Option<String>,
    /// The user's password.
    #[serde(default)]
    pub password: Option<Text<SecretRef>>,
    /// Whether a connection by `smtp://` is made safe by STARTTLS. Default: "required".
    #[serde(default)]
    pub starttls: StartTls,
    /// Authorities, PEM, to trust beside the system's.
    #[serde(default)]
    pub ca: Option<Text<SecretRef>>,
    /// How many mails one person or service account has sent. Default: "200/1h".
    #[serde(default)]
    pub per_maker: Option<Text<Rate>>,
    /// How many mails are sent in the name of one tenant. Default: "1000/1h".
    #[serde(default)]
    pub per_tenant: Option<Text<Rate>>,
    /// A folder of templates over those that come along, relative to this file.
    #[serde(default)]
    pub templates: Option<PathBuf>,
}

/// Whether a connection is made safe by STARTTLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StartTls {
    /// It is, or no mail is sent.
    #[default]
    Required,
    /// If the server offers it.
    Opportunistic,
    /// It is not.
    Off,
}

/// Why mail is not written to the log.
const NO_LOG: &str = "mail holds secrets, and no log does";

/// Reads `[server.mail]`; of a text in its place it says what to write.
///
/// # Errors
/// What is wrong with it.
pub fn table<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Mail>, D::Error> {
    deserializer.deserialize_any(TableVisitor).map(Some)
}

struct TableVisitor;

impl<'de> Visitor<'de> for TableVisitor {
    type Value = Mail;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Mail, A::Error> {
        Mail::deserialize(MapAccessDeserializer::new(map))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Mail, E> {
        let why = if text == "log" {
            NO_LOG
        } else {
            "expected a table"
        };
        let instead = "mail = { url = \"folder:./mail\", from = \"door@example.com\" }";
        Err(E::custom(format_args!("{why}; write {instead}")))
    }
}

/// Where mail goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MailUrl {
    /// `smtps://host[:465]`: TLS from the first byte; or `smtp://host[:587]`.
    Smtp {
        /// The server.
        host: String,
        /// Its port.
        port: u16,
        /// Whether TLS comes first.
        implicit: bool,
    },
    /// `folder:PATH`: a file for each mail, relative to the configuration file.
    Folder(PathBuf),
}

impl FromText for MailUrl {
    const FORM: &'static str = "a mail server such as \"smtps://mail.example.com\" or \"smtp://mail.example.com:587\", or \"folder:mail\"";

    fn from_text(text: &str) -> Result<Self, String> {
        // The text may hold a password: it is not repeated.
        let wrong = || format!("expected {}", Self::FORM);
        if text == "log" {
            return Err(format!("{NO_LOG}; write url = \"folder:./mail\""));
        }
        match text.split_once(':') {
            Some(("folder", path)) if !path.is_empty() => Ok(Self::Folder(PathBuf::from(path))),
            Some((scheme @ ("smtp" | "smtps"), rest)) => {
                let authority = rest.strip_prefix("//").ok_or_else(wrong)?;
                if authority.contains('@') {
                    return Err(
                        "the address holds a user; write user = and password = \"env:NAME\""
                            .to_owned(),
                    );
                }
                let authority: http::uri::Authority = authority.parse().map_err(|_| wrong())?;
                let implicit = scheme == "smtps";
                let usual = if implicit { 465 } else { 587 };
                let host = authority.host();
                let host = host.trim_start_matches('[').trim_end_matches(']');
                if host.is_empty() {
                    return Err(wrong());
                }
                Ok(Self::Smtp {
                    host: host.to_owned(),
                    port: authority.port_u16().unwrap_or(usual),
                    implicit,
                })
            }
            _ => Err(wrong()),
        }
    }
}

impl FromText for Sender {
    const FORM: &'static str = "an address such as \"Doorward <door@example.com>\"";

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_goes_to_a_server_or_a_folder() {
        let smtp = |host: &str, port, implicit| {
            Ok(MailUrl::Smtp {
                host: host.to_owned(),
                port,
                implicit,
            })
        };
        for (text, expected) in [
            ("smtps://m.example", smtp("m.example", 465, true)),
            ("smtp://m.example", smtp("m.example", 587, false)),
            ("smtp://[::1]:25", smtp("::1", 25, false)),
            ("folder:mail", Ok(MailUrl::Folder("mail".into()))),
        ] {
            assert_eq!(MailUrl::from_text(text), expected, "{text}");
        }
        for bad in [
            "",
            "smtp:",
            "smtp://",
            "mail.example:25",
            "folder:",
            "https://m",
            "smtp://m/x",
        ] {
            assert!(MailUrl::from_text(bad).is_err(), "{bad}");
        }
        let error = MailUrl::from_text("smtp://me:hunter2@m").unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
        for bad in ["", "door", "a@b\r\nBcc: c@d", "A <a@b", "a@b, c@d"] {
            assert!(Sender::from_text(bad).is_err(), "{bad:?}");
        }
    }
}
