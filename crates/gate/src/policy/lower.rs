//! Lowering: from what configuration states to the form that requests are judged by,
//! once, with every contradiction named. Not here: reading configuration files
//! (`server`).

use super::compiled::{
    Basic, Claim, Limit, Module, Policies, Realm, Route, Target, TargetKind, is_common,
    is_never_served,
};
use super::problem::{PolicyError, Problem};
use super::spec::{BuiltIn, CorsSpec, MountSpec, RealmSpec, RouteSpec, UpstreamSpec};
use super::table::{Pattern, Table};
use super::{check, issuer, limit};
use crate::authority;
use crate::stage::reserved::fold;
use doorward_base::{CredentialKind, RealmName, Words as _};
use doorward_surface::RealmHandle;
use http::HeaderName;
use http::Method;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;

/// Lowers every realm.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn lower(specs: Vec<RealmSpec>) -> Result<Policies, Vec<PolicyError>> {
    let mut policies = Policies::default();
    let mut errors = Vec::new();
    for (number, spec) in specs.into_iter().enumerate() {
        let name = spec.name.clone();
        let mut problems = claim_hosts(&mut policies, &spec, number);
        let realm = lower_realm(
            spec,
            u32::try_from(number).unwrap_or(u32::MAX),
            &mut problems,
        );
        policies.realms.push(Arc::new(realm));
        errors.extend(problems.into_iter().map(|problem| PolicyError {
            realm: name.clone(),
            problem,
        }));
    }
    if errors.is_empty() {
        Ok(policies)
    } else {
        Err(errors)
    }
}

fn claim_hosts(policies: &mut Policies, spec: &RealmSpec, number: usize) -> Vec<Problem> {
    let mut problems = Vec::new();
    if spec.hosts.is_empty() {
        problems.push(Problem::NoHosts);
    }
    let listeners: Arc<[SocketAddr]> = spec.listeners.as_slice().into();
    for host in &spec.hosts {
        let claims = if host == "*" {
            &mut policies.rest
        } else {
            let host = authority::folded(host).into();
            policies.hosts.entry(host).or_default()
        };
        let other = claims.add(Claim {
            realm: number,
            listeners: Arc::clone(&listeners),
        });
        if let Some(other) = other.and_then(|other| policies.realms.get(other)) {
            problems.push(Problem::HostTaken {
                host: host.clone(),
                other: other.name.clone(),
            });
        }
    }
    problems
}

/// The realm's list of origins. Their pages may read what the clients of Supabase go by, and
/// the older headers of limits, where these are sent.
fn lower_cors(origins: Vec<String>, legacy_limits: bool) -> Option<CorsSpec> {
    const NAMES: [&str; 3] = [
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
    ];
    const READ: [&str; 5] = [
        "x-supabase-api-version",
        "x-sb-error-code",
        "sb-error-code",
        "x-total-count",
        "link",
    ];
    let legacy = NAMES.iter().filter(|_| legacy_limits);
    let exposed = READ.iter().chain(legacy);
    (!origins.is_empty()).then(|| CorsSpec {
        exposed: exposed.map(|name| HeaderName::from_static(name)).collect(),
        ..CorsSpec::listed(origins)
    })
}

fn lower_realm(mut spec: RealmSpec, number: u32, problems: &mut Vec<Problem>) -> Realm {
    let mut entries = Vec::new();
    let limits = limit::of_realm(&spec);
    for route in std::mem::take(&mut spec.routes) {
        push_route(&mut entries, route, (&spec, &limits), problems);
    }
    for mount in std::mem::take(&mut spec.mounts) {
        push_mount(&mut entries, mount, (&spec.name, &limits), problems);
    }
    check::overlaps(&entries, problems);
    let mut table = Table::default();
    let mut targets = Vec::with_capacity(entries.len());
    for (at, (pattern, target)) in entries.into_iter().enumerate() {
        table.insert(&pattern, at);
        targets.push(target);
    }
    let own_headers = own_headers(&spec);
    let credential_headers = credential_headers(&spec);
    let credential_params = credential_params(&spec);
    let mut extra_methods: Vec<Method> = targets
        .iter()
        .flat_map(|target| target.methods.iter())
        .filter(|method| !is_common(method))
        .cloned()
        .collect();
    extra_methods.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    extra_methods.dedup();
    let parts = std::mem::take(&mut spec.parts);
    let role_marks = std::mem::take(&mut spec.role_marks);
    Realm {
        number,
        issuers: issuer::lower(std::mem::take(&mut spec.issuers), problems),
        credential_headers,
        credential_params,
        basic: spec.basic.take().map(|basic| Basic {
            username: basic.username,
            ttl: basic.ttl,
        }),
        role_marks: role_marks.into_iter().map(String::into).collect(),
        table,
        targets,
        limits,
        own_headers,
        cors: lower_cors(
            std::mem::take(&mut spec.cors_origins),
            spec.legacy_limit_headers,
        ),
        handle: Arc::new(RealmHandle::new(spec.name.clone(), parts)),
        extra_methods,
        spec,
    }
}

/// The headers that carry API tokens, without repetition.
fn credential_headers(spec: &RealmSpec) -> Vec<HeaderName> {
    let classes = spec.classes.iter();
    let mut headers: Vec<_> = classes.filter_map(|class| class.header.clone()).collect();
    headers.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    headers.dedup();
    headers
}

/// The query parameters that carry API tokens, without repetition.
fn credential_params(spec: &RealmSpec) -> Vec<String> {
    let classes = spec.classes.iter();
    let mut params: Vec<_> = classes.filter_map(|class| class.query.clone()).collect();
    params.sort_unstable();
    params.dedup();
    params
}

/// See [`Realm::own_headers`].
fn own_headers(spec: &RealmSpec) -> HashSet<Box<str>> {
    let mapped = spec.identity.mapped.iter().map(|(name, _)| name);
    mapped
        .chain(&spec.identity.strip)
        .chain(&spec.role_header)
        .chain(spec.tenant_header.as_ref().map(|tenant| &tenant.header))
        .chain(
            spec.classes
                .iter()
                .filter_map(|class| class.header.as_ref()),
        )
        .map(|name| fold(name.as_str()).into())
        .collect()
}

fn parse_pattern(path: &str, problems: &mut Vec<Problem>) -> Option<Pattern> {
    path.parse()
        .map_err(|error| {
            problems.push(Problem::Pattern {
                path: path.to_owned(),
                error,
            });
        })
        .ok()
}

fn push_route(
    entries: &mut Vec<(Pattern, Target)>,
    mut spec: RouteSpec,
    (realm, limits): (&RealmSpec, &[Arc<Limit>]),
    problems: &mut Vec<Problem>,
) {
    let Some(pattern) = parse_pattern(&spec.path, problems) else {
        return;
    };
    for method in spec.methods.iter().filter(|method| is_never_served(method)) {
        problems.push(Problem::Method {
            route: spec.path.clone(),
            method: method.to_string(),
        });
    }
    if spec.credentials.is_empty() && !spec.public {
        problems.push(Problem::NoCredential(spec.path.clone()));
    }
    let of_mounts = [CredentialKind::Client, CredentialKind::Session];
    if let Some(kind) = of_mounts
        .iter()
        .find(|kind| spec.credentials.contains(kind))
    {
        problems.push(Problem::RouteCredential {
            route: spec.path.clone(),
            kind: kind.word(),
        });
    }
    let module = basic_module(&spec, realm, problems);
    let local = built_in(&spec, realm, problems);
    check::upstream(&spec, problems);
    check::local(&spec, problems);
    check::open_ended(&spec, problems);
    let target = Target {
        pattern: spec.path.as_str().into(),
        methods: std::mem::take(&mut spec.methods).into(),
        errors: Arc::clone(spec.errors.as_ref().unwrap_or(&realm.errors)),
        limits: limit::of_route(&mut spec, &realm.name, limits),
        kind: TargetKind::Route(Box::new(Route {
            spec,
            basic: module,
            local,
        })),
    };
    entries.push((pattern, target));
}

/// The module that a route names, if it is on.
fn basic_module(
    spec: &RouteSpec,
    realm: &RealmSpec,
    problems: &mut Vec<Problem>,
) -> Option<Module> {
    let name = spec.basic.as_ref()?;
    let modules = realm.basic.as_ref().map_or(&[][..], |basic| &basic.modules);
    let Some(number) = modules.iter().position(|module| module.name == *name) else {
        problems.push(Problem::NoModule {
            route: spec.path.clone(),
            module: name.clone(),
        });
        return None;
    };
    let module = modules.get(number).filter(|module| module.enabled)?;
    Some(Module {
        number: u32::try_from(number).unwrap_or(u32::MAX),
        scopes: module.scopes.clone().into(),
    })
}

/// The local target that a route names.
fn built_in(spec: &RouteSpec, realm: &RealmSpec, problems: &mut Vec<Problem>) -> Option<BuiltIn> {
    let UpstreamSpec::Local(name) = spec.upstream else {
        return None;
    };
    let found = realm.built_in.iter().find(|known| known.name == name);
    if found.is_none() {
        problems.push(Problem::Local {
            route: spec.path.clone(),
            name,
            problem: "is not there",
        });
    }
    found.cloned()
}

fn push_mount(
    entries: &mut Vec<(Pattern, Target)>,
    mut spec: MountSpec,
    (realm, limits): (&RealmName, &[Arc<Limit>]),
    problems: &mut Vec<Problem>,
) {
    check::mount(&spec, problems);
    let methods: Arc<[Method]> = std::mem::take(&mut spec.methods).into();
    let limits = limit::of_mount(&mut spec, realm, limits);
    let paths = std::mem::take(&mut spec.paths);
    let spec = Arc::new(spec);
    for path in &paths {
        let Some(pattern) = parse_pattern(path, problems) else {
            continue;
        };
        let target = Target {
            pattern: path.as_str().into(),
            methods: Arc::clone(&methods),
            errors: Arc::clone(&spec.errors),
            limits: Arc::clone(&limits),
            kind: TargetKind::Mount(Arc::clone(&spec)),
        };
        entries.push((pattern, target));
    }
}
