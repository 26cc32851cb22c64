//! The one executor's port: statements for a caller, in one transaction, bounded. Both
//! engines implement it; the ways in know no other.

use crate::caller::Caller;
use crate::fault::Fault;
use crate::schema::Schema;
use crate::value::Value;
use doorward_base::TenantId;
use doorward_surface::target::BoxFuture;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Which SQL an engine speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flavour {
    /// SQLite: a tenant is a file.
    Sqlite,
    /// PostgreSQL: tenants share tables under row-level security.
    Postgres,
}

/// One statement that may run: only this crate makes one, by checking a caller's SQL or from
/// a plan. Its tenant is the caller's, whatever the text says: the engine sees to that.
#[derive(Clone, Debug)]
pub struct Statement {
    text: Arc<str>,
    params: Vec<Value>,
    writes: bool,
}

impl Statement {
    pub(crate) fn new(text: impl Into<Arc<str>>, params: Vec<Value>, writes: bool) -> Self {
        Self {
            text: text.into(),
            params,
            writes,
        }
    }

    /// The SQL, in the engine's flavour; parameters are `$1` on PostgreSQL and `?1` on SQLite.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its parameters.
    #[must_use]
    pub fn params(&self) -> &[Value] {
        &self.params
    }

    /// Whether it changes rows.
    #[must_use]
    pub const fn writes(&self) -> bool {
        self.writes
    }
}

/// Statements that run in one transaction.
#[derive(Clone, Debug)]
pub struct Work {
    /// In their order.
    pub statements: Vec<Statement>,
    /// Undo everything afterwards (`Prefer: tx=rollback`).
    pub rollback: bool,
    /// Refuse, and undo, when more rows than these were changed or returned by one statement
    /// that writes.
    pub max_affected: Option<u64>,
    /// The first column of every row that any of the statements returns says whether the row
    /// is one that the caller may have made: refuse ([`crate::FaultKind::PolicyViolated`],
    /// state 42501), and undo, where it is not true (neither `true` nor 1). This is how a row
    /// policy's check holds on the row as the engine wrote it.
    pub checked: bool,
}

impl Work {
    /// One statement, to stay.
    #[must_use]
    pub fn one(statement: Statement) -> Self {
        Self {
            statements: vec![statement],
            rollback: false,
            max_affected: None,
            checked: false,
        }
    }

    /// Whether a row that one of the statements returned lets the work go on.
    pub(crate) fn admits(&self, row: &[Value]) -> bool {
        !self.checked || matches!(row.first(), Some(Value::Bool(true) | Value::Int(1)))
    }
}

/// What a piece of work may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Rows of one result.
    pub rows: usize,
    /// Bytes of one result, by [`Value::weight`].
    pub bytes: usize,
    /// Bytes that each of its rows takes beside its values, where they are written out.
    pub row: usize,
    /// From the moment it begins.
    pub time: Duration,
}

/// What one statement answered.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ResultSet {
    /// The names of its columns and their types as the engine names them.
    pub columns: Vec<(String, String)>,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
    /// How many rows it changed, where it changes rows.
    pub affected: u64,
}

/// What a caller's answers are counted on, from the moment they are made: before the work that
/// made them is there to stay, and before another's turn comes.
pub trait Tally: fmt::Debug + Send + Sync {
    /// Counts so many bytes.
    ///
    /// # Errors
    /// [`crate::FaultKind::Unread`] or [`crate::FaultKind::Contended`] where there is no room.
    fn count(&self, bytes: usize) -> Result<(), Fault>;
}

/// Where a realm's rows are.
pub trait Engine: Send + Sync {
    /// Which SQL it speaks.
    fn flavour(&self) -> Flavour;

    /// The realm's tables.
    fn schema(&self) -> BoxFuture<'_, Result<Arc<Schema>, Fault>>;

    /// Runs the work in the caller's tenant, all or nothing; one result for each statement.
    /// Dropping the future cancels what runs.
    ///
    /// Statements that write run only where the caller may write, the others only where it
    /// may read: the engine's own lock, beside the check of who made the statement.
    fn run<'a>(
        &'a self,
        caller: &'a Caller,
        work: Work,
        bounds: Bounds,
    ) -> BoxFuture<'a, Result<Vec<ResultSet>, Fault>>;

    /// Changes the realm's schema by these statements (DDL), as one step, once: a step that
    /// was applied before is not applied again. Answers the version afterwards.
    fn amend<'a>(&'a self, ddl: &'a str) -> BoxFuture<'a, Result<u64, Fault>>;

    /// Erases every row of a tenant for good. A tenant that has none is erased already.
    fn erase<'a>(&'a self, tenant: &'a TenantId) -> BoxFuture<'a, Result<(), Fault>>;

    /// A bounded piece of what is to be done now and then, such as bringing tenants' files up
    /// to the schema and closing idle ones. Answers how many tenants it dealt with; none is
    /// left when it was none.
    fn upkeep(&self) -> BoxFuture<'_, Result<u64, Fault>>;
}
