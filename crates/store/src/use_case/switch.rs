//! A person of two tenants: the active one stays until it is changed by name, for another
//! session.

use super::world::*;
use doorward_identity::act::*;
use doorward_identity::decide::refusal::SignInRefusal;
use doorward_identity::model::TokenKind;
use doorward_identity::port::StoreHandle;
use doorward_identity::settings::RefreshMode;

const PASSWORD: &str = "correct horse battery";

/// A realm whose sessions are refreshed, with somebody who signed in where he is alone.
async fn signed_in(store: StoreHandle) -> (World, SignedIn) {
    let world = World::with(store, |settings| {
        settings.sessions.refresh = RefreshMode::Rotate;
        let template = serde_json::json!({"tenant_id": "{tenant}"});
        settings.tokens.claims =
            doorward_base::claims::ClaimsTemplate::parse(template.as_object().unwrap()).unwrap();
    })
    .await;
    for tenant in ["acme", "globex", "initech"] {
        world.tenant(tenant).await;
    }
    let ada = world
        .user_with_password("ada", PASSWORD, Some("acme"))
        .await;
    let request = signing_in("ada@example.org", PASSWORD);
    let signed = sign_in(world.ctx(), request).await.unwrap();
    create_membership(world.ctx(), &OPERATOR, ada, "globex".parse().unwrap())
        .await
        .unwrap();
    (world, signed)
}

async fn refreshed(world: &World, token: &doorward_base::Secret) -> Refreshed {
    let request = Refresh {
        token: token.clone(),
        scope: None,
        client: None,
    };
    refresh(world.ctx(), request).await.unwrap()
}

pub(crate) async fn fl_41_a_refresh_keeps_the_tenant_and_a_switch_gives_a_session_of_its_own(
    store: StoreHandle,
) {
    let (world, signed) = signed_in(store).await;
    assert_eq!(claims(&signed.issued)["tenant_id"], "acme");
    let caller = caller_of(&signed);
    let next = refreshed(&world, signed.refresh_token.as_ref().unwrap()).await;
    assert_eq!(claims(&next.issued)["tenant_id"], "acme");
    let later = world.at(3600);
    let globex = "globex".parse().unwrap();
    let switched = switch_tenant(later.ctx(), &caller, globex, None).await;
    let switched = switched.unwrap();
    assert_ne!(switched.session, signed.session);
    assert_eq!(claims(&switched.issued)["tenant_id"], "globex");
    for (token, tenant) in [
        (switched.refresh_token.as_ref().unwrap(), "globex"),
        (&next.refresh_token, "acme"),
    ] {
        let next = refreshed(&later, token).await;
        assert_eq!(claims(&next.issued)["tenant_id"], tenant);
    }
    // It proves no more, and lasts no longer, than the one that asked.
    let sessions = list_sessions(later.ctx(), &caller, signed.subject.id).await;
    let sessions = sessions.unwrap();
    let [new, old] = sessions.as_slice() else {
        panic!("{sessions:?}");
    };
    assert_eq!((new.id, old.id), (switched.session, signed.session));
    assert_eq!(new.steps, old.steps);
    assert_eq!(new.expires_at, old.expires_at);
}

pub(crate) async fn fl_41_nobody_switches_where_he_does_not_belong_nor_by_less_than_a_sign_in(
    store: StoreHandle,
) {
    let (world, signed) = signed_in(store).await;
    let caller = caller_of(&signed);
    let to = |caller: Caller, tenant: &str| {
        let (world, tenant) = (world.clone(), tenant.parse().unwrap());
        async move { switch_tenant(world.ctx(), &caller, tenant, None).await }
    };
    for tenant in ["initech", "nowhere"] {
        let refused = to(caller.clone(), tenant).await;
        assert_eq!(reason(refused), SignInRefusal::TenantForbidden);
    }
    let token = world.mint(TokenKind::Personal, signed.subject.id).await;
    let (subject, over) = (signed.subject.id, SignInRefusal::SessionOver);
    let narrowed = Caller::Subject {
        subject,
        credential: doorward_base::principal::CredentialId::Session(signed.session),
        carries: Some(Vec::new()),
    };
    let by_token = Caller::Subject {
        subject,
        credential: doorward_base::principal::CredentialId::ApiToken(token.token.id),
        carries: None,
    };
    for caller in [OPERATOR, narrowed, by_token] {
        assert_eq!(reason(to(caller, "globex").await), over);
    }
    let expired = world.at(86_400);
    let globex = "globex".parse().unwrap();
    let late = switch_tenant(expired.ctx(), &caller, globex, None).await;
    assert_eq!(reason(late), over);
    end_session(world.ctx(), &caller, signed.session)
        .await
        .unwrap();
    assert_eq!(reason(to(caller, "globex").await), over);
}
