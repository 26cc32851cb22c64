//! Where Nhost Auth is spoken, with all the paths that its clients know: below each of its
//! prefixes. Not here: what a realm has of its own.

use super::{Targets, by_subject, sign_up_limit};
use crate::config::RealmConfig;
use doorward_base::CredentialKind;
use doorward_gate::policy::spec::{MountAccess, MountSpec};
use doorward_nhost::{NhostForm, OFF_PATHS, PREFIXES};
use doorward_oauth::JWKS_PATH;
use doorward_surface::{Form, Local};
use http::Method;
use std::sync::Arc;

pub(super) fn mounts(config: &RealmConfig, targets: &Targets) -> Vec<MountSpec> {
    let errors: Arc<dyn Form> = Arc::new(NhostForm);
    let own = &targets.nhost;
    let below = |prefixes: &[&str], paths: &[&str]| -> Vec<String> {
        let each = prefixes.iter().flat_map(|prefix| {
            let paths = paths.iter();
            paths.map(move |path| format!("{prefix}{path}"))
        });
        each.collect()
    };
    let at = |paths: Vec<String>, methods: &[Method], target: &Arc<dyn Local>| MountSpec {
        methods: methods.to_vec(),
        errors: Arc::clone(&errors),
        ..MountSpec::open("nhost", paths, Arc::clone(target))
    };
    let open =
        |path: &str, method: Method, target| at(below(&PREFIXES, &[path]), &[method], target);
    let optional = |path: &str, target| MountSpec {
        access: MountAccess::Optional(vec![CredentialKind::Jwt]),
        ..open(path, Method::POST, target)
    };
    let signed_in = |path: &str, method: Method, target| MountSpec {
        access: MountAccess::jwt(),
        ..open(path, method, target)
    };
    let reading = [Method::GET, Method::HEAD];
    // Those without a prefix are the realm's own.
    let [prefix, _] = PREFIXES;
    let webhook = || below(&[prefix], &["/hasura/webhook"]);
    vec![
        MountSpec {
            limits: sign_up_limit().into_iter().collect(),
            ..open("/signup/email-password", Method::POST, &own.sign_up)
        },
        // How often passwords are guessed is counted behind it, as at our own sign-in.
        open("/signin/email-password", Method::POST, &own.sign_in),
        open("/signin/pat", Method::POST, &own.sign_in_pat),
        open("/token", Method::POST, &own.refresh),
        optional("/token/verify", &own.check_token),
        optional("/signout", &own.sign_out),
        signed_in("/user", Method::GET, &own.user),
        MountSpec {
            limits: by_subject("set_password").into_iter().collect(),
            ..optional("/user/password", &own.password)
        },
        MountSpec {
            limits: by_subject("create_pat").into_iter().collect(),
            ..signed_in("/pat", Method::POST, &own.create_pat)
        },
        at(below(&[prefix], &["/healthz"]), &reading, &own.health),
        at(below(&PREFIXES, &["/version"]), &reading, &own.version),
        MountSpec {
            access: MountAccess::Required(vec![CredentialKind::Jwt, CredentialKind::ApiToken]),
            ..at(webhook(), &[Method::GET], &own.webhook)
        },
        // Whose request it is stands in the body.
        at(webhook(), &[Method::POST], &own.webhook),
        at(below(&PREFIXES, &OFF_PATHS), &[], &own.off),
        MountSpec {
            errors: config.errors(),
            ..at(
                below(&[prefix], &[JWKS_PATH]),
                &reading,
                &targets.oauth.jwks,
            )
        },
    ]
}
