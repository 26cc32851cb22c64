//! What is paid for the passwords of callers that are refused: nothing. A hash costs as
//! much as many requests, and whoever could ask for hashes could keep everybody out.

use super::world::*;
use crate::conformance::fixture::tenant_id;
use crate::conformance::writing;
use doorward_base::testing::SeededEntropy;
use doorward_base::{Entropy, ErrorCode};
use doorward_identity::act::*;
use doorward_identity::decide::refusal::ManageRefusal;
use doorward_identity::model::{HashedPassword, Metadata};
use doorward_identity::port::StoreHandle;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Mutex;

/// A new password, as people have them.
const NEW: &str = "another horse";

/// A world whose password threads call `on_start` as they start, with the first work.
async fn world(store: StoreHandle, on_start: fn()) -> World {
    let identity = Identity {
        passwords: PasswordPool::new(1, on_start),
        ..identity(store, 7)
    };
    World::of(identity).await
}

pub(crate) async fn nothing_is_hashed_for_who_may_not(store: StoreHandle) {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    // The other engine's test counts with it too.
    static ALONE: Mutex<()> = Mutex::const_new(());
    let _alone = ALONE.lock().await;
    STARTED.store(0, Ordering::SeqCst);
    let world = world(store, || {
        STARTED.fetch_add(1, Ordering::SeqCst);
    })
    .await;
    let eve = world.person("eve", Some("acme"), &["read"]).await;
    let local = world
        .person("local", Some("acme"), &["platform.users.edit"])
        .await;
    let bob = world.user("bob", None, &[]).await;
    let ctx = world.ctx();
    for (caller, tenant, expected) in [
        (&eve.caller, None, ErrorCode::InsufficientPermission),
        (&eve.caller, Some("acme"), ErrorCode::InsufficientPermission),
        (&local.caller, None, ErrorCode::InsufficientPermission),
        (&local.caller, Some("globex"), ErrorCode::NotFound),
    ] {
        let new = CreateUser {
            password: Some(secret(NEW)),
            ..new_user("new", placement(tenant, &[]))
        };
        let made = create_user(ctx, caller, new).await;
        assert_eq!(code(made), expected);
        let row = world.last_audit().await;
        assert_eq!(row.event.action.as_str(), "user.create");
    }
    let request = SetPassword {
        subject: bob,
        new: secret(NEW),
        current: Some(secret(NEW)),
    };
    let done = set_password(ctx, &eve.caller, request).await;
    assert_eq!(reason(done), ManageRefusal::NotFound("subject"));
    let request = AcceptInvitation {
        by: None,
        secret: secret("invite_made-up"),
        password: Some(secret(NEW)),
        name: None,
    };
    let done = accept_invitation(ctx, request).await;
    assert_eq!(reason(done), ManageRefusal::InvitationInvalid);
    // Nor for a right secret that is not taken: that is as often as anybody likes.
    let bob_is_invited = Invite {
        email: email("bob"),
        tenant: tenant_id("acme"),
        roles: vec![],
        delivery: None,
        life: None,
    };
    let invited = invite(ctx, &OPERATOR, bob_is_invited).await.unwrap();
    let request = AcceptInvitation {
        by: None,
        secret: invited.secret.unwrap(),
        password: Some(secret(NEW)),
        name: Some("Bob".to_owned()),
    };
    let done = accept_invitation(ctx, request.clone()).await;
    assert_eq!(reason(done), ManageRefusal::Unused("a name"));
    let link = LinkIdentity {
        subject: bob,
        provider: "github".parse().unwrap(),
        sub: "bob".to_owned(),
        data: Metadata::new(),
        ground: LinkGround::Session(world.session(bob, None).await),
    };
    link_identity(ctx, link).await.unwrap();
    let done = accept_invitation(ctx, request).await;
    assert_eq!(reason(done), ManageRefusal::Unused("a password"));
    assert_eq!(STARTED.load(Ordering::SeqCst), 0);

    let new = CreateUser {
        password: Some(secret(NEW)),
        proven: false,
        ..new_user("new", placement(Some("acme"), &[]))
    };
    create_user(ctx, &local.caller, new).await.unwrap();
    assert_eq!(STARTED.load(Ordering::SeqCst), 1);
}

/// Each salt is one draw.
struct Counted(SeededEntropy, AtomicUsize);

impl Entropy for Counted {
    fn fill(&self, out: &mut [u8]) {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.fill(out);
    }
}

pub(crate) async fn a_wrong_password_costs_one_check(store: StoreHandle) {
    let entropy = Arc::new(Counted(SeededEntropy::new(8), AtomicUsize::new(0)));
    let identity = Identity {
        entropy: Arc::clone(&entropy) as Arc<dyn Entropy>,
        ..identity(store, 7)
    };
    let world = World::of(identity).await;
    let ada = world.user_with_password("ada", "correct horse", None).await;
    let caller = world.session(ada, None).await;
    let drawn = || entropy.1.load(Ordering::SeqCst);
    let before = drawn();
    for (current, expected) in [
        ("wrong horse", Err(ErrorCode::SignInRefused)),
        ("correct horse", Ok(())),
    ] {
        let request = SetPassword {
            subject: ada,
            new: secret(NEW),
            current: Some(secret(current)),
        };
        let done = outcome(set_password(world.ctx(), &caller, request).await);
        assert_eq!(done, expected);
        assert_eq!(drawn() - before, usize::from(expected.is_ok()));
    }
}

/// Who has passwords hashed in a loop is told to wait; nobody else is.
pub(crate) async fn who_sets_many_passwords_waits(store: StoreHandle) {
    let world = World::new(store).await;
    let [eve, bob] = [
        world.person("eve", Some("acme"), &["platform.users.edit"]),
        world.person("bob", Some("acme"), &["platform.users.edit"]),
    ];
    let (eve, bob) = (eve.await, bob.await);
    // Any will do: none is shown, so that none of it is run.
    let (store, realm, id) = (world.store(), world.realm.id, eve.id);
    let hash = HashedPassword::from_phc("$argon2id$".to_owned());
    let set = writing!(store, realm, [hash], |tx| tx.set_password(id, &hash).await);
    set.unwrap();
    let own = |world: &World, subject| {
        let request = SetPassword {
            subject,
            new: secret(NEW),
            current: None,
        };
        let (world, caller) = (world.clone(), eve.caller.clone());
        async move { reason(set_password(world.ctx(), &caller, request).await) }
    };
    let subject = eve.id;
    for number in 0..60 {
        assert_eq!(
            own(&world, subject).await,
            ManageRefusal::PasswordNotShown,
            "{number}"
        );
    }
    let too_many = ManageRefusal::TooManyPasswords(1);
    assert_eq!(own(&world, subject).await, too_many);
    let new = || CreateUser {
        password: Some(secret(NEW)),
        proven: false,
        ..new_user("new", placement(Some("acme"), &[]))
    };
    let made = create_user(world.ctx(), &eve.caller, new()).await;
    assert_eq!(made.as_ref().unwrap_err().retry_after(), Some(1));
    assert_eq!(code(made), ErrorCode::RateLimited);
    let row = world.last_audit().await;
    assert_eq!(row.event.action.as_str(), "user.create");
    // Without a password there is nothing to hash.
    let bare = CreateUser {
        password: None,
        ..new_user("bare", placement(Some("acme"), &[]))
    };
    let bare = CreateUser {
        proven: false,
        ..bare
    };
    create_user(world.ctx(), &eve.caller, bare).await.unwrap();
    create_user(world.ctx(), &bob.caller, new()).await.unwrap();
    let later = world.at(1);
    assert_eq!(own(&later, subject).await, ManageRefusal::PasswordNotShown);
}
