//! Mail on its way: sealed before the transaction that queues it, opened when it is
//! sent, tried again with growing pauses, given up with a reason. Not here: texts and
//! SMTP (`outbound`).

use super::{Identity, Realm};
use crate::model::{ClaimedMail, MailDraft, QueuedMail, TenantOrigin};
use crate::port::{Letter, Mailer, StoreError};
use doorward_base::limit::{Quota, QuotaError, StrictLimiter};
use doorward_base::{ErrorCode, MailId, RealmId, Secret, TenantId, Timestamp};
use doorward_jose::seal::SealError;
use doorward_jose::{DigestKey, MasterKey};
use serde_json::{Map, Value};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Mails that one address gets at once, and in each of [`PERIOD`].
const PER_ADDRESS: u32 = 6;
const PERIOD: Duration = Duration::from_secs(30 * 60);
/// Mails that one maker and one tenant have sent, at once and in each [`HOUR`].
const PER_MAKER: u32 = 200;
const PER_TENANT: u32 = 1000;
const HOUR: Duration = Duration::from_secs(3600);
/// How long a claimed mail is left to whoever claimed it.
const CLAIM: Duration = Duration::from_secs(300);
/// How many are claimed at once: so few that the claim outlasts the slowest server.
const BATCH: u32 = 2;
/// The pauses between attempts; after the last one a mail is given up.
const PAUSES: [u64; 7] = [15, 60, 300, 900, 3600, 3 * 3600, 6 * 3600];
/// The longest variable, bytes.
const LONGEST: usize = 4096;
/// The longest language tag (RFC 5646 §4.4.1).
const LONGEST_LANGUAGE: usize = 35;

/// How many mails an address gets, and who makes them and its tenant have sent, over all
/// nodes.
#[derive(Clone)]
pub struct MailLimit {
    limiter: Arc<dyn StrictLimiter>,
    key: DigestKey,
    quota: Quota,
    /// Of an address, whoever sends.
    total: Quota,
    /// Of an address, of all tenants that who signed up got.
    signed_up: Quota,
    rates: MailRates,
}

/// How many mails are sent for one maker and for one tenant, to whomever: addresses can be
/// made up, and each of them gets its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MailRates {
    /// For whoever has them sent; operators send as many as they like.
    pub per_maker: Quota,
    /// For the tenant in whose name they are sent.
    pub per_tenant: Quota,
}

impl MailRates {
    /// What is not said: 200 an hour for a maker, 1,000 for a tenant.
    ///
    /// # Errors
    /// Never, unless the constants here are nonsense.
    pub fn usual() -> Result<Self, QuotaError> {
        Ok(Self {
            per_maker: Quota::new(PER_MAKER, HOUR, PER_MAKER)?,
            per_tenant: Quota::new(PER_TENANT, HOUR, PER_TENANT)?,
        })
    }
}

/// Whether mail is sent, and how much of it.
#[derive(Clone, Debug)]
pub struct MailPolicy {
    /// Whether the process has a mailer.
    pub is_on: bool,
    /// How many mails an address gets.
    pub limit: MailLimit,
}

/// Why mails cannot be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MailLimitError {
    /// Never, unless the constants here are nonsense.
    #[error(transparent)]
    Quota(#[from] QuotaError),
    /// The cryptographic library failed.
    #[error(transparent)]
    Key(#[from] SealError),
}

impl MailLimit {
    /// Counts with this limiter: six mails at once to an address from a tenant, then one each
    /// five minutes, four times as many from all, half of that from tenants of who signed up, and for
    /// makers and tenants these. The limiter learns no address.
    ///
    /// # Errors
    /// [`MailLimitError`].
    pub fn new(
        limiter: Arc<dyn StrictLimiter>,
        master: &MasterKey,
        rates: MailRates,
    ) -> Result<Self, MailLimitError> {
        Ok(Self {
            limiter,
            key: DigestKey::derive(master, "mails")?,
            quota: Quota::new(PER_ADDRESS, PERIOD, PER_ADDRESS)?,
            total: Quota::new(4 * PER_ADDRESS, PERIOD, 4 * PER_ADDRESS)?,
            signed_up: Quota::new(2 * PER_ADDRESS, PERIOD, 2 * PER_ADDRESS)?,
            rates,
        })
    }

    /// Counts one mail against all that it counts for, or against none; then in how many
    /// seconds it may be sent.
    async fn take(&self, realm: RealmId, draft: &MailDraft, now: Timestamp) -> Result<(), u64> {
        let MailRates {
            per_maker,
            per_tenant,
        } = self.rates;
        let maker = draft
            .maker
            .map(|maker| (format!("\nby {maker}"), per_maker));
        let (named, origin) = draft
            .tenant
            .as_ref()
            .map_or((None, None), |(tenant, origin)| {
                (Some(tenant), Some(*origin))
            });
        let tenant = named.map(|tenant| (format!("\nof {tenant}"), per_tenant));
        // What one tenant has sent to an address leaves room for the others.
        let to = draft.to.as_str();
        let here = named.map_or("", TenantId::as_str);
        let address = Some((format!("{to}\nfrom {here}"), self.quota));
        let everywhere = Some((to.to_owned(), self.total));
        // Nor do those that anybody can have use up what the others have.
        let signed_up = (origin == Some(TenantOrigin::SignedUp))
            .then(|| (format!("{to}\nfrom who signed up"), self.signed_up));
        let counted = [maker, tenant, address, signed_up, everywhere];
        let mut taken = Vec::with_capacity(counted.len());
        for (of, quota) in counted.into_iter().flatten() {
            let key = self.key_of(realm, &of);
            let verdict = self.limiter.take(key, quota, now).await;
            if !verdict.allowed {
                for (key, quota) in taken {
                    self.limiter.give_back(key, quota, now);
                }
                return Err(verdict.retry_after_seconds());
            }
            taken.push((key, quota));
        }
        Ok(())
    }

    /// No address has a line break.
    fn key_of(&self, realm: RealmId, of: &str) -> u128 {
        let digest = self.key.digest(format!("{} {of}", realm.0).as_bytes());
        let start = digest.as_bytes().first_chunk::<16>();
        start.map_or(0, |start| u128::from_be_bytes(*start))
    }
}

impl fmt::Debug for MailLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailLimit")
    }
}

/// Why a mail is not queued.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MailRefusal {
    /// The process has no mailer.
    #[error("no mail is sent here")]
    Off,
    /// The address got many mails already, or its maker or tenant had many sent; the next one
    /// may be in so many seconds.
    #[error("too many mails to the address, of its maker or of its tenant")]
    TooMany(u64),
    /// A variable is too long.
    #[error("a text of the mail is too long")]
    TooLong,
    /// The cryptographic library failed.
    #[error("the mail could not be sealed")]
    Sealing,
}

impl MailRefusal {
    /// The public code.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::TooMany(_) => ErrorCode::RateLimited,
            Self::TooLong => ErrorCode::InvalidRequest,
            Self::Off | Self::Sealing => ErrorCode::Internal,
        }
    }
}

/// Counts a mail against its address, its maker and its tenant, and seals it, to be put into the outbox by the
/// transaction that it belongs to. It is called before that one.
///
/// # Errors
/// [`MailRefusal`].
pub async fn prepare(
    identity: &Identity,
    realm: &Realm,
    draft: MailDraft,
    now: Timestamp,
) -> Result<QueuedMail, MailRefusal> {
    if !identity.mail.is_on {
        return Err(MailRefusal::Off);
    }
    let plain = draft.variables.values().map(String::len);
    let secret = draft.secrets.values().map(|secret| secret.expose().len());
    if plain.chain(secret).any(|length| length > LONGEST) {
        return Err(MailRefusal::TooLong);
    }
    let counted = identity.mail.limit.take(realm.id, &draft, now).await;
    counted.map_err(MailRefusal::TooMany)?;
    let id = MailId::mint(&*identity.entropy, now);
    let sealed = if draft.secrets.is_empty() {
        None
    } else {
        let secrets = draft.secrets.iter();
        let secrets: Map<String, Value> = secrets
            .map(|(name, secret)| ((*name).to_owned(), secret.expose().into()))
            .collect();
        let plain = Secret::new(Value::Object(secrets).to_string());
        let sealing = identity.master.seal(
            &purpose(realm.id, id),
            plain.expose().as_bytes(),
            &*identity.entropy,
        );
        Some(sealing.map_err(|_| MailRefusal::Sealing)?)
    };
    let variables = draft.variables.into_iter();
    Ok(QueuedMail {
        id,
        subject: draft.subject,
        to: draft.to,
        kind: draft.kind,
        language: draft
            .language
            .filter(|language| language.len() <= LONGEST_LANGUAGE),
        variables: variables
            .map(|(name, text)| (name.to_owned(), text))
            .collect(),
        sealed,
        attempts: 0,
        created_at: now,
        expires_at: draft.expires_at,
    })
}

fn purpose(realm: RealmId, id: MailId) -> String {
    format!("mail {} {id}", realm.0)
}

/// What became of the mails that were due.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Delivered {
    /// How many were claimed.
    pub claimed: u64,
    /// How many of them went.
    pub sent: u64,
}

/// Sends some of what is due. One that a process took and did not finish comes again.
///
/// # Errors
/// [`StoreError`].
pub async fn deliver(
    identity: &Identity,
    mailer: &dyn Mailer,
    now: Timestamp,
) -> Result<Delivered, StoreError> {
    let engine = identity.store.engine();
    let mut delivered = Delivered::default();
    for claimed in engine.claim_mail(now, CLAIM, BATCH).await? {
        delivered.claimed += 1;
        let outcome = match letter(identity, &claimed, now) {
            Err(reason) => Err((reason.to_owned(), true)),
            Ok(letter) => mailer
                .send(&letter)
                .await
                .map_err(|error| (error.to_string(), error.is_final())),
        };
        delivered.sent += u64::from(outcome.is_ok());
        settle(identity, &claimed, outcome, now).await?;
    }
    Ok(delivered)
}

fn letter(
    identity: &Identity,
    claimed: &ClaimedMail,
    now: Timestamp,
) -> Result<Letter, &'static str> {
    let ClaimedMail {
        realm,
        realm_name,
        mail,
    } = claimed;
    if mail.expires_at <= now {
        return Err("expired");
    }
    let plain = mail.variables.iter();
    let mut variables: std::collections::BTreeMap<String, Secret> = plain
        .map(|(name, text)| (name.clone(), Secret::new(text.clone())))
        .collect();
    if let Some(sealed) = &mail.sealed {
        let opened = identity.master.open(&purpose(*realm, mail.id), sealed);
        let opened = opened.map_err(|_| "unreadable")?;
        let secrets: Map<String, Value> =
            serde_json::from_slice(&opened).map_err(|_| "unreadable")?;
        for (name, secret) in secrets {
            let Value::String(secret) = secret else {
                return Err("unreadable");
            };
            variables.insert(name, Secret::new(secret));
        }
    }
    Ok(Letter {
        id: mail.id,
        realm: realm_name.clone(),
        to: mail.to.clone(),
        kind: mail.kind,
        language: mail.language.clone(),
        variables,
        now,
    })
}

async fn settle(
    identity: &Identity,
    claimed: &ClaimedMail,
    outcome: Result<(), (String, bool)>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (id, kind) = (claimed.mail.id, claimed.mail.kind.as_str());
    let pause = usize::try_from(claimed.mail.attempts.saturating_sub(1))
        .ok()
        .and_then(|tried| PAUSES.get(tried));
    let next = match (&outcome, pause) {
        (Err((_, false)), Some(seconds)) => Some(now.plus(Duration::from_secs(*seconds))),
        _ => None,
    };
    match (&outcome, next) {
        (Ok(()), _) => tracing::info!(mail = %id, kind, "a mail was sent"),
        (Err((reason, _)), Some(_)) => {
            tracing::warn!(mail = %id, kind, reason, "a mail was not sent; it is tried again");
        }
        (Err((reason, _)), None) => {
            tracing::error!(mail = %id, kind, reason, "a mail was given up");
        }
    }
    let outcome = Arc::new(outcome);
    let settled = identity.store.write(claimed.realm, move |tx| {
        let outcome = Arc::clone(&outcome);
        Box::pin(async move {
            match (&*outcome, next) {
                (Ok(()), _) => tx.end_mail(id).await,
                (Err(_), Some(due)) => tx.put_mail_off(id, due).await,
                (Err((reason, _)), None) => tx.bury_mail(id, reason, now).await,
            }
        })
    });
    settled.await
}
