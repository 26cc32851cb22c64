//! Noticing commits, this process's and others', without reading the change log.

use super::presence::Presence;
use super::scope::unavailable;
use doorward_identity::port::StoreError;
use rusqlite::Connection;
use std::sync::{Arc, Mutex, PoisonError};

/// A connection of its own that never writes: `PRAGMA data_version` moves whenever
/// another connection, the writer's included, has committed.
pub(super) struct Watch {
    seen: Mutex<Seen>,
    presence: Arc<Presence>,
}

struct Seen {
    conn: Option<Connection>,
    version: Option<i64>,
}

impl Watch {
    pub(super) fn new(conn: Connection, presence: Arc<Presence>) -> Self {
        let seen = Seen {
            conn: Some(conn),
            version: None,
        };
        Self {
            seen: Mutex::new(seen),
            presence,
        }
    }

    /// Whether anybody has committed since the last call. The first call says yes.
    pub(super) fn has_changed(&self) -> Result<bool, StoreError> {
        self.presence.check()?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(conn) = &seen.conn else {
            return Err(StoreError::Unavailable("the store is closed".to_owned()));
        };
        let version: i64 = conn
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
            .map_err(unavailable)?;
        Ok(seen.version.replace(version) != Some(version))
    }

    pub(super) fn close(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.conn = None;
    }
}
