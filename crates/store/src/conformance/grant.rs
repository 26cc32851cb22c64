//! Grants, tenants' roles, epochs.

use super::fixture::{
    at, default_grant, people, permission_grant, realm, role_grant, subject_id, tenant_id,
};
use super::{reading, writing};
use doorward_base::TenantId;
use doorward_base::principal::Epoch;
use doorward_identity::model::RoleDefinition;
use doorward_identity::port::{StoreError, StoreHandle};

pub(crate) async fn grants_are_added_once_and_sorted(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let sorted = vec![
        role_grant(None, "operator"),
        default_grant("operator"),
        permission_grant(None, "read", None),
        permission_grant(None, "read", Some("https://api.example")),
        role_grant(Some("acme"), "admin"),
        permission_grant(Some("acme"), "admin", None),
        role_grant(Some("globex"), "admin"),
    ];
    let shuffled: Vec<_> = sorted.iter().rev().cloned().collect();
    for expected in [true, false] {
        let new = writing!(store, realm, [shuffled], |tx| {
            let mut new = Vec::new();
            for grant in &shuffled {
                new.push(tx.insert_grant(subject_id(1), grant, at(1)).await?);
            }
            Ok(new)
        })
        .unwrap();
        assert_eq!(new, [expected; 7]);
    }
    let (mine, others) = reading!(store, realm, [], |tx| Ok((
        tx.list_grants(subject_id(1)).await?,
        tx.list_grants(subject_id(2)).await?,
    )))
    .unwrap();
    assert_eq!(mine, sorted);
    assert!(sorted.is_sorted());
    assert_eq!(others, []);
}

pub(crate) async fn grants_are_removed_exactly(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let everywhere = permission_grant(None, "read", None);
    let narrower = [
        permission_grant(Some("acme"), "read", None),
        permission_grant(None, "read", Some("https://api.example")),
        role_grant(None, "read"),
    ];
    let (removed, left) = writing!(store, realm, [everywhere, narrower], |tx| {
        for grant in narrower.iter().chain([&everywhere]) {
            tx.insert_grant(subject_id(1), grant, at(1)).await?;
        }
        let removed = (
            tx.delete_grant(subject_id(2), &everywhere).await?,
            tx.delete_grant(subject_id(1), &everywhere).await?,
            tx.delete_grant(subject_id(1), &everywhere).await?,
        );
        Ok((removed, tx.list_grants(subject_id(1)).await?))
    })
    .unwrap();
    assert_eq!(removed, (false, true, false));
    assert_eq!(left.len(), 3);
    // A role is not held any more once it is removed, however it came.
    let both = [role_grant(None, "both"), default_grant("both")];
    let removed = writing!(store, realm, [both], |tx| {
        for grant in &both {
            tx.insert_grant(subject_id(1), grant, at(1)).await?;
        }
        Ok((
            tx.delete_grant(subject_id(1), &both[0]).await?,
            tx.delete_grant(subject_id(1), &both[0]).await?,
            tx.list_grants(subject_id(1)).await?.len(),
        ))
    });
    assert_eq!(removed, Ok((true, false, 3)));
    assert!(narrower.iter().all(|grant| left.contains(grant)));
    let in_acme = [role_grant(Some("acme"), "a"), role_grant(Some("acme"), "b")];
    let (removed, after) = writing!(store, realm, [in_acme], |tx| {
        for grant in &in_acme {
            tx.insert_grant(subject_id(1), grant, at(1)).await?;
            tx.insert_grant(subject_id(2), grant, at(1)).await?;
        }
        let acme = tenant_id("acme");
        let removed = (
            tx.delete_grants_in(subject_id(1), &acme).await?,
            tx.delete_grants_in(subject_id(1), &acme).await?,
        );
        let left = (
            tx.list_grants(subject_id(1)).await?.len(),
            tx.list_grants(subject_id(2)).await?.len(),
        );
        Ok((removed, left))
    })
    .unwrap();
    assert_eq!((removed, after), ((3, 0), (2, 2)));
}

pub(crate) async fn tenant_roles_are_redefined(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let role = |name: &str, permissions: &[&str]| RoleDefinition {
        role: name.parse().unwrap(),
        permissions: permissions.iter().map(|p| p.parse().unwrap()).collect(),
    };
    let puts = [
        role("writer", &["read", "write"]),
        role("empty", &[]),
        role("writer", &["write"]),
    ];
    let roles = writing!(store, realm, [puts], |tx| {
        for role in &puts {
            tx.put_tenant_role(&tenant_id("acme"), role).await?;
        }
        Ok((
            tx.list_tenant_roles(&tenant_id("acme")).await?,
            tx.list_tenant_roles(&tenant_id("globex")).await?,
        ))
    })
    .unwrap();
    assert_eq!(
        roles,
        (vec![role("empty", &[]), role("writer", &["write"])], vec![])
    );
}

pub(crate) async fn an_epoch_is_later_than_all_before_it(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let acme = tenant_id("acme");
    let epochs = writing!(store, realm, [acme], |tx| Ok([
        tx.bump_epoch(subject_id(1), None, at(5)).await?,
        tx.bump_epoch(subject_id(1), Some(&acme), at(5)).await?,
        // A clock that is behind.
        tx.bump_epoch(subject_id(1), None, at(4)).await?,
        tx.bump_epoch(subject_id(1), Some(&acme), at(6)).await?,
        tx.bump_epoch(subject_id(2), None, at(3)).await?,
    ]))
    .unwrap();
    let second = 1_000_000;
    let expected = [
        5 * second,
        5 * second + 1,
        5 * second + 2,
        6 * second,
        3 * second,
    ];
    assert_eq!(epochs, expected.map(Epoch));
    let nobody = writing!(store, realm, [], |tx| tx
        .bump_epoch(subject_id(9), None, at(1))
        .await);
    assert!(matches!(nobody, Err(StoreError::Inconsistent { .. })));
}

pub(crate) async fn old_epochs_are_left_out_and_pruned(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let acme = tenant_id("acme");
    writing!(store, realm, [acme], |tx| {
        tx.bump_epoch(subject_id(1), None, at(5)).await?;
        tx.bump_epoch(subject_id(1), Some(&acme), at(6)).await?;
        tx.bump_epoch(subject_id(2), None, at(7)).await
    })
    .unwrap();
    let of = |n, tenant: Option<&TenantId>, seconds| {
        let epoch = Epoch(at(seconds).as_micros());
        (subject_id(n), tenant.cloned(), epoch)
    };
    let every = [of(1, None, 5), of(1, Some(&acme), 6), of(2, None, 7)];
    for (since, left) in [(0, &every[..]), (5, &every), (6, &every[1..]), (8, &[])] {
        let listed = reading!(store, realm, [], |tx| tx.list_epochs(at(since)).await);
        let mut listed = listed.unwrap();
        listed.sort_unstable();
        assert_eq!(listed, left, "{since}");
    }
    for (before, limit, pruned, left) in [
        (5, 10, 0, &every[..]),
        (7, 1, 1, &every[1..]),
        (7, 10, 1, &every[2..]),
        (7, 10, 0, &every[2..]),
    ] {
        let count = writing!(store, realm, [], |tx| tx
            .prune_epochs(at(before), limit)
            .await);
        assert_eq!(count, Ok(pruned));
        let listed = reading!(store, realm, [], |tx| tx.list_epochs(at(0)).await);
        let mut listed = listed.unwrap();
        listed.sort_unstable();
        assert_eq!(listed, left, "{before} {limit}");
    }
    // What comes after the forgetting is later than what was forgotten.
    let next = writing!(store, realm, [], |tx| tx
        .bump_epoch(subject_id(1), None, at(8))
        .await);
    assert!(next.unwrap() > Epoch(at(6).as_micros()));
}
