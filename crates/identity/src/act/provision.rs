//! Finds the subject of a login that is not ours, and makes it on first sight where the
//! realm says so. Not here: verifying what the login signed (the gate).

use super::create_user::default_grants;
use super::work::{Failure, Query, Stop, Work};
use super::{Call, Context, Realm};
use crate::decide::identity::MAX_SUB;
use crate::decide::issue::epoch_in;
use crate::decide::refusal::SignInRefusal;
use crate::model::{Actor, AuditAction, AuditEvent, Identifier, Metadata, Subject, SubjectStatus};
use crate::port::{Read, StoreError, Tx};
use crate::settings::Provision;
use async_trait::async_trait;
use doorward_base::principal::Epoch;
use doorward_base::{Effect, SubjectId, TenantId};
use std::sync::Arc;

/// A subject as its own login names it, verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExternalName {
    /// The issuer.
    pub issuer: Arc<str>,
    /// Its name there.
    pub sub: Arc<str>,
}

/// An external subject that may act, with its epoch in the tenant asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct Recognised {
    /// The subject.
    pub subject: Subject,
    /// Its epoch, as of the same look: what changes after it shows.
    pub epoch: Epoch,
}

/// The subject of this name; `None` if there is none and none is made. One that is
/// disabled is refused, whatever its login says.
///
/// # Errors
/// [`Failure`] with [`SignInRefusal::Credentials`] when it is disabled or banned.
pub async fn find_external(
    ctx: Context<'_>,
    name: ExternalName,
    tenant: Option<&TenantId>,
) -> Result<Option<Recognised>, Failure<SignInRefusal>> {
    let found = ctx.query(Find(name.clone(), tenant.cloned())).await?;
    let recognised = match (found, ctx.realm.settings.provision_of(&name.issuer)) {
        (Some(recognised), _) => recognised,
        (None, Provision::Never) => return Ok(None),
        (None, Provision::FirstSight) => {
            ctx.commit(Provisioning {
                realm: ctx.realm(),
                call: *ctx.call,
                id: SubjectId::mint(&*ctx.identity.entropy, ctx.call.now),
                name,
                tenant: tenant.cloned(),
            })
            .await?
        }
    };
    if recognised.subject.status.allows(ctx.call.now) {
        Ok(Some(recognised))
    } else {
        Err(Failure::Refused(SignInRefusal::Credentials("disabled")))
    }
}

struct Find(ExternalName, Option<TenantId>);

#[async_trait]
impl Query for Find {
    type Done = Option<Recognised>;
    type Refusal = SignInRefusal;

    async fn run(&self, tx: &mut dyn Read) -> Result<Self::Done, Stop<SignInRefusal>> {
        Ok(look(tx, &self.0, self.1.as_ref()).await?)
    }
}

async fn look(
    tx: &mut dyn Read,
    name: &ExternalName,
    tenant: Option<&TenantId>,
) -> Result<Option<Recognised>, StoreError> {
    let found = tx.find_external_subject(&name.issuer, &name.sub).await?;
    let Some(found) = found else {
        return Ok(None);
    };
    let dossier = tx.find_dossier(found.id).await?;
    Ok(dossier.map(|dossier| Recognised {
        epoch: epoch_in(&dossier, tenant),
        subject: dossier.subject,
    }))
}

struct Provisioning {
    realm: Arc<Realm>,
    call: Call,
    id: SubjectId,
    name: ExternalName,
    tenant: Option<TenantId>,
}

#[async_trait]
impl Work for Provisioning {
    type Done = Recognised;
    type Refusal = SignInRefusal;

    fn effect(&self) -> Effect {
        Effect::Begins
    }

    fn event(&self) -> AuditEvent {
        self.call
            .event(Actor::System, AuditAction::SubjectProvision)
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<Recognised, Stop<SignInRefusal>> {
        let ExternalName { issuer, sub } = &self.name;
        if !(1..=MAX_SUB).contains(&sub.len()) {
            return Err(SignInRefusal::Credentials("the subject's name is too long").into());
        }
        // Somebody else may have been first.
        if let Some(recognised) = look(tx, &self.name, self.tenant.as_ref()).await? {
            event.subject = Some(recognised.subject.id);
            return Ok(recognised);
        }
        let subject = Subject {
            id: self.id,
            identifier: Identifier::External {
                issuer: Arc::clone(issuer),
                sub: Arc::clone(sub),
            },
            name: None,
            status: SubjectStatus::Active,
            user_metadata: Metadata::new(),
            app_metadata: Metadata::new(),
            created_at: self.call.now,
            last_sign_in_at: None,
        };
        event.subject = Some(subject.id);
        tx.insert_subject(&subject).await?;
        for grant in default_grants(&self.realm.settings.default_roles) {
            tx.insert_grant(subject.id, &grant, self.call.now).await?;
        }
        Ok(Recognised {
            subject,
            epoch: Epoch::default(),
        })
    }
}
