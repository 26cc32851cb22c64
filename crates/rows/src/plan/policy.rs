//! Row policies: which columns and rows of a table a role has, and what it may make of them.
//! Written in the configuration, the same on both engines. Not here: the tenant, which no
//! policy widens.
//!
//! A table that no policy names is open to everyone in the tenant who may read or write. A
//! table that some policy names is open only as its policies say.

use crate::caller::InRole;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::HashMap;
use std::fmt;

/// What one role has of one table.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The table.
    pub table: String,
    /// The role in force that it is for; without one, for callers whose role has no policy of
    /// its own on this table.
    pub role: Option<String>,
    /// The columns that are read, filtered and ordered by; `*` for all. None: nothing is read.
    #[serde(default)]
    pub select: Vec<String>,
    /// The columns that are given when a row is made; `*` for all. None: no row is made.
    #[serde(default)]
    pub insert: Vec<String>,
    /// The columns that are changed; `*` for all. None: nothing is changed.
    #[serde(default)]
    pub update: Vec<String>,
    /// Whether rows are deleted.
    #[serde(default)]
    pub delete: bool,
    /// The rows that are seen, changed and deleted. Without it, all of the tenant's.
    pub filter: Option<Condition>,
    /// What holds of a row that was made or changed. Without it, the filter.
    pub check: Option<Condition>,
}

/// What is asked of a row. What cannot be known (a claim that is missing, NULL) is not met,
/// nor is its opposite.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// All of these.
    All(Vec<Condition>),
    /// One of these at least.
    Any(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// The column is NULL.
    Null(String),
    /// A column beside a value.
    Compare(Comparison),
}

/// A column beside a value.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// The column.
    pub column: String,
    /// How they compare.
    #[serde(default)]
    pub is: Relation,
    /// The value.
    pub to: Operand,
}

/// How a column and a value compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    /// Equal.
    #[default]
    Eq,
    /// Not equal.
    Neq,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// One of a list: a claim that is a list, or one value.
    In,
}

/// A value that a column is compared with.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operand {
    /// This one.
    Literal(Scalar),
    /// A claim of the caller's token: a member's name, or a JSON pointer (`/a/b`).
    Claim(String),
}

/// A plain value.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Real(f64),
    /// A text.
    Text(String),
}

/// Every policy of a realm, by table.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Policies(HashMap<String, Vec<Policy>>);

/// Two policies for the same table and role: which of them holds would be a guess.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repeated {
    /// The table.
    pub table: String,
    /// The role.
    pub role: Option<String>,
}

impl fmt::Display for Repeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = self.role.as_deref().unwrap_or("every other role");
        write!(f, "two policies for {role} on the table {}", self.table)
    }
}

impl std::error::Error for Repeated {}

impl Policies {
    /// Of these.
    ///
    /// # Errors
    /// [`Repeated`] where a table has two for one role.
    pub fn new(all: impl IntoIterator<Item = Policy>) -> Result<Self, Repeated> {
        let mut by_table: HashMap<String, Vec<Policy>> = HashMap::new();
        for policy in all {
            let of_table = by_table.entry(policy.table.clone()).or_default();
            if of_table.iter().any(|known| known.role == policy.role) {
                let Policy { table, role, .. } = policy;
                return Err(Repeated { table, role });
            }
            of_table.push(policy);
        }
        Ok(Self(by_table))
    }

    /// What a caller in this role has of this table. Who lost its role is not among those who
    /// have none where the table tells roles apart: it would have more than before.
    #[must_use]
    pub fn of(&self, table: &str, role: &InRole) -> Grant<'_> {
        let Some(of_table) = self.0.get(table) else {
            return Grant::Open;
        };
        let name = role.name();
        let own = of_table
            .iter()
            .find(|policy| name.is_some() && policy.role.as_deref() == name);
        if own.is_none()
            && *role == InRole::Lost
            && of_table.iter().any(|policy| policy.role.is_some())
        {
            return Grant::Closed;
        }
        let found = own.or_else(|| of_table.iter().find(|policy| policy.role.is_none()));
        found.map_or(Grant::Closed, Grant::Under)
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

impl<'a> Grant<'a> {
    /// Whether it reads this column.
    #[must_use]
    pub fn selects(self, column: &str) -> bool {
        self.lists(column, |policy| &policy.select)
    }

    /// Whether it gives this column in a new row.
    #[must_use]
    pub fn inserts(self, column: &str) -> bool {
        self.lists(column, |policy| &policy.insert)
    }

    /// Whether it changes this column.
    #[must_use]
    pub fn updates(self, column: &str) -> bool {
        self.lists(column, |policy| &policy.update)
    }

    /// Whether it deletes rows.
    #[must_use]
    pub const fn deletes(self) -> bool {
        match self {
            Self::Open => true,
            Self::Under(policy) => policy.delete,
            Self::Closed => false,
        }
    }

    /// Which rows it has.
    #[must_use]
    pub const fn filter(self) -> Option<&'a Condition> {
        match self {
            Self::Under(policy) => policy.filter.as_ref(),
            Self::Open | Self::Closed => None,
        }
    }

    /// What holds of a row that it made.
    #[must_use]
    pub fn check(self) -> Option<&'a Condition> {
        match self {
            Self::Under(policy) => policy.check.as_ref().or(policy.filter.as_ref()),
            Self::Open | Self::Closed => None,
        }
    }

    fn lists(self, column: &str, of: impl Fn(&Policy) -> &Vec<String>) -> bool {
        match self {
            Self::Open => true,
            Self::Under(policy) => of(policy)
                .iter()
                .any(|listed| listed == "*" || listed == column),
            Self::Closed => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_base::RoleName;

    fn policy(role: Option<&str>) -> Policy {
        Policy {
            table: "notes".to_owned(),
            role: role.map(str::to_owned),
            select: vec!["*".to_owned()],
            insert: Vec::new(),
            update: Vec::new(),
            delete: false,
            filter: None,
            check: None,
        }
    }

    /// HD-10: whoever narrows his credential never has more than with the whole of it.
    #[test]
    fn who_lost_its_role_has_not_what_those_without_one_have() {
        let this = |name: &str| InRole::This(RoleName::new(name).unwrap());
        let (plain, guests) = (policy(None), policy(Some("guest")));
        let under = |policies: &[Policy], role: &InRole| -> Option<Option<String>> {
            let policies = Policies::new(policies.to_vec()).unwrap();
            match policies.of("notes", role) {
                Grant::Under(policy) => Some(policy.role.clone()),
                Grant::Closed => None,
                Grant::Open => panic!("a policy names it"),
            }
        };
        let both = [plain.clone(), guests.clone()];
        let guest = Some(Some("guest".to_owned()));
        for (policies, role, expected) in [
            (&both[..], this("guest"), guest.clone()),
            (&both, this("other"), Some(None)),
            (&both, InRole::None, Some(None)),
            (&both, InRole::Lost, None),
            (&both[..1], InRole::Lost, Some(None)),
            (&both[..1], InRole::None, Some(None)),
            (&both[1..], InRole::Lost, None),
            (&both[1..], InRole::None, None),
            (&both[1..], this("guest"), guest),
        ] {
            assert_eq!(under(policies, &role), expected, "{role:?} {policies:?}");
        }
        let none = Policies::new(Vec::new()).unwrap();
        assert_eq!(none.of("notes", &InRole::Lost), Grant::Open);
    }
}
