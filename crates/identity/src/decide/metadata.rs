//! What becomes of what a user says about itself when it changes some of it. Not here: its
//! size (`bounds`), and what the realm says of a user.

use crate::model::Metadata;
use serde_json::Value;

/// The members with those that changed; one that becomes null is gone.
#[must_use]
pub fn merged(before: &Metadata, changes: &Metadata) -> Metadata {
    let mut after = before.clone();
    for (name, value) in changes {
        match value {
            Value::Null => drop(after.remove(name)),
            value => drop(after.insert(name.clone(), value.clone())),
        }
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_are_added_replaced_and_removed_one_by_one() {
        let object = |value: Value| value.as_object().unwrap().clone();
        let before = object(json!({"a": {"b": 1, "c": 2}, "d": 1, "e": 1}));
        let changes = object(json!({"a": {"b": 3}, "d": null, "f": [null], "g": null}));
        let after = object(json!({"a": {"b": 3}, "e": 1, "f": [null]}));
        assert_eq!(merged(&before, &changes), after);
        assert_eq!(merged(&after, &Metadata::new()), after);
    }
}
