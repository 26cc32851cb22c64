//! Subjects and passwords.

use super::fixture::{
    all, at, email, external, password, people, realm, service, subject_id, tenant_id, tenant_keys,
    user,
};
use super::{reading, writing};
use doorward_identity::model::{Identifier, Subject, SubjectStatus};
use doorward_identity::port::{Page, StoreError, StoreHandle};

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
        tx.find_subject_by_email(&email(3)).await?,
        tx.find_tenant_keys_subject(&tenant_id("acme")).await?,
        tx.find_external_subject("https://login.example", "auth0|Ünïcode \u{0} 'x'")
            .await?,
    )))
    .unwrap();
    let [third, fourth, fifth] = made.map(Some);
    assert_eq!(found, (Some(user(1)), third, fourth, fifth));
    let missed = reading!(store, realm, [], |tx| Ok((
        tx.find_subject(subject_id(9)).await?,
        tx.find_subject_by_email(&email(4)).await?,
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
    // A service account under a user's address, and so on.
    let mut service_as_user = service(11);
    service_as_user.identifier = service(1).identifier;
    let mut same_id = user(13);
    same_id.id = subject_id(1);
    keys_again.created_at = at(99);
    let clashes = [
        service_as_user,
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

pub(crate) async fn a_subject_is_disabled_and_enabled(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    for status in [
        SubjectStatus::Disabled { at: at(50) },
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

pub(crate) async fn a_users_address_is_marked_as_proven(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    let made = [user(1), user(3), service(5)];
    writing!(store, realm, [made], |tx| {
        for subject in &made {
            tx.insert_subject(subject).await?;
        }
        Ok(())
    })
    .unwrap();
    // Once more is no error.
    for _ in 0..2 {
        let marked = writing!(store, realm, [], |tx| tx
            .mark_email_proven(subject_id(1))
            .await);
        assert_eq!(marked, Ok(()));
    }
    let subjects = reading!(store, realm, [], |tx| tx.list_subjects(all()).await).unwrap();
    let proven = |subject: &Subject| match subject.identifier {
        Identifier::User { proven, .. } => Some(proven),
        _ => None,
    };
    let proven: Vec<_> = subjects.iter().map(proven).collect();
    assert_eq!(proven, [Some(true), Some(false), None]);
    // A service account's address only identifies it.
    for n in [5, 9] {
        let refused = writing!(store, realm, [], |tx| tx
            .mark_email_proven(subject_id(n))
            .await);
        assert!(matches!(refused, Err(StoreError::Inconsistent { .. })));
    }
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
