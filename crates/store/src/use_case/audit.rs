//! The audit log: complete, attributed, and free of secrets.

use super::action::{Action, Scene, all_but};
use super::world::*;
use crate::conformance::fixture::{all, tenant_id};
use doorward_base::{ErrorCode, RequestId, Secret};
use doorward_identity::act::*;
use doorward_identity::decide::refusal::ManageRefusal;
use doorward_identity::model::{
    Actor, AuditAction, Ceiling, ClientKind, Grant, Granted, KeyPurpose, Outcome, TokenKind,
};
use doorward_identity::port::{AuditFilter, Page, StoreHandle};
use doorward_identity::settings::Presentation;
use serde_json::{Value, json};

const fn written(action: Action) -> Option<AuditAction> {
    Some(match action {
        Action::FindSubject
        | Action::FindSubjectByEmail
        | Action::LoadProfile
        | Action::ListSubjects
        | Action::ListTenants
        | Action::ListMembers
        | Action::ForeseeLeaving
        | Action::ListTokens
        | Action::ListInvitations
        | Action::ListClients
        | Action::ListAudit
        | Action::ReadDenials => return None,
        Action::RotateKeys => AuditAction::KeyRotate,
        Action::CreateTenant => AuditAction::TenantCreate,
        Action::CreateUser => AuditAction::UserCreate,
        Action::CreateServiceAccount => AuditAction::ServiceAccountCreate,
        Action::CreateServiceToken | Action::CreateKey => AuditAction::TokenCreate,
        Action::HandOverToken => AuditAction::TokenHandOver,
        Action::RegenerateServiceToken => AuditAction::TokenRegenerate,
        Action::EndTokenOverlap => AuditAction::TokenEndOverlap,
        Action::RevokeServiceToken | Action::RevokePersonalToken => AuditAction::TokenRevoke,
        Action::Invite => AuditAction::TenantInvite,
        Action::CreateClient => AuditAction::ClientCreate,
        Action::CreateMembership => AuditAction::MembershipCreate,
        Action::AddGrant => AuditAction::GrantAdd,
        Action::RemoveGrant => AuditAction::GrantRemove,
        Action::DisableUser | Action::DisableServiceAccount => AuditAction::SubjectDisable,
        Action::EnableUser => AuditAction::SubjectEnable,
        Action::BanUser => AuditAction::SubjectBan,
        Action::EndMembership => AuditAction::MembershipEnd,
        Action::DeleteUser | Action::DeleteServiceAccount => AuditAction::SubjectDelete,
        Action::DeleteTenant => AuditAction::TenantDelete,
    })
}

pub(crate) async fn every_success_and_failure_is_written_down(store: StoreHandle) {
    let world = World::new(store).await;
    let scene = Scene::set(&world, "acme").await;
    let eve = world.person("eve", None, &[]).await;
    let admin = world.person("admin", None, &all_but(&[])).await;
    for (person, refused) in [(&eve, true), (&admin, false)] {
        for action in Action::ALL {
            let mut world = world.clone();
            world.call.request = RequestId::from_bytes([action as u8; 16]);
            let before = world.audit().await.len();
            let done = scene.run(&world, &person.caller, action).await;
            assert_eq!(done.is_err(), refused, "{action:?}");
            let rows = world.audit().await;
            let Some(expected) = written(action) else {
                assert_eq!(rows.len(), before, "{action:?}");
                continue;
            };
            assert_eq!(rows.len(), before + 1, "{action:?}");
            let event = &rows[before].event;
            assert_eq!(event.action, expected);
            assert_eq!(event.actor, Actor::Subject(person.id));
            assert_eq!(event.request, world.call.request);
            // Where somebody was who is deleted is personal.
            let deletes = matches!(action, Action::DeleteUser | Action::DeleteServiceAccount);
            let peer = (refused || !deletes).then_some(PEER);
            assert_eq!((event.at, event.peer), (NOW, peer));
            let outcome = match done {
                Ok(()) => Outcome::Success,
                Err(code) => Outcome::Refused(code),
            };
            assert_eq!(event.outcome, outcome);
            assert_eq!(event.detail.contains_key("reason"), refused);
        }
    }
}

pub(crate) async fn each_use_of_a_credential_is_attributed(store: StoreHandle) {
    let world = World::new(store).await;
    let ctx = world.ctx();
    let password = "correct horse";
    let ada = world
        .user_with_password("ada", password, Some("acme"))
        .await;
    world.grant(ada, Some("acme"), "read").await;
    let token = world.mint(TokenKind::Personal, ada).await;
    let signed = sign_in(ctx, signing_in("ada@example.org", password)).await;
    let caller = caller_of(&signed.unwrap());
    let before = world.audit().await.len();
    let request = ExchangeRequest {
        scope: Some("read".to_owned()),
        duration: Some(60.into()),
        ..asking(&token.secret)
    };
    exchange(ctx, request).await.unwrap();
    let request = SetPassword {
        subject: ada,
        new: secret("another horse"),
        current: Some(secret("wrong horse")),
    };
    assert!(set_password(ctx, &caller, request).await.is_err());
    sign_out(ctx, &caller).await.unwrap();
    assert!(sign_out(ctx, &caller).await.is_err());
    let rows = world.audit().await;
    let refused = Outcome::Refused;
    let expected = [
        (AuditAction::TokenExchange, Outcome::Success),
        (AuditAction::PasswordSet, refused(ErrorCode::SignInRefused)),
        (AuditAction::SignOut, Outcome::Success),
        (AuditAction::SignOut, refused(ErrorCode::TokenInvalid)),
    ];
    assert_eq!(rows.len(), before + expected.len());
    for (row, (action, outcome)) in rows[before..].iter().zip(expected) {
        let event = &row.event;
        assert_eq!((event.action, event.outcome), (action, outcome));
        assert_eq!(event.actor, Actor::Subject(ada));
        assert_eq!(event.subject, Some(ada));
        assert_eq!(event.request, world.call.request);
        assert_eq!((event.at, event.peer), (NOW, Some(PEER)));
    }
    let exchanged = &rows[before].event;
    assert_eq!(exchanged.token, Some(token.token.id));
    assert_eq!(exchanged.tenant, Some(tenant_id("acme")));
    assert_eq!(exchanged.detail["scope"], "read");
    assert_eq!(exchanged.detail["seconds"], 60);
}

/// The log must say what was given, not only that something was.
pub(crate) async fn a_row_says_what_was_given(store: StoreHandle) {
    let world = World::with(store, |settings| {
        settings.tokens.audiences = vec!["https://api.example".parse().unwrap()];
    })
    .await;
    let ctx = world.ctx();
    let placed = Placement {
        roles: vec!["viewer".parse().unwrap()],
        ..placement(Some("acme"), &["platform.grants.edit"])
    };
    let before = world.audit().await.len();
    let new = new_user("ada", placed.clone());
    let ada = create_user(ctx, &OPERATOR, new).await.unwrap().id;
    let new = CreateServiceAccount {
        email: email("bot"),
        name: None,
        placement: placed,
    };
    create_service_account(ctx, &OPERATOR, new).await.unwrap();
    let new = CreateToken {
        ceiling: ceiling(Some("acme"), &["read", "write"]),
        expires_at: Some(after(60)),
        ..new_token(TokenKind::Personal, OwnerRef::Subject(ada))
    };
    let made = create_token(ctx, &OPERATOR, new.clone()).await;
    made.unwrap();
    let granted = Grant {
        tenant: None,
        granted: Granted::Permission {
            permission: "read".parse().unwrap(),
            audience: Some("https://api.example".parse().unwrap()),
        },
    };
    let added = add_grant(ctx, &OPERATOR, ada, granted.clone()).await;
    added.unwrap();
    let removed = remove_grant(ctx, &OPERATOR, ada, granted).await;
    removed.unwrap();
    let placed = json!({"roles": ["viewer"], "permissions": ["platform.grants.edit"]});
    let token = json!({
        "kind": "personal",
        "class": "access",
        "scopes": ["read", "write"],
        "expires_at": after(60).to_string(),
    });
    let grant = json!({"permission": "read", "audience": "https://api.example"});
    let expected = [
        // Made on the way, so it has a row of its own.
        (AuditAction::TenantCreate, Some("acme"), json!({})),
        (AuditAction::UserCreate, Some("acme"), placed.clone()),
        (AuditAction::ServiceAccountCreate, Some("acme"), placed),
        (AuditAction::TokenCreate, Some("acme"), token),
        (AuditAction::GrantAdd, None, grant.clone()),
        (AuditAction::GrantRemove, None, grant),
    ];
    let rows = world.audit().await;
    assert_eq!(rows.len(), before + expected.len());
    for (row, (action, tenant, detail)) in rows[before..].iter().zip(expected) {
        let event = &row.event;
        assert_eq!((event.action, event.outcome), (action, Outcome::Success));
        assert_eq!(event.tenant, tenant.map(tenant_id), "{action:?}");
        assert_eq!(Value::Object(event.detail.clone()), detail, "{action:?}");
    }
    // However much is asked for, a row stays small.
    let many: Vec<String> = (0..2_000)
        .map(|n| format!("{}{n}", "p".repeat(90)))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let new = CreateToken {
        ceiling: ceiling(None, &many),
        ..new
    };
    let made = create_token(ctx, &OPERATOR, new).await;
    assert_eq!(reason(made), ManageRefusal::TooMany("scopes").into());
    let new = new_user("eve", placement(None, &many));
    let made = create_user(ctx, &OPERATOR, new).await;
    assert_eq!(reason(made), ManageRefusal::TooMany("permissions"));
    for row in &world.audit().await[rows.len()..] {
        let detail = Value::Object(row.event.detail.clone()).to_string();
        assert!(detail.len() < 4096 && detail.contains(" more"), "{detail}");
    }
}

/// Every secret a person or machine could hold is made and used, rightly and wrongly.
pub(crate) async fn no_row_holds_a_secret(store: StoreHandle) {
    let world = World::new(store).await;
    let ctx = world.ctx();
    let (password, wrong) = ("correct horse", "incorrect horse");
    let ada = world
        .user_with_password("ada", password, Some("acme"))
        .await;
    let bot = world.service("bot", None, &["read"]).await;
    let mut secrets: Vec<Secret> = vec![secret(password), secret(wrong)];
    let signed = sign_in(ctx, signing_in("ada@example.org", password))
        .await
        .unwrap();
    secrets.push(signed.issued.jwt.clone());
    let refused = sign_in(ctx, signing_in("ada@example.org", wrong)).await;
    assert_eq!(code(refused), ErrorCode::SignInRefused);
    let token = world.mint(TokenKind::Service, bot).await;
    secrets.push(token.secret.clone());
    let jwt = exchange(ctx, asking(&token.secret)).await.unwrap().jwt;
    secrets.push(jwt.clone());
    // A secret in the wrong place, and one that is mistyped.
    let misplaced = ExchangeRequest {
        scope: Some(token.secret.expose().to_owned()),
        ..asking(&jwt)
    };
    assert!(exchange(ctx, misplaced).await.is_err());
    let misplaced = ExchangeRequest {
        scope: Some(token.secret.expose().to_owned()),
        duration: Some(token.secret.expose().into()),
        ..asking(&token.secret)
    };
    assert!(exchange(ctx, misplaced).await.is_err());
    let seen = introspect(ctx, &token.secret, &Presentation::Bearer).await;
    assert!(seen.is_err());
    let internal = InternalRequest {
        token: token.token.id,
        via: Presentation::Basic,
        audience: "https://upstream.example".parse().unwrap(),
        scopes: vec![],
        ttl: std::time::Duration::from_secs(60),
    };
    secrets.push(mint_internal(ctx, internal).await.unwrap().issued.jwt);
    let request = RegenerateToken {
        token: TokenRef::Secret(token.secret.clone()),
        expires_at: None,
        overlap: None,
    };
    let new = regenerate_token(ctx, &OPERATOR, request.clone())
        .await
        .unwrap();
    assert!(regenerate_token(ctx, &OPERATOR, request).await.is_err());
    secrets.push(new.secret.clone());
    let done = revoke_token(ctx, &OPERATOR, TokenRef::Secret(new.secret)).await;
    done.unwrap();
    let client = CreateClient {
        name: "an application".to_owned(),
        kind: ClientKind::Confidential,
        ceiling: Ceiling::default(),
        redirect_uris: vec![],
    };
    let client = create_client(ctx, &OPERATOR, client).await.unwrap();
    let id = client.profile.client.id;
    let rotated = rotate_client_secret(ctx, &OPERATOR, id, None).await;
    secrets.extend(
        [client.secret, rotated.unwrap().secret]
            .into_iter()
            .flatten(),
    );
    assert!(authenticate_client(ctx, id, &token.secret).await.is_err());
    let request = Invite {
        email: email("bob"),
        tenant: tenant_id("acme"),
        roles: vec![],
        life: None,
        delivery: None,
    };
    let invited = invite(ctx, &OPERATOR, request).await.unwrap();
    let invitation = invited.secret.unwrap();
    secrets.push(invitation.clone());
    let taking = AcceptInvitation {
        by: None,
        secret: invitation,
        password: Some(secret("bobs password")),
        name: None,
    };
    secrets.push(secret("bobs password"));
    accept_invitation(ctx, taking.clone()).await.unwrap();
    assert!(accept_invitation(ctx, taking).await.is_err());
    for (current, new) in [(wrong, "third horse"), (password, "fourth horse")] {
        let request = SetPassword {
            subject: ada,
            new: secret(new),
            current: Some(secret(current)),
        };
        let done = set_password(ctx, &caller_of(&signed), request).await;
        assert_eq!(done.is_ok(), current == password);
        secrets.push(secret(new));
    }
    keys::rotate(ctx, &OPERATOR, KeyPurpose::Digest, keys::Pace::Now)
        .await
        .unwrap();
    let rows = world.audit().await;
    assert!(rows.len() > 20);
    for row in rows {
        let text = format!(
            "{row:?} {}",
            serde_json::to_string(&row.event.detail).unwrap()
        );
        for secret in &secrets {
            assert!(!text.contains(secret.expose()), "{:?}", row.event.action);
        }
        assert!(!text.contains("$argon2"), "{:?}", row.event.action);
    }
}

/// A10b: what somebody is refused is not told to those it asked about.
pub(crate) async fn a_refusal_is_written_into_no_log_of_others(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("globex").await;
    let clerk = world.person("clerk", Some("acme"), &[]).await;
    let someone = world.user("someone", Some("globex"), &[]).await;
    for (tenant, logged) in [("globex", None), ("acme", Some(tenant_id("acme")))] {
        let done = end_membership(world.ctx(), &clerk.caller, someone, tenant_id(tenant)).await;
        assert_eq!(code(done), ErrorCode::InsufficientPermission);
        let event = world.last_audit().await.event;
        assert_eq!(event.action, AuditAction::MembershipEnd);
        assert_eq!(event.tenant, logged, "{tenant}");
        let asked = event.detail.get("asked_tenant");
        assert_eq!(asked.is_some(), logged.is_none(), "{asked:?}");
    }
}

pub(crate) async fn rows_are_read_within_reach(store: StoreHandle) {
    let world = World::new(store).await;
    let globex = world.tenant("globex").await;
    let reader = world
        .person("reader", Some("acme"), &["platform.audit.read"])
        .await;
    world.user("ada", Some("acme"), &[]).await;
    world.user("bob", Some("globex"), &[]).await;
    let list = |filter: AuditFilter| list_audit(world.ctx(), &reader.caller, filter, all());
    let rows = list(AuditFilter::default()).await.unwrap().rows;
    assert!(!rows.is_empty());
    assert!(
        rows.iter()
            .all(|row| row.event.tenant == Some(tenant_id("acme")))
    );
    // In two tenants it has to say which one.
    create_membership(world.ctx(), &OPERATOR, reader.id, globex.clone())
        .await
        .unwrap();
    world
        .grant(reader.id, Some("globex"), "platform.audit.read")
        .await;
    let rows = list(AuditFilter::default()).await;
    assert_eq!(code(rows), ErrorCode::InsufficientPermission);
    let filter = AuditFilter {
        tenant: Some(globex.clone()),
        ..AuditFilter::default()
    };
    let rows = list(filter).await.unwrap().rows;
    assert!(!rows.is_empty());
    assert!(
        rows.iter()
            .all(|row| row.event.tenant.as_ref() == Some(&globex))
    );
}

/// A page tells how it goes on in words that count nobody's events.
pub(crate) async fn a_page_goes_on_by_a_sealed_number(store: StoreHandle) {
    let world = World::new(store).await;
    let other = world.other_realm("two").await;
    for name in ["ada", "bob", "eve"] {
        world.user(name, Some("acme"), &[]).await;
    }
    let read = async |world: &World, after: Option<AuditCursor>| {
        let page = Page { after, limit: 1 };
        list_audit(world.ctx(), &OPERATOR, AuditFilter::default(), page).await
    };
    let mut whole = world.audit().await;
    whole.reverse();
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let page = read(&world, after).await.unwrap();
        rows.extend(page.rows);
        after = page.next;
        let Some(cursor) = &after else { break };
        let written = cursor.to_string();
        assert!(written.parse::<i64>().is_err(), "{written}");
        // The same place is written differently every time.
        let again = read(&world, None).await.unwrap().next;
        assert_ne!(read(&world, None).await.unwrap().next, again);
        assert_eq!(
            reason(read(&other, Some(cursor.clone())).await),
            ManageRefusal::Invalid("after")
        );
    }
    assert_eq!(rows, whole);
    for made_up in ["", "7", "AQAAAAAA"] {
        let done = read(&world, Some(made_up.parse().unwrap())).await;
        assert_eq!(reason(done), ManageRefusal::Invalid("after"), "{made_up}");
    }
}

/// Nobody fills the log by naming tenants that are not its own, nor by showing one right
/// invitation for ever.
pub(crate) async fn what_is_refused_again_and_again_is_counted(store: StoreHandle) {
    const TIMES: u64 = 50;
    const EACH: u64 = 20;
    let world = World::new(store).await;
    let ctx = world.ctx();
    world.tenant("globex").await;
    let (acme, users) = (Some("acme"), "platform.users.edit");
    let eve = world.person("eve", acme, &[users]).await;
    let mallory = world.person("mallory", acme, &[users]).await;
    let invited = Invite {
        email: email("zed"),
        tenant: tenant_id("acme"),
        roles: vec![],
        delivery: None,
        life: None,
    };
    let invited = invite(ctx, &OPERATOR, invited).await.unwrap();
    let showing = |secret: Secret| AcceptInvitation {
        by: None,
        secret,
        password: None,
        name: None,
    };
    let before = world.audit().await.len();
    for _ in 0..TIMES {
        let new = new_user("x", placement(Some("globex"), &[]));
        let done = create_user(ctx, &eve.caller, new).await;
        assert_eq!(code(done), ErrorCode::NotFound);
        let right = showing(invited.secret.clone().unwrap());
        let done = accept_invitation(ctx, right).await;
        assert_eq!(reason(done), ManageRefusal::PasswordNeeded);
        let done = accept_invitation(ctx, showing(secret("invite_made-up"))).await;
        assert_eq!(reason(done), ManageRefusal::InvitationInvalid);
    }
    let written = world.audit().await.len() - before;
    assert_eq!(u64::try_from(written).unwrap(), 2 * EACH);
    // Who does it is told apart, and so is in whose log it is.
    let new = || new_user("x", placement(Some("globex"), &[]));
    let done = create_user(ctx, &mallory.caller, new()).await;
    assert_eq!(code(done), ErrorCode::NotFound);
    let new = new_user("x", placement(acme, &["held.by.nobody"]));
    let done = create_user(ctx, &eve.caller, new).await;
    assert_eq!(code(done), ErrorCode::InsufficientPermission);
    let before = world.audit().await.len();
    let flushed = world.identity.strangers.flush(world.store()).await;
    assert_eq!(flushed, Ok(5));
    let mut counted: Vec<_> = world.audit().await.split_off(before);
    counted.sort_by_key(|row| row.event.detail["count"].as_u64());
    let told: Vec<_> = counted
        .iter()
        .map(|row| {
            let event = &row.event;
            let count = event.detail["count"].as_u64().unwrap();
            (event.actor, event.tenant.clone(), count)
        })
        .collect();
    let rest = TIMES - EACH;
    for expected in [
        (Actor::Subject(mallory.id), None, 1),
        (Actor::Subject(eve.id), None, rest),
        (Actor::Subject(eve.id), Some(tenant_id("acme")), 1),
        (Actor::Anonymous, Some(tenant_id("acme")), rest),
        (Actor::Anonymous, None, TIMES),
    ] {
        assert!(told.contains(&expected), "{expected:?} {told:?}");
    }
    let of_eve = counted
        .iter()
        .find(|row| row.event.actor == Actor::Subject(eve.id) && row.event.tenant.is_none());
    assert_eq!(of_eve.unwrap().event.detail["asked_tenant"], "globex");
}

/// What a request makes for itself, or makes up, makes no kind of its own for ever; and what is
/// refused to who names nobody else's is counted beyond the first, too.
pub(crate) async fn who_probes_fills_few_rows(store: StoreHandle) {
    const TIMES: u64 = 100;
    const EACH: u64 = 20;
    const ABOUT: u64 = 32;
    let world = World::new(store).await;
    let ctx = world.ctx();
    let clients = "platform.clients.edit";
    let eve = world.person("eve", Some("acme"), &[clients]).await;
    let probing = |tenant: &str| CreateClient {
        name: "an application".to_owned(),
        kind: ClientKind::Confidential,
        ceiling: ceiling(Some(tenant), &[]),
        redirect_uris: vec![],
    };
    let before = world.audit().await.len();
    for number in 0..TIMES {
        let done = create_client(ctx, &eve.caller, probing(&format!("probe{number}"))).await;
        assert!(done.is_err());
    }
    let rows = world.audit().await.split_off(before);
    assert_eq!(u64::try_from(rows.len()).unwrap(), EACH);
    assert!(
        rows.iter()
            .all(|row| !row.event.detail.contains_key("client"))
    );
    let flushed = world.identity.strangers.flush(world.store()).await;
    assert_eq!(flushed, Ok(ABOUT + 1));
    // One place, over and over, which is its own.
    let before = world.audit().await.len();
    for _ in 0..TIMES {
        let new = new_user("x", placement(Some("acme"), &[]));
        let done = create_user(ctx, &eve.caller, new).await;
        assert_eq!(code(done), ErrorCode::InsufficientPermission);
    }
    let written = world.audit().await.len() - before;
    assert_eq!(u64::try_from(written).unwrap(), EACH);
    assert_eq!(world.identity.strangers.flush(world.store()).await, Ok(1));
    let last = world.last_audit().await.event;
    assert_eq!(
        (last.actor, last.tenant),
        (Actor::Subject(eve.id), Some(tenant_id("acme")))
    );
    assert_eq!(last.detail["count"], TIMES - EACH);
}
