//! An invitation of an address into a tenant: a [`Challenge`] of its own kind.

use super::{Challenge, ChallengeKind, Delivery, Metadata};
use doorward_base::{ChallengeId, Email, RoleName, SubjectId, TenantId, Timestamp};
use serde_json::{Value, json};

/// An invitation of an address into a tenant. What its secret proves: `decide::proof`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invitation {
    /// Its id.
    pub id: ChallengeId,
    /// Who is invited.
    pub email: Email,
    /// Into which tenant.
    pub tenant: TenantId,
    /// The roles granted in the tenant when it is taken.
    pub roles: Vec<RoleName>,
    /// Who invited; `None` is an operator at the command line.
    pub made_by: Option<SubjectId>,
    /// Whom its secret was given to.
    pub delivery: Delivery,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it can be taken.
    pub expires_at: Timestamp,
}

impl Invitation {
    /// The invitation that a challenge is; `None` if it is another kind, or not whole.
    #[must_use]
    pub fn of(challenge: &Challenge) -> Option<Self> {
        if challenge.kind != ChallengeKind::Invitation {
            return None;
        }
        let roles = challenge.payload.get("roles")?.as_array()?;
        let roles: Option<Vec<RoleName>> = roles
            .iter()
            .map(|role| RoleName::new(role.as_str()?).ok())
            .collect();
        Some(Self {
            id: challenge.id,
            email: Email::new(challenge.address.as_deref()?).ok()?,
            tenant: challenge.tenant.clone()?,
            roles: roles?,
            made_by: challenge.made_by,
            delivery: Delivery::find(challenge.payload.get("delivery")?.as_str()?)?,
            created_at: challenge.created_at,
            expires_at: challenge.expires_at,
        })
    }

    /// What a challenge carries to be an invitation with these roles, whose secret is
    /// given to so-and-so.
    #[must_use]
    pub fn payload(roles: &[RoleName], delivery: Delivery) -> Metadata {
        let roles = roles.iter().map(|role| json!(role.as_str()));
        Metadata::from_iter([
            ("roles".to_owned(), Value::Array(roles.collect())),
            ("delivery".to_owned(), json!(delivery.as_str())),
        ])
    }
}
