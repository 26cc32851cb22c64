//! Where something erased may have left rows.

use super::scope::{Trouble, failed};
use crate::area::erase::UNSWEPT;
use crate::area::subject::TABLE;
use deadpool_postgres::ClientWrapper;
use doorward_base::RealmId;

/// The realms in which something may be left.
pub(super) async fn list_unswept(conn: &ClientWrapper) -> Result<Vec<RealmId>, Trouble> {
    let rows = conn.query(UNSWEPT, &[]).await;
    rows.and_then(|rows| rows.iter().map(|row| row.try_get(0).map(RealmId)).collect())
        .map_err(|error| failed(TABLE, &error))
}
