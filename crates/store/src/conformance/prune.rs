//! What grows with traffic is forgotten bit by bit, in one realm at a time.

use super::fixture::{all, at, event, people, realm, session, session_id, token, token_id};
use super::{reading, writing};
use doorward_identity::model::{AuditAction, SessionState, TokenState};
use doorward_identity::port::{AuditFilter, StoreHandle, TokenFilter};

pub(crate) async fn old_events_go_slice_by_slice(store: StoreHandle) {
    let (a, b) = (realm(&store, "a").await, realm(&store, "b").await);
    for realm in [a, b] {
        writing!(store, realm, [], |tx| {
            for n in 1..=9 {
                let mut event = event(n, AuditAction::SignIn);
                event.at = at(i64::from(n));
                tx.append_audit(&event).await?;
            }
            Ok(())
        })
        .unwrap();
    }
    for (before, expected) in [(1, 0), (6, 4), (6, 1), (6, 0), (100, 4), (100, 0)] {
        let pruned = writing!(store, a, [], |tx| tx.prune_audit(at(before), 4).await);
        assert_eq!(pruned, Ok(expected), "before {before}");
    }
    let left = reading!(store, b, [], |tx| tx
        .list_audit(&AuditFilter::default(), all())
        .await);
    assert_eq!(left.unwrap().len(), 9);
}

pub(crate) async fn dead_tokens_go_and_live_ones_stay(store: StoreHandle) {
    let (a, b) = (realm(&store, "a").await, realm(&store, "b").await);
    for realm in [a, b] {
        people(&store, realm).await;
        let states = [
            TokenState::Active,
            TokenState::Revoked { at: at(10) },
            TokenState::Retiring { until: at(10) },
            TokenState::Revoked { at: at(20) },
            TokenState::Retiring { until: at(20) },
        ];
        writing!(store, realm, [], |tx| {
            for (n, state) in (1..).zip(states) {
                let mut token = token(n, 1);
                token.token.state = state;
                tx.insert_api_token(&token).await?;
            }
            // Expired, nobody revoked them; the last one never does.
            for (n, expires) in [(6, Some(10)), (7, Some(20)), (8, None)] {
                let mut token = token(n, 1);
                token.token.expires_at = expires.map(at);
                tx.insert_api_token(&token).await?;
            }
            Ok(())
        })
        .unwrap();
    }
    for (before, limit, expected) in [(10, 9, 0), (20, 1, 1), (20, 9, 2), (20, 9, 0)] {
        let pruned = writing!(store, a, [], |tx| tx
            .prune_api_tokens(at(before), limit)
            .await);
        assert_eq!(pruned, Ok(expected), "before {before}");
    }
    for (realm, expected) in [(a, vec![1, 4, 5, 7, 8]), (b, (1..=8).collect())] {
        let left = reading!(store, realm, [], |tx| tx
            .list_api_tokens(TokenFilter::All, all())
            .await);
        let left: Vec<_> = left.unwrap().iter().map(|token| token.id).collect();
        assert_eq!(left, expected.into_iter().map(token_id).collect::<Vec<_>>());
    }
}

pub(crate) async fn sessions_that_are_over_go(store: StoreHandle) {
    let (a, b) = (realm(&store, "a").await, realm(&store, "b").await);
    for realm in [a, b] {
        people(&store, realm).await;
        writing!(store, realm, [], |tx| {
            for (n, ended, expires) in [
                (1, None, 100),
                (2, Some(10), 100),
                (3, Some(20), 100),
                (4, None, 10),
                (5, None, 20),
            ] {
                let mut session = session(n, 1, None);
                session.expires_at = at(expires);
                if let Some(ended) = ended {
                    session.state = SessionState::Ended { at: at(ended) };
                }
                tx.insert_session(&session).await?;
            }
            Ok(())
        })
        .unwrap();
    }
    for (before, limit, expected) in [(10, 9, 0), (20, 1, 1), (20, 9, 1), (20, 9, 0)] {
        let pruned = writing!(store, a, [], |tx| tx
            .prune_sessions(at(before), limit)
            .await);
        assert_eq!(pruned, Ok(expected), "before {before}");
    }
    for (realm, expected) in [(a, [true, false, true, false, true]), (b, [true; 5])] {
        let mut there = Vec::new();
        for n in 1..=5 {
            let found = reading!(store, realm, [], |tx| tx.find_session(session_id(n)).await);
            there.push(found.unwrap().is_some());
        }
        assert_eq!(there, expected);
    }
}
