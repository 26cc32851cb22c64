//! Entries of the change log. Not here: how each engine keeps their order.

use crate::engine::{Engine, InRealm};
use crate::row::{Cursor, Record, Value};
use async_trait::async_trait;
use doorward_base::RealmId;
use doorward_identity::model::{Change, ChangeRow, ChangeSeq};
use doorward_identity::port::{ChangeWrite, StoreError};

pub(crate) const TABLE: &str = "change_log";

/// How many entries stay. A follower reads the log within a second or has stopped; one that
/// was away for longer than this starts again from a snapshot, as it must after any start.
pub(crate) const KEPT: i64 = 1_000_000;

/// The columns `kind` and `ref`.
pub(crate) fn values(change: &Change) -> [Value<'static>; 2] {
    match *change {
        Change::ApiToken(id) => ["api_token".into(), id.into()],
        Change::Session(id) => ["session".into(), id.into()],
        Change::Client(id) => ["client".into(), id.into()],
        Change::Subject(id) => ["subject".into(), id.into()],
        Change::Keys => ["keys".into(), Value::Null],
        Change::Tenants => ["tenants".into(), Value::Null],
        Change::Limits => ["limits".into(), Value::Null],
    }
}

fn read_change(row: &mut Cursor<'_>) -> Result<Change, StoreError> {
    match row.text("kind")? {
        "api_token" => row.id("ref").map(Change::ApiToken),
        "session" => row.id("ref").map(Change::Session),
        "client" => row.id("ref").map(Change::Client),
        "subject" => row.id("ref").map(Change::Subject),
        "keys" => Ok(Change::Keys),
        "tenants" => Ok(Change::Tenants),
        "limits" => Ok(Change::Limits),
        _ => Err(row.bad("kind", "unknown")),
    }
}

impl Record for ChangeRow {
    const TABLE: &'static str = TABLE;

    fn read(row: &mut Cursor<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            seq: ChangeSeq(row.int("seq")?),
            realm: RealmId(row.int("realm")?),
            change: read_change(row)?,
        })
    }
}

#[async_trait]
impl<E: Engine> ChangeWrite for InRealm<E> {
    async fn append_change(&mut self, change: Change) -> Result<(), StoreError> {
        self.0.note_change(change).await
    }
}
