//! What the server's errors mean, and how much of them a caller may read: nothing of another
//! session, and of rows only its own. Not here: bodies (`http`, `rest`).

use crate::fault::{Fault, FaultKind};
use std::error::Error as _;
use tokio_postgres::error::{DbError, ErrorPosition};

/// Nobody answers.
pub(super) fn unreachable(why: &str) -> Fault {
    tracing::warn!(why, "the rows' database cannot be reached");
    Fault::because(FaultKind::Unavailable, "the rows cannot be reached now")
}

/// While connecting, or over a connection of the owner's: for the operator.
pub(super) fn opening(error: &tokio_postgres::Error) -> Fault {
    let fault = Fault::because(
        FaultKind::Unavailable,
        format!("the rows' database: {}", describe(error)),
    );
    match error.code() {
        Some(state) => fault.state(state.code()),
        None => fault,
    }
}

/// While connecting for a caller, who does not read the server's words about it.
pub(super) fn connecting(error: &tokio_postgres::Error) -> Fault {
    unreachable(&describe(error))
}

/// What was for the operator, for a caller.
pub(super) fn for_caller(fault: Fault) -> Fault {
    match fault.kind {
        FaultKind::Unavailable => unreachable(&fault.message),
        _ => fault,
    }
}

/// A step of the schema: for the operator, in the server's words.
pub(super) fn of_step(error: &tokio_postgres::Error) -> Fault {
    match error.as_db_error() {
        Some(said) if !is_ours(class(said)) => mapped(said, true),
        _ => opening(error),
    }
}

/// A statement of a caller's.
pub(super) fn of_statement(error: &tokio_postgres::Error) -> Fault {
    match error.as_db_error() {
        Some(said) => mapped(said, false),
        // Parameters are text already, so what fails without the server's word is the wire.
        None => unreachable(&describe(error)),
    }
}

/// With the words of the server, which an error of the client's library leaves out.
pub(super) fn describe(error: &tokio_postgres::Error) -> String {
    match error.source() {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}

fn mapped(said: &DbError, to_operator: bool) -> Fault {
    let state = said.code().code();
    let kind = kind(said);
    let mut fault = match kind {
        FaultKind::Unavailable | FaultKind::Internal => {
            tracing::warn!(state, message = said.message(), "the rows' database failed");
            Fault::new(kind)
        }
        FaultKind::TimedOut => Fault::because(kind, "the statement took longer than it may"),
        FaultKind::Contended => Fault::because(
            kind,
            "other work on the same rows was in the way; try again",
        ),
        _ => Fault::because(kind, said.message()),
    }
    .state(state);
    if to_operator || tells_own_rows(said) {
        fault.details = said.detail().map(str::to_owned);
    }
    if !matches!(kind, FaultKind::Unavailable | FaultKind::Internal) {
        fault.hint = said.hint().map(str::to_owned);
    }
    if state == "42P18" {
        fault = fault.hint("cast the parameter to its type: $1::text");
    }
    if let Some(ErrorPosition::Original(at)) = said.position() {
        fault = fault.at(*at);
    }
    fault
}

/// Whether the detail is of the row or the text at hand. That of an exclusion names the row
/// in the way, that of a deadlock another session.
fn tells_own_rows(said: &DbError) -> bool {
    matches!(class(said), "22" | "23" | "42" | "P0") && said.code().code() != "23P01"
}

fn class(said: &DbError) -> &str {
    said.code().code().get(..2).unwrap_or_default()
}

fn is_ours(class: &str) -> bool {
    matches!(class, "08" | "53" | "57" | "58" | "XX")
}

fn kind(said: &DbError) -> FaultKind {
    match said.code().code() {
        "42601" | "42P18" => return FaultKind::SyntaxInvalid,
        "42P01" | "42703" | "42883" | "42704" | "3F000" | "42P02" => return FaultKind::NameUnknown,
        "42804" | "42846" => return FaultKind::ValueInvalid,
        // The one place where a policy's refusal of a row comes from.
        "42501" if said.routine() == Some("ExecWithCheckOptions") => {
            return FaultKind::PolicyViolated;
        }
        "42501" | "25006" => return FaultKind::StatementForbidden,
        "57014" => return FaultKind::TimedOut,
        "55P03" | "40001" | "40P01" => return FaultKind::Contended,
        "0A000" => return FaultKind::Refused,
        _ => {}
    }
    match class(said) {
        "22" => FaultKind::ValueInvalid,
        "23" | "44" => FaultKind::ConstraintViolated,
        "54" => FaultKind::TooComplex,
        "08" | "53" | "57" | "58" => FaultKind::Unavailable,
        "XX" => FaultKind::Internal,
        _ => FaultKind::Refused,
    }
}
