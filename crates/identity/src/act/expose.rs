//! A credential came over plain HTTP where TLS is demanded: whoever was on the way has read
//! it. It is written down, and revoked where the realm says so. What is revoked is what came:
//! an access token lives for minutes, and upstreams have it, who must not be able to end the
//! API token that it was made from by sending it once without TLS. A sign-in's own ends the
//! sign-in, as signing out with it does.

use super::revoke_token::{end_predecessors, end_token, note_ended};
use super::work::{Failure, Stop, Work};
use super::{Call, Context, Realm};
use crate::decide::refusal::ManageRefusal;
use crate::model::{Actor, AuditAction, AuditEvent, Change, TokenState};
use crate::port::Tx;
use crate::settings::Exposure;
use async_trait::async_trait;
use doorward_base::principal::CredentialId;
use doorward_base::{CredentialKind, Effect, Principal, SubjectId, TenantId, Words};
use serde_json::json;
use std::sync::Arc;

/// Writes down that the caller's credential, of this kind, was exposed; revokes it, if the
/// realm does.
///
/// # Errors
/// [`Failure`] of the store.
pub async fn expose_credential(
    ctx: Context<'_>,
    principal: &Principal,
    kind: CredentialKind,
) -> Result<(), Failure<ManageRefusal>> {
    ctx.commit(Exposed {
        realm: ctx.realm(),
        call: *ctx.call,
        credential: principal.credential,
        kind,
        is_passed_on: principal.client.is_some() || !principal.actors.is_empty(),
        subject: principal.subject,
        tenant: principal.tenant.clone(),
    })
    .await
}

struct Exposed {
    realm: Arc<Realm>,
    call: Call,
    credential: CredentialId,
    kind: CredentialKind,
    /// Whether it was issued to somebody who acts for its subject.
    is_passed_on: bool,
    subject: Option<SubjectId>,
    tenant: Option<TenantId>,
}

impl Exposed {
    /// Whether the realm ends what came, and what came can be ended.
    fn is_ended(&self) -> bool {
        let can_be = match self.credential {
            CredentialId::ApiToken(_) => self.kind != CredentialKind::Jwt,
            // Its own access token signs it out too.
            CredentialId::Session(_) => !self.is_passed_on,
            // A client's secret, or one that is not ours, is not ours to end here.
            CredentialId::Client(_) | CredentialId::Foreign => false,
        };
        can_be && self.realm.settings.exposure == Exposure::Revoke
    }

    /// Ends what came; says whether it was there.
    async fn revoke(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<bool, Stop<ManageRefusal>> {
        let now = self.call.now;
        match self.credential {
            CredentialId::ApiToken(id) => {
                let Some(token) = tx.find_api_token(id).await? else {
                    return Ok(false);
                };
                let ended = end_predecessors(tx, &token, now).await?;
                note_ended(event, &ended);
                if !matches!(token.state, TokenState::Revoked { .. }) {
                    end_token(tx, (id, token.owner), now).await?;
                }
                Ok(true)
            }
            CredentialId::Session(id) => {
                tx.end_session(id, now).await?;
                tx.append_change(Change::Session(id)).await?;
                Ok(true)
            }
            CredentialId::Client(_) | CredentialId::Foreign => Ok(false),
        }
    }
}

#[async_trait]
impl Work for Exposed {
    type Done = ();
    type Refusal = ManageRefusal;

    fn effect(&self) -> Effect {
        if self.is_ended() {
            Effect::Ends
        } else {
            Effect::Nothing
        }
    }

    fn event(&self) -> AuditEvent {
        let mut event = self
            .call
            .event(Actor::System, AuditAction::CredentialExposed);
        (event.subject, event.tenant) = (self.subject, self.tenant.clone());
        match self.credential {
            CredentialId::ApiToken(id) => event.token = Some(id),
            CredentialId::Session(id) => event.session = Some(id),
            CredentialId::Client(_) | CredentialId::Foreign => {}
        }
        event
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<(), Stop<ManageRefusal>> {
        let revoked = self.is_ended() && self.revoke(tx, event).await?;
        event.detail.insert("revoked".to_owned(), json!(revoked));
        let kind = json!(self.kind.word());
        event.detail.insert("kind".to_owned(), kind);
        Ok(())
    }
}
