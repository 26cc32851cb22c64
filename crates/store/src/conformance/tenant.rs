//! Tenants and memberships.

use super::fixture::{all, membership, people, realm, subject_id, tenant, tenant_id};
use super::{reading, writing};
use doorward_identity::port::{Page, StoreError, StoreHandle};

pub(crate) async fn tenants_are_found_and_paged(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    let made = ["b", "a", "Z", "a.1"].map(tenant);
    writing!(store, realm, [made], |tx| {
        for tenant in &made {
            tx.insert_tenant(tenant).await?;
        }
        Ok(())
    })
    .unwrap();
    let again = writing!(store, realm, [], |tx| tx.insert_tenant(&tenant("a")).await);
    assert!(matches!(again, Err(StoreError::Conflict(_))));
    let (found, other_case, first, rest) = reading!(store, realm, [], |tx| Ok((
        tx.find_tenant(&tenant_id("a")).await?,
        tx.find_tenant(&tenant_id("z")).await?,
        tx.list_tenants(Page {
            after: None,
            limit: 1
        })
        .await?,
        tx.list_tenants(Page {
            after: Some(tenant_id("Z")),
            limit: 1000
        })
        .await?,
    )))
    .unwrap();
    assert_eq!(found, Some(tenant("a")));
    assert_eq!(other_case, None);
    assert_eq!(first, [tenant("Z")]);
    assert_eq!(rest, ["a", "a.1", "b"].map(tenant));
}

pub(crate) async fn memberships_are_made_listed_and_ended(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let made = [
        membership(7, 1, "globex"),
        membership(5, 1, "acme"),
        membership(6, 2, "acme"),
    ];
    writing!(store, realm, [made], |tx| {
        for membership in &made {
            tx.insert_membership(membership).await?;
        }
        Ok(())
    })
    .unwrap();
    let again = membership(8, 1, "acme");
    let again = writing!(store, realm, [again], |tx| tx
        .insert_membership(&again)
        .await);
    assert!(matches!(again, Err(StoreError::Conflict(_))));
    let [globex, acme, second] = made;
    let (found, mine, theirs, page) = reading!(store, realm, [acme], |tx| Ok((
        tx.find_membership(subject_id(1), &acme.tenant).await?,
        tx.list_memberships(subject_id(1)).await?,
        tx.list_tenant_memberships(&acme.tenant, all()).await?,
        tx.list_tenant_memberships(
            &acme.tenant,
            Page {
                after: Some(acme.id),
                limit: 1
            }
        )
        .await?,
    )))
    .unwrap();
    assert_eq!(found, Some(acme.clone()));
    assert_eq!(mine, [acme.clone(), globex]);
    assert_eq!(theirs, [acme, second.clone()]);
    assert_eq!(page, [second]);
    let ended = writing!(store, realm, [], |tx| Ok((
        tx.delete_membership(subject_id(1), &tenant_id("acme"))
            .await?,
        tx.delete_membership(subject_id(1), &tenant_id("acme"))
            .await?,
        tx.list_memberships(subject_id(1)).await?.len(),
    )))
    .unwrap();
    assert_eq!(ended, (true, false, 1));
}
