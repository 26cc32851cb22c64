//! Second factors.

use super::fixture::{at, factor, factor_id, people, realm, subject_id};
use super::{reading, writing};
use doorward_identity::model::{Factor, FactorData, FactorKind, FactorState};
use doorward_identity::port::StoreHandle;

pub(crate) async fn factors_come_back_as_they_were(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let sealed = Factor {
        data: FactorData::Sealed(vec![0, 1, 255, 0]),
        name: Some("my “phone”".to_owned()),
        counter: Some(7),
        last_used_at: Some(at(9)),
        state: FactorState::Verified { at: at(8) },
        ..factor(2, 1, FactorKind::Totp)
    };
    let public = factor(1, 1, FactorKind::Passkey);
    let others = factor(3, 2, FactorKind::RecoveryCodes);
    let made = [sealed.clone(), public.clone(), others.clone()];
    writing!(store, realm, [made], |tx| {
        for factor in &made {
            tx.insert_factor(factor).await?;
        }
        Ok(())
    })
    .unwrap();
    let (listed, found, not_theirs) = reading!(store, realm, [], |tx| Ok((
        tx.list_factors(subject_id(1)).await?,
        tx.find_factor(subject_id(2), factor_id(3)).await?,
        tx.find_factor(subject_id(2), factor_id(2)).await?,
    )))
    .unwrap();
    assert_eq!(listed, [public, sealed]);
    assert_eq!((found, not_theirs), (Some(others), None));
}

pub(crate) async fn a_factor_is_verified_once_and_its_counter_only_grows(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let done = writing!(store, realm, [], |tx| {
        tx.insert_factor(&factor(1, 1, FactorKind::Totp)).await?;
        let id = factor_id(1);
        Ok([
            tx.verify_factor(id, at(5)).await?,
            tx.verify_factor(id, at(6)).await?,
            tx.use_factor(id, 10, at(7)).await?,
            tx.use_factor(id, 10, at(8)).await?,
            tx.use_factor(id, 9, at(8)).await?,
            tx.use_factor(id, 11, at(8)).await?,
            tx.use_factor(factor_id(2), 1, at(8)).await?,
        ])
    });
    let expected = [true, false, true, false, false, true, false];
    assert_eq!(done.unwrap(), expected);
    let found = reading!(store, realm, [], |tx| tx
        .find_factor(subject_id(1), factor_id(1))
        .await);
    let found = found.unwrap().unwrap();
    assert_eq!(found.state, FactorState::Verified { at: at(5) });
    assert_eq!((found.counter, found.last_used_at), (Some(11), Some(at(8))));
}

pub(crate) async fn factors_are_removed_alone_or_with_their_subject(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let done = writing!(store, realm, [], |tx| {
        for (n, subject) in [(1, 1), (2, 1), (3, 1), (4, 2)] {
            tx.insert_factor(&factor(n, subject, FactorKind::Totp))
                .await?;
        }
        Ok((
            tx.delete_factor(factor_id(1)).await?,
            tx.delete_factor(factor_id(1)).await?,
            tx.delete_factors_of(subject_id(1)).await?,
            tx.list_factors(subject_id(1)).await?.len(),
            tx.list_factors(subject_id(2)).await?.len(),
        ))
    });
    assert_eq!(done.unwrap(), (true, false, 2, 0, 1));
}
