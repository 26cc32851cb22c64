//! What a tenant is given of limits, and credentials that were exposed.

use super::world::*;
use doorward_base::limit::{Amount, MeasureKind, Quota};
use doorward_base::principal::{CredentialId, PrincipalParts};
use doorward_base::{ClientId, CredentialKind, ErrorCode, Principal, Words};
use doorward_identity::act::*;
use doorward_identity::decide::refusal::{ManageRefusal, UseRefusal};
use doorward_identity::model::{AuditAction, Change, TokenKind};
use doorward_identity::port::StoreHandle;
use doorward_identity::settings::{Exposure, Presentation};
use serde_json::json;
use std::time::Duration;

fn rate(count: u32) -> Option<Amount> {
    let quota = Quota::new(count, Duration::from_secs(60), count);
    quota.ok().map(Amount::Rate)
}

async fn limited(store: StoreHandle) -> World {
    World::with(store, |settings| {
        let limits = [
            ("company", MeasureKind::Rate),
            ("open", MeasureKind::InFlight),
        ];
        settings.limits = limits
            .into_iter()
            .map(|(name, kind)| (name.to_owned(), kind))
            .collect();
    })
    .await
}

pub(crate) async fn the_realm_gives_a_tenant_an_amount_and_takes_it_back(store: StoreHandle) {
    let world = limited(store).await;
    let acme = world.tenant("acme").await;
    let set = async |limit: &str, amount| {
        let (tenant, limit) = (acme.clone(), limit.to_owned());
        set_tenant_limit(world.ctx(), &OPERATOR, tenant, limit, amount).await
    };
    let before = world.last_change().await;
    let given = set("company", rate(500)).await.unwrap().unwrap();
    assert_eq!(Some(given.amount), rate(500));
    assert_eq!(world.changes_after(before).await, [Change::Limits]);
    let row = world.last_audit().await.event;
    assert_eq!(row.action, AuditAction::TenantLimit);
    assert_eq!(row.tenant, Some(acme.clone()));
    assert_eq!(row.detail["limit"], json!("company"));
    let listed = list_tenant_limits(world.ctx(), &OPERATOR, acme.clone()).await;
    assert_eq!(listed.unwrap(), [given]);
    for (limit, amount, refusal) in [
        ("other", rate(1), ManageRefusal::NotFound("limit")),
        ("open", rate(1), ManageRefusal::OtherMeasure),
        ("open", None, ManageRefusal::NotFound("amount")),
    ] {
        assert_eq!(reason(set(limit, amount).await), refusal);
    }
    assert_eq!(set("company", None).await.unwrap(), None);
    let listed = list_tenant_limits(world.ctx(), &OPERATOR, acme.clone()).await;
    assert_eq!(listed.unwrap(), []);
}

pub(crate) async fn a_tenants_own_administrator_gives_it_nothing(store: StoreHandle) {
    let world = limited(store).await;
    let acme = world.tenant("acme").await;
    let edit = "platform.tenants.edit";
    let boss = world.person("boss", Some("acme"), &[edit]).await;
    let support = world.person("support", None, &[edit]).await;
    for (person, may) in [(&boss, false), (&support, true)] {
        let (tenant, limit) = (acme.clone(), "company".to_owned());
        let set = set_tenant_limit(world.ctx(), &person.caller, tenant, limit, rate(9)).await;
        let listed = list_tenant_limits(world.ctx(), &person.caller, acme.clone()).await;
        let wanted = if may {
            Ok(())
        } else {
            Err(ErrorCode::InsufficientPermission)
        };
        assert_eq!(outcome(set), wanted);
        assert_eq!(outcome(listed), wanted);
    }
}

pub(crate) async fn an_exposed_key_is_written_down_and_dies_where_the_realm_says_so(
    store: StoreHandle,
) {
    let world = World::new(store).await;
    for (exposure, kind, dies) in [
        (Exposure::Flag, CredentialKind::ApiToken, false),
        // Its upstreams have it, and must not be able to end what it was made from.
        (Exposure::Revoke, CredentialKind::Jwt, false),
        (Exposure::Revoke, CredentialKind::ApiToken, true),
        (Exposure::Revoke, CredentialKind::Basic, true),
    ] {
        let world = world.reconfigured(|settings| settings.exposure = exposure);
        let owner = world
            .service(&format!("robot-{exposure:?}-{kind:?}"), None, &["read"])
            .await;
        let minted = world.mint(TokenKind::Service, owner).await;
        let principal = principal_of(&world, &minted).await;
        let before = world.last_change().await;
        let exposed = expose_credential(world.ctx(), &principal, kind).await;
        exposed.unwrap();
        let row = world.last_audit().await.event;
        assert_eq!(row.action, AuditAction::CredentialExposed);
        assert_eq!(row.token, Some(minted.token.id));
        assert_eq!(row.detail["revoked"], json!(dies));
        assert_eq!(row.detail["kind"], json!(kind.word()));
        let changes = world.changes_after(before).await;
        assert_eq!(changes.contains(&Change::ApiToken(minted.token.id)), dies);
        let presented = introspect(world.ctx(), &minted.secret, &Presentation::Basic).await;
        if dies {
            assert_eq!(reason(presented), UseRefusal::Revoked);
        } else {
            assert!(presented.is_ok());
        }
    }
}

pub(crate) async fn an_exposed_sign_in_ends_unless_its_token_was_given_to_somebody_else(
    store: StoreHandle,
) {
    let world = World::new(store).await;
    let world = world.reconfigured(|settings| settings.exposure = Exposure::Revoke);
    let robot = world.service("robot", None, &["read"]).await;
    let minted = world.mint(TokenKind::Service, robot).await;
    let known = principal_of(&world, &minted).await;
    for (kind, client, ends) in [
        (CredentialKind::Session, None, true),
        (CredentialKind::Jwt, None, true),
        (
            CredentialKind::Jwt,
            Some(ClientId::from_bytes([7; 16])),
            false,
        ),
    ] {
        let name = format!("ann-{kind:?}-{ends}");
        let person = world.person(&name, None, &[]).await;
        let Caller::Subject { credential, .. } = person.caller else {
            panic!("{:?}", person.caller);
        };
        let CredentialId::Session(session) = credential else {
            panic!("{credential:?}");
        };
        let principal = Principal::new(PrincipalParts {
            subject: Some(person.id),
            credential,
            client,
            ..PrincipalParts::clone(&known)
        });
        let before = world.last_change().await;
        let exposed = expose_credential(world.ctx(), &principal, kind).await;
        exposed.unwrap();
        let row = world.last_audit().await.event;
        assert_eq!(row.session, Some(session));
        assert_eq!(row.detail["revoked"], json!(ends), "{name}");
        let changes = world.changes_after(before).await;
        assert_eq!(changes.contains(&Change::Session(session)), ends, "{name}");
    }
}

async fn principal_of(world: &World, minted: &MintedToken) -> Principal {
    let found = introspect(world.ctx(), &minted.secret, &Presentation::Basic).await;
    found.unwrap().principal
}
