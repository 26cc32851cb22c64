//! Statements that bind values and read rows in the form of `row`, whatever the engine.

use super::scope::{Id, Scope, Trouble, describe, failed, write_failed};
use super::tx::RealmTx;
use crate::engine::{Dialect, Engine};
use crate::row::{Columns, Cursor, Target, Value, Values};
use doorward_identity::model::{AuditEvent, Change, Rotation};
use doorward_identity::port::StoreError;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Column, Error, Row};

/// Why a value could not be converted.
type Failed = Box<dyn std::error::Error + Sync + Send>;

impl Scope<'_> {
    async fn query(self, sql: &str, values: Values<'_>) -> Result<Vec<Row>, Error> {
        let (conn, _) = self.parts();
        let statement = conn.prepare_cached(sql).await?;
        conn.query(&statement, &self.bound(values)).await
    }

    async fn execute(self, sql: &str, values: Values<'_>) -> Result<u64, Error> {
        let (conn, _) = self.parts();
        let statement = conn.prepare_cached(sql).await?;
        conn.execute(&statement, &self.bound(values)).await
    }

    fn bound<'v>(&'v self, values: Values<'v>) -> Vec<&'v (dyn ToSql + Sync)> {
        let realm: &(dyn ToSql + Sync) = self.realm();
        let values = values.iter().map(|value| value as &(dyn ToSql + Sync));
        std::iter::once(realm).chain(values).collect()
    }
}

fn read_rows<T>(
    table: &'static str,
    rows: &[Row],
    read: impl Fn(&mut Cursor<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, Trouble> {
    rows.iter()
        .map(|row| Ok(read(&mut Cursor::new(table, row))?))
        .collect()
}

impl Engine for RealmTx {
    const DIALECT: Dialect = Dialect::Postgres;

    async fn rows<T: Send>(
        &mut self,
        table: &'static str,
        sql: &str,
        values: Values<'_>,
        read: impl Fn(&mut Cursor<'_>) -> Result<T, StoreError> + Send,
    ) -> Result<Vec<T>, StoreError> {
        let rows = self.reading().await?.query(sql, values).await;
        let rows = rows.map_err(|error| failed(table, &error));
        self.done(rows.and_then(|rows| read_rows(table, &rows, read)))
    }

    async fn returned<T: Send>(
        &mut self,
        target: Target<'_>,
        sql: &str,
        values: Values<'_>,
        read: impl Fn(&mut Cursor<'_>) -> Result<T, StoreError> + Send,
    ) -> Result<Vec<T>, StoreError> {
        let rows = self.writing().await?.query(sql, values).await;
        let rows = rows.map_err(|error| write_failed(target, &error));
        self.done(rows.and_then(|rows| read_rows(target.table, &rows, read)))
    }

    async fn write(
        &mut self,
        target: Target<'_>,
        sql: &str,
        values: Values<'_>,
    ) -> Result<u64, StoreError> {
        let written = self.writing().await?.execute(sql, values).await;
        self.done(written.map_err(|error| write_failed(target, &error)))
    }

    fn fail(&mut self, error: StoreError) -> StoreError {
        self.give_up(error.into())
    }

    async fn note_event(&mut self, event: &AuditEvent) -> Result<(), StoreError> {
        self.push_audit(event)
    }

    async fn note_change(&mut self, change: Change) -> Result<(), StoreError> {
        self.push_change(change)
    }

    fn postpone(&mut self, to: &Rotation) -> Result<bool, StoreError> {
        self.put_off(to)
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Failed> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Flag(flag) => flag.to_sql_checked(kind, out),
            Self::Int(number) => number.to_sql_checked(kind, out),
            Self::Id(bytes) => Id(*bytes).to_sql_checked(kind, out),
            // A text of another's may hold a NUL, and is kept as bytes.
            Self::Text(text) if *kind == Type::BYTEA => text.as_bytes().to_sql_checked(kind, out),
            Self::Text(text) => (&**text).to_sql_checked(kind, out),
            Self::Bytes(bytes) => bytes.to_sql_checked(kind, out),
            Self::Ids(ids) => {
                let ids: Vec<Id> = ids.iter().copied().map(Id).collect();
                ids.to_sql_checked(kind, out)
            }
            Self::Texts(texts) => texts.to_sql_checked(kind, out),
            Self::Ints(numbers) => numbers.to_sql_checked(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        // Each value looks at the type itself.
        true
    }

    to_sql_checked!();
}

impl Columns for Row {
    fn id(&self, at: usize) -> Result<Option<[u8; 16]>, String> {
        let id: Option<Id> = self.try_get(at).map_err(|error| describe(&error))?;
        Ok(id.map(|Id(id)| id))
    }

    fn text(&self, at: usize) -> Result<Option<&str>, String> {
        let kind = self.columns().get(at).map(Column::type_);
        if kind != Some(&Type::BYTEA) {
            return self.try_get(at).map_err(|error| describe(&error));
        }
        let bytes = self.bytes(at)?;
        let text = bytes.map(std::str::from_utf8).transpose();
        text.map_err(|_| "it is not UTF-8".to_owned())
    }

    fn int(&self, at: usize) -> Result<Option<i64>, String> {
        self.try_get(at).map_err(|error| describe(&error))
    }

    fn flag(&self, at: usize) -> Result<Option<bool>, String> {
        self.try_get(at).map_err(|error| describe(&error))
    }

    fn bytes(&self, at: usize) -> Result<Option<&[u8]>, String> {
        self.try_get(at).map_err(|error| describe(&error))
    }
}
