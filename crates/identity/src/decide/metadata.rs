//! What becomes of what a user says about itself: when it changes some of it, and where it is
//! shown. Not here: its size (`bounds`), and what the realm says of a user.

use crate::model::Metadata;
use doorward_base::claims::ClaimsTemplate;
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

/// The claim that holds what a user says about itself, as the products' clients read it.
const CLAIM: &str = "user_metadata";

/// What a user says about itself, as others read it beside its access token, whose claims
/// these are. A member that the realm's tokens write themselves is the token's, or is not
/// there: an upstream reads either place, and the user writes the other one.
#[must_use]
pub fn shown(template: &ClaimsTemplate, written: &Metadata, claims: &Metadata) -> Metadata {
    let mut shown = written.clone();
    let signed = claims.get(CLAIM).and_then(Value::as_object);
    for name in template.names_in(CLAIM) {
        match signed.and_then(|signed| signed.get(name)) {
            Some(value) => drop(shown.insert(name.to_owned(), value.clone())),
            None => drop(shown.remove(name)),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// FL-C2.
    #[test]
    fn what_the_realm_owns_is_the_tokens_and_never_the_users() {
        let object = |value: Value| value.as_object().unwrap().clone();
        let template = ClaimsTemplate::parse(&object(json!({
            "user_metadata": {"*": "{user_metadata}", "company_id": "{tenant}", "role": "{role}"},
        })))
        .unwrap();
        let written = object(json!({"company_id": "globex", "role": "admin", "a": 1}));
        let signed = json!({"company_id": "acme", "a": 0, "company": "globex"});
        for (claims, expected) in [
            (
                json!({ "user_metadata": signed }),
                json!({"company_id": "acme", "a": 1}),
            ),
            (json!({"user_metadata": {}}), json!({"a": 1})),
            (json!({"company_id": "acme"}), json!({"a": 1})),
        ] {
            let shown = shown(&template, &written, &object(claims));
            assert_eq!(Value::Object(shown), expected);
        }
        let plain = ClaimsTemplate::parse(&Metadata::new()).unwrap();
        assert_eq!(shown(&plain, &written, &Metadata::new()), written);
    }

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
