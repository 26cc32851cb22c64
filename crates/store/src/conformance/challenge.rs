//! Challenges.

use super::fixture::{
    all, at, challenge, challenge_id, digest, email, invitation, people, realm, subject_id,
    tenant_id,
};
use super::{reading, writing};
use doorward_base::RealmId;
use doorward_identity::model::{Challenge, ChallengeKind};
use doorward_identity::port::{
    ChallengeFilter, ChallengeKey, ChallengesIn, ChallengesOf, Page, StoreError, StoreHandle,
};

async fn put(store: &StoreHandle, realm: RealmId, made: &[Challenge]) {
    let made = made.to_vec();
    let done = writing!(store, realm, [made], |tx| {
        for challenge in &made {
            tx.put_challenge(challenge).await?;
        }
        Ok(())
    });
    done.unwrap();
}

/// The ids that are still there, of the first 20.
async fn left(store: &StoreHandle, realm: RealmId) -> Vec<u8> {
    let found = reading!(store, realm, [], |tx| {
        let mut found = Vec::new();
        for n in 0..20 {
            let key = ChallengeKey::Id(challenge_id(n));
            if tx.find_challenge(&key).await?.is_some() {
                found.push(n);
            }
        }
        Ok(found)
    });
    found.unwrap()
}

pub(crate) async fn challenges_come_back_as_they_were_by_every_key(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let mut whole = challenge(1, ChallengeKind::SignInCode);
    whole.subject = Some(subject_id(1));
    whole.tenant = Some(tenant_id("acme"));
    whole.made_by = Some(subject_id(2));
    whole.attempts = 3;
    whole.payload.insert("n".to_owned(), 1.5.into());
    let bare = Challenge {
        address: None,
        ..challenge(2, ChallengeKind::Invitation)
    };
    put(&store, realm, &[whole.clone(), bare.clone()]).await;
    for one in [whole, bare] {
        let keys = [
            ChallengeKey::Id(one.id),
            ChallengeKey::Digest(one.kind, one.digest),
            ChallengeKey::Slot(one.kind, one.slot().unwrap()),
        ];
        for key in keys {
            let found = reading!(store, realm, [key], |tx| tx.find_challenge(&key).await);
            assert_eq!(found.unwrap(), Some(one.clone()), "{key:?}");
        }
        // Under another kind it is not found.
        let other = match one.kind {
            ChallengeKind::Invitation => ChallengeKind::SignInCode,
            ChallengeKind::SignInCode => ChallengeKind::Invitation,
        };
        let key = ChallengeKey::Digest(other, one.digest);
        let taken = writing!(store, realm, [key], |tx| tx.take_challenge(&key).await);
        assert_eq!(taken.unwrap(), None);
    }
}

pub(crate) async fn a_challenge_replaces_the_one_in_its_slot(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let first = invitation(1, 9, "acme");
    let mut second = invitation(2, 9, "acme");
    second.made_by = Some(subject_id(2));
    let elsewhere = invitation(3, 9, "globex");
    let mut other_kind = invitation(4, 9, "acme");
    other_kind.kind = ChallengeKind::SignInCode;
    let mut guessed = first.clone();
    guessed.attempts = 4;
    put(
        &store,
        realm,
        &[guessed, second.clone(), elsewhere, other_kind],
    )
    .await;
    assert_eq!(left(&store, realm).await, [2, 3, 4]);
    let key = ChallengeKey::Id(second.id);
    let found = reading!(store, realm, [key], |tx| tx.find_challenge(&key).await);
    assert_eq!(found.unwrap(), Some(second));
    // A secret is unique, whatever it is for.
    let mut same = invitation(5, 8, "acme");
    same.digest = digest(3);
    let done = writing!(store, realm, [same], |tx| tx.put_challenge(&same).await);
    assert!(matches!(done, Err(StoreError::Conflict(_))), "{done:?}");
}

pub(crate) async fn a_challenge_is_taken_once(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let one = invitation(1, 9, "acme");
    put(&store, realm, &[one.clone(), invitation(2, 8, "acme")]).await;
    let key = ChallengeKey::Digest(one.kind, one.digest);
    let taken = writing!(store, realm, [key], |tx| Ok((
        tx.take_challenge(&key).await?,
        tx.take_challenge(&key).await?,
        tx.find_challenge(&key).await?,
    )));
    assert_eq!(taken.unwrap(), (Some(one), None, None));
    assert_eq!(left(&store, realm).await, [2]);
}

pub(crate) async fn attempts_are_counted(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    put(&store, realm, &[challenge(1, ChallengeKind::SignInCode)]).await;
    let counted = writing!(store, realm, [], |tx| {
        tx.count_attempt(challenge_id(1)).await?;
        tx.count_attempt(challenge_id(1)).await?;
        tx.find_challenge(&ChallengeKey::Id(challenge_id(1))).await
    });
    assert_eq!(counted.unwrap().unwrap().attempts, 2);
    let none = writing!(store, realm, [], |tx| tx
        .count_attempt(challenge_id(2))
        .await);
    assert!(
        matches!(none, Err(StoreError::Inconsistent { .. })),
        "{none:?}"
    );
}

pub(crate) async fn challenges_are_listed_within_tenants(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let mut expired = invitation(6, 6, "acme");
    expired.expires_at = at(500);
    put(
        &store,
        realm,
        &[
            invitation(1, 1, "acme"),
            invitation(2, 1, "globex"),
            invitation(3, 3, "acme"),
            challenge(4, ChallengeKind::Invitation),
            challenge(5, ChallengeKind::SignInCode),
            expired,
        ],
    )
    .await;
    let first = Page {
        after: None,
        limit: 1,
    };
    let rest = Page {
        after: Some(challenge_id(1)),
        limit: 1000,
    };
    let whole = || ChallengesIn::Realm;
    let of = |all: &[&str]| ChallengesIn::Tenants(all.iter().map(|id| tenant_id(id)).collect());
    let to = |n| ChallengesIn::Address(email(n).as_str().to_owned());
    for (within, page, expected) in [
        (whole(), all(), &[1, 2, 3, 4][..]),
        (whole(), rest, &[2, 3, 4]),
        (of(&["acme"]), all(), &[1, 3]),
        (of(&["acme"]), first, &[1]),
        (of(&["acme"]), rest, &[3]),
        (of(&["acme", "globex"]), all(), &[1, 2, 3]),
        (of(&["initech"]), all(), &[]),
        (of(&[]), all(), &[]),
        (to(1), all(), &[1, 2]),
        (to(1), first, &[1]),
        (to(1), rest, &[2]),
        (to(7), all(), &[]),
    ] {
        let filter = ChallengeFilter {
            kind: ChallengeKind::Invitation,
            within: within.clone(),
            now: at(500),
        };
        let found = reading!(store, realm, [filter], |tx| tx
            .list_challenges(&filter, page)
            .await);
        let found: Vec<_> = found.unwrap().iter().map(|one| one.id).collect();
        let expected: Vec<_> = expected.iter().map(|n| challenge_id(*n)).collect();
        assert_eq!(found, expected, "{within:?} {page:?}");
    }
}

pub(crate) async fn challenges_end_together(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let made = |n, address, tenant: &str, by: Option<u8>, of: Option<u8>| Challenge {
        made_by: by.map(subject_id),
        subject: of.map(subject_id),
        ..invitation(n, address, tenant)
    };
    let every = [
        made(1, 8, "acme", Some(1), None),
        made(2, 9, "acme", Some(1), None),
        made(3, 8, "globex", Some(1), None),
        made(4, 7, "globex", Some(2), None),
        made(5, 6, "acme", None, Some(1)),
        made(6, 5, "acme", None, None),
    ];
    for (n, ended) in [&[1, 2][..], &[1, 2, 3, 5], &[1], &[1, 3], &[1, 2, 5, 6]]
        .into_iter()
        .enumerate()
    {
        put(&store, realm, &every).await;
        let count = writing!(store, realm, [], |tx| {
            let (acme, address) = (tenant_id("acme"), email(8));
            let (tenant, subject, address) = (&acme, subject_id(1), address.as_str());
            let every = [
                ChallengesOf::Maker { subject, tenant },
                ChallengesOf::Subject(subject),
                ChallengesOf::Address {
                    address,
                    tenant: Some(tenant),
                },
                ChallengesOf::Address {
                    address,
                    tenant: None,
                },
                ChallengesOf::Tenant(tenant),
            ];
            tx.end_challenges(every[n]).await
        });
        assert_eq!(count, Ok(ended.len() as u64), "{n}");
        let expected: Vec<u8> = (1..=6).filter(|n| !ended.contains(n)).collect();
        assert_eq!(left(&store, realm).await, expected, "{n}");
    }
}

pub(crate) async fn expired_challenges_are_pruned_in_slices(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let made: Vec<_> = (1..=5)
        .map(|n| Challenge {
            expires_at: at(i64::from(n) * 100),
            ..invitation(n, n, "acme")
        })
        .collect();
    put(&store, realm, &made).await;
    for (limit, pruned, expected) in [(2, 2, &[3, 4, 5][..]), (2, 1, &[4, 5]), (2, 0, &[4, 5])] {
        let count = writing!(store, realm, [], |tx| tx
            .prune_challenges(at(400), limit)
            .await);
        assert_eq!(count, Ok(pruned));
        assert_eq!(left(&store, realm).await, expected);
    }
}
