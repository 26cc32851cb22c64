//! Disables, bans and enables a subject. A disabled or banned subject's tokens and sessions
//! are dead at once: each use looks at the owner.

use super::caller::load_manager;
use super::facts::load_owned;
use super::work::{Failure, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::manage::{ManagementPermission, Reach};
use crate::decide::refusal::ManageRefusal;
use crate::model::{AuditAction, AuditEvent, Change, Identifier, SubjectStatus};
use crate::port::{ChallengesOf, Tx};
use async_trait::async_trait;
use doorward_base::{Effect, SubjectId, Timestamp};
use serde_json::json;
use std::sync::Arc;

/// Whether a subject may act.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StatusChange {
    /// It may.
    Enabled,
    /// It may not.
    Disabled,
    /// It may not until then.
    Banned {
        /// When the ban is over by itself.
        until: Timestamp,
    },
    /// A ban is lifted before its time.
    Unbanned,
}

/// Disables, bans or enables a subject; when it is disabled its sessions end, and
/// with them what is pending for it, for its proven address, or made by it, invitations
/// too; its tokens work again when it is enabled. A ban ends nothing: what it holds back works again when
/// it is over, but for access tokens that were made before. Needs `platform.users.edit`
/// realm-wide: an account is its person's, and a tenant ends what is its own there, the
/// membership. For a service account it takes `platform.users.service-accounts.edit`: to
/// disable, over all of its tenants, unless it holds something realm-wide; for the rest,
/// realm-wide. Nothing says who disabled or banned a subject, so a tenant must not undo
/// what the realm did.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn set_subject_status(
    ctx: Context<'_>,
    caller: &Caller,
    subject: SubjectId,
    standing: StatusChange,
) -> Result<(), Failure<ManageRefusal>> {
    ctx.commit(NewStatus {
        realm: ctx.realm(),
        call: *ctx.call,
        caller: caller.clone(),
        subject,
        standing,
    })
    .await
}

struct NewStatus {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    subject: SubjectId,
    standing: StatusChange,
}

#[async_trait]
impl Work for NewStatus {
    type Done = ();
    type Refusal = ManageRefusal;

    fn effect(&self) -> Effect {
        match self.standing {
            StatusChange::Enabled | StatusChange::Unbanned => Effect::Begins,
            StatusChange::Disabled | StatusChange::Banned { .. } => Effect::Ends,
        }
    }

    fn event(&self) -> AuditEvent {
        let action = match self.standing {
            StatusChange::Enabled => AuditAction::SubjectEnable,
            StatusChange::Disabled => AuditAction::SubjectDisable,
            StatusChange::Banned { .. } => AuditAction::SubjectBan,
            StatusChange::Unbanned => AuditAction::SubjectUnban,
        };
        let mut event = self.call.event(self.caller.actor(), action);
        event.subject = Some(self.subject);
        if let StatusChange::Banned { until } = self.standing {
            let until = json!(until.to_string());
            event.detail.insert("until".to_owned(), until);
        }
        event
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        _event: &mut AuditEvent,
    ) -> Result<(), Stop<ManageRefusal>> {
        let manager = load_manager(tx, &self.realm.settings, &self.caller, self.call.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        let users = ManagementPermission::UsersEdit;
        let services = ManagementPermission::ServiceAccountsEdit;
        let missing = || ManageRefusal::NotFound("subject");
        let any = manager.reach_of_any(&[users.as_str(), services.as_str()], users.as_str())?;
        if self.standing != StatusChange::Disabled && any != Reach::Realm {
            manager.demand_realm(users)?;
        }
        let subject = tx.find_subject(self.subject).await?.ok_or_else(missing)?;
        let owned = load_owned(tx, self.subject).await?;
        if !any.covers_member(&owned.member_of) {
            return Err(missing().into());
        }
        match subject.identifier {
            Identifier::User(_) | Identifier::External { .. } => manager.demand_realm(users)?,
            // The keys of a tenant are ended one by one, by who may.
            Identifier::TenantKeys { .. } => return Err(missing().into()),
            Identifier::Service { .. } => {
                if self.standing != StatusChange::Disabled {
                    manager.demand_realm(services)?;
                }
                let reach = manager.reach(services)?;
                if !reach.covers_whole(&owned.belonging()) {
                    return Err(missing().into());
                }
            }
        }
        let status = self.next(subject.status)?;
        tx.set_subject_status(self.subject, status).await?;
        if self.standing == StatusChange::Disabled {
            // The change of the subject, and its epoch, tell of all of them.
            tx.end_sessions_of(self.subject, None, self.call.now)
                .await?;
        }
        if self.standing == StatusChange::Disabled {
            tx.end_challenges(ChallengesOf::Subject(self.subject))
                .await?;
            // What waits for an address that is not known to be its own is not its own.
            if let Some(email) = subject.identifier.proven_email() {
                tx.end_challenges(ChallengesOf::Address {
                    address: email.as_str(),
                    tenant: None,
                })
                .await?;
            }
        }
        tx.bump_epoch(self.subject, None, self.call.now).await?;
        tx.append_change(Change::Subject(self.subject)).await?;
        Ok(())
    }
}

impl NewStatus {
    /// What becomes of a status. A ban would end by itself what was disabled for good.
    fn next(&self, before: SubjectStatus) -> Result<SubjectStatus, ManageRefusal> {
        let is_disabled = matches!(before, SubjectStatus::Disabled { .. });
        Ok(match self.standing {
            StatusChange::Disabled => SubjectStatus::Disabled { at: self.call.now },
            StatusChange::Banned { .. } if is_disabled => {
                return Err(ManageRefusal::BanInvalid("the subject is disabled"));
            }
            StatusChange::Banned { until } if until <= self.call.now => {
                return Err(ManageRefusal::BanInvalid("its end is not in the future"));
            }
            StatusChange::Banned { until } => SubjectStatus::Banned { until },
            StatusChange::Unbanned if is_disabled => before,
            StatusChange::Enabled | StatusChange::Unbanned => SubjectStatus::Active,
        })
    }
}
