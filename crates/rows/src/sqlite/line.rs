//! One connection to a tenant's file, as it is lent: its authorizer knows callers from us.

use super::authorize::Purpose;
use super::open::Identity;
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Which file a connection is to, and as what it was opened.
pub(super) struct Mark {
    /// Of the realm's schema.
    pub(super) version: u64,
    /// The file.
    pub(super) identity: Identity,
}

impl Mark {
    /// Whether the file is still the one of this path.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        Identity::of(path) == Some(self.identity)
    }
}

/// How a connection comes back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Condition {
    /// For the next caller.
    Fit,
    /// Not for another caller.
    Unfit,
    /// Not for another caller, and neither are the others to the same file.
    Broken,
}

/// A connection.
pub(super) struct Line {
    pub(super) conn: Connection,
    pub(super) purpose: Purpose,
    pub(super) mark: Arc<Mark>,
    ours: Arc<AtomicBool>,
}

impl Line {
    /// With the answer of [`super::authorize::callers`].
    pub(super) const fn new(
        conn: Connection,
        purpose: Purpose,
        ours: Arc<AtomicBool>,
        mark: Arc<Mark>,
    ) -> Self {
        Self {
            conn,
            purpose,
            mark,
            ours,
        }
    }

    /// Begins or ends a transaction, which callers cannot.
    pub(super) fn control(&self, sql: &'static str) -> rusqlite::Result<()> {
        self.ours.store(true, Ordering::Relaxed);
        let outcome = self
            .conn
            .prepare_cached(sql)
            .and_then(|mut statement| statement.raw_execute());
        self.ours.store(false, Ordering::Relaxed);
        outcome.map(drop)
    }
}
