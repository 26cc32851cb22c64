//! Which answers wait for the change feed: counted by the questions it asks the store.

use super::*;
use crate::compose::LateDenials;
use crate::engine::open_realm;
use crate::live::RealmLive;
use crate::mounts::Targets;
use crate::realms::{Realms, Served};
use crate::testing::{Held, call, loaded};
use doorward_base::principal::{CredentialId, Epoch, PrincipalParts};
use doorward_base::{Effects, Email, Principal, RealmName, Secret, SessionId, SubjectKind};
use doorward_identity::act::{self, Caller, CreateUser, Identity, Placement, Realm};
use doorward_identity::model::Metadata;
use doorward_surface::{RealmHandle, RealmParts, body};
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::Ordering;

/// A process with one realm, whose store counts the feed's questions.
struct World {
    _directory: tempfile::TempDir,
    store: Arc<Held>,
    identity: Arc<Identity>,
    realm: Arc<Realm>,
    feed: Arc<Feed>,
}

impl World {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Held::new(directory.path());
        let identity = store.identity();
        let loaded = loaded(directory.path(), "[realm.a]");
        let realms = Arc::new(Realms::default());
        let realm = open_realm(&identity, &loaded.settings.realms[0]).await;
        let realm = realm.unwrap();
        realms.replace(vec![Arc::new(Served {
            realm: Arc::clone(&realm),
            live: Arc::new(RealmLive::new(realm.id)),
            data: None,
            longest_life: std::time::Duration::from_secs(60),
        })]);
        let feed = Feed::open(Arc::clone(&identity), realms, Arc::default())
            .await
            .unwrap();
        Self {
            _directory: directory,
            store,
            identity,
            realm,
            feed: Arc::new(feed),
        }
    }

    fn context(&self, principal: Option<Principal>) -> Context {
        let call = call();
        Context {
            realm: Arc::new(RealmHandle::new(
                RealmName::new("a").unwrap(),
                RealmParts::default().with(Arc::clone(&self.realm)),
            )),
            principal: principal.map(Arc::new),
            credential: None,
            request: call.request,
            now: call.now,
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            secure: true,
            effects: Effects::undeclared(),
        }
    }

    /// Calls the target; its answer, and how often the feed asked the store meanwhile.
    async fn ask(
        &self,
        target: &dyn Local,
        (method, path, wire): (Method, &str, Option<Value>),
        principal: Option<Principal>,
    ) -> (StatusCode, Value, u64) {
        let mut request = Request::builder().method(method).uri(path);
        if wire.is_some() {
            request = request.header("content-type", "application/json");
        }
        let text = wire.map_or_else(String::new, |wire| wire.to_string());
        let request = request.body(body::full(text)).unwrap();
        let before = self.store.questions.load(Ordering::SeqCst);
        let answer = target.call(request, self.context(principal)).await;
        let asked = self.store.questions.load(Ordering::SeqCst) - before;
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        (parts.status, body, asked)
    }
}

/// Declares this, if anything, and answers with this status.
struct Declaring(Option<Effect>, u16);

impl Local for Declaring {
    fn call(&self, _: Request<Body>, context: Context) -> BoxFuture<'_, Response<Body>> {
        if let Some(effect) = self.0 {
            context.effects.declare(effect);
        }
        let mut response = Response::new(body::empty());
        *response.status_mut() = StatusCode::from_u16(self.1).unwrap();
        Box::pin(std::future::ready(response))
    }
}

#[tokio::test]
async fn an_answer_waits_for_what_its_use_cases_declared_and_for_nothing_else() {
    let world = World::new().await;
    for (method, effect, status, waits) in [
        (Method::POST, Some(Effect::Ends), 200, 1),
        // A replayed refresh token is refused, and its family revoked.
        (Method::POST, Some(Effect::Ends), 401, 1),
        // The link in a mail is followed by GET.
        (Method::GET, Some(Effect::Ends), 303, 1),
        (Method::POST, Some(Effect::Begins), 201, 0),
        (Method::DELETE, Some(Effect::Begins), 204, 0),
        (Method::POST, Some(Effect::Nothing), 200, 0),
        (Method::POST, Some(Effect::Nothing), 401, 0),
        // Nobody said anything: it may have ended something, if it did anything.
        (Method::POST, None, 200, 1),
        (Method::POST, None, 400, 0),
        (Method::GET, None, 200, 0),
    ] {
        let target = Settled::new(Arc::new(Declaring(effect, status)), Arc::clone(&world.feed));
        let case = format!("{method} {effect:?} {status}");
        let asked = world.ask(&target, (method, "/", None), None).await;
        assert_eq!((asked.0.as_u16(), asked.2), (status, waits), "{case}");
    }
}

#[tokio::test]
async fn what_ended_something_is_not_acknowledged_while_the_feed_is_deaf() {
    let world = World::new().await;
    world.store.deaf.store(true, Ordering::SeqCst);
    for (effect, status) in [
        (Effect::Ends, 503),
        (Effect::Begins, 200),
        (Effect::Nothing, 200),
    ] {
        let inner = Arc::new(Declaring(Some(effect), 200));
        let target = Settled::new(inner, Arc::clone(&world.feed));
        let answer = world.ask(&target, (Method::POST, "/", None), None).await;
        assert_eq!(answer.0.as_u16(), status, "{effect:?}");
    }
}

#[tokio::test]
async fn a_sign_in_does_not_wait_and_a_sign_out_does() {
    let world = World::new().await;
    let request = call();
    let ctx = act::Context {
        identity: &world.identity,
        realm: &world.realm,
        call: &request,
        effects: &Effects::undeclared(),
    };
    let new = CreateUser {
        email: Some(Email::new("ada@example.com").unwrap()),
        phone: None,
        proven: true,
        name: None,
        password: Some(Secret::new("correct horse".to_owned())),
        placement: Placement {
            tenant: None,
            roles: Vec::new(),
            permissions: Vec::new(),
        },
        user_metadata: Metadata::new(),
        app_metadata: Metadata::new(),
    };
    let ada = act::create_user(ctx, &Caller::Operator, new).await.unwrap();
    let denials = Arc::new(LateDenials::default());
    let targets = Targets::new(&world.identity, &world.feed, denials);
    let path = doorward_console::SIGN_IN_PATH;
    let sign_in = |password: &str| {
        let wire = json!({ "email": "ada@example.com", "password": password });
        (Method::POST, path, Some(wire))
    };
    let (status, _, asked) = world.ask(&*targets.sign_in, sign_in("wrong"), None).await;
    assert_eq!((status.as_u16(), asked), (401, 0));
    let (status, answer, asked) = world
        .ask(&*targets.sign_in, sign_in("correct horse"), None)
        .await;
    assert_eq!((status.as_u16(), asked), (200, 0), "{answer}");
    let session: SessionId = answer["session"]["id"].as_str().unwrap().parse().unwrap();
    let principal = Principal::new(PrincipalParts {
        sub: ada.id.to_string().into(),
        subject: Some(ada.id),
        kind: SubjectKind::User,
        tenant: None,
        permissions: Vec::new(),
        roles: Vec::new(),
        role: None,
        scopes: Vec::new(),
        lost_role: None,
        crosses: false,
        credential: CredentialId::Session(session),
        client: None,
        actors: Vec::new(),
        environment: None,
        issuer: "http://127.0.0.1:8080".into(),
        audience: Vec::new(),
        expires_at: doorward_base::Timestamp::MAX,
        epoch: Epoch(0),
        claims: Arc::default(),
    });
    let sign_out = (Method::DELETE, doorward_console::SIGN_OUT_PATH, None);
    let (status, _, asked) = world.ask(&*targets.me, sign_out, Some(principal)).await;
    assert_eq!((status.as_u16(), asked), (204, 1));
}
