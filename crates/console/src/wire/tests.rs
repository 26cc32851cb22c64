//! Tokens in every state as they are written, and input at its bounds.

use super::*;
use doorward_base::{ApiTokenId, ClassName, Email, ErrorCode, Permission, SubjectId, Timestamp};
use doorward_identity::act::OwnerRef;
use doorward_identity::model::{ApiToken, Ceiling, TokenKind, TokenState};
use serde_json::json;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn token(state: TokenState, expires_at: Option<Timestamp>) -> ApiToken {
    ApiToken {
        id: ApiTokenId::from_bytes([1; 16]),
        class: ClassName::new("access").unwrap(),
        kind: TokenKind::Personal,
        owner: SubjectId::from_bytes([2; 16]),
        ceiling: Ceiling::default(),
        name: Some("CI/CD Pipeline".to_owned()),
        state,
        created_at: NOW,
        created_by: None,
        expires_at,
        replaces: None,
        last_used_at: None,
        last_used_from: None,
        notice_at: None,
    }
}

#[test]
fn a_token_says_where_it_is_in_its_life() {
    let later = NOW.plus(Duration::from_secs(1));
    for (state, expires_at, status) in [
        (TokenState::Active, None, "active"),
        (TokenState::Active, Some(later), "active"),
        (TokenState::Active, Some(NOW), "expired"),
        (TokenState::Retiring { until: later }, None, "retiring"),
        (TokenState::Retiring { until: NOW }, None, "revoked"),
        (TokenState::Retiring { until: later }, Some(NOW), "expired"),
        (TokenState::Revoked { at: NOW }, None, "revoked"),
        (TokenState::Revoked { at: NOW }, Some(NOW), "revoked"),
    ] {
        let view = TokenView::at(&token(state, expires_at), NOW);
        assert_eq!(view.state, status, "{state:?} {expires_at:?}");
    }
}

/// WB-14: a listing shows everything but the secret.
#[test]
fn wb_14_a_token_is_written_with_uuid_text_and_rfc_3339_and_without_a_secret() {
    let view = TokenView::at(&token(TokenState::Active, None), NOW);
    assert_eq!(
        serde_json::to_value(view).unwrap(),
        json!({
            "id": "01010101-0101-0101-0101-010101010101",
            "class": "access",
            "kind": "personal",
            "owner": "02020202-0202-0202-0202-020202020202",
            "tenant": null,
            "name": "CI/CD Pipeline",
            "state": "active",
            "scopes": null,
            "environment": null,
            "created_at": "2023-11-14T22:13:20Z",
            "created_by": null,
            "expires_at": null,
            "last_used_at": null,
            "last_used_from": null,
        })
    );
}

/// WB-13: an expiry may be left out, and given in two ways.
#[test]
fn wb_13_an_expiry_is_a_moment_or_seconds_from_now_but_not_both() {
    assert_eq!(expiry(None, None, NOW).unwrap(), None);
    let minute = Some(NOW.plus(Duration::from_secs(60)));
    assert_eq!(expiry(None, Some(60), NOW).unwrap(), minute);
    for text in ["2023-11-14T22:14:20Z", "2023-11-14T23:14:20+01:00"] {
        assert_eq!(expiry(Some(text), None, NOW).unwrap(), minute, "{text}");
    }
    for (at, seconds) in [
        (Some("2023-11-14T22:14:20Z"), Some(60)),
        (Some("2023-11-14"), None),
        (Some("2023-11-14T22:14:20"), None),
        (Some("1700000060"), None),
        (Some(""), None),
    ] {
        let refusal = expiry(at, seconds, NOW).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::InvalidRequest, "{at:?}");
    }
    assert_eq!(
        expiry(None, Some(u64::MAX), NOW).unwrap(),
        Some(Timestamp::MAX)
    );
}

#[test]
fn lists_are_sorted_and_a_bad_entry_is_named_by_its_member_only() {
    let texts = ["b", "a", "b"].map(str::to_owned);
    let scopes: Vec<Permission> = parse_all("scopes", &texts).unwrap();
    assert_eq!(scopes.len(), 2);
    assert!(scopes.is_sorted());
    let bad = ["hunter2 hunter2".to_owned()];
    let refusal = parse_all::<Permission>("scopes", &bad).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::InvalidRequest);
    let message = refusal.message.unwrap();
    assert!(message.starts_with("`scopes`: "), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn pages_are_bounded() {
    let first = page::<SubjectId>(None, None).unwrap();
    assert_eq!((first.after, first.limit), (None, 100));
    assert_eq!(page::<i64>(Some("1000"), Some("7")).unwrap().after, Some(7));
    for (limit, after) in [
        (Some("0"), None),
        (Some("1001"), None),
        (Some("-1"), None),
        (Some("ten"), None),
        (None, Some("7")),
    ] {
        assert!(page::<SubjectId>(limit, after).is_err(), "{limit:?}");
    }
}

#[test]
fn only_a_full_page_has_a_successor() {
    let rows = [3, 5, 8];
    let listing = |limit| Listing::by_key(&rows, limit, |row| *row, |row| *row);
    assert_eq!(listing(3).next.as_deref(), Some("8"));
    assert_eq!(listing(4).next, None);
    assert_eq!(listing(4).items, rows);
    assert_eq!(
        Listing::by_key(&[0; 0], 1, |row| *row, |row| *row).next,
        None
    );
}

#[test]
fn no_scopes_and_an_empty_list_of_scopes_are_two_things() {
    assert_eq!(ceiling(None, None, None).unwrap().permissions, None);
    let none = ceiling(None, Some(&[]), None).unwrap();
    assert_eq!(none.permissions, Some(Vec::new()));
}

#[test]
fn an_owner_is_an_id_an_address_or_a_tenant() {
    let id = SubjectId::from_bytes([2; 16]);
    assert_eq!(
        owner("owner", &id.to_string()).unwrap(),
        OwnerRef::Subject(id)
    );
    let email = Email::new("ada@example.org").unwrap();
    assert_eq!(
        owner("owner", "Ada@example.org").unwrap(),
        OwnerRef::Email(email)
    );
    let OwnerRef::Tenant(tenant) = owner("owner", "tenant:acme").unwrap() else {
        panic!("a tenant");
    };
    assert_eq!(tenant.as_str(), "acme");
    for bad in ["", "acme", "tenant:", "tenant:a b", "a@b@", "7"] {
        assert_eq!(
            owner("owner", bad).unwrap_err().code,
            ErrorCode::InvalidRequest
        );
    }
}

#[test]
fn a_grant_gives_exactly_one_thing() {
    assert!(grant(None, Some("admin"), None, None).is_ok());
    assert!(grant(Some("acme"), None, Some("read:x"), Some("https://api")).is_ok());
    for (role, permission, audience) in [
        (None, None, None),
        (None, None, Some("https://api")),
        (Some("admin"), Some("read:x"), None),
        (Some("admin"), None, Some("https://api")),
        (Some("a b"), None, None),
        (None, Some(""), None),
    ] {
        let refusal = grant(None, role, permission, audience).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::InvalidRequest, "{role:?}");
    }
    assert!(grant(Some("a b"), Some("admin"), None, None).is_err());
}
