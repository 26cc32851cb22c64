//! Statements that bind values and read rows in the form of `row`, whatever the engine.

use super::erase;
use super::scope::{Scope, failed, write_failed};
use super::tx::RealmTx;
use crate::area::{audit, change};
use crate::engine::{Dialect, Engine};
use crate::row::{Columns, Cursor, Target, Value, Values};
use doorward_identity::model::{AuditEvent, Change, Rotation};
use doorward_identity::port::StoreError;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Row, ToSql};
use std::fmt::Write as _;

impl<'c> Scope<'c> {
    fn read<T>(
        self,
        table: &'static str,
        sql: &str,
        values: Values<'_>,
        read: impl Fn(&mut Cursor<'_>) -> Result<T, StoreError>,
        failed: impl Fn(rusqlite::Error) -> StoreError,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.prepared(sql, values).map_err(&failed)?;
        let mut rows = statement.raw_query();
        let mut list = Vec::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            list.push(read(&mut Cursor::new(table, row))?);
        }
        Ok(list)
    }

    /// The statement with its values: `$1` the realm, `$2` the first value. A statement
    /// that leaves one out does not run.
    fn prepared(self, sql: &str, values: Values<'_>) -> rusqlite::Result<CachedStatement<'c>> {
        let (conn, realm) = self.parts();
        let mut statement = conn.prepare_cached(sql)?;
        let (count, given) = (statement.parameter_count(), values.len() + 1);
        if count != given {
            return Err(rusqlite::Error::InvalidParameterCount(count, given));
        }
        for at in 1..=count {
            // SQLite numbers them in the order of the text.
            let name = statement.parameter_name(at).unwrap_or_default();
            let number = name
                .strip_prefix('$')
                .and_then(|number| number.parse().ok());
            match number {
                Some(1) => statement.raw_bind_parameter(at, realm.0)?,
                Some(number @ 2..) => match values.get(number - 2_usize) {
                    Some(value) => statement.raw_bind_parameter(at, value)?,
                    None => return Err(rusqlite::Error::InvalidParameterName(name.to_owned())),
                },
                _ => return Err(rusqlite::Error::InvalidParameterName(name.to_owned())),
            }
        }
        Ok(statement)
    }
}

impl Engine for RealmTx<'_> {
    const DIALECT: Dialect = Dialect::Sqlite;

    async fn rows<T: Send>(
        &mut self,
        table: &'static str,
        sql: &str,
        values: Values<'_>,
        read: impl Fn(&mut Cursor<'_>) -> Result<T, StoreError> + Send,
    ) -> Result<Vec<T>, StoreError> {
        let failed = |error| failed(table, error);
        self.with(|scope| scope.read(table, sql, values, read, failed))
    }

    async fn returned<T: Send>(
        &mut self,
        target: Target<'_>,
        sql: &str,
        values: Values<'_>,
        read: impl Fn(&mut Cursor<'_>) -> Result<T, StoreError> + Send,
    ) -> Result<Vec<T>, StoreError> {
        let failed = |error| write_failed(target, error);
        self.with(|scope| scope.read(target.table, sql, values, read, failed))
    }

    async fn write(
        &mut self,
        target: Target<'_>,
        sql: &str,
        values: Values<'_>,
    ) -> Result<u64, StoreError> {
        self.with(|scope| {
            let touched = scope
                .prepared(sql, values)
                .and_then(|mut statement| statement.raw_execute())
                .map_err(|error| write_failed(target, error))?;
            Ok(touched as u64)
        })
    }

    fn fail(&mut self, error: StoreError) -> StoreError {
        self.give_up(error)
    }

    async fn note_event(&mut self, event: &AuditEvent) -> Result<(), StoreError> {
        if let Some(later) = self.later() {
            later.events.push(event.clone());
            return Ok(());
        }
        let sql = "INSERT INTO audit (realm, at, request, actor, actor_subject, action, refused, \
             subject, tenant, token, session, peer, detail) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
        let target = audit::target(&event.request);
        self.change(target, sql, &audit::values(event)?).await
    }

    async fn note_change(&mut self, change: Change) -> Result<(), StoreError> {
        let sql = "INSERT INTO change_log (realm, kind, ref) VALUES ($1, $2, $3)";
        let target = Target::new(change::TABLE, &"a new one", "the position");
        self.change(target, sql, &change::values(&change)).await
    }

    fn postpone(&mut self, to: &Rotation) -> Result<bool, StoreError> {
        let Some(later) = self.later() else {
            return Ok(false);
        };
        if later.rotation.replace(to.clone()).is_some() {
            let again = "it runs again in a transaction".to_owned();
            return Err(self.give_up(StoreError::Unavailable(again)));
        }
        Ok(true)
    }

    fn note_erasure() {
        erase::mark_swept();
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Flag(flag) => ValueRef::Integer(i64::from(*flag)),
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Id(bytes) => ValueRef::Blob(bytes),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
            // This engine has no arrays.
            Self::Ids(ids) => return Ok(json(ids.iter().map(|id| hex(id)))),
            Self::Texts(texts) => return Ok(json(texts.iter().copied())),
            Self::Ints(numbers) => return Ok(json(numbers.iter().copied())),
        }))
    }
}

fn json<T: Into<serde_json::Value>>(values: impl Iterator<Item = T>) -> ToSqlOutput<'static> {
    let array: serde_json::Value = values.map(Into::into).collect();
    ToSqlOutput::from(array.to_string())
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

impl Columns for Row<'_> {
    fn id(&self, at: usize) -> Result<Option<[u8; 16]>, String> {
        self.get(at).map_err(|error| error.to_string())
    }

    fn text(&self, at: usize) -> Result<Option<&str>, String> {
        let text = self.get_ref(at).map_err(|error| error.to_string())?;
        text.as_str_or_null().map_err(|error| error.to_string())
    }

    fn int(&self, at: usize) -> Result<Option<i64>, String> {
        self.get(at).map_err(|error| error.to_string())
    }

    fn flag(&self, at: usize) -> Result<Option<bool>, String> {
        self.get(at).map_err(|error| error.to_string())
    }

    fn bytes(&self, at: usize) -> Result<Option<&[u8]>, String> {
        let bytes = self.get_ref(at).map_err(|error| error.to_string())?;
        bytes.as_blob_or_null().map_err(|error| error.to_string())
    }
}
