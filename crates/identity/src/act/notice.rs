//! Tells tenants of API tokens that will stop by themselves: one digest for a tenant and a
//! day, as a message to the realm's webhook and by mail to those who may replace them. That
//! it was told is written by the transaction that puts both into their outboxes, so that no
//! two processes tell it. Not here: when (`decide::notice`), and how what waits is sent.

mod company;
mod text;

use super::mail;
use super::{Call, Identity, Realm};
use crate::decide::notice;
use crate::model::{
    Actor, ApiToken, AuditAction, MailDraft, MailKind, QueuedMail, QueuedWebhook, TokenState,
    WebhookKind,
};
use crate::port::{StoreError, Tx};
use company::Company;
use doorward_base::{ApiTokenId, RequestId, TenantId, Timestamp, WebhookId};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use text::Expiring;

/// How many tokens are looked at together.
const SLICE: u32 = 1000;
/// The most slices of one run: the rest waits for the next.
const ROUNDS: u32 = 100;

/// Tells of what is due in a realm; how many digests.
///
/// # Errors
/// [`StoreError`]; what was told before stays told.
pub async fn notify(
    identity: &Identity,
    realm: &Arc<Realm>,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let settings = &realm.settings.notices;
    let by_mail = settings.mail && identity.mail.is_on;
    if !by_mail && settings.webhook.is_none() {
        return Ok(0);
    }
    let mut digests = 0;
    for _ in 0..ROUNDS {
        let due = identity.store.read(realm.id, move |tx| {
            Box::pin(async move { tx.list_due_notices(now, SLICE).await })
        });
        let due = due.await?;
        let is_all = due.len() < SLICE as usize;
        for (tenant, tokens) in by_tenant(due, is_all) {
            let telling = Telling {
                identity,
                realm,
                by_mail,
                now,
            };
            digests += u64::from(telling.tell(tenant, tokens).await?);
        }
        if is_all {
            break;
        }
    }
    Ok(digests)
}

/// The tokens of each tenant. The last tenant of a slice that is full may have more in the
/// next, and is told then, of all of them.
fn by_tenant(due: Vec<ApiToken>, is_all: bool) -> BTreeMap<Option<TenantId>, Vec<ApiToken>> {
    let last = due.last().and_then(|token| token.ceiling.tenant.clone());
    let mut groups: BTreeMap<_, Vec<ApiToken>> = BTreeMap::new();
    for token in due {
        let tenant = token.ceiling.tenant.clone();
        groups.entry(tenant).or_default().push(token);
    }
    if !is_all && groups.len() > 1 {
        groups.remove(&last);
    }
    groups
}

struct Telling<'a> {
    identity: &'a Identity,
    realm: &'a Arc<Realm>,
    by_mail: bool,
    now: Timestamp,
}

impl Telling<'_> {
    /// Tells one tenant; whether there was something to tell.
    async fn tell(
        &self,
        tenant: Option<TenantId>,
        tokens: Vec<ApiToken>,
    ) -> Result<bool, StoreError> {
        let (realm, now) = (self.realm, self.now);
        let company = Company::load(self.identity, realm, tenant, self.by_mail, now).await?;
        // A token that does not work is not missed, nor is one of a tenant that is gone.
        let is_worth = |token: &ApiToken| {
            company.is_some() && token.state == TokenState::Active && token.is_live(now)
        };
        let planned: Vec<Planned> = tokens
            .into_iter()
            .filter_map(|token| {
                let (from, end) = (token.notice_at?, token.expires_at?);
                let days = notice::due(end, now).filter(|_| is_worth(&token));
                Some(Planned {
                    from,
                    to: notice::next(end, now),
                    id: token.id,
                    told: days.map(|days| Expiring { token, end, days }),
                })
            })
            .collect();
        let told: Vec<Expiring> = planned.iter().filter_map(|one| one.told.clone()).collect();
        let letters = match &company {
            Some(company) => self.letters(company, &told).await,
            None => Vec::new(),
        };
        let entropy = &*self.identity.entropy;
        let digest = Arc::new(Digest {
            realm: Arc::clone(realm),
            call: Call {
                now,
                request: RequestId::mint(entropy, now),
                peer: None,
            },
            webhook: WebhookId::mint(entropy, now),
            company,
            planned,
            told,
            letters,
        });
        let written = self.identity.store.write(realm.id, move |tx| {
            let digest = Arc::clone(&digest);
            Box::pin(async move { digest.write(tx).await })
        });
        written.await
    }

    /// The letters to those who are told, counted as every mail is. Who gets too many gets
    /// none more.
    async fn letters(&self, company: &Company, told: &[Expiring]) -> Vec<QueuedMail> {
        let mut letters = Vec::new();
        let Some(end) = told.iter().map(|one| one.end).max() else {
            return letters;
        };
        for (subject, address) in &company.recipients {
            let draft = MailDraft {
                to: address.clone(),
                subject: Some(*subject),
                maker: None,
                tenant: Some((company.tenant.id.clone(), company.tenant.origin)),
                kind: MailKind::TokensExpiring,
                language: None,
                variables: text::variables(&company.tenant, told),
                secrets: BTreeMap::new(),
                expires_at: end,
            };
            match mail::prepare(self.identity, self.realm, draft, self.now).await {
                Ok(letter) => letters.push(letter),
                Err(refusal) => {
                    tracing::warn!(
                        realm = %self.realm.settings.name, %refusal,
                        "a notice of tokens that expire is not mailed"
                    );
                }
            }
        }
        letters
    }
}

/// A token of which it is time to tell.
struct Planned {
    id: ApiTokenId,
    /// Since when it is time.
    from: Timestamp,
    /// When it is time next.
    to: Option<Timestamp>,
    /// What is told of it, if anything.
    told: Option<Expiring>,
}

/// What is written down together.
struct Digest {
    realm: Arc<Realm>,
    call: Call,
    webhook: WebhookId,
    company: Option<Company>,
    planned: Vec<Planned>,
    told: Vec<Expiring>,
    letters: Vec<QueuedMail>,
}

impl Digest {
    /// All of it, or nothing where another process was faster with some of it or a token
    /// was replaced or ended meanwhile: the next run sees what is left.
    async fn write(&self, tx: &mut dyn Tx) -> Result<bool, StoreError> {
        for one in &self.planned {
            let found = tx.find_api_token(one.id).await?;
            let is_same = found.is_some_and(|token| {
                token.notice_at == Some(one.from) && token.state == TokenState::Active
            });
            if !is_same && one.told.is_some() {
                return Ok(false);
            }
        }
        for one in &self.planned {
            tx.advance_notice(one.id, one.from, one.to).await?;
        }
        let (Some(company), Some(end)) = (&self.company, self.told.iter().map(|one| one.end).max())
        else {
            return Ok(false);
        };
        if self.realm.settings.notices.webhook.is_some() {
            tx.put_webhook(&QueuedWebhook {
                id: self.webhook,
                tenant: Some(company.tenant.id.clone()),
                kind: WebhookKind::TokensExpiring,
                body: text::message(&self.realm, &company.tenant, &self.told, self.call.now),
                attempts: 0,
                created_at: self.call.now,
                expires_at: end,
            })
            .await?;
        }
        for letter in &self.letters {
            tx.put_mail(letter).await?;
        }
        let mut event = self.call.event(Actor::System, AuditAction::TokenNotice);
        event.tenant = Some(company.tenant.id.clone());
        event
            .detail
            .insert("tokens".to_owned(), json!(self.told.len()));
        event
            .detail
            .insert("mails".to_owned(), json!(self.letters.len()));
        tx.append_audit(&event).await?;
        Ok(true)
    }
}
