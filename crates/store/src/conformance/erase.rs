//! Deleting subjects and tenants.

use super::fixture::{
    all, at, challenge, digest, email, event, external, factor, identity, invitation, membership,
    password, people, realm, role_grant, session, session_id, subject_id, tenant, tenant_id, token,
    token_id, token_in, user,
};
use super::{reading, writing};
use doorward_base::RealmId;
use doorward_identity::model::{
    Actor, AuditAction, Challenge, ChallengeKind, FactorKind, TokenState,
};
use doorward_identity::port::{
    AuditFilter, ChallengeKey, StoreError, StoreHandle, TokenFilter, TokenKey,
};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// Subject 1 with some of everything; subject 2 is its neighbour.
async fn furnish(store: &StoreHandle, realm: RealmId) {
    people(store, realm).await;
    writing!(store, realm, [], |tx| {
        for n in [1, 2] {
            tx.set_password(subject_id(n), &password(n)).await?;
            tx.insert_identity(&identity(n, n)).await?;
            tx.insert_membership(&membership(n, n, "acme")).await?;
            tx.insert_membership(&membership(n + 10, n, "globex"))
                .await?;
            for tenant in [None, Some("acme")] {
                tx.insert_grant(subject_id(n), &role_grant(tenant, "admin"), at(1))
                    .await?;
            }
            let mut named = token_in(n, n, "acme");
            named.token.name = Some("laptop".to_owned());
            named.token.last_used_from = Some("192.0.2.7".parse().unwrap());
            tx.insert_api_token(&named).await?;
            tx.insert_api_token(&token(n + 10, n)).await?;
            tx.insert_session(&session(n, n, Some("acme"))).await?;
            tx.insert_session(&session(n + 10, n, None)).await?;
            tx.bump_epoch(subject_id(n), None, at(1)).await?;
            tx.insert_factor(&factor(n, n, FactorKind::Totp)).await?;
            for pending in pending(n) {
                tx.put_challenge(&pending).await?;
            }
        }
        let peer = Some(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)));
        for n in 1..=5 {
            let mut about = event(n, AuditAction::SignIn);
            about.peer = peer;
            about.actor = Actor::Anonymous;
            about.subject = Some(subject_id(if n < 4 { 1 } else { 2 }));
            if n == 3 {
                about.actor = Actor::Subject(subject_id(1));
            }
            tx.append_audit(&about).await?;
        }
        // What it did to others, and to nobody.
        for subject in [None, Some(subject_id(2))] {
            let mut by = event(9, AuditAction::GrantAdd);
            by.peer = peer;
            by.actor = Actor::Subject(subject_id(1));
            by.subject = subject;
            tx.append_audit(&by).await?;
        }
        // What another did to it, from where is the other's: a puppet's end hides no maker.
        let mut done = event(8, AuditAction::UserCreate);
        done.peer = peer;
        done.actor = Actor::Subject(subject_id(2));
        done.subject = Some(subject_id(1));
        tx.append_audit(&done).await?;
        Ok(())
    })
    .unwrap();
}

/// What waits for a subject, or was made by it.
fn pending(n: u8) -> [Challenge; 3] {
    let (of, by) = (Some(subject_id(n)), Some(subject_id(n)));
    [
        invitation(n, n, "acme"),
        Challenge {
            address: None,
            subject: of,
            ..challenge(n + 10, ChallengeKind::SignInCode)
        },
        Challenge {
            made_by: by,
            ..invitation(n + 20, n + 20, "globex")
        },
    ]
}

/// What waits for a proven address goes with it at once, what hangs on the subject itself
/// by and by. What waits for an address that is not known to be its own stays.
pub(crate) async fn what_waits_for_the_deleted_goes(store: StoreHandle) {
    // In the fixture, 2 has proven its address and 1 has not.
    for (name, deleted, other, address) in [("a", 2, 1, false), ("b", 1, 2, true)] {
        let realm = realm(&store, name).await;
        furnish(&store, realm).await;
        let left = writing!(store, realm, [], |tx| {
            tx.erase_subject(subject_id(deleted), at(70)).await?;
            let mut left = Vec::new();
            for step in 0..2 {
                for one in [deleted, other].iter().flat_map(|n| pending(*n)) {
                    let found = tx.find_challenge(&ChallengeKey::Id(one.id)).await?;
                    left.push((step, found.is_some()));
                }
                for n in [deleted, other] {
                    left.push((step, !tx.list_factors(subject_id(n)).await?.is_empty()));
                }
                tx.sweep_erased(at(70), 1000).await?;
            }
            Ok(left)
        });
        let expected = [
            [address, true, true, true, true, true, true, true],
            [address, false, false, true, true, true, false, true],
        ];
        let expected: Vec<_> = expected
            .iter()
            .zip(0..)
            .flat_map(|(all, step)| all.iter().map(move |one| (step, *one)))
            .collect();
        assert_eq!(left, Ok(expected), "{deleted}");
    }
}

pub(crate) async fn nothing_finds_a_deleted_subject(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    furnish(&store, realm).await;
    let made = external(5, "https://i", "s");
    writing!(store, realm, [made], |tx| {
        tx.insert_subject(&made).await?;
        for n in [1, 5] {
            tx.erase_subject(subject_id(n), at(70)).await?;
        }
        Ok(())
    })
    .unwrap();
    let one = subject_id(1);
    let found = reading!(store, realm, [], |tx| Ok((
        tx.find_subject(one).await?,
        tx.find_user_by_email(&email(1), None).await?,
        tx.find_external_subject("https://i", "s").await?,
        tx.find_password(one).await?,
        tx.find_dossier(one).await?,
    )));
    assert_eq!(found, Ok((None, None, None, None, None)));
    for key in [
        TokenKey::Id(token_id(1)),
        TokenKey::Digests(vec![digest(1)]),
    ] {
        let found = reading!(store, realm, [key], |tx| tx.find_token_dossier(&key).await);
        assert_eq!(found, Ok(None));
    }
    let listed = reading!(store, realm, [], |tx| tx.list_subjects(all()).await).unwrap();
    assert_eq!(listed, [user(2)]);
    // Its names are free, its id is not.
    let mut again = user(1);
    let taken = writing!(store, realm, [again], |tx| tx.insert_subject(&again).await);
    assert!(matches!(taken, Err(StoreError::Conflict(_))), "{taken:?}");
    again.id = subject_id(6);
    let elsewhere = external(7, "https://i", "s");
    let free = writing!(store, realm, [again, elsewhere], |tx| {
        tx.insert_subject(&again).await?;
        tx.insert_subject(&elsewhere).await
    });
    assert_eq!(free, Ok(()));
    let twice = writing!(store, realm, [], |tx| tx.erase_subject(one, at(71)).await);
    assert!(matches!(twice, Err(StoreError::Inconsistent { .. })));
}

pub(crate) async fn nothing_finds_a_deleted_tenant(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    furnish(&store, realm).await;
    let acme = tenant_id("acme");
    writing!(store, realm, [acme], |tx| tx
        .erase_tenant(&acme, at(70))
        .await)
    .unwrap();
    let found = reading!(store, realm, [acme], |tx| Ok((
        tx.find_tenant(&acme).await?,
        tx.find_membership(subject_id(1), &acme).await?,
    )));
    assert_eq!(found, Ok((None, None)));
    let seen = reading!(store, realm, [], |tx| Ok((
        tx.list_tenants(all()).await?,
        tx.list_memberships(subject_id(1)).await?,
        tx.find_dossier(subject_id(1)).await?.unwrap().member_of,
        tx.find_token_dossier(&TokenKey::Id(token_id(1)))
            .await?
            .unwrap()
            .owner
            .member_of,
    )))
    .unwrap();
    let globex = tenant_id("globex");
    assert_eq!(seen.0, [tenant("globex")]);
    assert_eq!(seen.1, [membership(11, 1, "globex")]);
    assert_eq!((seen.2, seen.3), (vec![globex.clone()], vec![globex]));
    for (since, expected) in [(69, vec![acme.clone()]), (70, vec![acme]), (71, vec![])] {
        let since = at(since);
        let listed = reading!(store, realm, [], |tx| tx.list_deleted_tenants(since).await);
        assert_eq!(listed, Ok(expected));
    }
    let again = tenant("acme");
    let taken = writing!(store, realm, [again], |tx| tx.insert_tenant(&again).await);
    assert!(matches!(taken, Err(StoreError::Conflict(_))), "{taken:?}");
}

pub(crate) async fn what_the_deleted_left_goes_in_pieces(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    furnish(&store, realm).await;
    let neighbour = || async {
        let seen = reading!(store, realm, [], |tx| Ok(format!(
            "{:?} {:?} {:?} {:?}",
            tx.find_dossier(subject_id(2)).await?,
            tx.list_identities(subject_id(2)).await?,
            tx.list_sessions(subject_id(2)).await?,
            tx.list_api_tokens(TokenFilter::Owner(subject_id(2)), all())
                .await?,
        )));
        seen.unwrap()
    };
    let before = neighbour().await;
    writing!(store, realm, [], |tx| tx
        .erase_subject(subject_id(1), at(70))
        .await)
    .unwrap();
    let mut pieces = 0;
    loop {
        let swept = writing!(store, realm, [], |tx| tx.sweep_erased(at(71), 2).await).unwrap();
        assert!(swept <= 2, "{swept}");
        if swept == 0 {
            break;
        }
        pieces += 1;
        assert!(pieces < 20, "it comes to an end");
    }
    assert!(pieces > 3, "{pieces}");
    assert_eq!(neighbour().await, before);
    let left = reading!(store, realm, [], |tx| Ok((
        tx.list_identities(subject_id(1)).await?,
        tx.list_memberships(subject_id(1)).await?,
        tx.list_grants(subject_id(1)).await?,
        tx.find_session(session_id(1)).await?,
        tx.list_api_tokens(TokenFilter::Owner(subject_id(1)), all())
            .await?,
        tx.list_audit(&AuditFilter::default(), all()).await?,
    )));
    let (identities, members, grants, session, tokens, rows) = left.unwrap();
    assert!(identities.is_empty() && members.is_empty() && grants.is_empty());
    assert_eq!(session, None);
    // Tokens stay, so that the audit log can name them.
    assert_eq!(tokens.len(), 2);
    for token in &tokens {
        assert_eq!((&token.name, token.last_used_from), (&None, None));
        assert_eq!(token.state, TokenState::Revoked { at: at(71) });
    }
    assert_eq!(rows.len(), 8);
    for row in rows {
        let one = subject_id(1);
        let (actor, about_it) = (row.event.actor, row.event.subject == Some(one));
        let theirs = actor == Actor::Subject(one) || (actor == Actor::Anonymous && about_it);
        assert_eq!(row.event.peer.is_none(), theirs, "{row:?}");
    }
    // An event that was under way is swept too, until it is long enough ago.
    for (seconds, goes) in [(300, true), (370, true), (380, false)] {
        let mut straggler = event(1, AuditAction::TokenExchange);
        straggler.subject = Some(subject_id(1));
        straggler.actor = Actor::Subject(subject_id(1));
        straggler.peer = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let now = at(seconds);
        writing!(store, realm, [straggler], |tx| tx
            .append_audit(&straggler)
            .await)
        .unwrap();
        let swept = writing!(store, realm, [], |tx| tx.sweep_erased(now, 100).await);
        assert_eq!(swept, Ok(u64::from(goes)), "{seconds}");
    }
    let unswept = store.engine().list_unswept().await;
    assert_eq!(unswept, Ok(vec![]), "nothing is left to look at");
    // A deleted tenant's memberships go, with what was granted there.
    writing!(store, realm, [], |tx| {
        tx.erase_tenant(&tenant_id("acme"), at(400)).await?;
        tx.sweep_erased(at(400).plus(Duration::from_secs(1)), 100)
            .await
    })
    .unwrap();
    let unswept = store.engine().list_unswept().await;
    assert_eq!(unswept, Ok(vec![realm]), "until it is long enough ago");
    let left = reading!(store, realm, [], |tx| tx.list_grants(subject_id(2)).await);
    assert_eq!(left, Ok(vec![role_grant(None, "admin")]));
}
