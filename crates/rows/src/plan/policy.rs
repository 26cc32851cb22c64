//! Row policies: what a role has of a table.

use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// What one role has of one table.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The table.
    pub table: String,
    /// The role in force that it is for.
    pub role: Option<String>,
    /// The columns that are read.
    #[serde(default)]
    pub select: Vec<String>,
}

/// Every policy of a realm.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Policies(Vec<Policy>);

/// Two policies for the same table and role.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repeated;

impl fmt::Display for Repeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("two policies for one role on one table")
    }
}

impl Policies {
    /// Of these.
    ///
    /// # Errors
    /// [`Repeated`] where a table has two for one role.
    pub fn new(all: impl IntoIterator<Item = Policy>) -> Result<Self, Repeated> {
        let mut known: Vec<Policy> = Vec::new();
        for policy in all {
            let same = |other: &Policy| other.table == policy.table && other.role == policy.role;
            if known.iter().any(same) {
                return Err(Repeated);
            }
            known.push(policy);
        }
        Ok(Self(known))
    }

    /// What this role has of this table.
    #[must_use]
    pub fn of(&self, table: &str, role: Option<&str>) -> Grant<'_> {
        let mut of_table = self.0.iter().filter(|policy| policy.table == table);
        if of_table.clone().next().is_none() {
            return Grant::Open;
        }
        let own = of_table.find(|policy| policy.role.as_deref() == role);
        own.map_or(Grant::Closed, Grant::Under)
    }
}

/// What a caller has of a table.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Grant<'a> {
    /// All of the tenant's.
    Open,
    /// What this says.
    Under(&'a Policy),
    /// Nothing.
    Closed,
}

impl Grant<'_> {
    /// Whether it reads this column.
    #[must_use]
    pub fn selects(self, column: &str) -> bool {
        match self {
            Self::Open => true,
            Self::Under(policy) => policy.select.iter().any(|listed| listed == column),
            Self::Closed => false,
        }
    }

    /// Whether it gives this column in a new row.
    #[must_use]
    pub fn inserts(self, _column: &str) -> bool {
        self == Self::Open
    }

    /// Whether it changes this column.
    #[must_use]
    pub fn updates(self, _column: &str) -> bool {
        self == Self::Open
    }
}
