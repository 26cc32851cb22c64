//! The only way to a realm's rows: a connection and the realm, bound as `$1` to every
//! statement, so that a statement that forgets the realm does not run. Also what the
//! engine's errors mean.

pub(super) use crate::row::Target;
use deadpool_postgres::ClientWrapper;
use doorward_base::{
    ApiTokenId, ChallengeId, ClientId, FactorId, IdentityId, MailId, MembershipId, RealmId,
    RequestId, SessionId, SubjectId,
};
use doorward_identity::port::StoreError;
use std::error::Error as _;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{FromSqlOwned, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Row, Statement};

/// The values of `$2`, `$3`, … of a statement.
pub(super) type Values<'v> = &'v [&'v (dyn ToSql + Sync)];

/// Why a statement did not do its part.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    /// For good: the caller is told.
    Store(StoreError),
    /// A unique key is taken, and the server ended the transaction over it: nothing of it
    /// can be kept, whatever the use-case makes of the conflict.
    Taken(&'static str),
    /// It collided with another transaction: the use-case runs again.
    Collided,
    /// The connection is gone, or this server cannot serve now.
    Lost(String),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Store(error) => error,
            Trouble::Taken(unique) => Self::Conflict(unique),
            Trouble::Collided => {
                Self::Unavailable("it collided with other transactions; try again".to_owned())
            }
            Trouble::Lost(cause) => Self::Unavailable(cause),
        }
    }
}

/// A row as it is stored.
pub(super) trait Record: Sized {
    /// Its table.
    const TABLE: &'static str;
    /// Reads the columns in the order of the module's `SELECT`.
    fn read(row: &Row) -> Result<Self, tokio_postgres::Error>;
}

/// One realm through one connection.
#[derive(Clone, Copy)]
pub(super) struct Scope<'c> {
    conn: &'c ClientWrapper,
    realm: RealmId,
}

impl<'c> Scope<'c> {
    pub(super) const fn new(conn: &'c ClientWrapper, realm: RealmId) -> Self {
        Self { conn, realm }
    }

    /// For the few statements that bind the realm themselves.
    pub(super) const fn parts(self) -> (&'c ClientWrapper, RealmId) {
        (self.conn, self.realm)
    }

    /// The realm as a value.
    pub(super) const fn realm(&self) -> &i64 {
        &self.realm.0
    }

    /// The row a statement finds.
    pub(super) async fn find<R, T>(
        self,
        sql: &str,
        values: Values<'_>,
    ) -> Result<Option<T>, Trouble>
    where
        R: Record,
        T: TryFrom<R, Error = StoreError>,
    {
        let rows = self.rows(R::TABLE, sql, values).await?;
        rows.first().map(read_one::<R, T>).transpose()
    }

    /// The values of a statement's only column.
    pub(super) async fn column<T: FromSqlOwned>(
        self,
        table: &'static str,
        sql: &str,
        values: Values<'_>,
    ) -> Result<Vec<T>, Trouble> {
        let rows = self.rows(table, sql, values).await?;
        rows.iter()
            .map(|row| row.try_get(0).map_err(|error| failed(table, &error)))
            .collect()
    }

    /// The rows a statement finds, or returns from what it wrote.
    pub(super) async fn list<R, T>(self, sql: &str, values: Values<'_>) -> Result<Vec<T>, Trouble>
    where
        R: Record,
        T: TryFrom<R, Error = StoreError>,
    {
        let rows = self.rows(R::TABLE, sql, values).await?;
        rows.iter().map(read_one::<R, T>).collect()
    }

    /// Writes, and says how many rows it touched. An `INSERT` says
    /// `ON CONFLICT DO NOTHING`: an error would end the whole transaction.
    pub(super) async fn write(
        self,
        target: Target<'_>,
        sql: &str,
        values: Values<'_>,
    ) -> Result<u64, Trouble> {
        let statement = self.prepare(target.table, sql).await?;
        let values = self.bind(values);
        self.conn
            .execute(&statement, &values)
            .await
            .map_err(|error| write_failed(target, &error))
    }

    /// Inserts one row with a statement that says `ON CONFLICT DO NOTHING`; a row that
    /// is in the way is [`StoreError::Conflict`].
    pub(super) async fn insert_one(
        self,
        target: Target<'_>,
        sql: &str,
        values: Values<'_>,
    ) -> Result<(), Trouble> {
        match self.write(target, sql, values).await? {
            0 => Err(StoreError::Conflict(target.unique).into()),
            touched => expect_one(target, touched),
        }
    }

    /// Changes exactly one row.
    pub(super) async fn write_one(
        self,
        target: Target<'_>,
        sql: &str,
        values: Values<'_>,
    ) -> Result<(), Trouble> {
        expect_one(target, self.write(target, sql, values).await?)
    }

    async fn rows(
        self,
        table: &'static str,
        sql: &str,
        values: Values<'_>,
    ) -> Result<Vec<Row>, Trouble> {
        let statement = self.prepare(table, sql).await?;
        let values = self.bind(values);
        self.conn
            .query(&statement, &values)
            .await
            .map_err(|error| failed(table, &error))
    }

    /// The statement, prepared once for each connection.
    async fn prepare(self, table: &'static str, sql: &str) -> Result<Statement, Trouble> {
        self.conn
            .prepare_cached(sql)
            .await
            .map_err(|error| failed(table, &error))
    }

    fn bind<'v>(&'v self, values: Values<'v>) -> Vec<&'v (dyn ToSql + Sync)> {
        let mut all: Vec<&(dyn ToSql + Sync)> = Vec::with_capacity(values.len() + 1);
        all.push(&self.realm.0);
        all.extend_from_slice(values);
        all
    }
}

fn read_one<R, T>(row: &Row) -> Result<T, Trouble>
where
    R: Record,
    T: TryFrom<R, Error = StoreError>,
{
    let read = R::read(row).map_err(|error| failed(R::TABLE, &error))?;
    Ok(T::try_from(read)?)
}

fn expect_one(target: Target<'_>, touched: u64) -> Result<(), Trouble> {
    if touched == 1 {
        return Ok(());
    }
    Err(Trouble::Store(StoreError::Inconsistent {
        table: target.table,
        column: "(row)",
        row: target.row.to_string(),
        problem: format!("{touched} rows were written where one was expected"),
    }))
}

/// Sixteen bytes, in a column of type `uuid`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Id(pub(super) [u8; 16]);

impl ToSql for Id {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut tokio_postgres::types::private::BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::UUID
    }

    to_sql_checked!();
}

impl<'a> tokio_postgres::types::FromSql<'a> for Id {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw.try_into()?))
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::UUID
    }
}

macro_rules! ids {
    ($($id:ty),*) => {
        $(impl From<$id> for Id {
            fn from(id: $id) -> Self {
                Self(*id.as_bytes())
            }
        })*
    };
}

ids!(
    ApiTokenId,
    ChallengeId,
    ClientId,
    FactorId,
    IdentityId,
    MailId,
    MembershipId,
    RequestId,
    SessionId,
    SubjectId
);

/// Where a page of ids begins, and whether that id is part of it: it is when no page was
/// before. For `id >= $2 AND ($3 OR id > $2)`, which an index serves.
pub(super) fn start<K>(after: Option<K>) -> (Id, bool)
where
    Id: From<K>,
{
    match after {
        Some(after) => (Id::from(after), false),
        None => (Id([0; 16]), true),
    }
}

/// What an error while reading a table means.
pub(super) fn failed(table: &'static str, error: &tokio_postgres::Error) -> Trouble {
    match classify(error) {
        Some(trouble) => trouble,
        None => Trouble::Store(StoreError::Inconsistent {
            table,
            column: "(row)",
            row: "unknown".to_owned(),
            problem: describe(error),
        }),
    }
}

/// What an error while writing a row means.
pub(super) fn write_failed(target: Target<'_>, error: &tokio_postgres::Error) -> Trouble {
    if let Some(trouble) = classify(error) {
        return trouble;
    }
    if error.code() == Some(&SqlState::UNIQUE_VIOLATION) {
        return Trouble::Taken(target.unique);
    }
    let reference = error.code() == Some(&SqlState::FOREIGN_KEY_VIOLATION);
    Trouble::Store(StoreError::Inconsistent {
        table: target.table,
        column: if reference { "(reference)" } else { "(row)" },
        row: target.row.to_string(),
        problem: if reference {
            "it refers to a row that this realm does not have".to_owned()
        } else {
            describe(error)
        },
    })
}

/// What is no statement about any row: collisions and a server that cannot serve.
fn classify(error: &tokio_postgres::Error) -> Option<Trouble> {
    let Some(code) = error.code() else {
        // The server did not speak: the connection broke, or a value did not convert.
        let broken = error.is_closed()
            || error
                .source()
                .is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
        return broken.then(|| Trouble::Lost(describe(error)));
    };
    if *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED {
        return Some(Trouble::Collided);
    }
    // Classes of the SQL standard and of PostgreSQL: connection (08), resources (53),
    // limits (54), not in the right state (55), operator's intervention and time-outs
    // (57), the system (58), a transaction that was ended for idling (25P03), rights
    // (28, 42501), damaged data (XX).
    let class = code.code().get(..2).unwrap_or_default();
    let unavailable = matches!(class, "08" | "28" | "53" | "54" | "55" | "57" | "58" | "XX")
        || matches!(code.code(), "25P03" | "25006" | "42501");
    unavailable.then(|| Trouble::Lost(describe(error)))
}

/// The server's own words.
pub(super) fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => match error.source() {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
    }
}
