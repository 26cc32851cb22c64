//! What in a database would let rows past their tenant: looked up in the catalogue, each
//! finding with the SQL that mends or shows it. The text of a policy is judged coarsely and
//! to the safe side. Not here: proof by running statements.

mod table;

use super::error;
use super::protect::Protection;
use super::quote::{ident, literal};
use crate::fault::Fault;
use std::fmt;
use tokio_postgres::GenericClient;

/// What was looked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Lint {
    /// The caller role is a superuser or has BYPASSRLS.
    RoleBypasses,
    /// The caller role owns what it reads.
    RoleOwns,
    /// The caller role is a member of others, and may become them.
    RoleIsMember,
    /// The caller role may make things in a schema.
    RoleCreates,
    /// What other callers run is readable in `pg_stat_activity`.
    ActivityVisible,
    /// A table without row-level security.
    TableOpen,
    /// A partition that can be read by its own name, without row-level security.
    PartitionOpen,
    /// Row-level security that does not bind the owner.
    ForceMissing,
    /// A tenant's column and no policy.
    PolicyMissing,
    /// No tenant's column.
    TenantMissing,
    /// A unique key that does not hold the tenant.
    KeyWithoutTenant,
    /// A foreign key that does not hold the tenant.
    ReferenceWithoutTenant,
    /// A view that runs with its owner's rights.
    ViewOfOwner,
    /// A materialized view.
    ViewMaterialized,
    /// A foreign table: no policy binds it.
    TableForeign,
    /// A function that runs with its owner's rights.
    FunctionDefiner,
    /// A policy that lets everything through, or does not look at the tenant.
    PolicyOpen,
    /// A policy that lets rows through when a setting is not there.
    PolicyWhenUnset,
    /// A policy on a setting, which whoever writes SQL can set.
    PolicyOnSetting,
    /// A policy on a client's header.
    PolicyOnHeader,
    /// Rights that everybody has.
    GrantToPublic,
}

impl Lint {
    /// Every one.
    pub const ALL: [Self; 21] = [
        Self::RoleBypasses,
        Self::RoleOwns,
        Self::RoleIsMember,
        Self::RoleCreates,
        Self::ActivityVisible,
        Self::TableOpen,
        Self::PartitionOpen,
        Self::ForceMissing,
        Self::PolicyMissing,
        Self::TenantMissing,
        Self::KeyWithoutTenant,
        Self::ReferenceWithoutTenant,
        Self::ViewOfOwner,
        Self::ViewMaterialized,
        Self::TableForeign,
        Self::FunctionDefiner,
        Self::PolicyOpen,
        Self::PolicyWhenUnset,
        Self::PolicyOnSetting,
        Self::PolicyOnHeader,
        Self::GrantToPublic,
    ];

    /// Its name in reports, which stays.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.row().code
    }

    /// What is wrong, in words.
    #[must_use]
    pub const fn says(self) -> &'static str {
        self.row().says
    }

    /// The one of this name.
    #[must_use]
    pub fn named(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lint| lint.code() == code)
    }

    /// Whether it lets no row through: callers' SQL reaches no catalogue, and what is found
    /// would matter only if that fell.
    #[must_use]
    pub const fn is_advice(self) -> bool {
        matches!(self, Self::ActivityVisible)
    }

    /// Whether an owner may decide to live with it: it tells whether another tenant has a
    /// value, and shows no row.
    #[must_use]
    pub const fn can_be_accepted(self) -> bool {
        matches!(self, Self::KeyWithoutTenant | Self::ReferenceWithoutTenant)
    }

    /// Whether a table's own policies end it.
    pub(super) const fn is_mended_by_binding(self) -> bool {
        matches!(
            self,
            Self::TableOpen
                | Self::PartitionOpen
                | Self::ForceMissing
                | Self::PolicyMissing
                | Self::PolicyOpen
                | Self::PolicyWhenUnset
                | Self::PolicyOnSetting
        )
    }

    /// Whether it is about a table, a view or a function, which a step may bring.
    const fn is_of_object(self) -> bool {
        !matches!(
            self,
            Self::RoleBypasses
                | Self::RoleOwns
                | Self::RoleIsMember
                | Self::RoleCreates
                | Self::ActivityVisible
        )
    }

    const fn row(self) -> table::Row {
        table::row(self)
    }
}

/// One thing found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What.
    pub lint: Lint,
    /// Where: a role, a table, a policy, a function.
    pub object: String,
    /// SQL that mends it, or shows it where that is somebody's decision.
    pub mend: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}: {}\n    {}",
            self.lint.code(),
            self.object,
            self.lint.says(),
            self.mend
        )
    }
}

/// Looks for everything.
pub(super) async fn all<C: GenericClient + Sync>(
    client: &C,
    of: Protection<'_>,
) -> Result<Vec<Finding>, Fault> {
    some(client, of, |_| true).await
}

/// Looks at tables, views and functions.
pub(super) async fn objects<C: GenericClient + Sync>(
    client: &C,
    of: Protection<'_>,
) -> Result<Vec<Finding>, Fault> {
    some(client, of, Lint::is_of_object).await
}

async fn some<C: GenericClient + Sync>(
    client: &C,
    of: Protection<'_>,
    wanted: fn(Lint) -> bool,
) -> Result<Vec<Finding>, Fault> {
    let failed = |error: tokio_postgres::Error| error::opening(&error);
    let mut found = Vec::new();
    for lint in Lint::ALL.into_iter().filter(|lint| wanted(*lint)) {
        let sql = lint
            .row()
            .sql
            .replace("@reach@", table::REACH)
            .replace("@policies@", table::POLICIES)
            .replace("@role@", &literal(of.role))
            .replace("@schema@", &literal(&ident(of.schema)))
            .replace("@tenant@", &literal(of.tenant));
        for row in client.query(&sql, &[]).await.map_err(failed)? {
            found.push(Finding {
                lint,
                object: row.try_get(0).map_err(failed)?,
                mend: row.try_get(1).map_err(failed)?,
            });
        }
    }
    Ok(found)
}
