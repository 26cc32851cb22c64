//! What this engine's types cannot hold or do not order by themselves, rows that make no
//! sense, and errors that end a transaction.

use super::*;
use crate::conformance::fixture::{
    all, event, external, key, people, realm, subject_id, tenant, tenant_id, user,
};
use crate::conformance::{reading, writing};
use doorward_identity::model::{AuditAction, KeyPurpose, KeyState};
use doorward_identity::port::{AuditFilter, Page};

/// The server ends a transaction over a key that is taken, and answers its COMMIT as if
/// all were well. A use-case that makes light of the conflict is still refused.
#[tokio::test]
async fn a_conflict_that_ended_the_transaction_is_no_commit() {
    let (store, _database) = fresh().await;
    let a = realm(&store, "a").await;
    let keys = [
        key("1", KeyPurpose::Access, KeyState::Active, 1),
        key("2", KeyPurpose::Access, KeyState::Next, 1),
    ];
    writing!(store, a, [keys], |tx| {
        tx.insert_key(&keys[0]).await?;
        tx.insert_key(&keys[1]).await
    })
    .unwrap();
    let outcome = writing!(store, a, [], |tx| {
        tx.insert_tenant(&tenant("acme")).await?;
        let second = tx.set_key_state("2", KeyState::Active).await;
        assert!(matches!(second, Err(StoreError::Conflict(_))));
        Ok(())
    });
    assert!(
        matches!(outcome, Err(StoreError::Conflict(_))),
        "{outcome:?}"
    );
    let found = reading!(store, a, [], |tx| tx.find_tenant(&tenant_id("acme")).await);
    assert_eq!(found, Ok(None));
}

#[tokio::test]
async fn a_row_that_makes_no_sense_is_reported_with_its_place() {
    let (store, database) = fresh().await;
    let a = realm(&store, "a").await;
    people(&store, a).await;
    let other = external(3, "https://i", "s");
    writing!(store, a, [other], |tx| tx.insert_subject(&other).await).unwrap();
    admin(&database)
        .await
        .batch_execute(
            "UPDATE doorward.subject SET app_metadata = '[]' WHERE email = 'user1@example.org'; \
             UPDATE doorward.subject SET sub = '\\xff' WHERE issuer = 'https://i'",
        )
        .await
        .unwrap();
    for (n, broken) in [(1, "app_metadata"), (3, "sub")] {
        let found = reading!(store, a, [], |tx| tx.find_subject(subject_id(n)).await);
        let Err(StoreError::Inconsistent {
            table, column, row, ..
        }) = found
        else {
            panic!("{found:?}");
        };
        assert_eq!((table, column), ("subject", broken));
        assert_eq!(row, subject_id(n).to_string());
    }
    let whole = reading!(store, a, [], |tx| tx.find_subject(subject_id(2)).await);
    assert_eq!(whole, Ok(Some(user(2))));
}

/// A text cannot hold a NUL here. Whoever asks for one gets an answer all the same.
#[tokio::test]
async fn an_action_with_a_nul_has_no_rows() {
    let (store, _database) = fresh().await;
    let a = realm(&store, "a").await;
    let listed = writing!(store, a, [], |tx| {
        tx.append_audit(&event(1, AuditAction::SignIn)).await
    });
    assert_eq!(listed, Ok(()));
    for (action, rows) in [("session.sign_in", 1), ("session.sign_in\0", 0), ("\0", 0)] {
        let filter = AuditFilter {
            action: Some(action.to_owned()),
            ..AuditFilter::default()
        };
        let listed = reading!(store, a, [filter], |tx| tx.list_audit(&filter, all()).await);
        assert_eq!(listed.map(|listed| listed.len()), Ok(rows), "{action:?}");
    }
}

/// No id sorts before the nil one, so that "after nothing" is not "after nil".
#[tokio::test]
async fn the_first_page_has_the_nil_id() {
    let (store, _database) = fresh().await;
    let a = realm(&store, "a").await;
    writing!(store, a, [], |tx| {
        tx.insert_subject(&user(0)).await?;
        tx.insert_subject(&user(1)).await
    })
    .unwrap();
    for (after, expected) in [(None, vec![0, 1]), (Some(0), vec![1]), (Some(1), vec![])] {
        let page = Page {
            after: after.map(subject_id),
            limit: 9,
        };
        let listed = reading!(store, a, [], |tx| tx.list_subjects(page).await).unwrap();
        let listed: Vec<_> = listed.iter().map(|subject| subject.id).collect();
        let expected: Vec<_> = expected.into_iter().map(subject_id).collect();
        assert_eq!(listed, expected, "after {after:?}");
    }
}
