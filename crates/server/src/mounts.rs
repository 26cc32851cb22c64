//! The bill of materials: which local targets a realm has, where, and who may call
//! them. The only place where surfaces are mounted.

mod nhost;

use crate::config::realm::Dialect;
use crate::config::{DATA, Place, RealmConfig};
use crate::feed::Feed;
use crate::settled::Settled;
use doorward_base::CredentialKind;
use doorward_base::limit::Quota;
use doorward_console::{
    ACCEPT_PATH, ADMIN_PATHS, AdminParts, ME_PATHS, MeParts, REFRESH_PATH, SIGN_IN_PATH,
    SIGN_OUT_PATH, SignInParts,
};
use doorward_gate::liveness::{self, Liveness};
use doorward_gate::policy::spec::{BuiltIn, LimitKey, LimitSpec, MountAccess, MountSpec};
use doorward_identity::act::Identity;
use doorward_nhost::NhostTargets;
use doorward_oauth::{JWKS_PATH, OAuthTargets};
use doorward_rows::DataTarget;
use doorward_supabase::{GoTrueForm, SupabaseMount, SupabaseTargets};
use doorward_surface::axum_target::AxumLocal;
use doorward_surface::target::BoxFuture;
use doorward_surface::{Body, Context, DenialLog, Form, Local, RealmParts, Refusal};
use http::{Method, Request, Response};
use std::sync::Arc;
use std::time::Duration;

/// The local targets, each made once for all realms.
#[derive(Clone)]
pub(crate) struct Targets {
    pub(crate) health: Arc<dyn Local>,
    pub(crate) oauth: OAuthTargets,
    pub(crate) supabase: SupabaseTargets,
    pub(crate) nhost: NhostTargets,
    pub(crate) sign_in: Arc<dyn Local>,
    pub(crate) me: Arc<dyn Local>,
    pub(crate) admin: Arc<dyn Local>,
    pub(crate) data: Arc<dyn Local>,
}

impl Targets {
    /// Over the process's identity. Every answer that ended something waits for `feed`.
    pub(crate) fn new(
        identity: &Arc<Identity>,
        feed: &Arc<Feed>,
        denials: Arc<dyn DenialLog>,
    ) -> Self {
        let settled = |target: Arc<dyn Local>| -> Arc<dyn Local> {
            Arc::new(Settled::new(target, Arc::clone(feed)))
        };
        let routed = |router| settled(Arc::new(AxumLocal::new(router)));
        let oauth = OAuthTargets::new(identity);
        let supabase = SupabaseTargets::new(identity);
        let nhost = NhostTargets::new(identity);
        let identity = || Arc::clone(identity);
        Self {
            health: Arc::new(Liveness),
            oauth: OAuthTargets {
                exchange: settled(oauth.exchange),
                ..oauth
            },
            supabase: SupabaseTargets {
                sign_up: settled(supabase.sign_up),
                token: settled(supabase.token),
                log_out: settled(supabase.log_out),
                user: settled(supabase.user),
                ..supabase
            },
            nhost: nhost.map(settled),
            sign_in: routed(
                SignInParts {
                    identity: identity(),
                }
                .router(),
            ),
            me: routed(
                MeParts {
                    identity: identity(),
                }
                .router(),
            ),
            admin: routed(
                AdminParts {
                    identity: identity(),
                    denials,
                }
                .router(),
            ),
            data: Arc::<DataTarget>::default(),
        }
    }

    /// Targets that answer nothing, for `check`, which only looks at where they are.
    pub(crate) fn absent() -> Self {
        let absent = || -> Arc<dyn Local> { Arc::new(Absent) };
        Self {
            health: absent(),
            oauth: OAuthTargets {
                jwks: absent(),
                metadata: absent(),
                resource: absent(),
                exchange: absent(),
            },
            supabase: SupabaseTargets {
                sign_up: absent(),
                token: absent(),
                log_out: absent(),
                user: absent(),
                health: absent(),
                settings: absent(),
                off: absent(),
            },
            nhost: NhostTargets::all(&absent()),
            sign_in: absent(),
            me: absent(),
            admin: absent(),
            data: absent(),
        }
    }
}

struct Absent;

impl Local for Absent {
    fn call(&self, _: Request<Body>, _: Context) -> BoxFuture<'_, Response<Body>> {
        let refusal = Refusal::new(doorward_base::ErrorCode::NotImplemented);
        Box::pin(std::future::ready(refusal.into_answer()))
    }
}

/// What the gate is told of one realm: its parts, and where the targets are.
pub(crate) fn place(config: &RealmConfig, parts: RealmParts, targets: &Targets) -> Place {
    Place {
        parts,
        mounts: mounts(config, targets),
        built_in: built_in(config, targets),
    }
}

/// The targets that routes of one realm may lead to: who may call them is the routes' to say.
fn built_in(config: &RealmConfig, targets: &Targets) -> Vec<BuiltIn> {
    let data = config.data.as_ref().map(|_| BuiltIn {
        name: DATA,
        target: Arc::clone(&targets.data),
    });
    data.into_iter().collect()
}

/// Where the targets are mounted in one realm.
pub(crate) fn mounts(config: &RealmConfig, targets: &Targets) -> Vec<MountSpec> {
    let mut mounts = own_mounts(config, targets);
    mounts.extend(resource_mount(config, targets));
    if let Some(supabase) = &config.supabase {
        mounts.extend(supabase_mounts(config, supabase, targets));
    }
    if config.dialects.contains(&Dialect::Nhost) {
        mounts.extend(nhost::mounts(config, targets));
    }
    mounts
}

/// Our own interfaces, and the exchange.
fn own_mounts(config: &RealmConfig, targets: &Targets) -> Vec<MountSpec> {
    let open = |name, paths: &[&str], target: &Arc<dyn Local>| MountSpec {
        errors: config.errors(),
        ..MountSpec::open(
            name,
            paths.iter().map(|path| (*path).to_owned()).collect(),
            Arc::clone(target),
        )
    };
    let signed_in = |name, paths: &[&str], target: &Arc<dyn Local>| MountSpec {
        access: MountAccess::jwt(),
        ..open(name, paths, target)
    };
    // Whoever verifies the realm's tokens needs its keys, whatever it speaks otherwise.
    let [openid, server] = doorward_oauth::metadata_paths(&config.identity.issuer);
    let mut mounts = vec![
        MountSpec {
            methods: vec![Method::GET, Method::HEAD],
            counted: false,
            ..open("health", &[liveness::PATH], &targets.health)
        },
        open("oauth", &[JWKS_PATH], &targets.oauth.jwks),
        open(
            "oauth",
            &[openid.as_str(), server.as_str()],
            &targets.oauth.metadata,
        ),
    ];
    if let Some(exchange) = &config.exchange {
        mounts.push(open("oauth", &[exchange.path()], &targets.oauth.exchange));
    }
    if config.console.self_service {
        // How often is counted behind it, where it is known who comes from a device of its own.
        mounts.push(MountSpec {
            methods: vec![Method::POST],
            ..open("sign_in", &[SIGN_IN_PATH], &targets.sign_in)
        });
        mounts.push(MountSpec {
            methods: vec![Method::POST],
            access: MountAccess::Optional(vec![CredentialKind::Jwt]), // Who proves for himself.
            limits: accept_limit().into_iter().collect(),
            guessable: true,
            ..open("accept", &[ACCEPT_PATH], &targets.sign_in)
        });
        // What cannot be guessed is not limited with what can.
        mounts.push(MountSpec {
            methods: vec![Method::POST],
            ..open("refresh", &[REFRESH_PATH], &targets.sign_in)
        });
        mounts.push(MountSpec {
            methods: vec![Method::DELETE],
            ..signed_in("sign_out", &[SIGN_OUT_PATH], &targets.me)
        });
        mounts.push(signed_in("me", ME_PATHS, &targets.me));
    }
    if config.console.admin {
        mounts.push(signed_in("admin", ADMIN_PATHS, &targets.admin));
    }
    mounts
}

/// Where the realm tells everybody whose tokens it takes, if it does.
fn resource_mount(config: &RealmConfig, targets: &Targets) -> Option<MountSpec> {
    config.resource()?;
    let path = doorward_oauth::resource_path(&config.identity.issuer);
    Some(MountSpec {
        errors: config.errors(),
        methods: vec![Method::GET, Method::HEAD],
        ..MountSpec::open("oauth", vec![path], Arc::clone(&targets.oauth.resource))
    })
}

/// Where Supabase Auth is spoken, with all the paths that its clients know.
fn supabase_mounts(
    config: &RealmConfig,
    mount: &SupabaseMount,
    targets: &Targets,
) -> Vec<MountSpec> {
    let errors: Arc<dyn Form> = if mount.has_own_errors() {
        Arc::new(GoTrueForm)
    } else {
        config.errors()
    };
    let own = &targets.supabase;
    let open = |paths: &[&str], methods: &[Method], target: &Arc<dyn Local>| MountSpec {
        methods: methods.to_vec(),
        errors: Arc::clone(&errors),
        ..MountSpec::open(
            "supabase",
            paths.iter().map(|path| mount.path(path)).collect(),
            Arc::clone(target),
        )
    };
    let signed_in = |path, methods: &[Method], target| MountSpec {
        access: MountAccess::jwt(),
        asks_standing: true, // The product tells an ended session from a banned user.
        ..open(&[path], methods, target)
    };
    let reading = [Method::GET, Method::HEAD];
    if !mount.is_enabled() {
        return vec![open(&["/**"], &[], &own.off)];
    }
    let mut mounts = vec![
        MountSpec {
            limits: sign_up_limit().into_iter().collect(),
            ..open(&["/signup"], &[Method::POST], &own.sign_up)
        },
        // How often passwords are guessed is counted behind it, as at our own sign-in.
        open(&["/token"], &[Method::POST], &own.token),
        MountSpec {
            limits: by_subject("log_out").into_iter().collect(),
            ..signed_in("/logout", &[Method::POST], &own.log_out)
        },
        signed_in("/user", &[Method::GET], &own.user),
        MountSpec {
            limits: by_subject("update_user").into_iter().collect(),
            ..signed_in("/user", &[Method::PUT], &own.user)
        },
        open(&["/health"], &reading, &own.health),
        open(&["/settings"], &reading, &own.settings),
        open(&["/**"], &[], &own.off),
    ];
    let documents = documents_below(config, mount, targets);
    mounts.extend(documents.map(|(path, target)| open(&[path], &reading, target)));
    mounts
}

/// The issuer's documents where clients look for them below the mount; an issuer with this path
/// has them there already.
fn documents_below<'t>(
    config: &RealmConfig,
    mount: &SupabaseMount,
    targets: &'t Targets,
) -> impl Iterator<Item = (&'static str, &'t Arc<dyn Local>)> {
    let standard = doorward_oauth::metadata_paths(&config.identity.issuer);
    let oauth = &targets.oauth;
    let all = [
        (JWKS_PATH, &oauth.jwks),
        ("/.well-known/openid-configuration", &oauth.metadata),
        ("/.well-known/oauth-authorization-server", &oauth.metadata),
    ];
    all.into_iter()
        .filter(move |(path, _)| !standard.contains(&mount.path(path)))
}

/// Taken invitations by address: each may cost a hash.
fn accept_limit() -> Option<LimitSpec> {
    let quota = Quota::new(20, Duration::from_secs(60), 40).ok()?;
    Some(by_address("accept", quota))
}

/// Sign-ups by address: each costs a hash, and leaves an account.
fn sign_up_limit() -> Option<LimitSpec> {
    let quota = Quota::new(30, Duration::from_secs(300), 30).ok()?;
    Some(by_address("sign_up", quota))
}

/// Changes that a signed-in user makes: as many as the product takes.
fn by_subject(name: &str) -> Option<LimitSpec> {
    let quota = Quota::new(30, Duration::from_secs(300), 30).ok()?;
    Some(limit(name, LimitKey::Subject, quota))
}

fn by_address(name: &str, quota: Quota) -> LimitSpec {
    limit(name, LimitKey::Address, quota)
}

fn limit(name: &str, key: LimitKey, quota: Quota) -> LimitSpec {
    LimitSpec::rate(name, key, quota)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::loaded;

    /// What a dialect can do costs a realm nothing.
    #[test]
    fn all_realms_share_one_target_each() {
        let directory = tempfile::tempdir().unwrap();
        let text = "[realm.a]\nhosts = [\"a\"]\n[realm.b]\nhosts = [\"b\"]";
        let realms = loaded(directory.path(), text).settings.realms;
        let targets = Targets::absent();
        let [one, other] = [0, 1].map(|at| mounts(&realms[at], &targets));
        assert_eq!(one.len(), other.len());
        for (one, other) in one.iter().zip(&other) {
            assert!(Arc::ptr_eq(&one.target, &other.target), "{}", one.name);
        }
    }
}
