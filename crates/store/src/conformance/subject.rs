//! Subjects and passwords.

use super::fixture::{
    all, at, email, external, identity, known_by, password, people, phone, realm, service,
    subject_id, tenant_id, tenant_keys, user,
};
use super::{reading, writing};
use doorward_base::{Phone, ProviderName, TenantId};
use doorward_identity::model::{Address, Contact, Identifier, Mailbox, Metadata, SubjectStatus};
use doorward_identity::port::{Page, StoreError, StoreHandle};
use serde_json::json;

pub(crate) async fn subjects_are_found_by_every_identifier(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let made = [
        service(3),
        tenant_keys(4, "acme"),
        external(5, "https://login.example", "auth0|Ünïcode \u{0} 'x'"),
    ];
    writing!(store, realm, [made], |tx| {
        for subject in &made {
            tx.insert_subject(subject).await?;
        }
        Ok(())
    })
    .unwrap();
    let found = reading!(store, realm, [], |tx| Ok((
        tx.find_subject(subject_id(1)).await?,
        tx.find_service_by_email(&email(3), None).await?,
        tx.find_tenant_keys_subject(&tenant_id("acme")).await?,
        tx.find_external_subject("https://login.example", "auth0|Ünïcode \u{0} 'x'")
            .await?,
    )))
    .unwrap();
    let [third, fourth, fifth] = made.map(Some);
    assert_eq!(found, (Some(user(1)), third, fourth, fifth));
    let missed = reading!(store, realm, [], |tx| Ok((
        tx.find_subject(subject_id(9)).await?,
        tx.find_user_by_email(&email(3), None).await?,
        tx.find_tenant_keys_subject(&tenant_id("globex")).await?,
        tx.find_external_subject("https://login.example/", "auth0|Ünïcode \u{0} 'x'")
            .await?,
        tx.find_external_subject("https://login.example", "auth0|Ünïcode ")
            .await?,
    )))
    .unwrap();
    assert_eq!(missed, (None, None, None, None, None));
}

pub(crate) async fn an_identifier_is_taken_once(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let mut keys_again = tenant_keys(12, "acme");
    let first = [tenant_keys(4, "acme"), external(5, "https://i", "s")];
    writing!(store, realm, [first], |tx| {
        tx.insert_subject(&first[0]).await?;
        tx.insert_subject(&first[1]).await
    })
    .unwrap();
    let mut same_address = user(11);
    same_address.identifier = user(1).identifier;
    let mut same_id = user(13);
    same_id.id = subject_id(1);
    keys_again.created_at = at(99);
    let clashes = [
        same_address,
        keys_again,
        external(14, "https://i", "s"),
        same_id,
    ];
    for clash in clashes {
        let outcome = writing!(store, realm, [clash], |tx| tx.insert_subject(&clash).await);
        assert!(
            matches!(outcome, Err(StoreError::Conflict(_))),
            "{clash:?}: {outcome:?}"
        );
    }
    let kept = reading!(store, realm, [], |tx| tx.list_subjects(all()).await).unwrap();
    assert_eq!(kept.len(), 4);
    assert_eq!(kept[0], user(1));
}

/// Each kind has its own addresses, and so has each tenant.
pub(crate) async fn an_address_is_taken_once_where_it_counts(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let (acme, globex, elsewhere) = (tenant_id("acme"), tenant_id("globex"), tenant_id("none"));
    let stand_in = |n, home: &TenantId| {
        let email = Some(Mailbox::In(home.clone(), email(1)));
        let contact = Contact {
            email,
            ..Contact::default()
        };
        known_by(n, contact)
    };
    let bot = |n, home: Option<&TenantId>| {
        let mut bot = service(n);
        bot.identifier = Identifier::Service {
            email: email(1),
            home: home.cloned(),
        };
        bot
    };
    let made = [
        stand_in(3, &acme),
        stand_in(4, &globex),
        bot(5, Some(&acme)),
        bot(6, Some(&globex)),
        bot(7, None),
    ];
    writing!(store, realm, [made], |tx| {
        for subject in &made {
            tx.insert_subject(subject).await?;
        }
        Ok(())
    })
    .unwrap();
    for again in [stand_in(13, &acme), bot(15, Some(&acme)), bot(17, None)] {
        let outcome = writing!(store, realm, [again], |tx| tx.insert_subject(&again).await);
        assert!(matches!(outcome, Err(StoreError::Conflict(_))), "{again:?}");
    }
    let missing = stand_in(14, &elsewhere);
    let outcome = writing!(store, realm, [missing], |tx| tx
        .insert_subject(&missing)
        .await);
    assert!(
        outcome.is_err(),
        "an address counts in a tenant that there is"
    );
    let asked = [None, Some(acme), Some(globex), Some(elsewhere)];
    let found = reading!(store, realm, [asked], |tx| {
        let mut found = Vec::new();
        for tenant in &asked {
            let tenant = tenant.as_ref();
            found.push((
                tx.find_user_by_email(&email(1), tenant).await?,
                tx.find_service_by_email(&email(1), tenant).await?,
            ));
        }
        Ok(found)
    });
    let [third, fourth, fifth, sixth, seventh] = made.map(Some);
    let wide = (Some(user(1)), seventh.clone());
    let expected = vec![wide.clone(), (third.clone(), fifth), (fourth, sixth), wide];
    assert_eq!(found.unwrap(), expected);
    let listed = reading!(store, realm, [], |tx| Ok((
        tx.list_subjects_by_email(&email(1), 3).await?,
        tx.list_subjects_by_email(&email(1), 9).await?.len(),
        tx.list_subjects_by_email(&email(9), 9).await?,
    )));
    let first = [Some(user(1)), seventh, third].map(Option::unwrap);
    assert_eq!(listed, Ok((first.to_vec(), 6, vec![])));
    // Who is deleted leaves the place.
    let again = stand_in(13, &tenant_id("acme"));
    let done = writing!(store, realm, [again], |tx| {
        tx.erase_subject(subject_id(3), at(9)).await?;
        tx.insert_subject(&again).await?;
        tx.find_user_by_email(&email(1), Some(&tenant_id("acme")))
            .await
    });
    assert_eq!(done, Ok(Some(again)));
}

pub(crate) async fn a_subject_is_disabled_and_enabled(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    for status in [
        SubjectStatus::Disabled { at: at(50) },
        SubjectStatus::Banned { until: at(60) },
        SubjectStatus::Active,
    ] {
        writing!(store, realm, [], |tx| tx
            .set_subject_status(subject_id(1), status)
            .await)
        .unwrap();
        let pair = reading!(store, realm, [], |tx| Ok((
            tx.find_subject(subject_id(1)).await?.unwrap().status,
            tx.find_subject(subject_id(2)).await?.unwrap().status,
        )))
        .unwrap();
        assert_eq!(pair, (status, SubjectStatus::Active));
    }
    let missing = writing!(store, realm, [], |tx| tx
        .set_subject_status(subject_id(9), SubjectStatus::Active)
        .await);
    assert!(matches!(missing, Err(StoreError::Inconsistent { .. })));
}

pub(crate) async fn how_a_user_is_known_changes(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    let by_phone = |n: u8, phone: Address<Phone>| {
        let contact = Contact {
            phone: Some(phone),
            ..Contact::default()
        };
        known_by(n, contact)
    };
    let nobody = Contact {
        anonymous: true,
        ..Contact::default()
    };
    let made = [
        user(1),
        by_phone(3, Address::said(phone(7))),
        by_phone(4, Address::confirmed(phone(7), at(4))),
        known_by(5, nobody),
        known_by(6, Contact::default()),
        service(8),
    ];
    writing!(store, realm, [made], |tx| {
        for subject in &made {
            tx.insert_subject(subject).await?;
        }
        Ok(())
    })
    .unwrap();
    let listed = reading!(store, realm, [], |tx| tx.list_subjects(all()).await).unwrap();
    assert_eq!(listed, made);
    // A number is one user's once it is confirmed, and found only then.
    let found = reading!(store, realm, [], |tx| Ok((
        tx.find_subject_by_phone(&phone(7)).await?,
        tx.find_subject_by_phone(&phone(8)).await?,
    )));
    assert_eq!(found, Ok((Some(made[2].clone()), None)));
    let contact = Contact {
        email: Some(Address::shown(email(9), at(9)).into()),
        phone: Some(Address::proven(phone(9), at(10))),
        anonymous: false,
    };
    let metadata = Metadata::from_iter([("team".to_owned(), json!("\u{e9}"))]);
    let changed = writing!(store, realm, [contact, metadata], |tx| {
        tx.set_contact(subject_id(5), &contact).await?;
        tx.touch_sign_in(subject_id(5), at(60)).await?;
        tx.set_user_metadata(subject_id(5), &metadata).await?;
        tx.find_user_by_email(&email(9), None).await
    });
    let changed = changed.unwrap().unwrap();
    assert_eq!(changed.id, subject_id(5));
    assert_eq!(changed.identifier, Identifier::User(contact));
    assert_eq!(changed.last_sign_in_at, Some(at(60)));
    assert_eq!(changed.user_metadata, metadata);
    for (n, address, number, taken) in [
        (3, None, Some(Address::confirmed(phone(7), at(1))), true),
        (3, Some(Address::said(email(1))), None, true),
        (3, None, Some(Address::said(phone(9))), false),
    ] {
        let contact = Contact {
            email: address.map(Mailbox::Wide),
            phone: number,
            anonymous: false,
        };
        let outcome = writing!(store, realm, [contact], |tx| tx
            .set_contact(subject_id(n), &contact)
            .await);
        let conflict = matches!(outcome, Err(StoreError::Conflict(_)));
        assert_eq!(conflict, taken, "{outcome:?}");
        assert_eq!(outcome.is_ok(), !taken, "{outcome:?}");
    }
    // A service account's address only identifies it.
    for n in [8, 9] {
        let refused = writing!(store, realm, [], |tx| tx
            .set_contact(subject_id(n), &Contact::default())
            .await);
        assert!(matches!(refused, Err(StoreError::Inconsistent { .. })));
    }
}

pub(crate) async fn identities_are_linked_once_and_unlinked(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let made = [identity(3, 1), identity(4, 1), identity(5, 2)];
    writing!(store, realm, [made], |tx| {
        for identity in &made {
            tx.insert_identity(identity).await?;
        }
        Ok(())
    })
    .unwrap();
    let [third, fourth, fifth] = made;
    let provider = third.provider.clone();
    let other: ProviderName = "gitlab".parse().unwrap();
    let found = reading!(store, realm, [third, provider, other], |tx| Ok((
        tx.find_identity(&provider, &third.sub).await?,
        tx.find_identity(&other, &third.sub).await?,
        tx.find_identity(&provider, "Ünïcode ").await?,
        tx.list_identities(subject_id(1)).await?,
    )))
    .unwrap();
    let pair = vec![third.clone(), fourth.clone()];
    assert_eq!(found, (Some(third.clone()), None, None, pair));
    let mut again = identity(6, 2);
    again.sub = third.sub;
    let taken = writing!(store, realm, [again], |tx| tx.insert_identity(&again).await);
    assert!(matches!(taken, Err(StoreError::Conflict(_))), "{taken:?}");
    let left = writing!(store, realm, [], |tx| {
        tx.delete_identity(third.id).await?;
        Ok((
            tx.list_identities(subject_id(1)).await?,
            tx.list_identities(subject_id(2)).await?,
        ))
    });
    assert_eq!(left, Ok((vec![fourth], vec![fifth])));
    let missing = writing!(store, realm, [], |tx| tx.delete_identity(third.id).await);
    assert!(matches!(missing, Err(StoreError::Inconsistent { .. })));
}

pub(crate) async fn passwords_are_replaced(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    for n in [1, 2] {
        writing!(store, realm, [], |tx| tx
            .set_password(subject_id(1), &password(n))
            .await)
        .unwrap();
    }
    let found = reading!(store, realm, [], |tx| Ok((
        tx.find_password(subject_id(1)).await?,
        tx.find_password(subject_id(2)).await?,
    )))
    .unwrap();
    assert_eq!(found, (Some(password(2)), None));
    let nobody = writing!(store, realm, [], |tx| tx
        .set_password(subject_id(9), &password(1))
        .await);
    assert!(matches!(nobody, Err(StoreError::Inconsistent { .. })));
}

pub(crate) async fn subjects_are_paged(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    writing!(store, realm, [], |tx| {
        // 0xff sorts last: ids are compared as bytes without a sign.
        for n in [255, 3, 1, 2] {
            tx.insert_subject(&user(n)).await?;
        }
        Ok(())
    })
    .unwrap();
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = Page { after, limit: 3 };
        let subjects = reading!(store, realm, [], |tx| tx.list_subjects(page).await).unwrap();
        assert!(subjects.len() <= 3);
        let Some(last) = subjects.last() else { break };
        after = Some(last.id);
        seen.extend(subjects.into_iter().map(|subject| subject.id));
    }
    assert_eq!(seen, [1, 2, 3, 255].map(subject_id));
}
