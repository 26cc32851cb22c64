//! API tokens and their digests.

use super::fixture::{
    all, at, digest, group, people, realm, subject_id, tenant_id, token, token_id, token_in, used,
};
use super::{reading, writing};
use doorward_base::{ClassName, RealmId};
use doorward_identity::model::{Ceiling, NewApiToken, TokenKind, TokenState, TokenUse};
use doorward_identity::port::{Page, StoreError, StoreHandle, TokenFilter, TokenGroup, TokenKey};

async fn insert(store: &StoreHandle, realm: RealmId, tokens: Vec<NewApiToken>) {
    writing!(store, realm, [tokens], |tx| {
        for token in &tokens {
            tx.insert_api_token(token).await?;
        }
        Ok(())
    })
    .unwrap();
}

pub(crate) async fn tokens_come_back_as_they_were(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let bare = token(1, 1);
    let mut full = token(2, 1);
    full.token.kind = TokenKind::Key;
    full.token.ceiling = Ceiling {
        tenant: Some(tenant_id("acme")),
        roles: Some(vec!["admin".parse().unwrap(), "viewer".parse().unwrap()]),
        permissions: Some(vec!["read:foia".parse().unwrap()]),
        audiences: Some(Vec::new()),
        environment: Some("live".parse().unwrap()),
    };
    full.token.name = Some("CI, “quoted”; -- '".to_owned());
    full.token.state = TokenState::Retiring { until: at(77) };
    full.token.created_by = Some(subject_id(2));
    full.token.expires_at = None;
    full.token.last_used_at = Some(at(66));
    full.token.last_used_from = Some("2001:db8::7".parse().unwrap());
    full.token.notice_at = Some(at(70));
    full.token.replaces = Some(token_id(1));
    insert(&store, realm, vec![bare.clone(), full.clone()]).await;
    let found = reading!(store, realm, [], |tx| Ok([
        tx.find_api_token(token_id(1)).await?,
        tx.find_api_token(token_id(2)).await?,
        tx.find_api_token(token_id(3)).await?,
    ]))
    .unwrap();
    assert_eq!(found, [Some(bare.token), Some(full.token), None]);
}

pub(crate) async fn digests_find_tokens_until_they_are_replaced(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    insert(&store, realm, vec![token(1, 1), token(2, 1)]).await;
    let mut clash = token(3, 2);
    clash.digest = digest(1);
    let clash = writing!(store, realm, [clash], |tx| tx
        .insert_api_token(&clash)
        .await);
    assert!(matches!(clash, Err(StoreError::Conflict(_))));
    writing!(store, realm, [], |tx| tx
        .rekey_api_token(token_id(1), &digest(9), "digest-2")
        .await)
    .unwrap();
    let found = reading!(store, realm, [], |tx| Ok([
        tx.find_api_token_by_digest(&digest(1)).await?,
        tx.find_api_token_by_digest(&digest(9)).await?,
        tx.find_api_token_by_digest(&digest(2)).await?,
    ]))
    .unwrap();
    assert_eq!(
        found,
        [
            None,
            Some((token(1, 1).token, "digest-2".to_owned())),
            Some((token(2, 1).token, "digest-1".to_owned())),
        ]
    );
    let missing = writing!(store, realm, [], |tx| tx
        .rekey_api_token(token_id(8), &digest(8), "digest-2")
        .await);
    assert!(matches!(missing, Err(StoreError::Inconsistent { .. })));
}

pub(crate) async fn a_revoked_token_never_comes_back(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    insert(&store, realm, vec![token(1, 1)]).await;
    let revoked = TokenState::Revoked { at: at(60) };
    for state in [TokenState::Retiring { until: at(90) }, revoked] {
        writing!(store, realm, [], |tx| tx
            .set_api_token_state(token_id(1), state)
            .await)
        .unwrap();
        let found = reading!(store, realm, [], |tx| tx.find_api_token(token_id(1)).await);
        assert_eq!(found.unwrap().unwrap().state, state);
    }
    for state in [
        TokenState::Active,
        TokenState::Retiring { until: at(999) },
        TokenState::Revoked { at: at(61) },
    ] {
        let outcome = writing!(store, realm, [], |tx| tx
            .set_api_token_state(token_id(1), state)
            .await);
        assert!(matches!(outcome, Err(StoreError::Inconsistent { .. })));
    }
    let found = reading!(store, realm, [], |tx| tx.find_api_token(token_id(1)).await);
    assert_eq!(found.unwrap().unwrap().state, revoked);
    let missing = writing!(store, realm, [], |tx| tx
        .set_api_token_state(token_id(8), revoked)
        .await);
    assert!(matches!(missing, Err(StoreError::Inconsistent { .. })));
}

pub(crate) async fn only_active_tokens_count(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let mut other_class = token(2, 1);
    other_class.token.class = "other".parse().unwrap();
    let mut retiring = token(3, 1);
    retiring.token.state = TokenState::Retiring { until: at(5000) };
    let mut revoked = token(4, 1);
    revoked.token.state = TokenState::Revoked { at: at(5) };
    let mut endless = token(5, 1);
    endless.token.expires_at = None;
    let tokens = vec![
        token(1, 1),
        other_class,
        retiring,
        revoked,
        endless,
        token(6, 2),
    ];
    insert(&store, realm, tokens).await;
    // Token 1 expires at 1,000 s: at that moment it no longer counts.
    for (now, most, expected) in [(999, 9, 2), (1000, 9, 1), (999, 2, 2), (999, 1, 1)] {
        let count = reading!(store, realm, [], |tx| tx
            .count_active_tokens(group(1, &"access".parse().unwrap()), at(now), most)
            .await);
        assert_eq!(count, Ok(expected), "at {now}, at most {most}");
    }
}

pub(crate) async fn tokens_are_counted_by_tenant(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let made = |n: u8, seconds: i64, tenant: Option<&str>, state| {
        let mut new = match tenant {
            Some(tenant) => token_in(n, 1, tenant),
            None => token(n, 1),
        };
        new.token.created_at = at(seconds);
        new.token.state = state;
        new
    };
    let revoked = TokenState::Revoked { at: at(90) };
    let tokens = vec![
        made(1, 10, None, TokenState::Active),
        made(2, 30, None, revoked),
        made(3, 20, None, TokenState::Active),
        made(4, 40, Some("acme"), TokenState::Active),
        made(5, 50, Some("acme"), revoked),
        made(6, 60, Some("globex"), revoked),
    ];
    insert(&store, realm, tokens).await;
    for (tenant, active, newest) in [
        (None, 2, &[30, 20, 10][..]),
        (Some("acme"), 1, &[50, 40]),
        (Some("globex"), 0, &[60]),
        (Some("other"), 0, &[]),
    ] {
        let tenant = tenant.map(tenant_id);
        let seen = reading!(store, realm, [tenant], |tx| {
            let class: ClassName = "access".parse().unwrap();
            let group = TokenGroup {
                tenant: tenant.as_ref(),
                ..group(1, &class)
            };
            let active = tx.count_active_tokens(group, at(1), 9).await?;
            let mut newest = Vec::new();
            for nth in 1..=5 {
                newest.push(tx.find_nth_newest_token(group, nth).await?);
            }
            Ok((active, newest))
        });
        let mut times: Vec<_> = newest.iter().map(|second| Some(at(*second))).collect();
        times.resize(5, None);
        assert_eq!(seen, Ok((active, times)), "{tenant:?}");
    }
}

/// States in the order of their tokens, and how many of subject 1 count.
async fn standing(store: &StoreHandle, realm: RealmId) -> (Vec<TokenState>, u32) {
    let class: ClassName = "access".parse().unwrap();
    reading!(store, realm, [class], |tx| {
        let listed = tx.list_api_tokens(TokenFilter::All, all()).await?;
        // Whatever a token is found by, it says the same.
        for token in &listed {
            let found = tx.find_api_token(token.id).await?.unwrap();
            let by_digest = tx
                .find_api_token_by_digest(&digest(token.id.as_bytes()[0]))
                .await?;
            let dossier = tx.find_token_dossier(&TokenKey::Id(token.id)).await?;
            let states = tx.list_token_states(&[token.id]).await?;
            assert_eq!(found.state, token.state);
            assert_eq!(by_digest.unwrap().0.state, token.state);
            assert_eq!(dossier.unwrap().token.state, token.state);
            assert_eq!(states, [(token.id, token.state)]);
        }
        let states = listed.into_iter().map(|token| token.state).collect();
        let mut active = 0;
        for tenant in [None, Some(tenant_id("acme")), Some(tenant_id("globex"))] {
            let group = TokenGroup {
                tenant: tenant.as_ref(),
                ..group(1, &class)
            };
            active += tx.count_active_tokens(group, at(1), 9).await?;
        }
        Ok((states, active))
    })
    .unwrap()
}

pub(crate) async fn an_owners_tokens_are_revoked_together(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let mut retiring = token_in(3, 1, "acme");
    retiring.token.state = TokenState::Retiring { until: at(500) };
    let tokens = vec![
        token(1, 1),
        token_in(2, 1, "acme"),
        retiring,
        token_in(4, 1, "globex"),
        token_in(5, 2, "acme"),
    ];
    insert(&store, realm, tokens).await;
    let revoke = |tenant: Option<&'static str>, seconds| {
        let store = store.clone();
        async move {
            let tenant = tenant.map(tenant_id);
            writing!(store, realm, [tenant], |tx| tx
                .revoke_api_tokens_of(subject_id(1), tenant.as_ref(), at(seconds))
                .await)
            .unwrap();
        }
    };
    let revoked = |seconds| TokenState::Revoked { at: at(seconds) };
    let (active, was) = (TokenState::Active, TokenState::Retiring { until: at(500) });
    assert_eq!(
        standing(&store, realm).await,
        (vec![active, active, was, active, active], 3)
    );
    revoke(Some("acme"), 60).await;
    let in_acme = vec![active, revoked(60), revoked(60), active, active];
    assert_eq!(standing(&store, realm).await, (in_acme, 2));
    // What is made afterwards lives, also there.
    insert(&store, realm, vec![token_in(6, 1, "acme")]).await;
    assert_eq!(standing(&store, realm).await.1, 3);
    revoke(None, 61).await;
    insert(&store, realm, vec![token_in(7, 1, "acme"), token(8, 1)]).await;
    let (states, count) = standing(&store, realm).await;
    assert_eq!(states[0], revoked(61));
    assert_eq!(
        states[3..],
        [revoked(61), active, revoked(61), active, active]
    );
    assert_eq!(count, 2);
    // In pieces, which nobody sees, and then it is written in each.
    let mut settled = Vec::new();
    for _ in 0..4 {
        settled.push(writing!(store, realm, [], |tx| tx.settle_endings(2).await).unwrap());
        assert_eq!(standing(&store, realm).await, (states.clone(), 2));
    }
    assert_eq!(settled, [2, 2, 1, 0]);
    revoke(Some("acme"), 70).await;
    let (mut after, count) = standing(&store, realm).await;
    assert_eq!((after.remove(6), count), (revoked(70), 1));
    let other = writing!(store, realm, [], |tx| tx
        .revoke_api_tokens_of(subject_id(9), None, at(9))
        .await);
    assert_eq!(other, Ok(()), "nobody has nothing");
}

/// Whatever the number of tokens: what ends them is one row, and a piece of the rest is as
/// large as asked.
pub(crate) async fn ending_many_tokens_is_one_row(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let many = (10..=209).map(|n| {
        let mut token = token_in(n, 1, "acme");
        token.token.expires_at = None;
        token
    });
    insert(&store, realm, many.collect()).await;
    let before = store.engine().last_change().await.unwrap();
    writing!(store, realm, [], |tx| tx
        .revoke_api_tokens_of(subject_id(1), Some(&tenant_id("acme")), at(60))
        .await)
    .unwrap();
    let unsettled = store.engine().list_unswept().await.unwrap();
    assert_eq!(unsettled, [realm]);
    // Nothing was written into the tokens yet: all of it is left.
    let mut settled = Vec::new();
    for _ in 0..4 {
        settled.push(writing!(store, realm, [], |tx| tx.settle_endings(80).await).unwrap());
    }
    assert_eq!(settled, [80, 80, 40, 0]);
    assert_eq!(store.engine().list_unswept().await.unwrap(), []);
    assert_eq!(store.engine().last_change().await.unwrap(), before);
    assert_eq!(standing(&store, realm).await.1, 0);
}

pub(crate) async fn uses_never_move_backwards(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    insert(&store, realm, vec![token(1, 1), token(2, 1)]).await;
    // Where it was used last goes with the time; it may not be known.
    for (seconds, from, expected) in [
        (50, Some("192.0.2.7"), (50, Some("192.0.2.7"))),
        (40, Some("192.0.2.9"), (50, Some("192.0.2.7"))),
        (60, Some("2001:db8::7"), (60, Some("2001:db8::7"))),
        (70, None, (70, None)),
    ] {
        let place = |text: Option<&str>| text.map(|text| text.parse().unwrap());
        let this = TokenUse {
            from: place(from),
            ..used(token_id(1), seconds)
        };
        let earlier = TokenUse {
            from: place(Some("198.51.100.1")),
            ..used(token_id(1), seconds - 5)
        };
        let seen = writing!(store, realm, [], |tx| {
            tx.touch_api_tokens(&[used(token_id(9), 1), earlier, this])
                .await?;
            let one = tx.find_api_token(token_id(1)).await?.unwrap();
            let two = tx.find_api_token(token_id(2)).await?.unwrap();
            Ok((one.last_used_at, one.last_used_from, two.last_used_at))
        });
        let (at_second, at_place) = expected;
        assert_eq!(seen, Ok((Some(at(at_second)), place(at_place), None)));
    }
}

pub(crate) async fn notices_are_due_tenant_by_tenant_and_moved_on_once(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let told_at = |n, tenant, second| {
        let mut new = token_in(n, 1, tenant);
        new.token.notice_at = second;
        new
    };
    let mut revoked = told_at(5, "acme", Some(at(10)));
    revoked.token.state = TokenState::Revoked { at: at(5) };
    let mut replaced = told_at(6, "acme", Some(at(10)));
    replaced.token.state = TokenState::Retiring { until: at(500) };
    let tokens = vec![
        told_at(1, "globex", Some(at(10))),
        told_at(2, "acme", Some(at(10))),
        told_at(3, "acme", Some(at(20))),
        told_at(4, "acme", None),
        revoked,
        replaced,
        told_at(7, "acme", Some(at(10))),
        token(8, 1),
    ];
    insert(&store, realm, tokens).await;
    let due = |second, limit| {
        let store = store.clone();
        async move {
            let due = reading!(store, realm, [], |tx| tx
                .list_due_notices(at(second), limit)
                .await);
            let due = due.unwrap().into_iter();
            due.map(|token| token.id).collect::<Vec<_>>()
        }
    };
    assert_eq!(due(9, 9).await, []);
    assert_eq!(due(19, 9).await, [2, 7, 1].map(token_id));
    assert_eq!(due(19, 2).await, [2, 7].map(token_id));
    assert_eq!(due(20, 9).await, [2, 7, 1, 3].map(token_id));
    let moved = |n, from, to: Option<i64>| {
        let store = store.clone();
        async move {
            let moved = writing!(store, realm, [], |tx| tx
                .advance_notice(token_id(n), at(from), to.map(at))
                .await);
            moved.unwrap()
        }
    };
    assert!(moved(2, 10, Some(30)).await);
    assert!(!moved(2, 10, Some(30)).await);
    assert!(!moved(5, 10, None).await);
    assert!(moved(7, 10, None).await);
    assert_eq!(due(20, 9).await, [1, 3].map(token_id));
    assert_eq!(due(30, 9).await, [1, 3, 2].map(token_id));
}

pub(crate) async fn tokens_are_paged_by_owner(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let mut revoked = token(3, 1);
    revoked.token.state = TokenState::Revoked { at: at(5) };
    let tokens = vec![token(4, 1), token(2, 2), revoked, token(1, 1)];
    insert(&store, realm, tokens).await;
    let listing = |filter, after: Option<u8>, limit| {
        let store = store.clone();
        async move {
            let page = Page {
                after: after.map(token_id),
                limit,
            };
            reading!(store, realm, [filter], |tx| tx
                .list_api_tokens(filter, page)
                .await)
            .unwrap()
            .into_iter()
            .map(|token| token.id)
            .collect::<Vec<_>>()
        }
    };
    let mine = || TokenFilter::Owner(subject_id(1));
    assert_eq!(listing(mine(), None, 2).await, [1, 3].map(token_id));
    assert_eq!(listing(mine(), Some(3), 2).await, [4].map(token_id));
    assert_eq!(
        listing(TokenFilter::All, Some(1), 9).await,
        [2, 3, 4].map(token_id)
    );
    // A limit outside 1 to 1,000 is brought inside.
    assert_eq!(listing(mine(), None, 0).await, [1].map(token_id));
    assert_eq!(listing(mine(), None, u32::MAX).await.len(), 3);
}

/// What is another tenant's is not read, so no cursor can tell of it.
pub(crate) async fn tokens_are_listed_within_a_tenant(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let tokens = vec![
        token(1, 1),
        token_in(2, 1, "acme"),
        token_in(3, 2, "globex"),
        token_in(4, 2, "acme"),
        token_in(5, 1, "globex"),
        token_in(6, 1, "acme"),
    ];
    insert(&store, realm, tokens).await;
    let in_acme = || TokenFilter::Tenant(tenant_id("acme"));
    let own = |n, tenant| TokenFilter::OwnerIn(subject_id(n), tenant_id(tenant));
    let page = |after: Option<u8>, limit| Page {
        after: after.map(token_id),
        limit,
    };
    for (filter, page, expected) in [
        (in_acme(), all(), &[2, 4, 6][..]),
        (in_acme(), page(None, 2), &[2, 4]),
        (in_acme(), page(Some(2), 2), &[4, 6]),
        (in_acme(), page(Some(6), 2), &[]),
        (own(1, "acme"), all(), &[2, 6]),
        (own(1, "acme"), page(Some(2), 1), &[6]),
        (own(2, "globex"), all(), &[3]),
        (own(2, "initech"), all(), &[]),
    ] {
        let what = format!("{filter:?} {page:?}");
        let found = reading!(store, realm, [filter], |tx| tx
            .list_api_tokens(filter, page)
            .await);
        let found: Vec<_> = found.unwrap().iter().map(|token| token.id).collect();
        let expected: Vec<_> = expected.iter().map(|n| token_id(*n)).collect();
        assert_eq!(found, expected, "{what}");
    }
}
