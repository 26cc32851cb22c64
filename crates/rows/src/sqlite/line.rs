//! One connection to a tenant's file, as it is lent: its authorizer knows callers from us.

use super::authorize::Purpose;
use super::open::{self, Identity};
use super::weight::Weight;
use rusqlite::Connection;
use rusqlite::limits::Limit;
use std::cell::RefCell;
use std::collections::HashMap;
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
    /// Of the statements that were run lately.
    weights: RefCell<HashMap<String, Arc<Weight>>>,
}

/// Statements whose weight is kept.
const KEPT: usize = 64;

impl Line {
    /// With the answer of [`super::authorize::callers`].
    pub(super) fn new(
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
            weights: RefCell::default(),
        }
    }

    /// What this statement may hold.
    pub(super) fn weight(&self, sql: &str) -> rusqlite::Result<Arc<Weight>> {
        if let Some(known) = self.weights.borrow().get(sql) {
            return Ok(Arc::clone(known));
        }
        let weight = Arc::new(Weight::of(&self.conn, sql)?);
        let mut weights = self.weights.borrow_mut();
        if weights.len() >= KEPT {
            weights.clear();
        }
        weights.insert(sql.to_owned(), Arc::clone(&weight));
        Ok(weight)
    }

    /// Bounds the length of values, until it is bounded anew.
    pub(super) fn keep_values_within(&self, longest: i32) -> rusqlite::Result<()> {
        self.conn
            .set_limit(Limit::SQLITE_LIMIT_LENGTH, longest)
            .map(drop)
    }

    /// Lets it sort with as much memory as a sort is counted with, or ends that.
    pub(super) fn sort_in_memory(&self, sorts: bool) -> rusqlite::Result<()> {
        self.control(if sorts {
            open::SORTING_CACHE
        } else {
            open::CACHE
        })
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
