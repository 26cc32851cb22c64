//! Links identities at other logins to a subject, and unlinks them. Not here: signing in
//! by one.

use super::caller::load_manager;
use super::work::{Failure, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::bounds::check_metadata;
use crate::decide::identity::{Ground, MAX_SUB, WaysIn, may_link, may_unlink};
use crate::decide::manage::ManagementPermission;
use crate::decide::refusal::ManageRefusal;
use crate::model::{
    AuditAction, AuditEvent, Change, Contact, Identifier, LinkedIdentity, Metadata, Subject,
};
use crate::port::{Read, StoreError, Tx};
use async_trait::async_trait;
use doorward_base::{Effect, Email, IdentityId, ProviderName, SubjectId};
use serde_json::json;
use std::sync::Arc;

/// An identity about to be linked, as the other login told it.
#[derive(Clone, Debug)]
pub struct LinkIdentity {
    /// Whose it becomes.
    pub subject: SubjectId,
    /// The login.
    pub provider: ProviderName,
    /// The subject's name there.
    pub sub: String,
    /// What the login said of it.
    pub data: Metadata,
    /// What speaks for it being this subject's.
    pub ground: LinkGround,
}

/// What speaks for an identity being a subject's.
#[derive(Clone, Debug)]
pub enum LinkGround {
    /// The subject's own session asks.
    Session(Caller),
    /// The other login verified this address, which is the subject's proven one.
    Address(Email),
}

/// Links an identity.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`]; [`ManageRefusal::Exists`] when it is linked
/// already, to whomever.
pub async fn link_identity(
    ctx: Context<'_>,
    new: LinkIdentity,
) -> Result<LinkedIdentity, Failure<ManageRefusal>> {
    let identity = LinkedIdentity {
        id: IdentityId::mint(&*ctx.identity.entropy, ctx.call.now),
        subject: new.subject,
        provider: new.provider,
        sub: new.sub.into(),
        data: new.data,
        created_at: ctx.call.now,
        last_used_at: None,
    };
    ctx.commit(Link {
        realm: ctx.realm(),
        call: *ctx.call,
        identity,
        ground: new.ground,
    })
    .await
}

/// Unlinks an identity. A person does it by its own session; others need
/// `platform.users.edit` realm-wide.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`]; [`ManageRefusal::LastWayIn`] when nothing else
/// lets the person in.
pub async fn unlink_identity(
    ctx: Context<'_>,
    caller: &Caller,
    subject: SubjectId,
    identity: IdentityId,
) -> Result<(), Failure<ManageRefusal>> {
    ctx.commit(Unlink {
        realm: ctx.realm(),
        call: *ctx.call,
        caller: caller.clone(),
        subject,
        identity,
    })
    .await
}

/// Whether anything lets the person of an account in.
pub(super) async fn has_way_in(
    tx: &mut dyn Read,
    account: Option<&Subject>,
) -> Result<bool, StoreError> {
    let Some((id, contact)) = account.and_then(|one| Some((one.id, one.identifier.contact()?)))
    else {
        return Ok(false);
    };
    let linked = tx.list_identities(id).await?;
    let ways = WaysIn {
        contact,
        has_password: tx.find_password(id).await?.is_some(),
        linked: &linked,
    };
    Ok(ways.is_any(None))
}

struct Link {
    realm: Arc<Realm>,
    call: Call,
    identity: LinkedIdentity,
    ground: LinkGround,
}

#[async_trait]
impl Work for Link {
    type Done = LinkedIdentity;
    type Refusal = ManageRefusal;

    fn effect(&self) -> Effect {
        Effect::Begins
    }

    fn event(&self) -> AuditEvent {
        let actor = match &self.ground {
            LinkGround::Session(caller) => caller.actor(),
            LinkGround::Address(_) => crate::model::Actor::System,
        };
        let mut event = self.call.event(actor, AuditAction::IdentityLink);
        event.subject = Some(self.identity.subject);
        let provider = json!(self.identity.provider.as_str());
        event.detail.insert("provider".to_owned(), provider);
        event
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        _event: &mut AuditEvent,
    ) -> Result<LinkedIdentity, Stop<ManageRefusal>> {
        let manager;
        let ground = match &self.ground {
            LinkGround::Session(caller) => {
                let loaded = load_manager(tx, &self.realm.settings, caller, self.call.now).await?;
                manager = loaded.ok_or(ManageRefusal::CallerDead)?;
                Ground::Caller(&manager)
            }
            LinkGround::Address(email) => Ground::Address(email),
        };
        let identity = &self.identity;
        let subject = tx
            .find_subject(identity.subject)
            .await?
            .ok_or(ManageRefusal::NotFound("subject"))?;
        let linked = tx.list_identities(subject.id).await?;
        may_link(ground, &subject, &linked, self.call.now)?;
        if !(1..=MAX_SUB).contains(&identity.sub.len()) {
            return Err(ManageRefusal::TooLong("the name at the other login").into());
        }
        check_metadata("what the other login says", &identity.data)?;
        let known = tx.find_identity(&identity.provider, &identity.sub).await?;
        if known.is_some() {
            return Err(ManageRefusal::Exists("this identity").into());
        }
        tx.insert_identity(identity).await?;
        if let Identifier::User(contact) = &subject.identifier
            && contact.anonymous
        {
            // It has said who it is.
            let contact = Contact {
                anonymous: false,
                ..contact.clone()
            };
            tx.set_contact(subject.id, &contact).await?;
            tx.append_change(Change::Subject(subject.id)).await?;
        }
        Ok(identity.clone())
    }
}

struct Unlink {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    subject: SubjectId,
    identity: IdentityId,
}

#[async_trait]
impl Work for Unlink {
    type Done = ();
    type Refusal = ManageRefusal;

    fn effect(&self) -> Effect {
        Effect::Nothing
    }

    fn event(&self) -> AuditEvent {
        AuditEvent {
            subject: Some(self.subject),
            ..self
                .call
                .event(self.caller.actor(), AuditAction::IdentityUnlink)
        }
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<(), Stop<ManageRefusal>> {
        let manager = load_manager(tx, &self.realm.settings, &self.caller, self.call.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        if manager.subject() == Some(self.subject) {
            manager.demand_session()?;
        } else {
            manager.demand_realm(ManagementPermission::UsersEdit)?;
        }
        let found = tx.find_subject(self.subject).await?;
        let Some(Identifier::User(contact)) = found.map(|subject| subject.identifier) else {
            return Err(ManageRefusal::NotFound("subject").into());
        };
        let linked = tx.list_identities(self.subject).await?;
        let ways = WaysIn {
            contact: &contact,
            has_password: tx.find_password(self.subject).await?.is_some(),
            linked: &linked,
        };
        may_unlink(&ways, self.identity)?;
        if let Some(one) = linked.iter().find(|one| one.id == self.identity) {
            let provider = json!(one.provider.as_str());
            event.detail.insert("provider".to_owned(), provider);
        }
        tx.delete_identity(self.identity).await?;
        Ok(())
    }
}
