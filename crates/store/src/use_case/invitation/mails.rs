//! How many mails invitations have sent, to whom and for whom.

use super::*;

pub(crate) async fn the_mails_of_an_address_are_not_used_up_by_who_may_not_invite(
    store: StoreHandle,
) {
    let world = World::new(store).await;
    let local = world.person("local", Some("acme"), &[EDIT]).await;
    let wide = world.person("wide", None, &[EDIT]).await;
    let eve = world.person("eve", Some("acme"), &["read"]).await;
    let ctx = world.ctx();
    for _ in 0..20 {
        let done = invite(ctx, &eve.caller, inviting("ada")).await;
        assert_eq!(code(done), ErrorCode::InsufficientPermission);
    }
    // Nor by what is refused to who may.
    let to = |tenant: &str, role: &str| Invite {
        tenant: tenant_id(tenant),
        roles: vec![role.parse().unwrap()],
        ..inviting("ada")
    };
    for (caller, request, expected) in [
        (
            &local.caller,
            to("acme", "editor"),
            ManageRefusal::NotHeld("editor".to_owned()),
        ),
        (
            &wide.caller,
            to("nowhere", "editor"),
            ManageRefusal::NotFound("tenant"),
        ),
    ] {
        for _ in 0..6 {
            let done = invite(ctx, caller, request.clone()).await;
            assert_eq!(reason(done), expected);
            let row = world.last_audit().await.event;
            assert_eq!(row.action, AuditAction::TenantInvite, "it is written down");
        }
    }
    for _ in 0..6 {
        invite(ctx, &local.caller, inviting("ada")).await.unwrap();
    }
    assert_eq!(waiting_mails(&world).await, 6);
    let done = invite(ctx, &local.caller, inviting("ada")).await;
    assert_eq!(reason(done), ManageRefusal::TooManyMails(300));
    // What one tenant has sent to an address is no other's; all together are bounded.
    let mut sent = 6;
    for tenant in ["globex", "initech", "hooli", "umbrella"] {
        world.tenant(tenant).await;
        let asked = Invite {
            tenant: tenant_id(tenant),
            delivery: Some(Delivery::Mail),
            ..inviting("ada")
        };
        for _ in 0..6 {
            match invite(ctx, &OPERATOR, asked.clone()).await {
                Ok(_) => sent += 1,
                refused => assert_eq!(reason(refused), ManageRefusal::TooManyMails(75)),
            }
        }
    }
    assert_eq!(sent, 24);
}

/// Who makes addresses up is stopped by what it sends, and its tenant with it; others go on.
pub(crate) async fn who_invites_everybody_is_stopped_and_its_neighbour_is_not(store: StoreHandle) {
    let limiter = Arc::new(LocalLimiter::new(1000));
    let hour = Duration::from_secs(3600);
    let rates = MailRates {
        per_maker: Quota::new(3, hour, 3).unwrap(),
        per_tenant: Quota::new(5, hour, 5).unwrap(),
    };
    let mut process = identity(store, 7);
    process.mail = MailPolicy {
        is_on: true,
        limit: MailLimit::new(limiter, &process.master, rates).unwrap(),
    };
    let world = World::of(process).await;
    world.tenant("globex").await;
    let eve = world.person("eve", Some("acme"), &[EDIT]).await;
    let bob = world.person("bob", Some("acme"), &[EDIT]).await;
    let wide = world.person("wide", None, &[EDIT]).await;
    let ctx = world.ctx();
    let to = |name: &str, tenant: &str| Invite {
        tenant: tenant_id(tenant),
        delivery: Some(Delivery::Mail),
        ..inviting(name)
    };
    let mut sent = 0;
    for name in ["a", "b", "c"] {
        invite(ctx, &eve.caller, to(name, "acme")).await.unwrap();
        sent += 1;
    }
    let done = invite(ctx, &eve.caller, to("d", "acme")).await;
    assert_eq!(reason(done), ManageRefusal::TooManyMails(1200), "the maker");
    // What was refused to one is not taken from the other, nor from the address.
    for name in ["d", "e"] {
        invite(ctx, &bob.caller, to(name, "acme")).await.unwrap();
        sent += 1;
    }
    for caller in [&bob.caller, &OPERATOR] {
        let done = invite(ctx, caller, to("f", "acme")).await;
        assert_eq!(reason(done), ManageRefusal::TooManyMails(720), "the tenant");
    }
    let done = invite(ctx, &wide.caller, to("a", "globex")).await;
    done.expect("the other tenant");
    sent += 1;
    assert_eq!(waiting_mails(&world).await, sent);
    let later = world.at(1200);
    invite(later.ctx(), &eve.caller, to("g", "acme"))
        .await
        .unwrap();
}
