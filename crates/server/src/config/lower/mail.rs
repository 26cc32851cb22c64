//! Lowering `[server.mail]`. The templates are read here, so that `check` finds what is
//! wrong with them.

use super::Lowering;
use crate::config::mail::{Mail, MailUrl, StartTls};
use crate::config::problem::KeyPath;
use crate::config::text::Text;
use crate::config::value::{Rate, SecretRef};
use doorward_base::Secret;
use doorward_base::limit::Quota;
use doorward_identity::act::mail::MailRates;
use doorward_outbound::mail::{MailWay, Post, Sender, SmtpSettings, SmtpTls, Templates};

/// Mail, lowered.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// Where it goes.
    pub way: MailWay,
    pub from: Sender,
    /// What it says.
    pub templates: Templates,
    /// How much of it is sent.
    pub rates: MailRates,
}

impl MailSettings {
    /// Whether two are alike: all but the templates, with the secrets as digests.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let secret = match &self.way {
            MailWay::Smtp(smtp) => {
                let password = smtp.credentials.as_ref().map(|(_, password)| password);
                let ca = smtp.ca.as_ref();
                [password, ca].map(|secret| {
                    secret.map(|secret| doorward_jose::digest::sha256(secret.expose().as_bytes()))
                })
            }
            MailWay::Folder(_) => [None, None],
        };
        format!("{:?} {:?} {:?} {secret:?}", self.way, self.from, self.rates)
    }
}

impl Lowering<'_> {
    pub(super) fn mail(&mut self, mail: &Mail, path: &KeyPath) -> Option<MailSettings> {
        let folder = mail.templates.as_ref().map(|folder| self.beside(folder));
        let templates = Templates::load(folder.as_deref()).map_err(|wrong| wrong.join("\n"));
        let templates = self.problems.take(&path.key("templates"), templates);
        let Text(from) = mail.from.clone();
        let way = match &mail.url.0 {
            MailUrl::Folder(folder) => Some(MailWay::Folder(self.beside(folder))),
            MailUrl::Smtp {
                host,
                port,
                implicit,
            } => self
                .smtp(mail, (host, *port, *implicit), path)
                .map(MailWay::Smtp),
        }?;
        let rates = self.mail_rates(mail, path);
        let (templates, rates) = (templates?, rates?);
        if let Err(error) = Post::new(&way, from.clone(), templates.clone()) {
            self.wrong(&path.key("ca"), error.to_string());
        }
        Some(MailSettings {
            way,
            from,
            templates,
            rates,
        })
    }

    fn mail_rates(&mut self, mail: &Mail, path: &KeyPath) -> Option<MailRates> {
        let usual = self.problems.take(path, MailRates::usual())?;
        let mut quota = |key: &str, given: Option<Text<Rate>>, usual| match given {
            None => Some(usual),
            Some(Text(Rate { count, per })) => self
                .problems
                .take(&path.key(key), Quota::new(count, per, count)),
        };
        let per_maker = quota("per_maker", mail.per_maker, usual.per_maker);
        let per_tenant = quota("per_tenant", mail.per_tenant, usual.per_tenant);
        Some(MailRates {
            per_maker: per_maker?,
            per_tenant: per_tenant?,
        })
    }

    fn smtp(
        &mut self,
        mail: &Mail,
        (host, port, implicit): (&str, u16, bool),
        path: &KeyPath,
    ) -> Option<SmtpSettings> {
        let tls = match (implicit, mail.starttls) {
            (true, _) => SmtpTls::Implicit,
            (false, StartTls::Required) => SmtpTls::Required,
            (false, StartTls::Opportunistic) => SmtpTls::Opportunistic,
            (false, StartTls::Off) => SmtpTls::Off,
        };
        let credentials = match (&mail.user, &mail.password) {
            (None, None) => None,
            (Some(user), Some(Text(password))) => {
                let password = self.secret(&path.key("password"), password)?;
                Some((user.clone(), password))
            }
            _ => {
                self.wrong(path, "has a user or a password alone; give both or neither");
                return None;
            }
        };
        let local = host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        let open = matches!(tls, SmtpTls::Off | SmtpTls::Opportunistic);
        if credentials.is_some() && open && !local {
            self.wrong(
                &path.key("starttls"),
                "would send the password to whoever can read along; use \"required\"",
            );
        }
        Some(SmtpSettings {
            host: host.to_owned(),
            port,
            tls,
            credentials,
            ca: self.ca(mail.ca.as_ref(), path)?,
        })
    }

    fn ca(&mut self, ca: Option<&Text<SecretRef>>, path: &KeyPath) -> Option<Option<Secret>> {
        match ca {
            None => Some(None),
            Some(Text(source)) => self.pem(&path.key("ca"), source).map(Some),
        }
    }
}
