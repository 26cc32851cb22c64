//! The only way to a realm's rows: a connection and the realm, bound as `$1` to every
//! statement, so that a statement that forgets the realm does not run. Also what the
//! engine's errors mean.

use crate::row::Target;
use deadpool_postgres::ClientWrapper;
use doorward_base::RealmId;
use doorward_identity::port::StoreError;
use std::error::Error as _;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

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
