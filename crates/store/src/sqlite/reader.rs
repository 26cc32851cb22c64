//! Reading on the caller's thread. Connections that cannot write are kept for reuse;
//! a reader never waits for another one or for the writer.

use super::open;
use super::presence::Presence;
use super::scope::unavailable;
use super::tx::caught;
use doorward_identity::port::StoreError;
use rusqlite::Connection;
use std::sync::{Arc, Mutex, PoisonError};

/// How many connections are kept. Reads do not wait inside, so more than one for
/// each thread that reads are never open for long.
const KEPT: usize = 32;

/// The read connections of one store.
pub(super) struct Readers {
    presence: Arc<Presence>,
    /// `None` once closed.
    idle: Mutex<Option<Vec<Connection>>>,
}

impl Readers {
    pub(super) fn new(presence: Arc<Presence>) -> Self {
        Self {
            presence,
            idle: Mutex::new(Some(Vec::new())),
        }
    }

    /// Runs reads over one snapshot.
    pub(super) fn run<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.presence.last_seen()?;
        let mut conn = self.take()?;
        statement(&conn, "BEGIN DEFERRED")?;
        let outcome = caught(|| work(&mut conn));
        // Nothing was written, so this only ends the snapshot.
        if statement(&conn, "ROLLBACK").is_ok() {
            self.put_back(conn);
        }
        outcome
    }

    /// Lets go of every connection and hands out no more.
    pub(super) fn close(&self) {
        *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn take(&self) -> Result<Connection, StoreError> {
        let reused = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(idle) = idle.as_mut() else {
                return Err(StoreError::Unavailable("the store is closed".to_owned()));
            };
            idle.pop()
        };
        match reused {
            Some(conn) => Ok(conn),
            None => {
                let conn = open::reading(self.presence.path())
                    .map_err(|error| StoreError::Unavailable(error.to_string()))?;
                // Another file may be in its place by now.
                self.presence.check().map(|()| conn)
            }
        }
    }

    fn put_back(&self, conn: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(idle) = idle.as_mut()
            && idle.len() < KEPT
        {
            idle.push(conn);
        }
    }
}

fn statement(conn: &Connection, sql: &str) -> Result<(), StoreError> {
    conn.prepare_cached(sql)
        .and_then(|mut statement| statement.raw_execute())
        .map(drop)
        .map_err(unavailable)
}
