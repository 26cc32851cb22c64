//! Sealed keys.

use super::fixture::{at, key, realm};
use super::{reading, writing};
use doorward_identity::model::{KeyPurpose, KeyState};
use doorward_identity::port::{StoreError, StoreHandle};

pub(crate) async fn keys_live_their_life(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    let old = key("zz", KeyPurpose::Access, KeyState::Active, 1);
    let new = key("aa", KeyPurpose::Access, KeyState::Next, 2);
    let retired = KeyState::Retiring { until: at(90) };
    let listed = writing!(store, realm, [old, new], |tx| {
        tx.insert_key(&new).await?;
        tx.insert_key(&old).await?;
        tx.set_key_state("zz", KeyState::Retiring { until: at(90) })
            .await?;
        tx.set_key_state("aa", KeyState::Active).await?;
        tx.list_keys().await
    })
    .unwrap();
    let (mut old, mut new) = (old, new);
    (old.state, new.state) = (retired, KeyState::Active);
    assert_eq!(listed, [old, new.clone()]);
    writing!(store, realm, [], |tx| tx.delete_key("zz").await).unwrap();
    let left = reading!(store, realm, [], |tx| tx.list_keys().await);
    assert_eq!(left, Ok(vec![new]));
    let gone = writing!(store, realm, [], |tx| tx.delete_key("zz").await);
    assert!(matches!(gone, Err(StoreError::Inconsistent { .. })));
    let gone = writing!(store, realm, [], |tx| tx
        .set_key_state("zz", KeyState::Next)
        .await);
    assert!(matches!(gone, Err(StoreError::Inconsistent { .. })));
}

pub(crate) async fn one_key_of_a_purpose_is_active(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    let first = [
        key("1", KeyPurpose::Access, KeyState::Active, 1),
        key("2", KeyPurpose::Internal, KeyState::Active, 1),
        key("3", KeyPurpose::Digest, KeyState::Active, 1),
        key("4", KeyPurpose::Access, KeyState::Next, 1),
    ];
    writing!(store, realm, [first], |tx| {
        for key in &first {
            tx.insert_key(key).await?;
        }
        Ok(())
    })
    .unwrap();
    let second = key("5", KeyPurpose::Access, KeyState::Active, 2);
    let inserted = writing!(store, realm, [second], |tx| tx.insert_key(&second).await);
    assert!(matches!(inserted, Err(StoreError::Conflict(_))));
    let moved = writing!(store, realm, [], |tx| tx
        .set_key_state("4", KeyState::Active)
        .await);
    assert!(matches!(moved, Err(StoreError::Conflict(_))));
    let mut same_kid = key("1", KeyPurpose::Digest, KeyState::Next, 2);
    same_kid.sealed = vec![9];
    let inserted = writing!(store, realm, [same_kid], |tx| tx
        .insert_key(&same_kid)
        .await);
    assert!(matches!(inserted, Err(StoreError::Conflict(_))));
}
