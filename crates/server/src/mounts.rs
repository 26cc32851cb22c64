//! The bill of materials: which local targets a realm has, where, and who may call
//! them. The only place where surfaces are mounted.

use crate::config::RealmConfig;
use crate::health::Health;
use doorward_base::limit::Quota;
use doorward_console::{ACCEPT_PATH, ADMIN_PATHS, ME_PATHS, SIGN_IN_PATH, SIGN_OUT_PATH};
use doorward_gate::policy::spec::{LimitKey, LimitSpec, MountAccess, MountSpec};
use doorward_oauth::{ExchangeMount, ExchangeNames};
use doorward_surface::target::BoxFuture;
use doorward_surface::{Body, Context, ErrorTemplate, Local, Refusal};
use http::{Method, Request, Response};
use std::sync::Arc;
use std::time::Duration;

/// The local targets of one realm.
#[derive(Clone)]
pub(crate) struct Targets {
    pub(crate) oauth: Arc<dyn Local>,
    pub(crate) sign_in: Arc<dyn Local>,
    pub(crate) me: Arc<dyn Local>,
    pub(crate) admin: Arc<dyn Local>,
}

impl Targets {
    /// Targets that answer nothing, for `check`, which only looks at where they are.
    pub(crate) fn absent() -> Self {
        let absent: Arc<dyn Local> = Arc::new(Absent);
        Self {
            oauth: Arc::clone(&absent),
            sign_in: Arc::clone(&absent),
            me: Arc::clone(&absent),
            admin: absent,
        }
    }
}

struct Absent;

impl Local for Absent {
    fn call(&self, _: Request<Body>, context: Context) -> BoxFuture<'_, Response<Body>> {
        let refusal = Refusal::new(doorward_base::ErrorCode::NotImplemented);
        Box::pin(std::future::ready(refusal.render(
            ErrorTemplate::Problem,
            context.request,
            context.now,
        )))
    }
}

/// How a realm's exchange is called on the wire; `None` if it has none. The
/// configuration was accepted, so what cannot be mounted does not come this far.
pub(crate) fn exchange_mount(config: &RealmConfig) -> Option<ExchangeMount> {
    let exchange = config.exchange.as_ref()?;
    let names = ExchangeNames {
        token_field: exchange.token_field.clone(),
        duration_field: exchange.duration_field.clone(),
        scope_field: exchange.scope_field.clone(),
        answer_field: exchange.answer_field.clone(),
    };
    ExchangeMount::new(&exchange.path, names).ok()
}

/// Where the targets of one realm are mounted.
pub(crate) fn mounts(config: &RealmConfig, targets: &Targets) -> Vec<MountSpec> {
    let errors = config.errors();
    let open =
        |name, paths: Vec<String>, methods: Vec<Method>, target: &Arc<dyn Local>| MountSpec {
            name,
            paths,
            methods,
            target: Arc::clone(target),
            access: MountAccess::Open,
            errors,
            limits: Vec::new(),
        };
    let signed_in =
        |name, paths: &[&str], methods: Vec<Method>, target: &Arc<dyn Local>| MountSpec {
            access: MountAccess::Jwt,
            ..open(
                name,
                paths.iter().map(|path| (*path).to_owned()).collect(),
                methods,
                target,
            )
        };
    let health: Arc<dyn Local> = Arc::new(Health);
    let mut mounts = vec![open(
        "health",
        vec!["/healthz".to_owned()],
        vec![Method::GET, Method::HEAD],
        &health,
    )];
    // Whoever verifies the realm's tokens needs its keys, whatever it speaks otherwise.
    let paths = doorward_oauth::paths(&config.identity.issuer, exchange_mount(config).as_ref());
    mounts.push(open("oauth", paths, Vec::new(), &targets.oauth));
    if config.console.self_service {
        let mut sign_in = open(
            "sign_in",
            vec![SIGN_IN_PATH.to_owned(), ACCEPT_PATH.to_owned()],
            vec![Method::POST],
            &targets.sign_in,
        );
        sign_in.limits.extend(sign_in_limit());
        mounts.push(sign_in);
        mounts.push(signed_in(
            "sign_out",
            &[SIGN_OUT_PATH],
            vec![Method::DELETE],
            &targets.me,
        ));
        mounts.push(signed_in("me", ME_PATHS, Vec::new(), &targets.me));
    }
    if config.console.admin {
        mounts.push(signed_in("admin", ADMIN_PATHS, Vec::new(), &targets.admin));
    }
    mounts
}

/// Sign-ins by address: a person mistypes, a guesser repeats.
fn sign_in_limit() -> Option<LimitSpec> {
    let quota = Quota::new(20, Duration::from_secs(60), 40).ok()?;
    Some(LimitSpec {
        name: "sign_in".to_owned(),
        key: LimitKey::Address,
        quota,
        overrides: Vec::new(),
    })
}
