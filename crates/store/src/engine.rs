//! What an engine is to the SQL that both share (`area`): it runs one statement in one
//! realm, inside one transaction. Not here: beginning, committing, running again.

use crate::row::{Cursor, Record, Target, Values};
use doorward_identity::model::{AuditEvent, Change, Rotation};
use doorward_identity::port::StoreError;
use std::future::Future;

/// A realm inside a transaction of an engine. The store's port is implemented for it.
pub(crate) struct InRealm<E>(pub(crate) E);

/// Which SQL an engine speaks, where the two differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// A transaction of one engine in one realm. The realm is `$1` of every statement, and a
/// statement without it does not run.
pub(crate) trait Engine: Send {
    const DIALECT: Dialect;

    /// The rows a statement finds.
    fn rows<T: Send>(
        &mut self,
        table: &'static str,
        sql: &str,
        values: Values<'_>,
        read: impl Fn(&mut Cursor<'_>) -> Result<T, StoreError> + Send,
    ) -> impl Future<Output = Result<Vec<T>, StoreError>> + Send;

    /// The rows a statement returns from what it wrote.
    fn returned<T: Send>(
        &mut self,
        target: Target<'_>,
        sql: &str,
        values: Values<'_>,
        read: impl Fn(&mut Cursor<'_>) -> Result<T, StoreError> + Send,
    ) -> impl Future<Output = Result<Vec<T>, StoreError>> + Send;

    /// Writes, and says how many rows it touched.
    fn write(
        &mut self,
        target: Target<'_>,
        sql: &str,
        values: Values<'_>,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// After this error nothing more is done, whatever the use-case makes of it.
    fn fail(&mut self, error: StoreError) -> StoreError;

    /// Writes an event down, now or at the end.
    fn note_event(
        &mut self,
        event: &AuditEvent,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Tells of a change, now or at the end.
    fn note_change(
        &mut self,
        change: Change,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Takes a rotation for the end, where a look-up is served outside of a transaction: it
    /// turns out then whether it was possible. Says whether it took it.
    fn postpone(&mut self, to: &Rotation) -> Result<bool, StoreError>;

    /// Something personal was removed, and must not stay in the engine's files either.
    fn note_erasure() {}

    /// The records a statement finds.
    fn list<T: Record + Send>(
        &mut self,
        sql: &str,
        values: Values<'_>,
    ) -> impl Future<Output = Result<Vec<T>, StoreError>> + Send {
        self.rows(T::TABLE, sql, values, T::whole)
    }

    /// The record a statement finds by a unique key.
    fn find<T: Record + Send>(
        &mut self,
        sql: &str,
        values: Values<'_>,
    ) -> impl Future<Output = Result<Option<T>, StoreError>> + Send {
        async move { Ok(self.list(sql, values).await?.pop()) }
    }

    /// Inserts one row with a statement that says `ON CONFLICT DO NOTHING`: on PostgreSQL an
    /// error would end the transaction. A row that is in the way is
    /// [`StoreError::Conflict`].
    fn insert(
        &mut self,
        target: Target<'_>,
        sql: &str,
        values: Values<'_>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        async move {
            match self.write(target, sql, values).await? {
                0 => Err(StoreError::Conflict(target.unique)),
                touched => self.expect_one(target, touched),
            }
        }
    }

    /// A statement that touched another number of rows than one has gone wrong.
    fn expect_one(&mut self, target: Target<'_>, touched: u64) -> Result<(), StoreError> {
        match touched {
            1 => Ok(()),
            _ => Err(self.fail(target.expected_one(touched))),
        }
    }

    /// Changes exactly one row.
    fn change(
        &mut self,
        target: Target<'_>,
        sql: &str,
        values: Values<'_>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        async move {
            let touched = self.write(target, sql, values).await?;
            self.expect_one(target, touched)
        }
    }

    /// Changes the row if it is there and as the statement says; whether it was.
    fn try_change(
        &mut self,
        target: Target<'_>,
        sql: &str,
        values: Values<'_>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        async move { Ok(self.write(target, sql, values).await? > 0) }
    }
}

/// Of two texts of one statement that of the engine `$engine`.
macro_rules! either {
    ($engine:ty, sqlite: $sqlite:expr, postgres: $postgres:expr $(,)?) => {
        match <$engine as $crate::engine::Engine>::DIALECT {
            $crate::engine::Dialect::Sqlite => $sqlite,
            $crate::engine::Dialect::Postgres => $postgres,
        }
    };
}

/// A statement about the rows whose `$column` is one of the ids that are bound at `$at`.
macro_rules! among {
    ($engine:ty, $head:literal, $column:literal, $at:literal, $tail:literal) => {
        $crate::engine::either!(
            $engine,
            sqlite: concat!(
                $head, " ", $column, " IN (SELECT unhex(value) FROM json_each(", $at, ")) ", $tail
            ),
            postgres: concat!($head, " ", $column, " = ANY (", $at, ") ", $tail),
        )
    };
}

/// A statement about the rows whose `$column` a query finds. PostgreSQL keeps a plan that
/// was made over an empty table, and as an array the query is answered first.
macro_rules! found_by {
    ($engine:ty, $head:literal, $column:literal, $query:expr) => {
        $crate::engine::either!(
            $engine,
            sqlite: concat!($head, " ", $column, " IN (", $query, ")"),
            postgres: concat!($head, " ", $column, " = ANY (ARRAY (", $query, "))"),
        )
    };
}

pub(crate) use {among, either, found_by};
