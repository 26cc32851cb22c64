//! Parameters: their numbers, and how many there must be.

use super::super::check;
use super::*;
use crate::value::Value;

#[test]
fn parameters_are_numbered_in_the_engines_way() {
    for (text, expected) in [
        ("SELECT ?, ?", "SELECT ?1, ?2"),
        ("SELECT $2, $1", "SELECT ?2, ?1"),
        ("SELECT ?2, ?1, ?", "SELECT ?2, ?1, ?3"),
        ("SELECT ?1, ?1", "SELECT ?1, ?1"),
        ("SELECT 1 LIMIT ? OFFSET ?", "SELECT 1 LIMIT ?1 OFFSET ?2"),
        ("SELECT '?', ? -- ?", "SELECT '?', ?1"),
    ] {
        assert_eq!(printed(text, Flavour::Sqlite), expected);
    }
    assert_eq!(printed("SELECT $2, $1", Flavour::Postgres), "SELECT $2, $1");
    // Here it is an operator.
    assert_eq!(
        printed("SELECT a ? 'b'", Flavour::Postgres),
        "SELECT \"a\" ? 'b'"
    );
}

#[test]
fn as_many_parameters_are_given_as_the_text_has() {
    let check = |text: &str, given: usize, flavour| {
        check(
            text,
            vec![Value::Int(7); given],
            flavour,
            ALL,
            &Limits::default(),
        )
    };
    for flavour in BOTH {
        for (text, takes) in [("SELECT 1", 0), ("SELECT $1", 1), ("SELECT $2, $1, $2", 2)] {
            assert_eq!(check(text, takes, flavour).unwrap().params().len(), takes);
            for given in [takes + 1, takes.saturating_sub(1)] {
                if given != takes {
                    let fault = check(text, given, flavour).unwrap_err();
                    assert_eq!(fault.kind, FaultKind::RequestInvalid, "{text} with {given}");
                }
            }
        }
        for text in ["SELECT $0", "SELECT $2", "SELECT $1, $3", "SELECT $99999"] {
            let fault = check(text, 1, flavour).unwrap_err();
            assert_eq!(fault.kind, FaultKind::SyntaxInvalid, "{text}");
        }
    }
}
