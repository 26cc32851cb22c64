//! Whose a new token is: found by what a request names, or made with a tenant's first key.

use super::{NewToken, OwnerRef};
use crate::act::addressed::{Addressed, find_addressed};
use crate::act::facts::{Owned, load_owned};
use crate::act::work::Stop;
use crate::decide::manage::{ManagementCaller, Reach};
use crate::decide::proof::check_meant;
use crate::decide::refusal::{ManageRefusal, TokenRefusal};
use crate::decide::token::{self, granted_to_key};
use crate::model::{
    Ceiling, Grant, Identifier, Membership, Metadata, Subject, SubjectStatus, TokenKind,
};
use crate::port::{Read, StoreError, Tx};
use crate::settings::TokenClass;
use doorward_base::{SubjectKind, TenantId};

pub(super) struct Owner {
    pub(super) subject: Subject,
    pub(super) owned: Owned,
    /// A tenant's first key makes the subject that owns it.
    is_new: bool,
}

impl NewToken {
    pub(super) async fn load_owner(
        &self,
        tx: &mut dyn Tx,
        manager: &ManagementCaller,
        class: &TokenClass,
    ) -> Result<Owner, Stop<TokenRefusal>> {
        let existing = match &self.request.owner {
            OwnerRef::Subject(id) => tx.find_subject(*id).await?,
            OwnerRef::Email(email) => {
                let kind = match self.request.kind {
                    TokenKind::Personal => Some(SubjectKind::User),
                    TokenKind::Service => Some(SubjectKind::Service),
                    TokenKind::Key => None,
                };
                let asked = Addressed {
                    email,
                    kind,
                    tenant: self.request.ceiling.tenant.as_ref(),
                };
                let reach = token::making_reach(manager, class).ok();
                let found = find_addressed(tx, manager, reach.as_ref(), asked).await;
                let found = found.map_err(Stop::widen)?;
                if let Some(one) = found
                    .as_ref()
                    .filter(|one| manager.subject() != Some(one.id))
                {
                    check_meant(one)?;
                }
                found
            }
            OwnerRef::Tenant(tenant) => {
                if tx.find_tenant(tenant).await?.is_none() {
                    return Err(missing_owner(manager, self.request.kind, class).into());
                }
                let found = tx.find_tenant_keys_subject(tenant).await?;
                if found.is_none() {
                    return Ok(self.new_key_owner(tenant));
                }
                found
            }
        };
        let subject = existing.ok_or_else(|| missing_owner(manager, self.request.kind, class))?;
        let owned = load_owned(tx, subject.id).await?;
        Ok(Owner {
            subject,
            owned,
            is_new: false,
        })
    }

    fn new_key_owner(&self, tenant: &TenantId) -> Owner {
        Owner {
            subject: Subject {
                id: self.key_subject,
                identifier: Identifier::TenantKeys {
                    tenant: tenant.clone(),
                },
                name: None,
                status: SubjectStatus::Active,
                user_metadata: Metadata::new(),
                app_metadata: Metadata::new(),
                created_at: self.call.now,
                last_sign_in_at: None,
            },
            owned: Owned {
                member_of: vec![tenant.clone()],
                ..Owned::default()
            },
            is_new: true,
        }
    }

    /// A tenant's key subject is made with the first key, and holds what its keys
    /// name. That takes nothing from the others, so its epoch stays: each key's
    /// ceiling keeps it to its own.
    pub(super) async fn write_owner(
        &self,
        tx: &mut dyn Tx,
        owner: &Owner,
        ceiling: &Ceiling,
    ) -> Result<(), StoreError> {
        let (TokenKind::Key, Some(tenant)) = (self.request.kind, &ceiling.tenant) else {
            return Ok(());
        };
        if owner.is_new {
            tx.insert_subject(&owner.subject).await?;
            tx.insert_membership(&Membership {
                id: self.key_membership,
                subject: owner.subject.id,
                tenant: tenant.clone(),
                created_at: self.call.now,
            })
            .await?;
        }
        for granted in granted_to_key(ceiling) {
            let grant = Grant {
                tenant: Some(tenant.clone()),
                granted,
            };
            tx.insert_grant(owner.subject.id, &grant, self.call.now)
                .await?;
        }
        Ok(())
    }
}

/// The answer is the same whether the owner does not exist or may not be seen.
fn missing_owner(manager: &ManagementCaller, kind: TokenKind, class: &TokenClass) -> TokenRefusal {
    if kind == TokenKind::Personal {
        return ManageRefusal::NotFound("owner").into();
    }
    match token::making_reach(manager, class) {
        Ok(_) => ManageRefusal::NotFound("owner").into(),
        Err(refusal) => refusal.into(),
    }
}

/// The subject a request names as an owner to who reaches so far.
pub(in crate::act) async fn find_owner(
    tx: &mut dyn Read,
    manager: &ManagementCaller,
    reach: Option<&Reach>,
    owner: &OwnerRef,
) -> Result<Option<Subject>, Stop<ManageRefusal>> {
    Ok(match owner {
        OwnerRef::Subject(id) => tx.find_subject(*id).await?,
        OwnerRef::Email(email) => {
            let asked = Addressed {
                email,
                kind: None,
                tenant: None,
            };
            find_addressed(tx, manager, reach, asked).await?
        }
        OwnerRef::Tenant(tenant) => tx.find_tenant_keys_subject(tenant).await?,
    })
}
