//! Sessions.

use super::fixture::{
    at, family, people, realm, session, session_id, subject_id, tenant_id, token, token_id,
};
use super::{reading, writing};
use doorward_base::authn::{AssuranceLevel, AuthMethod, AuthStep};
use doorward_base::{ClientId, FactorId, RealmId};
use doorward_identity::model::{
    Ceiling, Device, RefreshFamily, Rotation, Session, SessionState, TokenState, UserAgent,
};
use doorward_identity::port::{StoreError, StoreHandle};

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
    full.idle_until = Some(at(900));
    full.steps = [AuthMethod::Password, AuthMethod::MfaWebauthn]
        .map(|method| AuthStep { method, at: at(2) })
        .to_vec();
    full.aal = AssuranceLevel::Aal2;
    full.factor = Some(FactorId::from_bytes([4; 16]));
    full.client = Some(ClientId::from_bytes([5; 16]));
    full.made_from = Some(token_id(9));
    full.address = Some("2001:db8::7".parse().unwrap());
    full.user_agent = UserAgent::clean("curl/8.5.0");
    full.refreshed_at = Some(at(7));
    full.refresh = Some(family(1, u32::MAX));
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

pub(crate) async fn a_session_is_found_by_its_refresh_digest(store: StoreHandle) {
    let here = realm(&store, "a").await;
    let there = realm(&store, "b").await;
    people(&store, here).await;
    people(&store, there).await;
    let refreshed = |n, number| Session {
        refresh: Some(family(n, number)),
        ..session(n, 1, Some("acme"))
    };
    insert(
        &store,
        here,
        vec![refreshed(1, 0), refreshed(2, 3), session(3, 1, None)],
    )
    .await;
    let digest = |n| family(n, 0).digest;
    for (realm, digests, expected) in [
        (here, vec![digest(2)], Some(2)),
        (here, vec![digest(9), digest(1)], Some(1)),
        (here, vec![digest(9)], None),
        (here, vec![], None),
        (there, vec![digest(1), digest(2)], None),
    ] {
        let found = reading!(store, realm, [digests], |tx| tx
            .find_session_dossier(&digests)
            .await);
        let found = found.unwrap();
        let ids = found
            .as_ref()
            .map(|(session, owner)| (session.id, owner.id()));
        let expected = expected.map(|n| (session_id(n), subject_id(1)));
        assert_eq!(ids, expected, "{digests:?}");
        if let Some((session, _)) = found {
            assert_eq!(session.refresh.unwrap().digest_key, "key");
        }
    }
    // One digest is one session's.
    let same = Session {
        refresh: Some(family(1, 0)),
        ..session(4, 2, None)
    };
    let twice = writing!(store, here, [same], |tx| tx.insert_session(&same).await);
    assert_eq!(twice, Err(StoreError::Conflict("the session")));
    insert(&store, there, vec![same]).await;
}

pub(crate) async fn a_session_moves_on_from_its_number_alone(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let refreshed = |n, number| Session {
        refresh: Some(family(n, number)),
        ..session(n, 1, None)
    };
    let ended = Session {
        state: SessionState::Ended { at: at(5) },
        ..refreshed(3, 0)
    };
    insert(
        &store,
        realm,
        vec![refreshed(1, 4), session(2, 1, None), ended],
    )
    .await;
    let moving = |n, from, to| Rotation {
        session: session_id(n),
        from,
        to,
        at: at(60),
        idle_until: Some(at(90)),
        rekey: None,
    };
    let rekey = Rotation {
        rekey: Some((family(8, 0).digest, "newer".to_owned())),
        idle_until: None,
        at: at(61),
        ..moving(1, 5, 6)
    };
    let moved = writing!(store, realm, [rekey], |tx| Ok((
        tx.rotate_refresh_token(&moving(1, 3, 4)).await?,
        tx.rotate_refresh_token(&moving(1, 4, 5)).await?,
        tx.find_session(session_id(1)).await?.unwrap(),
        tx.rotate_refresh_token(&moving(1, 4, 5)).await?,
        tx.rotate_refresh_token(&rekey).await?,
        tx.find_session(session_id(1)).await?.unwrap(),
        [
            tx.rotate_refresh_token(&moving(2, 0, 1)).await?,
            tx.rotate_refresh_token(&moving(3, 0, 1)).await?,
            tx.rotate_refresh_token(&moving(9, 0, 1)).await?,
        ],
    )))
    .unwrap();
    let (early, done, once, late, again, twice, others) = moved;
    assert_eq!([early, done, late, again], [false, true, false, true]);
    assert_eq!(others, [false; 3]);
    let expected = Session {
        refreshed_at: Some(at(60)),
        idle_until: Some(at(90)),
        ..refreshed(1, 5)
    };
    assert_eq!(once, expected);
    let moved = RefreshFamily {
        digest: family(8, 0).digest,
        digest_key: "newer".to_owned(),
        number: 6,
    };
    let expected = Session {
        refreshed_at: Some(at(61)),
        refresh: Some(moved),
        ..session(1, 1, None)
    };
    assert_eq!(twice, expected);
}

pub(crate) async fn all_sessions_but_one_end_together(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let mut over = session(4, 1, None);
    over.state = SessionState::Ended { at: at(5) };
    let sessions = vec![
        session(1, 1, None),
        session(2, 1, Some("acme")),
        session(3, 1, None),
        over,
        session(5, 2, None),
    ];
    insert(&store, realm, sessions).await;
    let (ended, left, others) = writing!(store, realm, [], |tx| Ok((
        tx.end_other_sessions(subject_id(1), session_id(2), at(50))
            .await?,
        tx.list_sessions(subject_id(1)).await?,
        tx.list_sessions(subject_id(2)).await?,
    )))
    .unwrap();
    assert_eq!(ended, [1, 3].map(session_id));
    assert_eq!(left, [session(2, 1, Some("acme"))]);
    assert_eq!(others, [session(5, 2, None)]);
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

pub(crate) async fn the_oldest_sessions_end_beyond_a_number(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let mut sessions: Vec<Session> = (1..=40).map(|n| session(n, 1, None)).collect();
    sessions.push(session(50, 2, None));
    sessions.extend((60..=63).map(|n| by_token(n, 1)));
    insert(&store, realm, sessions).await;
    // A few at a time, and never the one that is kept.
    for (keep, most, expected) in [
        (40, 60, vec![]),
        (40, 30, (1..=10).collect()),
        (11, 10, (15..=30).collect::<Vec<u8>>()),
        (11, 10, (12..=14).collect()),
        (11, 10, vec![]),
    ] {
        let ended = writing!(store, realm, [], |tx| tx
            .end_oldest_sessions(&session(keep, 1, None), most, at(50))
            .await);
        let expected: Vec<_> = expected.into_iter().map(session_id).collect();
        assert_eq!(ended, Ok(expected), "beyond {most}");
    }
    let others = reading!(store, realm, [], |tx| tx.list_sessions(subject_id(2)).await);
    assert_eq!(others.unwrap().len(), 1);
    // Those of an API token are counted by themselves.
    let ended = writing!(store, realm, [], |tx| tx
        .end_oldest_sessions(&by_token(63, 1), 2, at(50))
        .await);
    assert_eq!(ended, Ok(vec![session_id(60), session_id(61)]));
}

/// A session that was begun by an API token.
fn by_token(n: u8, of: u8) -> Session {
    Session {
        made_from: Some(token_id(of)),
        ..session(n, 1, None)
    }
}

pub(crate) async fn the_sessions_of_an_api_token_end_together(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let others = Session {
        subject: subject_id(2),
        ..by_token(5, 1)
    };
    let made = vec![
        session(1, 1, None),
        by_token(2, 1),
        by_token(3, 1),
        by_token(4, 2),
        others,
    ];
    insert(&store, realm, made).await;
    let end = || async {
        writing!(store, realm, [], |tx| tx
            .end_sessions_made_from(token_id(1), subject_id(1), at(50))
            .await)
    };
    assert_eq!(end().await, Ok(vec![session_id(2), session_id(3)]));
    assert_eq!(end().await, Ok(vec![]));
    let left = reading!(store, realm, [], |tx| tx.list_sessions(subject_id(1)).await);
    let left: Vec<_> = left.unwrap().iter().map(|one| one.id).collect();
    assert_eq!(left, [session_id(4), session_id(1)]);
}

pub(crate) async fn devices_are_told_once(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let device = |address: &str, agent: &str| Device {
        address: address.parse().ok(),
        user_agent: UserAgent::clean(agent),
    };
    let (home, work) = (device("192.0.2.1", "browser"), device("2001:db8::1", ""));
    let mut sessions = Vec::new();
    for (n, of, by) in [(1, 1, &home), (2, 1, &work), (3, 1, &home), (4, 2, &work)] {
        let mut session = session(n, of, None);
        session.address = by.address;
        session.user_agent.clone_from(&by.user_agent);
        if n == 2 {
            session.state = SessionState::Ended { at: at(5) };
        }
        sessions.push(session);
    }
    insert(&store, realm, sessions).await;
    for (subject, expected) in [(1, vec![&home, &work]), (2, vec![&work]), (9, vec![])] {
        let devices = reading!(store, realm, [], |tx| tx
            .list_devices(subject_id(subject))
            .await);
        let mut devices = devices.unwrap();
        devices.sort_by_key(|device| device.address);
        assert_eq!(devices.iter().collect::<Vec<_>>(), expected);
    }
}
