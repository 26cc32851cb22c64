//! What an invitation gives is what its maker may give, through what it was made through, when
//! it is taken.

use super::*;
use doorward_base::Timestamp;
use doorward_base::limit::{Limiter, StrictLimiter, Taken, Verdict};
use doorward_identity::model::Grant;
use std::sync::Mutex;

/// A5: who was sent away gives nothing any more, whatever became of it.
pub(crate) async fn an_invitation_is_as_good_as_its_maker(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("acme").await;
    let ctx = world.ctx();
    for (n, loses) in ["nothing", "the role", "the permission", "everything"]
        .into_iter()
        .enumerate()
    {
        let boss = world
            .person(&format!("boss-{n}"), Some("acme"), &[EDIT])
            .await;
        let role = role_grant(Some(&tenant_id("acme")), "editor");
        add_grant(ctx, &OPERATOR, boss.id, role.clone())
            .await
            .unwrap();
        let name = format!("accomplice-{n}");
        let request = Invite {
            roles: vec!["editor".parse().unwrap()],
            ..inviting(&name)
        };
        invite(ctx, &boss.caller, request).await.unwrap();
        let key = mailed(&world, &name).await;
        let taken = match loses {
            "the role" => Some(role),
            "the permission" => Some(grant(Some("acme"), EDIT)),
            _ => None,
        };
        if let Some(taken) = taken {
            remove_grant(ctx, &OPERATOR, boss.id, taken).await.unwrap();
        }
        if loses == "everything" {
            let request = DeleteUser {
                subject: boss.id,
                password: None,
            };
            delete_user(ctx, &OPERATOR, request).await.unwrap();
        }
        let done = accept_invitation(ctx, taking(&key, Some(PASSWORD))).await;
        if loses == "nothing" {
            done.unwrap();
        } else {
            assert_eq!(reason(done), ManageRefusal::InvitationInvalid, "{loses}");
            let found = find_subject_by_email(ctx, &OPERATOR, email(&name)).await;
            assert_eq!(code(found), ErrorCode::NotFound);
        }
    }
    // Who vouched when it got the secret, and does not any more.
    let voucher = world.person("voucher", None, &[EDIT, USERS]).await;
    let made = invite(ctx, &voucher.caller, inviting("ada")).await.unwrap();
    remove_grant(ctx, &OPERATOR, voucher.id, grant(None, USERS))
        .await
        .unwrap();
    let done = accept_invitation(ctx, taking(&made.secret.unwrap(), Some(PASSWORD))).await;
    assert_eq!(reason(done), ManageRefusal::InvitationInvalid);
}

/// A caller that presents an API token, or what was exchanged for it.
fn through(token: &MintedToken, carries: &[&str]) -> Caller {
    Caller::Subject {
        subject: token.token.owner,
        credential: CredentialId::ApiToken(token.token.id),
        carries: Some(permissions_of(carries)),
    }
}

/// Whoever finds a narrowed credential makes nothing by it that outgrows it: neither roles,
/// nor a word on whose address it is.
pub(crate) async fn an_invitation_gives_no_more_than_what_it_was_made_through(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = world.tenant("acme").await;
    let ctx = world.ctx();
    let boss = world.user("boss", Some("acme"), &[EDIT]).await;
    for grants in [grant(None, EDIT), grant(None, USERS)] {
        add_grant(ctx, &OPERATOR, boss, grants).await.unwrap();
    }
    let narrow = CreateToken {
        ceiling: ceiling(Some("acme"), &[EDIT]),
        ..new_token(TokenKind::Personal, OwnerRef::Subject(boss))
    };
    let narrow = create_token(ctx, &OPERATOR, narrow).await.unwrap();
    let whole = world.mint(TokenKind::Personal, boss).await;
    let client = Caller::Subject {
        subject: boss,
        credential: CredentialId::Foreign,
        carries: Some(permissions_of(&[EDIT])),
    };
    for (n, caller) in [
        // By its own ceiling, by what its JWT carries, and through a client.
        through(&narrow, &[EDIT, USERS, "read", "write"]),
        through(&whole, &[EDIT]),
        client,
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("accomplice-{n}");
        let role = || Invite {
            roles: vec!["editor".parse().unwrap()],
            ..inviting(&name)
        };
        let done = invite(ctx, &caller, role()).await;
        assert_eq!(reason(done), ManageRefusal::NotHeld("editor".to_owned()));
        let in_answer = Invite {
            delivery: Some(Delivery::Answer),
            ..inviting(&name)
        };
        let done = invite(ctx, &caller, in_answer).await;
        assert_eq!(reason(done), ManageRefusal::NotVouching);
        // A role that is empty now, and gives something when it is taken.
        let early = world.reconfigured(|settings| {
            for role in &mut settings.roles {
                role.permissions.clear();
            }
        });
        add_grant(ctx, &OPERATOR, boss, role_grant(Some(&acme), "viewer"))
            .await
            .unwrap();
        let later = Invite {
            roles: vec!["viewer".parse().unwrap()],
            ..inviting(&name)
        };
        let made = invite(early.ctx(), &caller, later).await;
        assert_eq!(reason(made), ManageRefusal::NotHeld("viewer".to_owned()));
        invite(ctx, &caller, inviting(&name)).await.unwrap();
        let key = mailed(&world, &name).await;
        let done = accept_invitation(ctx, taking(&key, Some(PASSWORD))).await;
        let taken = done.unwrap();
        let profile = load_profile(ctx, &OPERATOR, taken.id).await.unwrap();
        assert_eq!(profile.grants, []);
    }
    // What it held when it invited, and its credential does not let it give any more: the
    // role was within the ceiling, and is not now.
    let reader = CreateToken {
        ceiling: ceiling(Some("acme"), &[EDIT, "read"]),
        ..new_token(TokenKind::Personal, OwnerRef::Subject(boss))
    };
    let reader = create_token(ctx, &OPERATOR, reader).await.unwrap();
    for carries in [&[EDIT, "read"][..], &[EDIT, "read", "write"]] {
        let request = Invite {
            roles: vec!["viewer".parse().unwrap()],
            ..inviting("ada")
        };
        let made = invite(ctx, &through(&reader, carries), request).await;
        made.unwrap();
        let key = mailed(&world, "ada").await;
        let grown = world.reconfigured(|settings| {
            settings.roles[1].permissions = permissions_of(&["read", "write"]);
        });
        let all = grant(Some("acme"), "write");
        add_grant(ctx, &OPERATOR, boss, all).await.unwrap();
        let done = accept_invitation(grown.ctx(), taking(&key, Some(PASSWORD))).await;
        assert_eq!(
            reason(done),
            ManageRefusal::InvitationInvalid,
            "{carries:?}"
        );
    }
    let found = find_subject_by_email(ctx, &OPERATOR, email("ada")).await;
    assert_eq!(code(found), ErrorCode::NotFound);
}

/// Somebody who found a token does not stay by what it made while it lived.
pub(crate) async fn an_invitation_ends_with_the_token_it_was_made_through(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("acme").await;
    let ctx = world.ctx();
    for (n, end) in ["none", "revoked", "expired", "replaced", "membership"]
        .into_iter()
        .enumerate()
    {
        let boss = world.user(&format!("boss-{n}"), None, &[EDIT]).await;
        create_membership(ctx, &OPERATOR, boss, tenant_id("acme"))
            .await
            .unwrap();
        let new = CreateToken {
            expires_at: Some(after(100)),
            ceiling: ceiling(Some("acme"), &[EDIT]),
            ..new_token(TokenKind::Personal, OwnerRef::Subject(boss))
        };
        let token = create_token(ctx, &OPERATOR, new).await.unwrap();
        let name = format!("accomplice-{n}");
        // Made from elsewhere, so that its end takes no pending invitations away itself.
        invite(ctx, &through(&token, &[EDIT]), inviting(&name))
            .await
            .unwrap();
        let key = mailed(&world, &name).await;
        let id = TokenRef::Id(token.token.id);
        let mut later = world.clone();
        match end {
            "revoked" => drop(revoke_token(ctx, &OPERATOR, id).await.unwrap()),
            "expired" => later = world.at(100),
            "replaced" => {
                let request = RegenerateToken {
                    token: id,
                    expires_at: None,
                    overlap: None,
                };
                drop(regenerate_token(ctx, &OPERATOR, request).await.unwrap());
            }
            "membership" => {
                let done = end_membership(ctx, &OPERATOR, boss, tenant_id("acme"));
                done.await.unwrap();
            }
            _ => {}
        }
        let done = accept_invitation(later.ctx(), taking(&key, Some(PASSWORD))).await;
        match end {
            "none" => drop(done.unwrap()),
            _ => assert_eq!(reason(done), ManageRefusal::InvitationInvalid, "{end}"),
        }
    }
    // A sign-in's invitation is its person's, and outlives the session.
    let boss = world.person("boss", Some("acme"), &[EDIT]).await;
    invite(ctx, &boss.caller, inviting("ada")).await.unwrap();
    let key = mailed(&world, "ada").await;
    sign_out(ctx, &boss.caller).await.unwrap();
    accept_invitation(ctx, taking(&key, Some(PASSWORD)))
        .await
        .unwrap();
}

/// Its word was nobody's when the secret was handed out.
pub(crate) async fn who_vouches_only_later_did_not_vouch(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("acme").await;
    let ctx = world.ctx();
    let boss = world.person("boss", None, &[EDIT]).await;
    // Nobody is given the secret, so it is as if who invites had it: from the store's copy.
    invite(ctx, &boss.caller, inviting("carol")).await.unwrap();
    world
        .user_with_password("carol", "own password 1", None)
        .await;
    world.grant(boss.id, None, USERS).await;
    let key = mailed(&world, "carol").await;
    let done = accept_invitation(ctx, taking(&key, None)).await;
    assert_eq!(reason(done), ManageRefusal::SessionNeeded);
    // Where it vouched from the first, the secret alone would do.
    let request = Invite {
        delivery: Some(Delivery::Mail),
        ..inviting("carol")
    };
    invite(ctx, &boss.caller, request).await.unwrap();
    let key = mailed(&world, "carol").await;
    accept_invitation(ctx, taking(&key, None)).await.unwrap();
}

/// They end together with a membership, so there are not too many.
pub(crate) async fn one_maker_has_so_many_invitations_waiting(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("globex").await;
    let boss = world.person("boss", Some("acme"), &[EDIT]).await;
    let other = world.person("other", Some("acme"), &[EDIT]).await;
    let ctx = world.ctx();
    let nobody = |name: &str, tenant: &str| Invite {
        tenant: tenant_id(tenant),
        delivery: Some(Delivery::Nobody),
        ..inviting(name)
    };
    let payload = Invitation::payload(&[], Delivery::Nobody, &MadeThrough::default());
    let mut waiting = Vec::new();
    for n in 0..MAX_WAITING - 1 {
        let terms = ChallengeTerms {
            address: Some(format!("n{n}@example.org")),
            tenant: Some(tenant_id("acme")),
            made_by: Some(boss.id),
            payload: payload.clone(),
            ..ChallengeTerms::default()
        };
        waiting.push(mint(ctx, ChallengeKind::Invitation, terms).unwrap().0);
    }
    let (store, realm) = (world.store(), world.realm.id);
    let put = writing!(store, realm, [waiting], |tx| {
        for one in &waiting {
            tx.put_challenge(one).await?;
        }
        Ok(())
    });
    put.unwrap();
    invite(ctx, &boss.caller, nobody("last", "acme"))
        .await
        .unwrap();
    let done = invite(ctx, &boss.caller, nobody("one-more", "acme")).await;
    assert_eq!(reason(done), ManageRefusal::TooManyInvitations(MAX_WAITING));
    // Neither another tenant nor another maker has less room for it.
    create_membership(ctx, &OPERATOR, boss.id, tenant_id("globex"))
        .await
        .unwrap();
    world.grant(boss.id, Some("globex"), EDIT).await;
    invite(ctx, &boss.caller, nobody("one-more", "globex"))
        .await
        .unwrap();
    invite(ctx, &other.caller, nobody("one-more", "acme"))
        .await
        .unwrap();
    let listed = list_invitations(ctx, &boss.caller, Some(tenant_id("acme")), all()).await;
    let id = listed.unwrap()[0].id;
    withdraw_invitation(ctx, &boss.caller, id).await.unwrap();
    invite(ctx, &boss.caller, nobody("two-more", "acme"))
        .await
        .unwrap();
}

/// Takes a grant away from somebody while its mail is counted.
struct Meanwhile {
    counts: LocalLimiter,
    takes: Mutex<Option<(World, SubjectId, Grant)>>,
}

impl StrictLimiter for Meanwhile {
    fn take(&self, key: u128, quota: Quota, now: Timestamp) -> Taken<'_> {
        Box::pin(async move {
            let takes = self.takes.lock().unwrap().take();
            if let Some((world, subject, grant)) = takes {
                let taken = remove_grant(world.ctx(), &OPERATOR, subject, grant).await;
                assert!(taken.unwrap());
            }
            StrictLimiter::take(&self.counts, key, quota, now).await
        })
    }
}

impl Limiter for Meanwhile {
    fn check(&self, key: u128, quota: &Quota, now: Timestamp) -> Verdict {
        self.counts.check(key, quota, now)
    }

    fn peek(&self, key: u128, quota: &Quota, now: Timestamp) -> Verdict {
        self.counts.peek(key, quota, now)
    }

    fn give_back(&self, key: u128, quota: Quota, now: Timestamp) {
        self.counts.give_back(key, quota, now);
    }
}

/// Whose authority changes while it invites is answered by what it may when the invitation
/// is written, and the invitation says the same.
pub(crate) async fn who_loses_a_grant_while_it_invites_is_judged_without_it(store: StoreHandle) {
    let meanwhile = Arc::new(Meanwhile {
        counts: LocalLimiter::new(1000),
        takes: Mutex::default(),
    });
    let mut process = identity(store, 7);
    let limiter = Arc::clone(&meanwhile) as Arc<dyn StrictLimiter>;
    process.mail = MailPolicy {
        is_on: true,
        limit: MailLimit::new(limiter, &process.master, MailRates::usual().unwrap()).unwrap(),
    };
    let world = World::of(process).await;
    let held = ["platform.users.edit", EDIT];
    world.tenant("acme").await;
    let boss = world.person("boss", None, &held).await;
    let ctx = world.ctx();
    let by_mail = |name: &str| Invite {
        delivery: Some(Delivery::Mail),
        ..inviting(name)
    };
    // Its word counts no more; it may still invite.
    let vouching = grant(None, "platform.users.edit");
    let take_away = |grant: Grant| {
        *meanwhile.takes.lock().unwrap() = Some((world.clone(), boss.id, grant));
    };
    take_away(vouching.clone());
    invite(ctx, &boss.caller, by_mail("ada")).await.unwrap();
    add_grant(ctx, &OPERATOR, boss.id, vouching).await.unwrap();
    let waiting = list_invitations(ctx, &OPERATOR, None, all()).await;
    assert!(!waiting.unwrap()[0].through.vouched);
    assert_eq!(waiting_mails(&world).await, 1);
    // It may not even do that.
    take_away(grant(None, EDIT));
    let done = invite(ctx, &boss.caller, by_mail("bob")).await;
    assert_eq!(reason(done), ManageRefusal::NotPermitted(EDIT));
    assert_eq!(waiting_mails(&world).await, 1);
}
