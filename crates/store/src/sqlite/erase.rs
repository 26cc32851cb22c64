//! What was erased, and must leave the write-ahead log too.

use super::scope::unavailable;
use crate::area::erase::UNSWEPT;
use doorward_base::RealmId;
use doorward_identity::port::StoreError;
use rusqlite::Connection;
use std::cell::Cell;

thread_local! {
    /// Whether something was swept that the write-ahead log still has. Set and taken by the
    /// writer's thread, which alone writes.
    static SWEPT: Cell<bool> = const { Cell::new(false) };
}

/// Whether something was swept since this was last asked.
pub(super) fn take_swept() -> bool {
    SWEPT.take()
}

/// Says that the write-ahead log has still something that was swept.
pub(super) fn mark_swept() {
    SWEPT.set(true);
}

/// The realms in which something may be left.
pub(super) fn list_unswept(conn: &Connection) -> Result<Vec<RealmId>, StoreError> {
    let list = || {
        conn.prepare_cached(UNSWEPT)?
            .query_map([], |row| row.get(0).map(RealmId))?
            .collect::<rusqlite::Result<Vec<_>>>()
    };
    list().map_err(unavailable)
}
