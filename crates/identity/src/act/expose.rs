//! A credential came over plain HTTP where TLS is demanded: whoever was on the way has read
//! it. It is written down, and revoked where the realm says so.

use super::revoke_token::{end_predecessors, end_token, note_ended};
use super::work::{Failure, Stop, Work};
use super::{Call, Context, Realm};
use crate::decide::refusal::ManageRefusal;
use crate::model::{Actor, AuditAction, AuditEvent, Change, TokenState};
use crate::port::Tx;
use crate::settings::Exposure;
use async_trait::async_trait;
use doorward_base::principal::CredentialId;
use doorward_base::{Effect, Principal, SubjectId, TenantId};
use serde_json::json;
use std::sync::Arc;

/// Writes down that the caller's credential was exposed; revokes it, if the realm does.
///
/// # Errors
/// [`Failure`] of the store.
pub async fn expose_credential(
    ctx: Context<'_>,
    principal: &Principal,
) -> Result<(), Failure<ManageRefusal>> {
    ctx.commit(Exposed {
        realm: ctx.realm(),
        call: *ctx.call,
        credential: principal.credential,
        subject: principal.subject,
        tenant: principal.tenant.clone(),
    })
    .await
}

struct Exposed {
    realm: Arc<Realm>,
    call: Call,
    credential: CredentialId,
    subject: Option<SubjectId>,
    tenant: Option<TenantId>,
}

impl Exposed {
    /// Ends what came; says whether that was possible.
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
            // A client's secret, or one that is not ours, is not ours to end here.
            CredentialId::Client(_) | CredentialId::Foreign => Ok(false),
        }
    }
}

#[async_trait]
impl Work for Exposed {
    type Done = ();
    type Refusal = ManageRefusal;

    fn effect(&self) -> Effect {
        match self.realm.settings.exposure {
            Exposure::Revoke => Effect::Ends,
            Exposure::Flag | Exposure::Ignore => Effect::Nothing,
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
        let revokes = self.realm.settings.exposure == Exposure::Revoke;
        let revoked = revokes && self.revoke(tx, event).await?;
        event.detail.insert("revoked".to_owned(), json!(revoked));
        Ok(())
    }
}
