//! What the other processes are told, and which epochs grow.

use super::action::{Action, Scene};
use super::world::*;
use crate::conformance::fixture::tenant_id;
use crate::conformance::reading;
use doorward_base::principal::{CredentialId, Epoch};
use doorward_base::{ApiTokenId, SubjectId, TenantId, Timestamp};
use doorward_identity::act::*;
use doorward_identity::model::{Change, ChangeSeq, KeyPurpose, TokenKind};
use doorward_identity::port::StoreHandle;
use std::time::Duration;

/// Watches the change log and one subject's epochs, realm-wide and in one tenant.
struct Watch<'w> {
    world: &'w World,
    subject: SubjectId,
    tenant: TenantId,
    seq: ChangeSeq,
    epochs: (Epoch, Epoch),
}

impl<'w> Watch<'w> {
    async fn begin(world: &'w World, subject: SubjectId, tenant: &str) -> Self {
        let tenant = tenant_id(tenant);
        let mut watch = Self {
            world,
            subject,
            tenant,
            seq: ChangeSeq::default(),
            epochs: (Epoch(0), Epoch(0)),
        };
        watch.seq = world.last_change().await;
        watch.epochs = watch.epochs_now().await;
        watch
    }

    async fn epochs_now(&self) -> (Epoch, Epoch) {
        let world = self.world;
        let realm_wide = world.epoch(self.subject, None).await;
        (
            realm_wide,
            world.epoch(self.subject, Some(&self.tenant)).await,
        )
    }

    /// What was told since the last look, and which epoch grew.
    async fn expect(&mut self, what: &str, told: &[Change], grown: (bool, bool)) {
        assert_eq!(self.world.changes_after(self.seq).await, told, "{what}");
        let now = self.epochs_now().await;
        let growth = (now.0 > self.epochs.0, now.1 > self.epochs.1);
        assert_eq!(growth, grown, "{what}");
        self.seq = self.world.last_change().await;
        self.epochs = now;
    }
}

const fn session_of(caller: &Caller) -> Change {
    match caller {
        Caller::Subject {
            credential: CredentialId::Session(id),
            ..
        } => Change::Session(*id),
        _ => panic!("a session's caller"),
    }
}

pub(crate) async fn each_change_of_authority_is_told_and_counted(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user("ada", Some("acme"), &[]).await;
    let acme = tenant_id("acme");
    let (ctx, by, subject) = (world.ctx(), &OPERATOR, Change::Subject(ada));
    let mut watch = Watch::begin(&world, ada, "acme").await;

    for (what, added, told) in [("grant", true, &[subject][..]), ("grant again", false, &[])] {
        let done = add_grant(ctx, by, ada, grant(Some("acme"), "read")).await;
        assert_eq!(done.unwrap(), added);
        watch.expect(what, told, (false, added)).await;
    }
    for (what, taken, told) in [("take", true, &[subject][..]), ("take again", false, &[])] {
        let done = remove_grant(ctx, by, ada, grant(Some("acme"), "read")).await;
        assert_eq!(done.unwrap(), taken);
        watch.expect(what, told, (false, taken)).await;
    }
    add_grant(ctx, by, ada, grant(None, "read")).await.unwrap();
    watch
        .expect("grant realm-wide", &[subject], (true, false))
        .await;

    // What ends with the subject's standing is told by it, however much that is.
    world.session(ada, None).await;
    set_subject_status(ctx, by, ada, StatusChange::Disabled)
        .await
        .unwrap();
    watch.expect("disable", &[subject], (true, false)).await;
    set_subject_status(ctx, by, ada, StatusChange::Enabled)
        .await
        .unwrap();
    watch.expect("enable", &[subject], (true, false)).await;

    let free = world.mint(TokenKind::Personal, ada).await.token.id;
    watch
        .expect("mint", &[Change::ApiToken(free)], (false, false))
        .await;
    let request = RegenerateToken {
        token: TokenRef::Id(free),
        expires_at: None,
        overlap: None,
    };
    let new = regenerate_token(ctx, by, request).await.unwrap().token.id;
    let both = [Change::ApiToken(free), Change::ApiToken(new)];
    watch.expect("regenerate", &both, (false, false)).await;
    for told in [&[Change::ApiToken(new)][..], &[]] {
        revoke_token(ctx, by, TokenRef::Id(new)).await.unwrap();
        watch.expect("revoke", told, (false, false)).await;
    }

    let session = world.session(ada, None).await;
    sign_out(ctx, &session).await.unwrap();
    watch
        .expect("sign out", &[session_of(&session)], (false, false))
        .await;
    let session = world.session(ada, None).await;
    let request = SetPassword {
        subject: ada,
        new: secret("another horse"),
        current: None,
    };
    set_password(ctx, by, request).await.unwrap();
    watch
        .expect("password", &[session_of(&session)], (false, false))
        .await;

    let bound = CreateToken {
        ceiling: ceiling(Some("acme"), &[]),
        ..new_token(TokenKind::Personal, OwnerRef::Subject(ada))
    };
    let bound = create_token(ctx, by, bound).await.unwrap().token.id;
    watch
        .expect("mint", &[Change::ApiToken(bound)], (false, false))
        .await;
    world.session(ada, Some(&acme)).await;
    end_membership(ctx, by, ada, acme.clone()).await.unwrap();
    watch.expect("leave", &[subject], (false, true)).await;
    create_membership(ctx, by, ada, acme).await.unwrap();
    watch.expect("join", &[subject], (false, true)).await;
    keys::rotate(ctx, by, KeyPurpose::Access, keys::Pace::Now)
        .await
        .unwrap();
    watch
        .expect("rotate", &[Change::Keys], (false, false))
        .await;
}

pub(crate) async fn refusals_tell_nothing(store: StoreHandle) {
    let world = World::new(store).await;
    let scene = Scene::set(&world, "acme").await;
    let eve = world.person("eve", Some("acme"), &[]).await;
    let mut watch = Watch::begin(&world, scene.member, "acme").await;
    for action in Action::ALL {
        let done = scene.run(&world, &eve.caller, action).await;
        assert!(done.is_err(), "{action:?}");
        watch.expect("refused", &[], (false, false)).await;
    }
}

pub(crate) async fn an_access_token_carries_the_epoch(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user("ada", Some("acme"), &[]).await;
    let token = world.mint(TokenKind::Personal, ada).await;
    let mut last = -1;
    for tenant in [None, Some("acme"), None] {
        world.grant(ada, tenant, &format!("right-{last}")).await;
        let issued = exchange(world.ctx(), asking(&token.secret)).await.unwrap();
        let carried = claims(&issued)["dw"]["e"].as_i64().unwrap();
        let realm_wide = world.epoch(ada, None).await;
        let in_tenant = world.epoch(ada, Some(&tenant_id("acme"))).await;
        assert_eq!(carried, realm_wide.max(in_tenant).0);
        assert!(carried > last);
        last = carried;
    }
}

pub(crate) async fn what_stopped_is_told_as_far_back_as_asked(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user("ada", Some("acme"), &[]).await;
    let dead = world.mint(TokenKind::Personal, ada).await;
    // Replaced with a grace of 10 s: from then on it is as dead as a revoked one.
    let graceful =
        world.reconfigured(|settings| settings.classes[0].grace = Duration::from_secs(10));
    let replaced = world.mint(TokenKind::Personal, ada).await;
    let request = RegenerateToken {
        token: TokenRef::Id(replaced.token.id),
        expires_at: None,
        overlap: None,
    };
    let fresh = regenerate_token(graceful.ctx(), &OPERATOR, request).await;
    fresh.unwrap();
    let (revoked, retiring) = stopped_since(&world, NOW).await;
    assert_eq!(
        (revoked, retiring),
        (vec![], vec![(replaced.token.id, after(10))])
    );
    let later = world.at(10);
    let done = revoke_token(later.ctx(), &OPERATOR, TokenRef::Id(dead.token.id)).await;
    done.unwrap();
    let session = world.session(ada, None).await;
    sign_out(later.ctx(), &session).await.unwrap();
    world.grant(ada, Some("acme"), "read").await;
    let epoch = world.epoch(ada, Some(&tenant_id("acme"))).await;
    for (since, is_told) in [(after(10), true), (after(11), false)] {
        let (revoked, retiring) = stopped_since(&later, since).await;
        let only = |id| Vec::from_iter(is_told.then_some(id));
        assert_eq!(revoked, only(dead.token.id));
        let stops = (replaced.token.id, after(10));
        assert_eq!(retiring, Vec::from_iter(is_told.then_some(stops)));
        let (store, realm) = (later.store(), later.realm.id);
        let (ended, epochs) = reading!(store, realm, [], |tx| Ok((
            tx.list_ended_sessions(since).await?,
            tx.list_epochs(Timestamp::from_seconds(0)).await?
        )))
        .unwrap();
        let ended = Vec::from_iter(ended.into_iter().map(Change::Session));
        let expected = Vec::from_iter(is_told.then(|| session_of(&session)));
        assert_eq!(ended, expected);
        assert!(
            epochs.contains(&(ada, Some(tenant_id("acme")), epoch)),
            "{epochs:?}"
        );
    }
}

/// What stopped: tokens revoked, and tokens replaced with when each stops.
async fn stopped_since(
    world: &World,
    since: Timestamp,
) -> (Vec<ApiTokenId>, Vec<(ApiTokenId, Timestamp)>) {
    reading!(world.store(), world.realm.id, [], |tx| Ok((
        tx.list_revoked_tokens(since).await?,
        tx.list_retiring(since).await?
    )))
    .unwrap()
}
