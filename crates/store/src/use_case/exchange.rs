//! Turning a token into a short-lived JWT.

use super::world::*;
use crate::conformance::fixture::tenant_id;
use doorward_base::ErrorCode;
use doorward_identity::act::*;
use doorward_identity::decide::refusal::UseRefusal;
use doorward_identity::model::{Actor, AuditAction, Ceiling, Grant, Granted, Outcome, TokenKind};
use doorward_identity::port::StoreHandle;
use doorward_identity::settings::{DefaultScopes, Presentation, UnknownScope};
use serde_json::json;

pub(crate) async fn a_duration_is_taken_whole_or_refused(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user("ada", None, &[]).await;
    let long = world.mint(TokenKind::Personal, ada).await;
    let new = CreateToken {
        expires_at: Some(after(100)),
        ..new_token(TokenKind::Personal, OwnerRef::Subject(ada))
    };
    let short = create_token(world.ctx(), &OPERATOR, new).await.unwrap();
    let refused = Err(UseRefusal::DurationInvalid);
    for (token, asked, expected) in [
        (&long, json!(1), Ok(1)),
        (&long, json!(3600), Ok(3600)),
        (&long, json!(3601), refused.clone()),
        (&long, json!(0), refused.clone()),
        (&long, json!(-1), refused.clone()),
        (&long, json!(1.5), refused.clone()),
        (&long, json!("60"), refused.clone()),
        (&long, json!(null), refused.clone()),
        (&short, json!(100), Ok(100)),
        (&short, json!(101), refused.clone()),
    ] {
        let request = ExchangeRequest {
            duration: Some(asked.clone()),
            ..asking(&token.secret)
        };
        let done = exchange(world.ctx(), request).await;
        match expected {
            Ok(seconds) => {
                let issued = done.unwrap();
                let claims = claims(&issued);
                let life = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
                assert_eq!((issued.expires_in, life), (seconds, seconds));
            }
            Err(refusal) => assert_eq!(reason(done), refusal, "{asked}"),
        }
    }
}

pub(crate) async fn a_default_is_clamped_to_what_is_left(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user("ada", None, &[]).await;
    let new = CreateToken {
        expires_at: Some(after(1000)),
        ..new_token(TokenKind::Personal, OwnerRef::Subject(ada))
    };
    let token = create_token(world.ctx(), &OPERATOR, new).await.unwrap();
    for (seconds, expected) in [
        (0, Some(300)),
        (700, Some(300)),
        (999, Some(1)),
        (1000, None),
    ] {
        let world = world.at(seconds);
        let done = exchange(world.ctx(), asking(&token.secret)).await;
        match expected {
            Some(life) => assert_eq!(done.unwrap().expires_in, life),
            None => assert_eq!(code(done), ErrorCode::TokenExpired),
        }
    }
}

pub(crate) async fn scopes_are_refused_narrowed_or_filled_in(store: StoreHandle) {
    use {DefaultScopes as Default, UnknownScope as Unknown};
    let world = World::new(store).await;
    let ada = world.user("ada", None, &["read", "write", "rest"]).await;
    let new = CreateToken {
        ceiling: ceiling(None, &["read", "write", "never-held"]),
        ..new_token(TokenKind::Personal, OwnerRef::Subject(ada))
    };
    let token = create_token(world.ctx(), &OPERATOR, new).await.unwrap();
    let refused = Err(UseRefusal::InvalidScope);
    for (unknown, default, asked, expected) in [
        (Unknown::Refuse, Default::None, None, Ok("")),
        (Unknown::Refuse, Default::All, None, Ok("read write")),
        (Unknown::Refuse, Default::All, Some(""), Ok("")),
        (
            Unknown::Refuse,
            Default::None,
            Some("write read"),
            Ok("read write"),
        ),
        (Unknown::Refuse, Default::None, Some("read"), Ok("read")),
        // Held, but outside the token's ceiling; in the ceiling, but not held; neither.
        (
            Unknown::Refuse,
            Default::None,
            Some("read rest"),
            refused.clone(),
        ),
        (
            Unknown::Refuse,
            Default::None,
            Some("never-held"),
            refused.clone(),
        ),
        (
            Unknown::Refuse,
            Default::None,
            Some("read other"),
            refused.clone(),
        ),
        (
            Unknown::Narrow,
            Default::None,
            Some("read rest other never-held"),
            Ok("read"),
        ),
        (Unknown::Narrow, Default::All, Some("other"), Ok("")),
        (
            Unknown::Narrow,
            Default::None,
            Some("re\"ad"),
            refused.clone(),
        ),
    ] {
        let world = world.reconfigured(|settings| {
            settings.exchange.unknown_scope = unknown;
            settings.tokens.default_scopes = default;
        });
        let request = ExchangeRequest {
            scope: asked.map(ToOwned::to_owned),
            ..asking(&token.secret)
        };
        let done = exchange(world.ctx(), request).await;
        match expected {
            Ok(scopes) => {
                let issued = done.unwrap();
                assert_eq!(scope_texts(&issued).join(" "), scopes, "{asked:?}");
                let written = claims(&issued)["scope"].clone();
                assert_eq!(written.as_str().unwrap_or_default(), scopes);
            }
            Err(refusal) => assert_eq!(reason(done), refusal, "{unknown:?} {asked:?}"),
        }
    }
}

/// Each answer is refused with the reason in the audit log and one code on the wire.
pub(crate) async fn each_dead_token_is_refused_and_written_down(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = world.tenant("acme").await;
    let mut dead = Vec::new();
    for (name, refusal) in [
        ("revoked", UseRefusal::Revoked),
        ("disabled", UseRefusal::OwnerDisabled),
        ("expired", UseRefusal::Expired),
    ] {
        let expires_at = (refusal == UseRefusal::Expired).then(|| after(50));
        let owner = world.user(name, None, &[]).await;
        let new = CreateToken {
            expires_at,
            ..new_token(TokenKind::Personal, OwnerRef::Subject(owner))
        };
        let token = create_token(world.ctx(), &OPERATOR, new).await.unwrap();
        dead.push((token, refusal));
    }
    let id = TokenRef::Id(dead[0].0.token.id);
    revoke_token(world.ctx(), &OPERATOR, id).await.unwrap();
    let (owner, standing) = (dead[1].0.token.owner, StatusChange::Disabled);
    let done = set_subject_status(world.ctx(), &OPERATOR, owner, standing).await;
    done.unwrap();
    // Bound to a tenant, and it does not come back with a later membership.
    let left = world.service("left", Some("acme"), &[]).await;
    let token = world.mint(TokenKind::Service, left).await;
    end_membership(world.ctx(), &OPERATOR, left, acme.clone())
        .await
        .unwrap();
    let done = create_membership(world.ctx(), &OPERATOR, left, acme).await;
    done.unwrap();
    dead.push((token, UseRefusal::Revoked));
    let world = world.at(50);
    for (token, refusal) in dead {
        let done = exchange(world.ctx(), asking(&token.secret)).await;
        assert_eq!(reason(done), refusal);
        let event = world.last_audit().await.event;
        assert_eq!(event.action, AuditAction::TokenExchange);
        assert!(matches!(event.outcome, Outcome::Refused(_)));
        assert_eq!(event.actor, Actor::Subject(token.token.owner));
        assert_eq!(event.token, Some(token.token.id));
        assert_eq!(event.detail["reason"], refusal.to_string());
    }
    // A class that was taken out of the configuration, or exchanged no longer.
    let ada = world.user("ada", None, &[]).await;
    let token = world.mint(TokenKind::Personal, ada).await;
    let gone = world.reconfigured(|settings| settings.classes[0].name = "old".parse().unwrap());
    let done = exchange(gone.ctx(), asking(&token.secret)).await;
    assert_eq!(reason(done), UseRefusal::ClassUnknown);
    let basic = vec![Presentation::Basic];
    let closed = world.reconfigured(|settings| settings.classes[0].presentations = basic);
    let done = exchange(closed.ctx(), asking(&token.secret)).await;
    assert_eq!(reason(done), UseRefusal::Presentation);
}

/// D1: nobody fills the log with tokens that there are not.
pub(crate) async fn made_up_tokens_are_counted(store: StoreHandle) {
    let world = World::new(store).await;
    // Well-formed and unknown, or of no class.
    let unknown = world.realm.settings.classes[0]
        .format
        .mint(None, &*world.identity.entropy);
    let before = world.audit().await.len();
    for number in 0..20u8 {
        let mut from = world.clone();
        from.call.peer = Some([198, 51, 100, number].into());
        for (text, refusal) in [
            (unknown.expose(), UseRefusal::Unknown),
            ("pat-", UseRefusal::Malformed),
            ("", UseRefusal::Malformed),
        ] {
            let done = exchange(from.ctx(), asking(&secret(text))).await;
            assert_eq!(reason(done), refusal);
        }
    }
    assert_eq!(
        world.audit().await.len(),
        before,
        "nothing is written at once"
    );
    let flushed = world.identity.strangers.flush(world.store()).await.unwrap();
    let rows = world.audit().await.split_off(before);
    assert_eq!(rows.len(), usize::try_from(flushed).unwrap());
    assert!(rows.len() <= 2, "{rows:?}");
    let mut counted = 0;
    for row in &rows {
        let event = &row.event;
        assert_eq!((event.actor, event.token), (Actor::Anonymous, None));
        assert_eq!(event.action, AuditAction::TokenExchange);
        assert!(matches!(event.outcome, Outcome::Refused(_)));
        assert_eq!(event.detail["from"], "198.51.100.0/24");
        counted += event.detail["count"].as_u64().unwrap();
    }
    assert_eq!(counted, 60);
    let again = world.identity.strangers.flush(world.store()).await;
    assert_eq!(again, Ok(0));
}

/// Its dead token would fill the log of a tenant that it is no member of.
pub(crate) async fn who_was_sent_away_writes_nothing_into_the_log(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = world.tenant("acme").await;
    let left = world.service("left", Some("acme"), &[]).await;
    let token = world.mint(TokenKind::Service, left).await;
    let ended = end_membership(world.ctx(), &OPERATOR, left, acme).await;
    ended.unwrap();
    let before = world.audit().await.len();
    for _ in 0..5 {
        let done = exchange(world.ctx(), asking(&token.secret)).await;
        assert_eq!(code(done), ErrorCode::TokenInvalid);
    }
    assert_eq!(world.audit().await.len(), before, "nothing is written");
    let flushed = world.identity.strangers.flush(world.store()).await;
    assert_eq!(flushed, Ok(1));
    let event = world.last_audit().await.event;
    assert_eq!(event.action, AuditAction::TokenExchange);
    assert_eq!((event.tenant, event.token), (None, None));
    assert_eq!(event.detail["count"], 5);
    // Nor by presenting the token itself.
    let before = world.audit().await.len();
    for _ in 0..5 {
        let done = introspect(world.ctx(), &token.secret, &Presentation::Basic).await;
        assert_eq!(code(done), ErrorCode::TokenInvalid);
    }
    assert_eq!(world.audit().await.len(), before, "nothing is written");
}

pub(crate) async fn a_token_lives_again_with_its_owner(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user("ada", None, &[]).await;
    let token = world.mint(TokenKind::Personal, ada).await;
    for (standing, expected) in [
        (StatusChange::Disabled, Err(ErrorCode::TokenInvalid)),
        (StatusChange::Enabled, Ok(())),
    ] {
        let done = set_subject_status(world.ctx(), &OPERATOR, ada, standing).await;
        done.unwrap();
        let done = exchange(world.ctx(), asking(&token.secret)).await;
        assert_eq!(outcome(done), expected);
    }
}

pub(crate) async fn a_tenant_a_role_and_an_audience_are_held_or_refused(store: StoreHandle) {
    let world = World::with(store, |settings| {
        let audiences = ["https://api.example", "https://more.example"];
        settings.tokens.audiences = audiences.map(|text| text.parse().unwrap()).into();
    })
    .await;
    world.tenant("initech").await;
    let globex = world.tenant("globex").await;
    let ada = world.user("ada", Some("acme"), &[]).await;
    create_membership(world.ctx(), &OPERATOR, ada, globex)
        .await
        .unwrap();
    let viewer = Grant {
        tenant: Some(tenant_id("acme")),
        granted: Granted::Role("viewer".parse().unwrap()),
    };
    add_grant(world.ctx(), &OPERATOR, ada, viewer)
        .await
        .unwrap();
    let new = |ceiling| CreateToken {
        ceiling,
        ..new_token(TokenKind::Personal, OwnerRef::Subject(ada))
    };
    let free = create_token(world.ctx(), &OPERATOR, new(Ceiling::default())).await;
    let bound = Ceiling {
        tenant: Some(tenant_id("acme")),
        audiences: Some(vec!["https://more.example".parse().unwrap()]),
        ..Ceiling::default()
    };
    let bound = create_token(world.ctx(), &OPERATOR, new(bound)).await;
    let (free, bound) = (free.unwrap(), bound.unwrap());
    let to = |tenant| {
        new(Ceiling {
            tenant: Some(tenant_id(tenant)),
            ..Ceiling::default()
        })
    };
    let acme = create_token(world.ctx(), &OPERATOR, to("acme")).await;
    let globex = create_token(world.ctx(), &OPERATOR, to("globex")).await;
    let (acme, globex) = (acme.unwrap(), globex.unwrap());
    let (api, more) = ("https://api.example", "https://more.example");
    for (token, tenant, role, audience, expected) in [
        (&free, None, None, None, Ok((None, api))),
        (&free, None, None, Some(more), Ok((None, more))),
        // A token's tenant is fixed when it is made, also if it is none.
        (
            &free,
            Some("acme"),
            None,
            None,
            Err(UseRefusal::TenantForbidden),
        ),
        (
            &free,
            Some("initech"),
            None,
            None,
            Err(UseRefusal::TenantForbidden),
        ),
        (
            &free,
            None,
            Some("viewer"),
            None,
            Err(UseRefusal::RoleNotAllowed),
        ),
        (&acme, Some("acme"), None, None, Ok((Some("acme"), api))),
        (
            &acme,
            None,
            Some("viewer"),
            Some(more),
            Ok((Some("acme"), more)),
        ),
        (
            &acme,
            None,
            Some("editor"),
            None,
            Err(UseRefusal::RoleNotAllowed),
        ),
        (
            &globex,
            None,
            Some("viewer"),
            None,
            Err(UseRefusal::RoleNotAllowed),
        ),
        (&globex, None, None, None, Ok((Some("globex"), api))),
        (
            &free,
            None,
            None,
            Some("https://else"),
            Err(UseRefusal::AudienceForbidden),
        ),
        (&bound, None, None, None, Ok((Some("acme"), more))),
        (
            &bound,
            Some("globex"),
            None,
            None,
            Err(UseRefusal::TenantForbidden),
        ),
        (
            &bound,
            None,
            None,
            Some(api),
            Err(UseRefusal::AudienceForbidden),
        ),
    ] {
        let request = ExchangeRequest {
            tenant: tenant.map(tenant_id),
            role: role.map(|role| role.parse().unwrap()),
            audience: audience.map(|audience| audience.parse().unwrap()),
            ..asking(&token.secret)
        };
        let done = exchange(world.ctx(), request).await;
        match expected {
            Ok((tenant, audience)) => {
                let issued = done.unwrap();
                assert_eq!(issued.tenant, tenant.map(tenant_id));
                assert_eq!(claims(&issued)["aud"], audience);
            }
            Err(refusal) => assert_eq!(reason(done), refusal, "{tenant:?} {role:?}"),
        }
    }
}

/// A token carries what its owner holds now, not what it held when the token was made.
pub(crate) async fn a_token_follows_its_owners_grants(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user("ada", None, &[]).await;
    let token = world.mint(TokenKind::Personal, ada).await;
    let request = ExchangeRequest {
        scope: Some("read".to_owned()),
        ..asking(&token.secret)
    };
    let done = exchange(world.ctx(), request.clone()).await;
    assert_eq!(reason(done), UseRefusal::InvalidScope);
    world.grant(ada, None, "read").await;
    exchange(world.ctx(), request.clone()).await.unwrap();
    let taken = remove_grant(world.ctx(), &OPERATOR, ada, grant(None, "read")).await;
    assert!(taken.unwrap());
    let done = exchange(world.ctx(), request).await;
    assert_eq!(reason(done), UseRefusal::InvalidScope);
}

pub(crate) async fn a_jwt_says_whose_it_is(store: StoreHandle) {
    let world = World::new(store).await;
    let bot = world.service("bot", Some("acme"), &["read"]).await;
    let token = world.mint(TokenKind::Service, bot).await;
    let first = exchange(world.ctx(), asking(&token.secret)).await.unwrap();
    let second = exchange(world.ctx(), asking(&token.secret)).await.unwrap();
    let (header, claims) = decoded(&first.jwt);
    let keyring = world.realm.keyring();
    assert_eq!(header["typ"], "at+jwt");
    assert_eq!(header["alg"], "ES256");
    assert_eq!(header["kid"], keyring.access().kid());
    assert!(keyring.inbound().find(keyring.access().kid()).is_some());
    assert_eq!(claims["iss"], "https://one.example");
    assert_eq!(claims["sub"], bot.to_string());
    assert_eq!(claims["iat"], NOW.as_seconds());
    assert_eq!(claims["exp"], NOW.as_seconds() + 300);
    assert_eq!(claims["dw"]["k"], "service");
    assert_eq!(claims["dw"]["t"], token.token.id.to_string());
    assert!(claims.get("sid").is_none());
    assert_eq!(first.tenant, Some(tenant_id("acme")));
    assert_ne!(claims["jti"], decoded(&second.jwt).1["jti"]);
}
