//! What SQLite's refusals mean to a caller. Its words are given on where they speak of the
//! caller's own statement; they name no file and no other tenant. Not here: what is logged.

use super::step::CONSTRAINT;
use crate::fault::{Fault, FaultKind};
use rusqlite::{Error, ErrorCode, ffi};

/// What SQLite says of a statement, beginning so, and what it means; it has one code for all
/// of them.
const SAYINGS: [(&str, FaultKind, &str); 23] = [
    ("no such table", FaultKind::NameUnknown, "42P01"),
    ("no such view", FaultKind::NameUnknown, "42P01"),
    ("no such column", FaultKind::NameUnknown, "42703"),
    ("no such function", FaultKind::NameUnknown, "42883"),
    ("unknown function", FaultKind::NameUnknown, "42883"),
    ("no such collation", FaultKind::NameUnknown, "42704"),
    ("no such index", FaultKind::NameUnknown, "42704"),
    ("wrong number of arguments", FaultKind::NameUnknown, "42883"),
    ("ambiguous column name", FaultKind::NameUnknown, "42702"),
    ("not authorized", FaultKind::StatementForbidden, "42501"),
    ("near ", FaultKind::SyntaxInvalid, "42601"),
    ("incomplete input", FaultKind::SyntaxInvalid, "42601"),
    ("unrecognized token", FaultKind::SyntaxInvalid, "42601"),
    (
        "Expression tree is too large",
        FaultKind::TooComplex,
        "54001",
    ),
    ("parser stack overflow", FaultKind::TooComplex, "54001"),
    ("Recursion limit", FaultKind::TooComplex, "54001"),
    ("variable number must be", FaultKind::TooComplex, "54000"),
    ("too many ", FaultKind::TooComplex, "54000"),
    (
        "LIKE or GLOB pattern too complex",
        FaultKind::TooComplex,
        "54000",
    ),
    ("malformed JSON", FaultKind::ValueInvalid, "22032"),
    ("bad JSON path", FaultKind::ValueInvalid, "22032"),
    ("integer overflow", FaultKind::ValueInvalid, "22003"),
    ("datatype mismatch", FaultKind::ValueInvalid, "22P02"),
];

/// The caller's fault for it; `column` is the tenant's.
pub(super) fn fault(error: &Error, sql: &str, column: &str) -> Fault {
    match error {
        Error::SqliteFailure(failure, words) => {
            engine(*failure, words.as_deref().unwrap_or_default(), column)
        }
        Error::SqlInputError {
            error, msg, offset, ..
        } => {
            let fault = engine(*error, msg, column);
            match position(sql, *offset) {
                Some(position) => fault.at(position),
                None => fault,
            }
        }
        Error::MultipleStatement => {
            Fault::because(FaultKind::StatementForbidden, "one statement at a time")
        }
        Error::InvalidParameterCount(..) => Fault::because(
            FaultKind::RequestInvalid,
            "the statement has another number of parameters than were sent",
        )
        .state("08P01"),
        Error::NulError(_) => Fault::because(FaultKind::SyntaxInvalid, "a NUL in the statement"),
        _ => Fault::new(FaultKind::Internal),
    }
}

/// Whether there was no room for it.
pub(super) fn is_full(error: &Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
}

/// The tenant's file has become as large as it may.
pub(super) fn full() -> Fault {
    Fault::because(
        FaultKind::Refused,
        "the tenant's rows take as much room as they may",
    )
    .state("53100")
    .hint("delete rows, or ask the operator for a larger max_tenant_bytes")
}

/// The disk has no more room than is left to others.
pub(super) fn crowded() -> Fault {
    Fault::because(
        FaultKind::Unavailable,
        "the disk has too little room: nothing is written until it has more",
    )
    .state("53100")
}

/// A statement may hold too much at once.
pub(super) fn heavy() -> Fault {
    Fault::because(
        FaultKind::TooComplex,
        "the statement may hold too many values at once",
    )
    .state("53200")
}

/// A statement has written more than one may.
pub(super) fn spilt() -> Fault {
    Fault::because(
        FaultKind::TooComplex,
        "the statement sorts, keeps aside or writes too much",
    )
    .state("53400")
}

/// Whether the tenant's file cannot be used now, as opposed to the statement.
pub(super) fn is_of_file(error: &Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
                | ErrorCode::ReadOnly
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::NoLargeFileSupport
        )
    )
}

fn engine(failure: ffi::Error, words: &str, column: &str) -> Fault {
    let kind = match failure.code {
        ErrorCode::ConstraintViolation => return constraint(failure, words, column),
        ErrorCode::AuthorizationForStatementDenied => {
            return Fault::because(
                FaultKind::StatementForbidden,
                "the statement uses something that callers do not have",
            )
            .state("42501");
        }
        ErrorCode::TypeMismatch => {
            return Fault::because(FaultKind::ValueInvalid, words).state("22P02");
        }
        ErrorCode::TooBig => {
            let words = "a value is too long for this statement";
            return Fault::because(FaultKind::TooComplex, words)
                .state("54000")
                .hint("a value has at most 1 MiB, and less where a statement holds many");
        }
        ErrorCode::OutOfMemory => {
            let words = "the statement needs more memory than there is";
            return Fault::because(FaultKind::TooComplex, words).state("53200");
        }
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::SchemaChanged => {
            return Fault::new(FaultKind::Contended).state("55P03");
        }
        ErrorCode::OperationInterrupted => {
            return Fault::new(FaultKind::TimedOut).state("57014");
        }
        ErrorCode::ParameterOutOfRange => FaultKind::RequestInvalid,
        ErrorCode::DiskFull
        | ErrorCode::SystemIoFailure
        | ErrorCode::DatabaseCorrupt
        | ErrorCode::NotADatabase
        | ErrorCode::CannotOpen
        | ErrorCode::PermissionDenied
        | ErrorCode::ReadOnly
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::NoLargeFileSupport => return Fault::new(FaultKind::Unavailable),
        ErrorCode::Unknown => return said(words),
        _ => FaultKind::Internal,
    };
    Fault::new(kind)
}

fn said(words: &str) -> Fault {
    let found = SAYINGS.iter().find(|(start, ..)| words.starts_with(start));
    match found {
        Some((_, kind, state)) => Fault::because(*kind, words).state(state),
        None if words.contains(" has no column named ") => {
            Fault::because(FaultKind::NameUnknown, words).state("42703")
        }
        None if words.ends_with(" may not be modified") => {
            Fault::because(FaultKind::StatementForbidden, words).state("42501")
        }
        None => Fault::because(FaultKind::Refused, words),
    }
}

fn constraint(failure: ffi::Error, words: &str, column: &str) -> Fault {
    let what = words.split_once(": ").map(|(_, what)| what);
    let of_tenant = |what: &str| {
        let name = what.rsplit_once('.').map_or(what, |(_, name)| name);
        name.eq_ignore_ascii_case(column)
    };
    let policy = || {
        Fault::because(
            FaultKind::PolicyViolated,
            "the row is not of the caller's tenant",
        )
        .state("42501")
    };
    let state = match failure.extended_code {
        ffi::SQLITE_CONSTRAINT_CHECK if what == Some(CONSTRAINT) => return policy(),
        ffi::SQLITE_CONSTRAINT_NOTNULL if what.is_some_and(of_tenant) => return policy(),
        ffi::SQLITE_CONSTRAINT_DATATYPE => {
            return Fault::because(FaultKind::ValueInvalid, words).state("22P02");
        }
        ffi::SQLITE_CONSTRAINT_UNIQUE
        | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        | ffi::SQLITE_CONSTRAINT_ROWID => "23505",
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => "23503",
        ffi::SQLITE_CONSTRAINT_NOTNULL => "23502",
        ffi::SQLITE_CONSTRAINT_CHECK => "23514",
        _ => "23000",
    };
    Fault::because(FaultKind::ConstraintViolated, words).state(state)
}

/// In characters from 1, of an offset in bytes.
fn position(sql: &str, offset: i32) -> Option<u32> {
    let before = sql.get(..usize::try_from(offset).ok()?)?;
    u32::try_from(before.chars().count() + 1).ok()
}
