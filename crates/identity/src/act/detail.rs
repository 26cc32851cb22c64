//! What audit rows say of a request: lists whole where they fit, and always within the 4 KiB
//! of a row.

use crate::model::{AuditEvent, Ceiling};
use doorward_base::Timestamp;
use serde_json::{Value, json};

/// The most names of a list.
const MAX_NAMES: usize = 64;
/// The most a list takes as JSON, but for its last entry. Two fit into a row.
const MAX_BYTES: usize = 1500;

/// The names of a list; what does not fit is counted.
pub(super) fn names<T: ToString>(list: &[T]) -> Value {
    let (mut named, mut size) = (Vec::new(), 0);
    for one in list.iter().take(MAX_NAMES) {
        let name = one.to_string();
        // The quotation marks and the comma.
        size += name.len() + 3;
        if size > MAX_BYTES {
            break;
        }
        named.push(name);
    }
    let left = list.len() - named.len();
    if left > 0 {
        named.push(format!("and {left} more"));
    }
    json!(named)
}

/// Writes down what is known of something.
pub(super) fn note(event: &mut AuditEvent, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        event.detail.insert(key.to_owned(), value);
    }
}

/// Writes down what a token may carry at most and until when.
pub(super) fn note_terms(event: &mut AuditEvent, ceiling: &Ceiling, expires_at: Option<Timestamp>) {
    let environment = ceiling.environment.as_ref();
    note(event, "scopes", ceiling.permissions.as_deref().map(names));
    note(event, "roles", ceiling.roles.as_deref().map(names));
    note(
        event,
        "environment",
        environment.map(|name| json!(name.as_str())),
    );
    note(
        event,
        "expires_at",
        expires_at.map(|at| json!(at.to_string())),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_cut_and_says_so() {
        assert_eq!(names(&["read", "write"]), json!(["read", "write"]));
        assert_eq!(names::<&str>(&[]), json!([]));
        let short = vec!["x"; 80_000];
        let named = names(&short);
        assert_eq!(named.as_array().unwrap().len(), 65);
        assert_eq!(named[64], "and 79936 more");
        let long = vec!["x".repeat(255); 64];
        let named = names(&long);
        assert_eq!(named[5], "and 59 more");
        assert!(named.to_string().len() < 2_000);
    }
}
