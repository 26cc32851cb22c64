//! An invitation of an address into a tenant: a [`Challenge`] of its own kind.

use super::{Ceiling, Challenge, ChallengeKind, Delivery, Metadata};
use doorward_base::{
    ApiTokenId, ChallengeId, Email, Permission, RoleName, SubjectId, TenantId, Timestamp,
};
use serde_json::{Map, Value, json};
use std::str::FromStr;

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
    /// Through what.
    pub through: MadeThrough,
    /// Whom its secret was given to.
    pub delivery: Delivery,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it can be taken.
    pub expires_at: Timestamp,
}

/// Through what somebody invited. Taken later, an invitation gives no more than it could
/// have given when it was made.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MadeThrough {
    /// The API token that was presented, itself or exchanged: it must still live. A sign-in
    /// may end, for what is invited by it is its person's invitation.
    pub token: Option<ApiTokenId>,
    /// What narrowed the maker beside that token's own ceiling: tenant, roles and
    /// permissions.
    pub ceilings: Vec<Ceiling>,
    /// Whether its maker's word proved addresses when it was made.
    pub vouched: bool,
}

impl MadeThrough {
    fn to_json(&self) -> Value {
        let list = |names: Vec<&str>| Value::from(names);
        let ceiling = |one: &Ceiling| {
            let mut members = Map::new();
            if let Some(tenant) = &one.tenant {
                members.insert("tenant".to_owned(), json!(tenant.as_str()));
            }
            if let Some(roles) = &one.roles {
                let names = list(roles.iter().map(RoleName::as_str).collect());
                members.insert("roles".to_owned(), names);
            }
            if let Some(permissions) = &one.permissions {
                let names = list(permissions.iter().map(Permission::as_str).collect());
                members.insert("permissions".to_owned(), names);
            }
            Value::Object(members)
        };
        json!({
            "token": self.token.map(|token| token.to_string()),
            "ceilings": self.ceilings.iter().map(ceiling).collect::<Vec<_>>(),
            "vouched": self.vouched,
        })
    }

    /// `None` if any part of it cannot be read: without that part it would be wider.
    fn of_json(value: &Value) -> Option<Self> {
        let token = match value.get("token")? {
            Value::Null => None,
            token => Some(token.as_str()?.parse().ok()?),
        };
        let ceilings = value.get("ceilings")?.as_array()?.iter();
        let ceilings: Option<Vec<Ceiling>> = ceilings
            .map(|one| {
                Some(Ceiling {
                    tenant: match one.get("tenant") {
                        Some(tenant) => Some(TenantId::new(tenant.as_str()?).ok()?),
                        None => None,
                    },
                    roles: names_of(one.get("roles"))?,
                    permissions: names_of(one.get("permissions"))?,
                    ..Ceiling::default()
                })
            })
            .collect();
        Some(Self {
            token,
            ceilings: ceilings?,
            vouched: value.get("vouched")?.as_bool()?,
        })
    }
}

/// A list of names that may be missing; the outer `None` if it is no such list.
fn names_of<T: FromStr>(value: Option<&Value>) -> Option<Option<Vec<T>>> {
    let Some(value) = value else {
        return Some(None);
    };
    let names = value.as_array()?.iter();
    let names: Option<Vec<T>> = names.map(|name| name.as_str()?.parse().ok()).collect();
    names.map(Some)
}

impl Invitation {
    /// The invitation that a challenge is; `None` if it is another kind, or not whole.
    #[must_use]
    pub fn of(challenge: &Challenge) -> Option<Self> {
        if challenge.kind != ChallengeKind::Invitation {
            return None;
        }
        let roles = names_of(challenge.payload.get("roles"))??;
        Some(Self {
            id: challenge.id,
            email: Email::new(challenge.address.as_deref()?).ok()?,
            tenant: challenge.tenant.clone()?,
            roles,
            made_by: challenge.made_by,
            through: MadeThrough::of_json(challenge.payload.get("through")?)?,
            delivery: Delivery::find(challenge.payload.get("delivery")?.as_str()?)?,
            created_at: challenge.created_at,
            expires_at: challenge.expires_at,
        })
    }

    /// What a challenge carries to be an invitation with these roles, whose secret is
    /// given to so-and-so, and that was made through so-and-so.
    #[must_use]
    pub fn payload(roles: &[RoleName], delivery: Delivery, through: &MadeThrough) -> Metadata {
        let roles = roles.iter().map(|role| json!(role.as_str()));
        Metadata::from_iter([
            ("roles".to_owned(), Value::Array(roles.collect())),
            ("delivery".to_owned(), json!(delivery.as_str())),
            ("through".to_owned(), through.to_json()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_was_made_through_is_kept_whole_or_not_at_all() {
        let through = MadeThrough {
            token: Some(ApiTokenId::from_bytes([7; 16])),
            ceilings: vec![
                Ceiling::default(),
                Ceiling {
                    tenant: Some("acme".parse().unwrap()),
                    roles: Some(vec!["boss".parse().unwrap()]),
                    permissions: Some(vec![]),
                    ..Ceiling::default()
                },
                Ceiling {
                    permissions: Some(vec!["read".parse().unwrap()]),
                    ..Ceiling::default()
                },
            ],
            vouched: true,
        };
        for through in [through, MadeThrough::default()] {
            assert_eq!(MadeThrough::of_json(&through.to_json()), Some(through));
        }
        for broken in [
            json!(null),
            json!({}),
            json!({"token": 1, "ceilings": [], "vouched": true}),
            json!({"token": "x", "ceilings": [], "vouched": true}),
            json!({"token": null, "ceilings": null, "vouched": true}),
            json!({"token": null, "ceilings": [], "vouched": 1}),
            json!({"token": null, "ceilings": [{"permissions": "read"}], "vouched": true}),
            json!({"token": null, "ceilings": [{"permissions": [1]}], "vouched": true}),
            json!({"token": null, "ceilings": [{"roles": null}], "vouched": true}),
            json!({"token": null, "ceilings": [{"tenant": 1}], "vouched": true}),
        ] {
            assert_eq!(MadeThrough::of_json(&broken), None, "{broken}");
        }
    }
}
