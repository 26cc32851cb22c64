//! A failed data call as a refusal, to be written in the realm's form. Not here: how REST
//! words its own.

use crate::caller::RightScopes;
use crate::fault::{Fault, FaultKind};
use doorward_surface::Refusal;
use std::fmt::Write as _;

/// The refusal: what is wrong, where, what would help, and which scope would do.
pub(super) fn refuse(fault: &Fault, scopes: &RightScopes) -> Refusal {
    let needed = match fault.kind {
        FaultKind::ReadForbidden => Some(&scopes.read),
        FaultKind::WriteForbidden => Some(&scopes.write),
        FaultKind::SchemaForbidden => Some(&scopes.schema),
        _ => None,
    };
    let mut refusal = Refusal::new(fault.kind.code()).with_message(text(fault));
    if let Some(scope) = needed {
        let own = fault.message == fault.kind.code().row().message;
        refusal.message = Some(if own {
            format!("This needs the scope {scope}")
        } else {
            format!("{} (scope {scope})", bare(&fault.message))
        });
        refusal.scopes = vec![scope.to_string()];
    }
    refusal
}

/// What is said of it, in one line.
pub(super) fn text(fault: &Fault) -> String {
    let mut text = bare(&fault.message).to_owned();
    if let Some(position) = fault.position {
        let _ = write!(text, " (at character {position})");
    }
    for more in [&fault.details, &fault.hint].into_iter().flatten() {
        let _ = write!(text, ". {}", bare(more));
    }
    text
}

/// Without the full stop, for more may follow.
fn bare(text: &str) -> &str {
    text.strip_suffix('.').unwrap_or(text)
}
