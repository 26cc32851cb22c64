//! Clients: who may manage them, and what their secrets are worth.

use super::world::*;
use crate::conformance::fixture::{all, tenant_id};
use doorward_base::{ClientId, ErrorCode};
use doorward_identity::act::*;
use doorward_identity::decide::client::ClientRefusal;
use doorward_identity::decide::refusal::ManageRefusal;
use doorward_identity::model::{
    AuditAction, AuditRow, Ceiling, Change, ClientKind, ClientState, Outcome,
};
use doorward_identity::port::StoreHandle;
use std::time::Duration;
use tokio::task::JoinSet;

const EDIT: &str = "platform.clients.edit";

fn new_client(tenant: Option<&str>, permissions: &[&str]) -> CreateClient {
    CreateClient {
        name: "an application".to_owned(),
        kind: ClientKind::Confidential,
        ceiling: Ceiling {
            tenant: tenant.map(tenant_id),
            roles: Some(Vec::new()),
            permissions: Some(permissions.iter().map(|one| one.parse().unwrap()).collect()),
            ..Ceiling::default()
        },
        redirect_uris: vec!["https://app.example.org/cb".to_owned()],
    }
}

async fn made(world: &World, tenant: Option<&str>) -> MintedClient {
    let new = new_client(tenant, &["read"]);
    create_client(world.ctx(), &OPERATOR, new).await.unwrap()
}

async fn presents(world: &World, minted: &MintedClient) -> Result<ClientId, ClientRefusal> {
    let secret = minted.secret.as_ref().unwrap();
    let done = authenticate_client(world.ctx(), minted.profile.client.id, secret).await;
    match done {
        Ok(client) => Ok(client.id),
        Err(Failure::Refused(refusal)) => Err(refusal),
        Err(other) => panic!("it failed otherwise: {other}"),
    }
}

pub(crate) async fn a_secret_is_rotated_with_an_overlap(store: StoreHandle) {
    let world = World::new(store).await;
    let first = made(&world, None).await;
    let id = first.profile.client.id;
    assert_eq!(presents(&world, &first).await, Ok(id));
    world.identity.last_used.flush(world.store()).await.unwrap();
    let hour = Some(Duration::from_secs(3600));
    let later = world.at(10);
    let second = rotate_client_secret(later.ctx(), &OPERATOR, id, hour).await;
    let second = second.unwrap();
    // Both work, and the old one's last use is shown.
    let [newest, replaced] = &second.profile.secrets[..] else {
        panic!("two secrets: {:?}", second.profile.secrets);
    };
    assert_eq!((newest.last_used_at, newest.expires_at), (None, None));
    assert_eq!(replaced.last_used_at, Some(NOW));
    assert_eq!(replaced.last_used_from, Some(PEER));
    assert_eq!(replaced.expires_at, Some(after(3610)));
    let end = world.at(3610);
    for (world, minted, expected) in [
        (&later, &first, Ok(id)),
        (&later, &second, Ok(id)),
        (&end, &first, Err(ClientRefusal::Replaced)),
        (&end, &second, Ok(id)),
    ] {
        assert_eq!(presents(world, minted).await, expected);
    }
    // A third leaves two: the first dies before its time.
    let third = rotate_client_secret(later.ctx(), &OPERATOR, id, hour).await;
    let third = third.unwrap();
    assert_eq!(third.profile.secrets.len(), 2);
    assert_eq!(
        presents(&later, &first).await,
        Err(ClientRefusal::WrongSecret)
    );
    assert_eq!(presents(&later, &second).await, Ok(id));
    // And the overlap can be ended early.
    let ended = end_client_overlap(later.ctx(), &OPERATOR, id).await;
    assert_eq!(ended.unwrap().secrets.len(), 1);
    assert_eq!(
        presents(&later, &second).await,
        Err(ClientRefusal::WrongSecret)
    );
    assert_eq!(presents(&later, &third).await, Ok(id));
    // Without an overlap, at once.
    let none = Some(Duration::ZERO);
    let fourth = rotate_client_secret(later.ctx(), &OPERATOR, id, none).await;
    assert_eq!(fourth.unwrap().profile.secrets.len(), 1);
    assert_eq!(
        presents(&later, &third).await,
        Err(ClientRefusal::WrongSecret)
    );
}

pub(crate) async fn at_most_two_secrets_live_whoever_rotates(store: StoreHandle) {
    let world = World::new(store).await;
    let id = made(&world, None).await.profile.client.id;
    let mut tasks = JoinSet::new();
    for _ in 0..16 {
        let world = world.clone();
        tasks.spawn(async move {
            let done = rotate_client_secret(world.ctx(), &OPERATOR, id, None).await;
            done.unwrap().profile.secrets.len()
        });
    }
    assert_eq!(tasks.join_all().await, [2; 16]);
    let listed = list_clients(world.ctx(), &OPERATOR, all()).await.unwrap();
    assert_eq!(listed[0].secrets.len(), 2);
}

pub(crate) async fn a_revoked_client_is_dead_at_once(store: StoreHandle) {
    let world = World::new(store).await;
    let minted = made(&world, None).await;
    let id = minted.profile.client.id;
    let seq = world.last_change().await;
    for _ in 0..2 {
        revoke_client(world.ctx(), &OPERATOR, id).await.unwrap();
    }
    assert_eq!(world.changes_after(seq).await, [Change::Client(id)]);
    assert_eq!(presents(&world, &minted).await, Err(ClientRefusal::Revoked));
    let done = rotate_client_secret(world.ctx(), &OPERATOR, id, None).await;
    assert_eq!(reason(done), ManageRefusal::NotFound("client"));
    let done = end_client_overlap(world.ctx(), &OPERATOR, id).await;
    assert_eq!(reason(done), ManageRefusal::NotFound("client"));
    // It stays, so that what the audit log says of it has a name.
    let listed = list_clients(world.ctx(), &OPERATOR, all()).await.unwrap();
    assert_eq!(listed[0].client.state, ClientState::Revoked { at: NOW });
    assert_eq!(listed[0].secrets, []);
}

pub(crate) async fn each_refused_client_is_written_down(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("acme").await;
    let minted = made(&world, Some("acme")).await;
    let stranger = made(&world, None).await;
    let id = minted.profile.client.id;
    let secret = |minted: &MintedClient| minted.secret.clone().unwrap();
    let public = CreateClient {
        kind: ClientKind::Public,
        ..new_client(None, &[])
    };
    let public = create_client(world.ctx(), &OPERATOR, public).await.unwrap();
    assert!(public.secret.is_none() && public.profile.secrets.is_empty());
    let public = public.profile.client.id;
    for (id, presented, refusal) in [
        (id, secret(&stranger), ClientRefusal::WrongSecret),
        (
            id,
            super::world::secret("dwcs_made-up"),
            ClientRefusal::WrongSecret,
        ),
        (public, secret(&minted), ClientRefusal::Public),
    ] {
        let done = authenticate_client(world.ctx(), id, &presented).await;
        assert_eq!(reason(done), refusal);
        let row = world.last_audit().await.event;
        assert_eq!(row.action, AuditAction::ClientPresent);
        assert_eq!(row.outcome, Outcome::Refused(ErrorCode::TokenInvalid));
        assert_eq!(row.detail["client"], id.to_string());
    }
    let orphan = made(&world, Some("acme")).await;
    delete_tenant(world.ctx(), &OPERATOR, tenant_id("acme"))
        .await
        .unwrap();
    assert_eq!(presents(&world, &orphan).await, Err(ClientRefusal::Revoked));
    let minted = stranger;
    let id = minted.profile.client.id;
    // One that nobody knows fills no log, and neither does a success.
    let rows = world.audit().await.len();
    let nobody = ClientId::from_bytes([9; 16]);
    let done = authenticate_client(world.ctx(), nobody, &secret(&minted)).await;
    assert_eq!(reason(done), ClientRefusal::Unknown);
    assert_eq!(presents(&world, &minted).await, Ok(id));
    assert_eq!(world.audit().await.len(), rows);
    // The same secret is worth nothing in another realm.
    let other = world.other_realm("two").await;
    assert_eq!(presents(&other, &minted).await, Err(ClientRefusal::Unknown));
}

/// An id is no secret: whoever knows one fills no log with wrong guesses.
pub(crate) async fn wrong_secrets_are_counted_by_client(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("acme").await;
    let (one, two) = (made(&world, Some("acme")).await, made(&world, None).await);
    let wrong = secret("dwcs_made-up");
    let before = world.audit().await.len();
    for n in 0..60 {
        let minted = if n % 3 == 0 { &two } else { &one };
        let done = authenticate_client(world.ctx(), minted.profile.client.id, &wrong).await;
        assert_eq!(reason(done), ClientRefusal::WrongSecret);
    }
    assert_eq!(world.audit().await.len(), before + 20);
    let flushed = world.identity.strangers.flush(world.store()).await;
    assert_eq!(flushed, Ok(2));
    for (minted, tenant) in [(&one, Some(tenant_id("acme"))), (&two, None)] {
        let id = minted.profile.client.id.to_string();
        let of = |row: &&AuditRow| row.event.detail.get("client") == Some(&id.clone().into());
        let rows = world.audit().await.split_off(before);
        let (mut told, mut single) = (0, 0);
        for row in rows.iter().filter(of) {
            assert_eq!(row.event.tenant, tenant);
            match row.event.detail.get("count") {
                Some(count) => told += count.as_u64().unwrap(),
                None => single += 1,
            }
        }
        let all = if tenant.is_some() { 40 } else { 20 };
        assert_eq!(told + single, all);
    }
}

pub(crate) async fn a_tenants_administrator_manages_its_tenants_clients(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("globex").await;
    let local = world.person("local", Some("acme"), &[EDIT, "read"]).await;
    let member = world.person("member", Some("acme"), &["read"]).await;
    let own = create_client(
        world.ctx(),
        &local.caller,
        new_client(Some("acme"), &["read"]),
    )
    .await;
    let own = own.unwrap().profile.client;
    assert_eq!(own.created_by, Some(local.id));
    let beyond = new_client(Some("acme"), &["write"]);
    let done = create_client(world.ctx(), &local.caller, beyond).await;
    assert_eq!(reason(done), ManageRefusal::NotHeld("write".to_owned()));
    let mut with_role = new_client(Some("acme"), &[]);
    with_role.ceiling.roles = Some(vec!["nobody-defined-it".parse().unwrap()]);
    let done = create_client(world.ctx(), &OPERATOR, with_role).await;
    assert_eq!(code(done), ErrorCode::InvalidRequest);
    let foreign = made(&world, Some("globex")).await.profile.client;
    let realms = made(&world, None).await.profile.client;
    let strong = new_client(Some("acme"), &["write"]);
    let strong = create_client(world.ctx(), &OPERATOR, strong).await.unwrap();
    let strong = strong.profile.client;
    let listed = list_clients(world.ctx(), &local.caller, all()).await;
    let listed: Vec<_> = listed.unwrap().iter().map(|one| one.client.id).collect();
    let mut expected = [own.id, strong.id];
    expected.sort_unstable();
    assert_eq!(listed, expected);
    let nobody = ClientId::from_bytes([9; 16]);
    for (caller, id, expected) in [
        (&local, foreign.id, Err(ErrorCode::NotFound)),
        (&local, realms.id, Err(ErrorCode::NotFound)),
        (&local, nobody, Err(ErrorCode::NotFound)),
        // Its secret would carry more than who learns it holds.
        (&local, strong.id, Err(ErrorCode::InsufficientPermission)),
        (&local, own.id, Ok(())),
        (&member, own.id, Err(ErrorCode::InsufficientPermission)),
        (&member, nobody, Err(ErrorCode::InsufficientPermission)),
    ] {
        let done = rotate_client_secret(world.ctx(), &caller.caller, id, None).await;
        assert_eq!(outcome(done), expected);
    }
    for (id, expected) in [
        (foreign.id, Err(ErrorCode::NotFound)),
        (realms.id, Err(ErrorCode::NotFound)),
        (strong.id, Ok(())),
    ] {
        let done = revoke_client(world.ctx(), &local.caller, id).await;
        assert_eq!(outcome(done), expected);
        let done = end_client_overlap(world.ctx(), &local.caller, id).await;
        assert_eq!(code(done), ErrorCode::NotFound);
    }
    let done = list_clients(world.ctx(), &member.caller, all()).await;
    assert_eq!(code(done), ErrorCode::InsufficientPermission);
}
