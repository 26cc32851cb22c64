//! Clients and their secrets.

use super::fixture::{
    all, at, client, client_id, digest, people, realm, secret_of, subject_id, tenant_id,
};
use super::{reading, writing};
use doorward_identity::model::{Client, ClientSecret, ClientState, SecretUse};
use doorward_identity::port::{Page, StoreError, StoreHandle};
use std::net::IpAddr;

pub(crate) async fn clients_come_back_as_they_were_within_tenants(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let mut whole = client(1, Some("acme"));
    whole.ceiling.roles = Some(Vec::new());
    whole.ceiling.permissions = Some(vec!["read".parse().unwrap()]);
    whole.redirect_uris = vec!["https://a.example/cb".to_owned(), "b.example:/".to_owned()];
    whole.created_by = Some(subject_id(1));
    let made = [whole, client(2, None), client(3, Some("globex"))];
    writing!(store, realm, [made], |tx| {
        for client in &made {
            tx.insert_client(client).await?;
        }
        Ok(())
    })
    .unwrap();
    let again = client(1, None);
    let again = writing!(store, realm, [again], |tx| tx.insert_client(&again).await);
    assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");
    let rest = Page {
        after: Some(client_id(1)),
        limit: 1,
    };
    for (tenants, page, expected) in [
        (None, all(), &made[..]),
        (None, rest, &made[1..2]),
        (Some(&["acme"][..]), all(), &made[..1]),
        (Some(&["acme", "globex"]), rest, &made[2..]),
        (Some(&[]), all(), &[]),
    ] {
        let tenants: Option<Vec<_>> =
            tenants.map(|all| all.iter().map(|id| tenant_id(id)).collect());
        let found: Result<Vec<Client>, _> = reading!(store, realm, [tenants], |tx| tx
            .list_clients(tenants.as_deref(), page)
            .await);
        assert_eq!(found.unwrap(), expected, "{tenants:?} {page:?}");
    }
    let found = reading!(store, realm, [], |tx| tx.find_client(client_id(1)).await);
    assert_eq!(found.unwrap().as_ref(), Some(&made[0]));
}

pub(crate) async fn secrets_overlap_and_say_when_they_were_used(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    let address: IpAddr = "2001:db8::7".parse().unwrap();
    writing!(store, realm, [], |tx| {
        tx.insert_client(&client(1, None)).await?;
        tx.insert_client(&client(2, None)).await?;
        tx.insert_client_secret(client_id(1), &secret_of(1)).await?;
        tx.insert_client_secret(client_id(2), &secret_of(9)).await?;
        tx.expire_client_secret(&digest(1), at(50)).await?;
        tx.insert_client_secret(client_id(1), &secret_of(2)).await?;
        let used = |n, seconds, from| SecretUse {
            digest: digest(n),
            at: at(seconds),
            from,
        };
        tx.touch_client_secrets(&[used(1, 20, Some(address)), used(3, 20, None)])
            .await?;
        tx.touch_client_secrets(&[used(1, 10, None), used(2, 10, None)])
            .await
    })
    .unwrap();
    let secrets = reading!(store, realm, [], |tx| tx
        .list_client_secrets(&[client_id(1), client_id(3)])
        .await);
    let newest = ClientSecret {
        last_used_at: Some(at(10)),
        ..secret_of(2)
    };
    let replaced = ClientSecret {
        expires_at: Some(at(50)),
        last_used_at: Some(at(20)),
        last_used_from: Some(address),
        ..secret_of(1)
    };
    let expected = [(client_id(1), newest), (client_id(1), replaced)];
    assert_eq!(secrets.unwrap(), expected);
    let left = writing!(store, realm, [], |tx| {
        tx.delete_client_secret(&digest(1)).await?;
        tx.list_client_secrets(&[client_id(1)]).await
    });
    assert_eq!(left.unwrap(), [(client_id(1), newest)]);
    let none = writing!(store, realm, [], |tx| tx
        .expire_client_secret(&digest(1), at(60))
        .await);
    assert!(
        matches!(none, Err(StoreError::Inconsistent { .. })),
        "{none:?}"
    );
}

pub(crate) async fn a_revoked_client_stays_without_secrets_until_it_is_pruned(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    let (revoked, secrets) = writing!(store, realm, [], |tx| {
        for n in [1, 2, 3] {
            tx.insert_client(&client(n, None)).await?;
            tx.insert_client_secret(client_id(n), &secret_of(n)).await?;
        }
        let revoked = [
            tx.revoke_client(client_id(1), at(10)).await?,
            tx.revoke_client(client_id(1), at(11)).await?,
            tx.revoke_client(client_id(2), at(20)).await?,
            tx.revoke_client(client_id(9), at(20)).await?,
        ];
        let ids = [client_id(1), client_id(2), client_id(3)];
        let secrets = tx.list_client_secrets(&ids).await?;
        Ok((revoked, secrets))
    })
    .unwrap();
    assert_eq!(revoked, [true, false, true, false]);
    assert_eq!(secrets, [(client_id(3), secret_of(3))]);
    let (found, since) = reading!(store, realm, [], |tx| Ok((
        tx.find_client(client_id(1)).await?,
        tx.list_revoked_clients(at(11)).await?,
    )))
    .unwrap();
    assert_eq!(found.unwrap().state, ClientState::Revoked { at: at(10) });
    assert_eq!(since, [client_id(2)]);
    let pruned = writing!(store, realm, [], |tx| Ok((
        tx.prune_clients(at(20), 10).await?,
        tx.prune_clients(at(20), 10).await?,
        tx.prune_clients(at(21), 10).await?,
        tx.list_clients(None, all()).await?.len(),
    )));
    assert_eq!(pruned.unwrap(), (1, 0, 1, 1));
}
