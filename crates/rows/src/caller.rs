//! Who asks for rows: always somebody in a tenant. Not here: how the gate found out.

use crate::engine::{Bounds, ResultSet, Tally};
use crate::fault::{Fault, FaultKind};
use crate::value::Value;
use doorward_base::principal::{CredentialId, LostRole};
use doorward_base::{Principal, RoleName, Scope, TenantId};
use serde_json::{Map, Value as Json};
use std::sync::Arc;

/// What a caller may do with its tenant's rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rights {
    /// SELECT.
    pub read: bool,
    /// INSERT, UPDATE, DELETE.
    pub write: bool,
    /// The realm's schema: an operator's.
    pub schema: bool,
}

/// Which scopes give which rights: `[realm.NAME.data]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RightScopes {
    /// For [`Rights::read`].
    pub read: Scope,
    /// For [`Rights::write`].
    pub write: Scope,
    /// For [`Rights::schema`]; it counts only where it is held in the whole realm.
    pub schema: Scope,
}

impl RightScopes {
    /// What this principal may.
    #[must_use]
    pub fn of(&self, principal: &Principal) -> Rights {
        Rights {
            read: principal.has_scope(&self.read),
            write: principal.has_scope(&self.write),
            schema: principal.has_scope(&self.schema) && principal.crosses,
        }
    }
}

/// In which role somebody asks for rows. What narrows a credential never gives it the rows of
/// another role, nor those of callers that have none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InRole {
    /// In this one: it is in force, or a part of it is left.
    This(RoleName),
    /// In none.
    None,
    /// The role was taken away by its name: in none, and in no other's place.
    Lost,
}

impl InRole {
    /// The role of this principal.
    #[must_use]
    pub fn of(principal: &Principal) -> Self {
        match (&principal.role, &principal.lost_role) {
            (Some(role), _) | (None, Some(LostRole::Part(role))) => Self::This(role.clone()),
            (None, Some(LostRole::Whole)) => Self::Lost,
            (None, None) => Self::None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::This(role) => Some(role.as_str()),
            Self::None | Self::Lost => None,
        }
    }
}

/// The caller of one data call, with the tenant whose rows it sees.
#[derive(Clone, Debug)]
pub struct Caller {
    tenant: TenantId,
    sub: Arc<str>,
    role: InRole,
    credential: CredentialId,
    claims: Arc<Map<String, Json>>,
    rights: Rights,
    /// What its answers are counted on.
    tally: Option<Arc<dyn Tally>>,
}

impl Caller {
    /// The caller that the gate verified.
    ///
    /// # Errors
    /// [`FaultKind::TenantRequired`] where it acts in no tenant.
    pub fn of(principal: &Principal, scopes: &RightScopes) -> Result<Self, Fault> {
        let tenant = principal.tenant.clone();
        Ok(Self {
            tenant: tenant.ok_or_else(|| Fault::new(FaultKind::TenantRequired))?,
            sub: Arc::clone(&principal.sub),
            role: InRole::of(principal),
            credential: principal.credential,
            claims: Arc::clone(&principal.claims),
            rights: scopes.of(principal),
            tally: None,
        })
    }

    /// The process itself, which keeps house in a tenant.
    pub(crate) fn of_tenant(tenant: TenantId) -> Self {
        Self {
            tenant,
            sub: Arc::from(""),
            role: InRole::None,
            credential: CredentialId::Foreign,
            claims: Arc::default(),
            rights: Rights {
                read: true,
                write: true,
                schema: false,
            },
            tally: None,
        }
    }

    /// With what its answers are counted on.
    #[must_use]
    pub fn counted_on(mut self, tally: Arc<dyn Tally>) -> Self {
        self.tally = Some(tally);
        self
    }

    /// Counts an answer to it, as an engine does once it is made.
    ///
    /// # Errors
    /// Those of [`Tally::count`].
    pub(crate) fn count(&self, results: &[ResultSet], bounds: Bounds) -> Result<(), Fault> {
        let Some(tally) = &self.tally else {
            return Ok(());
        };
        let each = |row: &Vec<Value>| row.iter().map(Value::weight).sum::<usize>() + bounds.row;
        tally.count(
            results
                .iter()
                .flat_map(|result| &result.rows)
                .map(each)
                .sum(),
        )
    }

    /// The tenant whose rows there are.
    #[must_use]
    pub const fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The `sub` of its token.
    #[must_use]
    pub fn sub(&self) -> &str {
        &self.sub
    }

    /// The role whose rows it has.
    #[must_use]
    pub const fn role(&self) -> &InRole {
        &self.role
    }

    /// The credential behind it.
    #[must_use]
    pub const fn credential(&self) -> CredentialId {
        self.credential
    }

    /// Its token's claims.
    #[must_use]
    pub const fn claims(&self) -> &Arc<Map<String, Json>> {
        &self.claims
    }

    /// What it may do.
    #[must_use]
    pub const fn rights(&self) -> Rights {
        self.rights
    }
}
