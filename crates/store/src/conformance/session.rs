//! Sessions.

use super::fixture::{
    at, people, realm, session, session_id, subject_id, tenant_id, token, token_id,
};
use super::{reading, writing};
use doorward_base::RealmId;
use doorward_identity::model::{Ceiling, Session, SessionState, TokenState};
use doorward_identity::port::StoreHandle;

async fn insert(store: &StoreHandle, realm: RealmId, sessions: Vec<Session>) {
    writing!(store, realm, [sessions], |tx| {
        for session in &sessions {
            tx.insert_session(session).await?;
        }
        Ok(())
    })
    .unwrap();
}

pub(crate) async fn sessions_come_back_as_they_were(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let mut full = session(2, 1, Some("acme"));
    full.ceiling = Ceiling {
        roles: Some(Vec::new()),
        permissions: Some(vec!["a".parse().unwrap(), "b".parse().unwrap()]),
        audiences: Some(vec!["https://api.example".parse().unwrap()]),
        environment: Some("test".parse().unwrap()),
        ..full.ceiling
    };
    let mut ended = session(3, 1, None);
    ended.state = SessionState::Ended { at: at(5) };
    let made = vec![session(1, 1, None), full.clone(), ended.clone()];
    insert(&store, realm, made).await;
    let (found, listed) = reading!(store, realm, [], |tx| Ok((
        [
            tx.find_session(session_id(2)).await?,
            tx.find_session(session_id(3)).await?,
            tx.find_session(session_id(4)).await?,
        ],
        tx.list_sessions(subject_id(1)).await?,
    )))
    .unwrap();
    assert_eq!(found, [Some(full.clone()), Some(ended), None]);
    assert_eq!(listed, [full, session(1, 1, None)]);
}

pub(crate) async fn a_session_ends_once(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    insert(
        &store,
        realm,
        vec![session(1, 1, None), session(2, 1, None)],
    )
    .await;
    let ended = writing!(store, realm, [], |tx| Ok((
        tx.end_session(session_id(1), at(50)).await?,
        tx.end_session(session_id(1), at(51)).await?,
        tx.end_session(session_id(9), at(52)).await?,
        tx.find_session(session_id(1)).await?.unwrap().state,
        tx.find_session(session_id(2)).await?.unwrap().state,
    )));
    let expected = (
        true,
        false,
        false,
        SessionState::Ended { at: at(50) },
        SessionState::Active,
    );
    assert_eq!(ended, Ok(expected));
}

pub(crate) async fn a_subjects_sessions_end_together(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let sessions = vec![
        session(4, 1, Some("acme")),
        session(1, 1, None),
        session(2, 1, Some("acme")),
        session(3, 2, Some("acme")),
    ];
    insert(&store, realm, sessions).await;
    let (in_acme, rest, none) = writing!(store, realm, [], |tx| Ok((
        tx.end_sessions_of(subject_id(1), Some(&tenant_id("acme")), at(50))
            .await?,
        tx.end_sessions_of(subject_id(1), None, at(51)).await?,
        tx.end_sessions_of(subject_id(1), None, at(52)).await?,
    )))
    .unwrap();
    assert_eq!(in_acme, [2, 4].map(session_id));
    assert_eq!(rest, [session_id(1)]);
    assert_eq!(none, []);
    let untouched = reading!(store, realm, [], |tx| tx.list_sessions(subject_id(2)).await);
    assert_eq!(untouched, Ok(vec![session(3, 2, Some("acme"))]));
}

pub(crate) async fn what_ended_since_is_listed(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let ended = |n, seconds| {
        let mut session = session(n, 1, None);
        session.state = SessionState::Ended { at: at(seconds) };
        session
    };
    let sessions = vec![ended(1, 49), ended(2, 50), session(3, 1, None)];
    insert(&store, realm, sessions).await;
    let with_state = |n, state| {
        let mut new = token(n, 1);
        new.token.state = state;
        new
    };
    let tokens = vec![
        with_state(1, TokenState::Revoked { at: at(49) }),
        with_state(2, TokenState::Revoked { at: at(50) }),
        with_state(3, TokenState::Retiring { until: at(60) }),
        with_state(4, TokenState::Active),
    ];
    writing!(store, realm, [tokens], |tx| {
        for token in &tokens {
            tx.insert_api_token(token).await?;
        }
        Ok(())
    })
    .unwrap();
    let listed = reading!(store, realm, [], |tx| tx.list_revoked_tokens(at(50)).await);
    assert_eq!(listed, Ok(vec![token_id(2)]));
    let listed = reading!(store, realm, [], |tx| tx.list_ended_sessions(at(50)).await);
    assert_eq!(listed, Ok(vec![session_id(2)]));
    // A replaced token is told of with the time it stops, past or to come.
    for (since, expected) in [(60, vec![(token_id(3), at(60))]), (61, vec![])] {
        let listed = reading!(store, realm, [], |tx| tx.list_retiring(at(since)).await);
        assert_eq!(listed, Ok(expected), "since {since}");
    }
}
