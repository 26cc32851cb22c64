//! One realm seen, or attacked, from another.

use super::fixture::{
    all, at, challenge, challenge_id, client, client_id, digest, email, event, external, factor,
    factor_id, group, identity, invitation, key, known_by, membership, password, people,
    permission_grant, phone, realm, role_grant, secret_of, session, session_id, subject_id, tenant,
    tenant_id, tenant_keys, token, token_id, token_in, used, user, webhook, webhook_id,
};
use super::{reading, writing};
use doorward_base::limit::Amount;
use doorward_base::{RealmId, Timestamp};
use doorward_identity::model::{
    Address, AuditAction, Challenge, ChallengeKind, Contact, FactorKind, Identifier, KeyPurpose,
    KeyState, Metadata, QuotaWindow, RoleDefinition, SecretUse, SubjectStatus, TenantLimit,
    TokenState,
};
use doorward_identity::port::{
    AuditFilter, ChallengeFilter, ChallengeKey, ChallengesIn, ChallengesOf, Read, StoreError,
    StoreHandle, TokenFilter, TokenGroup, Tx,
};

/// One row of everything.
async fn furnish(store: &StoreHandle, realm: RealmId) {
    people(store, realm).await;
    writing!(store, realm, [], |tx| furnish_in(tx).await).unwrap();
}

async fn furnish_in(tx: &mut dyn Tx) -> Result<(), StoreError> {
    let acme = tenant_id("acme");
    tx.insert_subject(&tenant_keys(3, "acme")).await?;
    tx.insert_subject(&external(4, "https://i", "s")).await?;
    tx.set_password(subject_id(1), &password(1)).await?;
    tx.insert_identity(&identity(1, 1)).await?;
    let mut reached = known_by(5, Contact::default());
    if let Identifier::User(contact) = &mut reached.identifier {
        contact.phone = Some(Address::proven(phone(1), at(1)));
    }
    tx.insert_subject(&reached).await?;
    tx.insert_tenant(&tenant("gone")).await?;
    tx.erase_tenant(&tenant_id("gone"), at(3)).await?;
    tx.insert_membership(&membership(1, 1, "acme")).await?;
    let mut pending = invitation(1, 9, "acme");
    pending.made_by = Some(subject_id(1));
    tx.put_challenge(&pending).await?;
    tx.insert_factor(&factor(1, 1, FactorKind::Totp)).await?;
    tx.insert_client(&client(1, Some("acme"))).await?;
    tx.insert_client_secret(client_id(1), &secret_of(1)).await?;
    tx.insert_client(&client(2, None)).await?;
    tx.revoke_client(client_id(2), at(2)).await?;
    tx.insert_grant(subject_id(1), &role_grant(Some("acme"), "admin"), at(1))
        .await?;
    let role = RoleDefinition {
        role: "admin".parse().unwrap(),
        permissions: vec!["read".parse().unwrap()],
    };
    tx.put_tenant_role(&acme, &role).await?;
    let given = TenantLimit {
        tenant: acme.clone(),
        limit: "open".to_owned(),
        amount: Amount::InFlight(1),
        changed_at: at(1),
    };
    tx.put_tenant_limit(&given).await?;
    tx.add_quota_use(QUOTA, 1).await?;
    tx.bump_epoch(subject_id(1), Some(&acme), at(1)).await?;
    let mut bound = token_in(1, 1, "acme");
    bound.token.created_by = Some(subject_id(1));
    bound.token.notice_at = Some(at(1));
    tx.insert_api_token(&bound).await?;
    let mut revoked = token(2, 2);
    revoked.token.state = TokenState::Revoked { at: at(2) };
    tx.insert_api_token(&revoked).await?;
    let mut retiring = token(3, 2);
    retiring.token.state = TokenState::Retiring { until: at(500) };
    tx.insert_api_token(&retiring).await?;
    tx.put_webhook(&webhook(1, Some("acme"))).await?;
    let mut by_token = session(1, 1, Some("acme"));
    by_token.made_from = Some(token_id(1));
    tx.insert_session(&by_token).await?;
    tx.insert_session(&session(2, 2, None)).await?;
    tx.end_session(session_id(2), at(2)).await?;
    tx.insert_key(&key("k", KeyPurpose::Access, KeyState::Active, 1))
        .await?;
    let mut about = event(1, AuditAction::SignIn);
    about.subject = Some(subject_id(1));
    about.tenant = Some(acme);
    tx.append_audit(&about).await
}

pub(crate) async fn names_of_one_realm_are_free_in_another(store: StoreHandle) {
    let (a, b) = (realm(&store, "a").await, realm(&store, "b").await);
    // Every id, address, digest and key id is the same in both.
    furnish(&store, a).await;
    furnish(&store, b).await;
    writing!(store, b, [], |tx| tx
        .set_api_token_state(token_id(1), TokenState::Revoked { at: at(5) })
        .await)
    .unwrap();
    for (realm, revoked) in [(a, false), (b, true)] {
        let found = reading!(store, realm, [], |tx| tx.find_api_token(token_id(1)).await);
        let state = found.unwrap().unwrap().state;
        assert_eq!(state != TokenState::Active, revoked);
    }
}

pub(crate) async fn nothing_of_a_realm_is_found_from_another(store: StoreHandle) {
    let (a, b) = (realm(&store, "a").await, realm(&store, "b").await);
    furnish(&store, a).await;
    for (realm, there) in [(a, true), (b, false)] {
        let seen = reading!(store, realm, [], |tx| {
            let mut seen = look_at_people(tx).await?;
            seen.extend(look_at_credentials(tx).await?);
            seen.extend(look_at_what_is_pending(tx).await?);
            seen.extend(look_at_clients(tx).await?);
            Ok(seen)
        });
        for (what, seen) in seen.unwrap() {
            assert_eq!(seen, there, "{what}");
        }
    }
}

/// A quota of which something is used.
const QUOTA: QuotaWindow = QuotaWindow {
    holder: 1,
    start: Timestamp::from_seconds(0),
    end: Timestamp::from_seconds(1),
};

/// What a look-up looked for, and whether it saw something.
type Look = (&'static str, bool);

async fn look_at_people(tx: &mut dyn Read) -> Result<Vec<Look>, StoreError> {
    let (one, acme) = (subject_id(1), tenant_id("acme"));
    let external = tx.find_external_subject("https://i", "s").await?;
    let theirs = tx.list_tenant_memberships(&acme, all()).await?;
    let keys = tx.find_tenant_keys_subject(&acme).await?;
    let named = identity(1, 1);
    let linked = tx.find_identity(&named.provider, &named.sub).await?;
    Ok(vec![
        ("subject", tx.find_subject(one).await?.is_some()),
        (
            "email",
            tx.find_user_by_email(&email(1), None).await?.is_some(),
        ),
        ("tenant keys", keys.is_some()),
        (
            "phone",
            tx.find_subject_by_phone(&phone(1)).await?.is_some(),
        ),
        ("identity", linked.is_some()),
        ("identities", !tx.list_identities(one).await?.is_empty()),
        (
            "deleted tenants",
            !tx.list_deleted_tenants(at(0)).await?.is_empty(),
        ),
        ("external", external.is_some()),
        ("subjects", !tx.list_subjects(all()).await?.is_empty()),
        ("password", tx.find_password(one).await?.is_some()),
        ("tenant", tx.find_tenant(&acme).await?.is_some()),
        ("tenants", !tx.list_tenants(all()).await?.is_empty()),
        (
            "membership",
            tx.find_membership(one, &acme).await?.is_some(),
        ),
        ("memberships", !tx.list_memberships(one).await?.is_empty()),
        ("tenant's memberships", !theirs.is_empty()),
        ("grants", !tx.list_grants(one).await?.is_empty()),
        ("roles", !tx.list_tenant_roles(&acme).await?.is_empty()),
        ("limits", !tx.list_tenant_limits(None).await?.is_empty()),
        (
            "tenant's limits",
            !tx.list_tenant_limits(Some(&acme)).await?.is_empty(),
        ),
        ("quota", tx.find_quota_use(QUOTA).await? > 0),
        (
            "subject's epochs",
            !tx.list_epochs_of(&[one]).await?.is_empty(),
        ),
        ("epochs", !tx.list_epochs(at(0)).await?.is_empty()),
    ])
}

async fn look_at_credentials(tx: &mut dyn Read) -> Result<Vec<Look>, StoreError> {
    let one = subject_id(1);
    let class = "access".parse().unwrap();
    let found = tx.find_api_token_by_digest(&digest(1)).await?;
    let acme = tenant_id("acme");
    let group = TokenGroup {
        tenant: Some(&acme),
        ..group(1, &class)
    };
    let count = tx.count_active_tokens(group, at(1), 9).await?;
    let newest = tx.find_nth_newest_token(group, 1).await?;
    let made = tx.list_api_tokens(TokenFilter::Maker(one), all()).await?;
    let every = tx.list_api_tokens(TokenFilter::All, all()).await?;
    let owned = tx.list_api_tokens(TokenFilter::Owner(one), all()).await?;
    let revoked = tx.list_revoked_tokens(at(0)).await?;
    let ended = tx.list_ended_sessions(at(0)).await?;
    let about = AuditFilter {
        subject: Some(one),
        ..AuditFilter::default()
    };
    let everything = AuditFilter::default();
    Ok(vec![
        ("token", tx.find_api_token(token_id(1)).await?.is_some()),
        ("digest", found.is_some()),
        ("tokens", !every.is_empty()),
        ("owner's tokens", !owned.is_empty()),
        ("count", count > 0),
        ("newest token", newest.is_some()),
        ("tokens made", !made.is_empty()),
        ("revoked tokens", !revoked.is_empty()),
        (
            "retiring tokens",
            !tx.list_retiring(at(0)).await?.is_empty(),
        ),
        ("session", tx.find_session(session_id(1)).await?.is_some()),
        ("sessions", !tx.list_sessions(one).await?.is_empty()),
        ("ended sessions", !ended.is_empty()),
        ("keys", !tx.list_keys().await?.is_empty()),
        (
            "audit",
            !tx.list_audit(&everything, all()).await?.is_empty(),
        ),
        (
            "subject's audit",
            !tx.list_audit(&about, all()).await?.is_empty(),
        ),
    ])
}

async fn look_at_what_is_pending(tx: &mut dyn Read) -> Result<Vec<Look>, StoreError> {
    let one = invitation(1, 9, "acme");
    let keys = [
        ("challenge", ChallengeKey::Id(one.id)),
        (
            "challenge by digest",
            ChallengeKey::Digest(one.kind, one.digest),
        ),
        (
            "challenge by slot",
            ChallengeKey::Slot(one.kind, one.slot().unwrap_or_default()),
        ),
    ];
    let mut looks = Vec::new();
    for (what, key) in &keys {
        looks.push((*what, tx.find_challenge(key).await?.is_some()));
    }
    for (what, within) in [
        ("challenges", ChallengesIn::Realm),
        (
            "tenant's challenges",
            ChallengesIn::Tenants(vec![tenant_id("acme")]),
        ),
        (
            "address's challenges",
            ChallengesIn::Address(one.address.clone().unwrap_or_default()),
        ),
    ] {
        let filter = ChallengeFilter {
            kind: one.kind,
            within,
            now: at(1),
        };
        let found = tx.list_challenges(&filter, all()).await?;
        looks.push((what, !found.is_empty()));
    }
    let (subject, id) = (subject_id(1), factor_id(1));
    let made = tx
        .count_challenges_of(subject, &tenant_id("acme"), 9)
        .await?;
    looks.push(("maker's challenges", made > 0));
    looks.push(("factor", tx.find_factor(subject, id).await?.is_some()));
    looks.push(("factors", !tx.list_factors(subject).await?.is_empty()));
    Ok(looks)
}

async fn look_at_clients(tx: &mut dyn Read) -> Result<Vec<Look>, StoreError> {
    let (one, acme) = (client_id(1), [tenant_id("acme")]);
    let theirs = tx.list_clients(Some(&acme), all()).await?;
    let secrets = tx.list_client_secrets(&[one]).await?;
    let revoked = tx.list_revoked_clients(at(0)).await?;
    let due = tx.list_due_notices(at(9), 9).await?;
    Ok(vec![
        ("notice", !due.is_empty()),
        ("webhook", tx.is_webhook_due(at(9)).await?),
        ("client", tx.find_client(one).await?.is_some()),
        (
            "client with secrets",
            tx.find_client_dossier(one).await?.is_some(),
        ),
        ("clients", !tx.list_clients(None, all()).await?.is_empty()),
        ("tenant's clients", !theirs.is_empty()),
        ("secrets", !secrets.is_empty()),
        ("revoked clients", !revoked.is_empty()),
    ])
}

pub(crate) async fn nothing_of_a_realm_is_changed_from_another(store: StoreHandle) {
    let (a, b) = (realm(&store, "a").await, realm(&store, "b").await);
    furnish(&store, a).await;
    let before = portrait(&store, a).await;
    let unseen = writing!(store, b, [], |tx| {
        let acme = tenant_id("acme");
        let grant = role_grant(Some("acme"), "admin");
        tx.touch_api_tokens(&[used(token_id(1), 99)]).await?;
        Ok((
            tx.delete_membership(subject_id(1), &acme).await?,
            tx.delete_grant(subject_id(1), &grant).await?,
            tx.revoke_api_tokens_of(subject_id(1), None, at(9)).await?,
            tx.settle_endings(9).await?,
            tx.end_session(session_id(1), at(9)).await?,
            tx.end_sessions_of(subject_id(1), None, at(9)).await?,
            tx.end_sessions_made_from(token_id(1), subject_id(1), at(9))
                .await?,
        ))
    });
    assert_eq!(unseen, Ok((false, false, (), 0, false, vec![], vec![])));
    nothing_pending_is_changed(&store, b).await;
    let refused = [
        writing!(store, b, [], |tx| tx
            .set_subject_status(subject_id(1), SubjectStatus::Disabled { at: at(9) })
            .await),
        writing!(store, b, [], |tx| tx
            .set_api_token_state(token_id(1), TokenState::Revoked { at: at(9) })
            .await),
        writing!(store, b, [], |tx| tx
            .rekey_api_token(token_id(1), &digest(9), "x")
            .await),
        writing!(store, b, [], |tx| tx
            .set_key_state("k", KeyState::Next)
            .await),
        writing!(store, b, [], |tx| tx.delete_key("k").await),
        writing!(store, b, [], |tx| tx
            .set_contact(subject_id(1), &Contact::default())
            .await),
        writing!(store, b, [], |tx| tx
            .set_user_metadata(subject_id(1), &Metadata::new())
            .await),
        writing!(store, b, [], |tx| tx
            .touch_sign_in(subject_id(1), at(9))
            .await),
        writing!(store, b, [], |tx| tx
            .delete_identity(identity(1, 1).id)
            .await),
        writing!(store, b, [], |tx| tx
            .erase_subject(subject_id(1), at(9))
            .await),
        writing!(store, b, [], |tx| tx
            .erase_tenant(&tenant_id("acme"), at(9))
            .await),
        writing!(store, b, [], |tx| tx.count_attempt(challenge_id(1)).await),
        writing!(store, b, [], |tx| tx
            .expire_client_secret(&digest(1), at(9))
            .await),
        writing!(store, b, [], |tx| tx.delete_client_secret(&digest(1)).await),
    ];
    for outcome in refused {
        assert!(matches!(outcome, Err(StoreError::Inconsistent { .. })));
    }
    assert_eq!(portrait(&store, a).await, before);
}

async fn nothing_pending_is_changed(store: &StoreHandle, other: RealmId) {
    let done = writing!(store, other, [], |tx| {
        let one = invitation(1, 9, "acme");
        let address = one.address.clone().unwrap_or_default();
        let (address, acme) = (address.as_str(), tenant_id("acme"));
        let used = SecretUse {
            digest: digest(1),
            at: at(99),
            from: None,
        };
        tx.touch_client_secrets(&[used]).await?;
        tx.end_webhook(webhook_id(1)).await?;
        tx.put_webhook_off(webhook_id(1), at(99), 9).await?;
        tx.bury_webhook(webhook_id(1), "x", at(9)).await?;
        assert!(!tx.advance_notice(token_id(1), at(1), None).await?);
        let mut touched = 0;
        for which in [
            ChallengesOf::Subject(subject_id(1)),
            ChallengesOf::Address {
                address,
                tenant: None,
            },
            ChallengesOf::Address {
                address,
                tenant: Some(&acme),
            },
            ChallengesOf::Tenant(&acme),
        ] {
            touched += tx.end_challenges(which).await?;
        }
        touched += tx.prune_challenges(at(9999), 10).await?;
        touched += tx.prune_clients(at(9999), 10).await?;
        touched += tx.prune_epochs(at(9999), 10).await?;
        touched += tx.prune_webhooks(at(9999), 10).await?;
        touched += tx.claim_webhooks(at(9999), at(9999), 10).await?.len() as u64;
        touched += tx.delete_factors_of(subject_id(1)).await?;
        let taken = [
            tx.take_challenge(&ChallengeKey::Id(one.id)).await?,
            tx.take_challenge(&ChallengeKey::Digest(one.kind, one.digest))
                .await?,
        ];
        let done = [
            tx.verify_factor(factor_id(1), at(9)).await?,
            tx.use_factor(factor_id(1), 9, at(9)).await?,
            tx.delete_factor(factor_id(1)).await?,
            tx.revoke_client(client_id(1), at(9)).await?,
        ];
        Ok((touched, taken, done))
    });
    assert_eq!(done, Ok((0, [None, None], [false; 4])));
}

/// What could have been changed, as text.
async fn portrait(store: &StoreHandle, realm: RealmId) -> String {
    reading!(store, realm, [], |tx| Ok(format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {}",
        tx.list_subjects(all()).await?,
        tx.list_memberships(subject_id(1)).await?,
        tx.list_grants(subject_id(1)).await?,
        tx.find_api_token_by_digest(&digest(1)).await?,
        tx.list_sessions(subject_id(1)).await?,
        tx.list_keys().await?,
        tx.find_challenge(&ChallengeKey::Id(challenge_id(1)))
            .await?,
        tx.list_factors(subject_id(1)).await?,
        tx.list_clients(None, all()).await?,
        tx.list_client_secrets(&[client_id(1)]).await?,
        tx.list_epochs(at(0)).await?,
        tx.is_webhook_due(at(9)).await?,
    )))
    .unwrap()
}

pub(crate) async fn nothing_of_a_realm_is_referred_to_from_another(store: StoreHandle) {
    let (a, b) = (realm(&store, "a").await, realm(&store, "b").await);
    furnish(&store, a).await;
    // The other realm has a subject and a tenant of its own.
    writing!(store, b, [], |tx| {
        tx.insert_subject(&user(50)).await?;
        tx.insert_tenant(&tenant("own")).await
    })
    .unwrap();
    let refused = [
        writing!(store, b, [], |tx| tx
            .insert_subject(&tenant_keys(51, "acme"))
            .await),
        writing!(store, b, [], |tx| tx
            .set_password(subject_id(1), &password(9))
            .await),
        writing!(store, b, [], |tx| tx.insert_identity(&identity(9, 1)).await),
        writing!(store, b, [], |tx| tx
            .insert_membership(&membership(9, 1, "own"))
            .await),
        writing!(store, b, [], |tx| tx
            .insert_membership(&membership(9, 50, "acme"))
            .await),
        writing!(store, b, [], |tx| tx
            .put_challenge(&invitation(9, 9, "acme"))
            .await),
        writing!(store, b, [], |tx| tx
            .put_challenge(&Challenge {
                subject: Some(subject_id(1)),
                ..challenge(9, ChallengeKind::SignInCode)
            })
            .await),
        writing!(store, b, [], |tx| tx
            .put_challenge(&Challenge {
                made_by: Some(subject_id(1)),
                ..challenge(9, ChallengeKind::SignInCode)
            })
            .await),
        writing!(store, b, [], |tx| tx
            .insert_factor(&factor(9, 1, FactorKind::Totp))
            .await),
        writing!(store, b, [], |tx| tx
            .insert_client(&client(9, Some("acme")))
            .await),
        writing!(store, b, [], |tx| tx
            .insert_client_secret(client_id(1), &secret_of(9))
            .await),
        writing!(store, b, [], |tx| tx
            .insert_grant(subject_id(1), &permission_grant(None, "p", None), at(1))
            .await
            .map(drop)),
        writing!(store, b, [], |tx| tx
            .insert_grant(subject_id(50), &role_grant(Some("acme"), "r"), at(1))
            .await
            .map(drop)),
        writing!(store, b, [], |tx| tx
            .bump_epoch(subject_id(1), None, at(1))
            .await
            .map(drop)),
        writing!(store, b, [], |tx| tx.insert_api_token(&token(9, 1)).await),
        writing!(store, b, [], |tx| tx
            .insert_api_token(&token_in(9, 50, "acme"))
            .await),
        writing!(store, b, [], |tx| tx
            .put_webhook(&webhook(9, Some("acme")))
            .await),
        writing!(store, b, [], |tx| tx
            .insert_session(&session(9, 1, None))
            .await),
        writing!(store, b, [], |tx| tx
            .insert_session(&session(9, 50, Some("acme")))
            .await),
    ];
    for (at, outcome) in refused.iter().enumerate() {
        let refused = matches!(outcome, Err(StoreError::Inconsistent { .. }));
        assert!(refused, "attempt {at}: {outcome:?}");
    }
}

pub(crate) async fn an_unknown_realm_is_refused(store: StoreHandle) {
    let known = realm(&store, "a").await;
    let unknown = RealmId(known.0 + 1000);
    let outcome = writing!(store, unknown, [], |tx| tx.insert_subject(&user(1)).await);
    assert!(matches!(outcome, Err(StoreError::Inconsistent { .. })));
}
