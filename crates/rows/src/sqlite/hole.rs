//! Holes that tests plant in the engine, to see that they are found.

use super::shelf::Shelf;
use super::tenant::Tenant;
use rusqlite::Connection;
use rusqlite::limits::Limit;
use std::sync::Arc;

/// One hole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hole {
    /// A connection goes from one caller to the next as it is, whoever that is.
    LentOn,
    /// No authorizer, no bound of attached files, and nothing asks what a statement is.
    Attach,
}

impl Hole {
    /// Opens a connection to other files.
    pub(super) fn open(self, conn: &mut Connection) -> rusqlite::Result<()> {
        if self == Self::Attach {
            conn.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 8)?;
            super::authorize::nobody(conn)?;
        }
        Ok(())
    }
}

impl Shelf {
    /// Whose connection a caller gets: where it is lent on, that of the caller before.
    pub(super) fn handed_out(&self, asked: Arc<Tenant>) -> Arc<Tenant> {
        if self.hole != Some(Hole::LentOn) {
            return asked;
        }
        let before = super::book::lock(&self.lent).replace(Arc::clone(&asked));
        before.unwrap_or(asked)
    }
}
