//! Closures that look one thing up and write events down: served beside other writers.

use super::fixture::{
    all, at, client, client_id, digest, event, family, people, realm, secret_of, session,
    session_id, subject_id, tenant_id, token, token_id,
};
use super::{reading, writing};
use doorward_base::RealmId;
use doorward_identity::model::{
    AuditAction, Change, ClientDossier, ClientSecret, ClientState, Rotation, TokenState,
};
use doorward_identity::port::{AuditFilter, Extent, StoreError, StoreHandle, TokenKey};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use tokio::task::JoinSet;

/// More than such a closure may: it runs again in a transaction, and what it wrote
/// is written once.
pub(crate) async fn a_look_up_that_does_more_runs_in_a_transaction(store: StoreHandle) {
    let a = realm(&store, "a").await;
    people(&store, a).await;
    writing!(store, a, [], |tx| tx.insert_api_token(&token(1, 1)).await).unwrap();
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let found = store
        .write_as(a, Extent::OneLookUp, move |tx| {
            let counted = Arc::clone(&counted);
            Box::pin(async move {
                counted.fetch_add(1, Ordering::SeqCst);
                let key = TokenKey::Digests(vec![digest(9), digest(1)]);
                let found = tx.find_token_dossier(&key).await?;
                tx.append_audit(&event(1, AuditAction::TokenExchange))
                    .await?;
                tx.append_change(Change::Subject(subject_id(1))).await?;
                Ok(found.map(|found| found.token))
            })
        })
        .await;
    assert_eq!(found, Ok(Some(token(1, 1).token)));
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    let rows = reading!(store, a, [], |tx| tx
        .list_audit(&AuditFilter::default(), all())
        .await);
    assert_eq!(rows.unwrap().len(), 1);
    assert_eq!(store.engine().last_change().await.map(|seq| seq.0), Ok(1));
}

/// Many at once are served together, each with its own answer and its own audit row; the
/// realm is part of the question.
pub(crate) async fn look_ups_of_many_are_kept_apart(store: StoreHandle) {
    let (a, b) = (realm(&store, "a").await, realm(&store, "b").await);
    for realm in [a, b] {
        people(&store, realm).await;
    }
    for n in 1..=20 {
        let here = if n % 2 == 0 { a } else { b };
        writing!(store, here, [], |tx| tx
            .insert_api_token(&token(n, 1))
            .await)
        .unwrap();
    }
    let mut tasks = JoinSet::new();
    for n in 1..=24_u8 {
        for here in [a, b] {
            let store = store.clone();
            tasks.spawn(async move {
                let found = store
                    .write_as(here, Extent::OneLookUp, move |tx| {
                        Box::pin(async move {
                            let key = TokenKey::Digests(vec![digest(n)]);
                            let found = tx.find_token_dossier(&key).await?;
                            tx.append_audit(&event(n, AuditAction::TokenExchange))
                                .await?;
                            Ok(found.map(|found| (found.token, found.owner.subject.id)))
                        })
                    })
                    .await
                    .unwrap();
                let there = n <= 20 && (here == a) == (n % 2 == 0);
                let expected = there.then(|| (token(n, 1).token, subject_id(1)));
                assert_eq!(found, expected, "{n} in {here:?}");
            });
        }
    }
    tasks.join_all().await;
    for realm in [a, b] {
        let rows = reading!(store, realm, [], |tx| tx
            .list_audit(&AuditFilter::default(), all())
            .await);
        let mut requests: Vec<_> = rows.unwrap().iter().map(|row| row.event.request).collect();
        requests.sort_unstable();
        requests.dedup();
        assert_eq!(requests.len(), 24);
    }
}

/// Clients are looked up together too, each with its own secrets, the newest first, and with
/// whether its tenant stands; such a closure runs once.
pub(crate) async fn clients_of_many_are_kept_apart(store: StoreHandle) {
    let (a, b) = (realm(&store, "a").await, realm(&store, "b").await);
    for realm in [a, b] {
        people(&store, realm).await;
    }
    // By its number: in the one realm or the other, of a tenant or of none, with two
    // secrets, one or none.
    let tenant = |n: u8| ["acme", "globex"].get(usize::from(n % 3)).copied();
    let secrets = |n: u8| -> Vec<ClientSecret> {
        let replaced = ClientSecret {
            expires_at: Some(at(99)),
            ..secret_of(n)
        };
        let all = [secret_of(n + 100), replaced];
        all.into_iter().take(usize::from(n % 4)).collect()
    };
    for n in 1..=20 {
        let here = if n % 2 == 0 { a } else { b };
        let (made, secrets) = (client(n, tenant(n)), secrets(n));
        writing!(store, here, [made, secrets], |tx| {
            tx.insert_client(&made).await?;
            for secret in secrets.iter().rev() {
                tx.insert_client_secret(made.id, secret).await?;
            }
            Ok(())
        })
        .unwrap();
    }
    writing!(store, a, [], |tx| {
        tx.erase_tenant(&tenant_id("globex"), at(30)).await?;
        tx.revoke_client(client_id(2), at(30)).await
    })
    .unwrap();
    let mut tasks = JoinSet::new();
    for n in 1..=24_u8 {
        for here in [a, b] {
            let store = store.clone();
            let there = n <= 20 && (here == a) == (n % 2 == 0);
            let mut expected = there.then(|| ClientDossier {
                client: client(n, tenant(n)),
                tenant_stands: here == b || tenant(n) != Some("globex"),
                secrets: secrets(n),
            });
            if let (2, Some(revoked)) = (n, &mut expected) {
                revoked.client.state = ClientState::Revoked { at: at(30) };
                revoked.secrets.clear();
            }
            tasks.spawn(async move {
                let runs = Arc::new(AtomicU32::new(0));
                let counted = Arc::clone(&runs);
                let found = store.read_as(here, Extent::OneLookUp, move |tx| {
                    counted.fetch_add(1, Ordering::SeqCst);
                    Box::pin(async move { tx.find_client_dossier(client_id(n)).await })
                });
                assert_eq!(found.await, Ok(expected), "{n} in {here:?}");
                assert_eq!(runs.load(Ordering::SeqCst), 1);
            });
        }
    }
    tasks.join_all().await;
}

/// One bad row in a group is refused alone.
pub(crate) async fn an_audit_row_that_cannot_be_written_takes_no_other_with_it(store: StoreHandle) {
    let a = realm(&store, "a").await;
    let nowhere = RealmId(a.0 + 77);
    let mut tasks = JoinSet::new();
    for n in 0..40_u8 {
        let store = store.clone();
        let here = if n % 4 == 0 { nowhere } else { a };
        tasks.spawn(async move {
            let written = store
                .write_as(here, Extent::OneLookUp, move |tx| {
                    Box::pin(
                        async move { tx.append_audit(&event(n, AuditAction::TokenPresent)).await },
                    )
                })
                .await;
            assert_eq!(written.is_ok(), here == a, "{written:?}");
        });
    }
    tasks.join_all().await;
    let rows = reading!(store, a, [], |tx| tx
        .list_audit(&AuditFilter::default(), all())
        .await);
    assert_eq!(rows.unwrap().len(), 30);
}

/// A look-up sees what was committed before it, whatever is written meanwhile: of 64 that
/// look a token up while it is revoked, none that began afterwards finds it active.
pub(crate) async fn a_look_up_sees_what_was_committed_before(store: StoreHandle) {
    let a = realm(&store, "a").await;
    people(&store, a).await;
    writing!(store, a, [], |tx| tx.insert_api_token(&token(1, 1)).await).unwrap();
    let revoked = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for n in 0..64_u8 {
        let (store, revoked) = (store.clone(), Arc::clone(&revoked));
        tasks.spawn(async move {
            if n == 32 {
                let state = TokenState::Revoked { at: at(5) };
                writing!(store, a, [], |tx| tx
                    .set_api_token_state(token_id(1), state)
                    .await)
                .unwrap();
                revoked.store(true, Ordering::SeqCst);
                return;
            }
            let over = revoked.load(Ordering::SeqCst);
            let found = store
                .write_as(a, Extent::OneLookUp, move |tx| {
                    Box::pin(async move {
                        let found = tx.find_token_dossier(&TokenKey::Id(token_id(1))).await?;
                        tx.append_audit(&event(n, AuditAction::TokenExchange))
                            .await?;
                        Ok(found.map(|found| found.token.state))
                    })
                })
                .await
                .unwrap();
            if over {
                assert_eq!(found, Some(TokenState::Revoked { at: at(5) }), "{n}");
            }
        });
    }
    tasks.join_all().await;
    let rows = reading!(store, a, [], |tx| tx
        .list_audit(&AuditFilter::default(), all())
        .await);
    assert_eq!(rows.unwrap().len(), 63);
}

/// Refreshes a session as a use-case does: looks it up, moves it on from the first number,
/// and writes down what came of it. Says whether it moved it on.
async fn refresh(store: &StoreHandle, realm: RealmId, n: u8) -> Result<bool, StoreError> {
    store
        .write_as(realm, Extent::OneLookUp, move |tx| {
            Box::pin(async move {
                let found = tx.find_session_dossier(&[digest(99), digest(1)]).await?;
                let (session, owner) = found.expect("it is there");
                assert_eq!(owner.subject.id, subject_id(1));
                let number = session.refresh.expect("it has refresh tokens").number;
                let rotation = Rotation {
                    session: session.id,
                    from: 0,
                    to: 1,
                    at: at(20),
                    idle_until: Some(at(30)),
                    rekey: None,
                };
                let moved = number == 0 && tx.rotate_refresh_token(&rotation).await?;
                let action = if moved {
                    AuditAction::SessionRefresh
                } else {
                    AuditAction::SignOut
                };
                tx.append_audit(&event(n, action)).await?;
                Ok(moved)
            })
        })
        .await
}

/// Of 64 that move one session on, in each of two realms, one does; whoever was too late
/// decides again, and each leaves the one event of its last decision.
pub(crate) async fn a_session_is_moved_on_by_one(store: StoreHandle) {
    let (a, b) = (realm(&store, "a").await, realm(&store, "b").await);
    for (realm, id) in [(a, 1), (b, 2)] {
        people(&store, realm).await;
        let mut session = session(id, 1, None);
        session.refresh = Some(family(1, 0));
        writing!(store, realm, [session], |tx| tx
            .insert_session(&session)
            .await)
        .unwrap();
    }
    let mut tasks = JoinSet::new();
    for n in 0..64 {
        for realm in [a, b] {
            let store = store.clone();
            tasks.spawn(async move { (realm, refresh(&store, realm, n).await.unwrap()) });
        }
    }
    let answers = tasks.join_all().await;
    for (realm, id) in [(a, 1), (b, 2)] {
        let moved = answers.iter().filter(|answer| **answer == (realm, true));
        assert_eq!(moved.count(), 1);
        let (session, rows) = reading!(store, realm, [], |tx| Ok((
            tx.find_session(session_id(id)).await?.unwrap(),
            tx.list_audit(&AuditFilter::default(), all()).await?,
        )))
        .unwrap();
        assert_eq!(session.refresh, Some(family(1, 1)));
        assert_eq!(
            (session.refreshed_at, session.idle_until),
            (Some(at(20)), Some(at(30)))
        );
        let refreshes = rows
            .iter()
            .filter(|row| row.event.action == AuditAction::SessionRefresh);
        assert_eq!((refreshes.count(), rows.len()), (1, 64));
    }
}

/// A session that ends while it is looked at is not moved on, and no event says so.
pub(crate) async fn an_ended_session_is_not_moved_on(store: StoreHandle) {
    let a = realm(&store, "a").await;
    people(&store, a).await;
    let mut session = session(1, 1, None);
    session.refresh = Some(family(1, 0));
    writing!(store, a, [session], |tx| tx.insert_session(&session).await).unwrap();
    let mut tasks = JoinSet::new();
    for n in 0..64 {
        let store = store.clone();
        tasks.spawn(async move {
            if n == 32 {
                writing!(store, a, [], |tx| tx
                    .end_session(session_id(1), at(10))
                    .await)
                .unwrap();
                return None;
            }
            let rotation = Rotation {
                session: session_id(1),
                from: u32::from(n != 63),
                to: 1,
                at: at(20),
                idle_until: None,
                rekey: None,
            };
            let moved = store.write_as(a, Extent::OneLookUp, move |tx| {
                let rotation = rotation.clone();
                Box::pin(async move {
                    let moved = tx.rotate_refresh_token(&rotation).await?;
                    if moved {
                        tx.append_audit(&event(n, AuditAction::SessionRefresh))
                            .await?;
                    }
                    Ok(moved)
                })
            });
            Some(moved.await.unwrap())
        });
    }
    let answers = tasks.join_all().await;
    let moved = answers
        .iter()
        .filter(|answer| **answer == Some(true))
        .count();
    let again = store.write_as(a, Extent::OneLookUp, move |tx| {
        Box::pin(async move {
            let rotation = Rotation {
                session: session_id(1),
                from: 1,
                to: 2,
                at: at(20),
                idle_until: None,
                rekey: None,
            };
            tx.rotate_refresh_token(&rotation).await
        })
    });
    assert_eq!(again.await, Ok(false));
    let rows = reading!(store, a, [], |tx| tx
        .list_audit(&AuditFilter::default(), all())
        .await);
    assert_eq!(rows.unwrap().len(), moved);
}

/// A look-up takes one rotation for its end; with another it runs again, and both are made.
pub(crate) async fn a_session_that_moves_on_twice_does_so_in_a_transaction(store: StoreHandle) {
    let a = realm(&store, "a").await;
    people(&store, a).await;
    let mut session = session(1, 1, None);
    session.refresh = Some(family(1, 0));
    writing!(store, a, [session], |tx| tx.insert_session(&session).await).unwrap();
    let moved = store.write_as(a, Extent::OneLookUp, move |tx| {
        Box::pin(async move {
            let mut moved = Vec::new();
            for from in [0, 1, 1] {
                let rotation = Rotation {
                    session: session_id(1),
                    from,
                    to: from + 1,
                    at: at(20),
                    idle_until: None,
                    rekey: None,
                };
                moved.push(tx.rotate_refresh_token(&rotation).await?);
            }
            tx.append_audit(&event(1, AuditAction::SessionRefresh))
                .await?;
            Ok(moved)
        })
    });
    assert_eq!(moved.await, Ok(vec![true, true, false]));
    let found = reading!(store, a, [], |tx| tx.find_session(session_id(1)).await);
    assert_eq!(found.unwrap().unwrap().refresh, Some(family(1, 2)));
}
