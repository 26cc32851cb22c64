//! The gate's own lowering, its complaints brought back to the lines of the file.

use super::RealmConfig;
use super::identity::is_over_others;
use crate::config::Loaded;
use crate::config::problem::{KeyPath, Problem};
use doorward_base::claims::Field;
use doorward_base::{Permission, RoleName};
use doorward_gate::policy::precedence::{Precedence, precedence};
use doorward_gate::policy::problem::Problem as PolicyProblem;
use doorward_gate::policy::spec::{
    BuiltIn, CredentialKind, IssuerSpec, KeySource, MountSpec, RealmSpec, RouteSpec, TenantRule,
};
use doorward_gate::policy::{self, Policies, PolicyError};
use doorward_identity::model::RoleDefinition;
use doorward_identity::settings::{Enrolment, SignUpMode};
use doorward_surface::RealmParts;

/// What the gate is told of a realm beside its configuration.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// What ports and local targets find of it.
    pub parts: RealmParts,
    /// The local targets, and where they are.
    pub mounts: Vec<MountSpec>,
    /// The local targets that routes lead to.
    pub built_in: Vec<BuiltIn>,
}

/// The policies of all realms, each with what `place_of` gives it, in their order.
///
/// # Errors
/// Every contradiction the gate finds.
pub fn policies(
    loaded: &Loaded,
    place_of: &mut dyn FnMut(&RealmConfig) -> Place,
) -> Result<Policies, Vec<Problem>> {
    let specs: Vec<RealmSpec> = loaded
        .settings
        .realms
        .iter()
        .map(|realm| realm.gate_spec(place_of(realm)))
        .collect();
    policy::lower(specs.clone()).map_err(|errors| {
        errors
            .iter()
            .map(|error| loaded.problem(&place(error, &specs), error.problem.to_string()))
            .collect()
    })
}

/// What is sound and worth a warning: routes that Doorward's own paths win over, and what
/// whoever signs up, or is made, is trusted with.
#[must_use]
pub fn warnings(loaded: &Loaded, policies: &Policies) -> Vec<Problem> {
    let of = |found: &Precedence| {
        let (realm, route) = found.place();
        let mut realms = loaded.settings.realms.iter();
        let realm = realms.find(|known| known.name() == realm)?;
        let spec = realm.gate_spec(Place::default());
        let path = KeyPath::of(&["realm", spec.name.as_str()]);
        Some(loaded.problem(&route_in(&path, &spec, route), found.to_string()))
    };
    let trusting = loaded.settings.realms.iter().filter_map(|realm| {
        let sign_up = &realm.identity.sign_up;
        let trusts =
            sign_up.mode == SignUpMode::Open && sign_up.enrols_by(Enrolment::InvitedAddress);
        let path = KeyPath::of(&["realm", realm.name().as_str(), "users", "enrolment"]);
        trusts.then(|| loaded.problem(&path, TRUSTING.to_owned()))
    });
    let telling = loaded.settings.realms.iter().filter_map(|realm| {
        let header = tells_of_anybody(realm)?;
        let path = KeyPath::of(&["realm", realm.name().as_str(), "identity", "map", &header]);
        Some(loaded.problem(&path, TELLING.to_owned()))
    });
    let managing = loaded.settings.realms.iter().filter_map(|realm| {
        let (role, permission) = lets_members_manage(realm)?;
        let path = KeyPath::of(&["realm", realm.name().as_str(), "users", "default_roles"]);
        Some(loaded.problem(&path, managing(role, permission)))
    });
    let routes = precedence(policies);
    let routes = routes.iter().filter_map(of);
    let shut = loaded.settings.realms.iter().flat_map(|realm| {
        let spec = realm.gate_spec(Place::default());
        let path = KeyPath::of(&["realm", realm.name().as_str()]);
        let found = shut_to_externals(&spec);
        let problem = |(at, key, claim): (usize, &str, &str)| {
            let message = format!(
                "no token of an external issuer can pass: its claims are read for no {claim}; name one in [[realm.{}.issuers]] claims",
                realm.name()
            );
            loaded.problem(&path.key("route").index(at).key(key), message)
        };
        found.into_iter().map(problem).collect::<Vec<_>>()
    });
    let told = routes.chain(trusting).chain(telling);
    told.chain(managing).chain(shut).collect()
}

/// The routes, by their number, that ask for what no external issuer's claims are read for,
/// though there are such issuers: with the key that asks and the claim.
fn shut_to_externals(spec: &RealmSpec) -> Vec<(usize, &'static str, &'static str)> {
    let externals = || {
        spec.issuers
            .iter()
            .filter(|issuer| !matches!(issuer.keys, KeySource::Own))
    };
    if externals().next().is_none() {
        return Vec::new();
    }
    let none = |reads: fn(&IssuerSpec) -> bool| !externals().any(reads);
    let (scopes, permissions, roles, tenant) = (
        none(|issuer| !issuer.claims.scopes.is_empty()),
        none(|issuer| issuer.claims.permissions.is_some()),
        none(|issuer| issuer.claims.roles.is_some() || issuer.claims.role.is_some()),
        none(|issuer| issuer.tenant.is_some() || issuer.claims.tenant.is_some()),
    );
    let routes = spec.routes.iter().enumerate();
    let of = |(at, route): (usize, &RouteSpec)| {
        let rule = &route.scopes;
        let asked = [
            (scopes && !rule.all.is_empty(), "scopes", "scopes"),
            (scopes && !rule.any.is_empty(), "scopes_any", "scopes"),
            (scopes && !rule.read.is_empty(), "scopes_read", "scopes"),
            (scopes && !rule.write.is_empty(), "scopes_write", "scopes"),
            (
                permissions && !route.permissions.is_empty(),
                "permissions",
                "permissions",
            ),
            (roles && !route.roles.is_empty(), "roles", "roles"),
            (
                tenant && route.tenant == TenantRule::Required,
                "tenant",
                "tenant",
            ),
        ];
        let first = asked.into_iter().find(|(asked, ..)| *asked);
        first.map(|(_, key, claim)| (at, key, claim))
    };
    let by_jwt = |(_, route): &(usize, &RouteSpec)| {
        !route.public && route.credentials.contains(&CredentialKind::Jwt)
    };
    routes.filter(by_jwt).filter_map(of).collect()
}

/// The default role, and the permission in it, by which every member manages its tenants.
fn lets_members_manage(realm: &RealmConfig) -> Option<(&RoleName, &Permission)> {
    let settings = &realm.identity;
    let makes: Vec<&str> = settings
        .classes
        .iter()
        .filter_map(|class| class.create_permission.as_ref())
        .map(Permission::as_str)
        .collect();
    let given = |role: &&RoleDefinition| settings.default_roles.contains(&role.role);
    settings.roles.iter().filter(given).find_map(|role| {
        let mut permissions = role.permissions.iter();
        let permission = permissions.find(|one| is_over_others(one.as_str(), &makes))?;
        Some((&role.role, permission))
    })
}

/// What everybody is given to manage, and where it holds.
fn managing(role: &RoleName, permission: &Permission) -> String {
    format!(
        "everybody is given {permission} by role {role:?}: it holds in the tenants that he is a member of, and nowhere else; who shall have it in the whole realm is granted it (`doorward grant add`)",
        role = role.as_str()
    )
}

/// The header that tells upstreams an address which whoever signs up may have made up, where
/// none tells them whether somebody answers for it.
fn tells_of_anybody(realm: &RealmConfig) -> Option<String> {
    let sign_up = &realm.identity.sign_up;
    if sign_up.mode != SignUpMode::Open || !sign_up.enrols_by(Enrolment::OwnTenant) {
        return None;
    }
    let claims = &realm.identity.tokens.claims;
    let spec = realm.gate_spec(Place::default());
    let header = |field| {
        let at = claims.locate(field)?;
        let mut mapped = spec.identity.mapped.iter();
        mapped.find(|(_, path)| *path == at)
    };
    let (email, _) = header(Field::Email)?;
    let is_told = header(Field::EmailVerified).is_some();
    (!is_told).then(|| email.to_string())
}

/// What an upstream that goes by addresses relies on.
const TELLING: &str = "whoever signs up by \"own_tenant\" may have made the address up: write \"{email_verified}\" into a claim and map it too, for upstreams to tell which somebody answers for";

/// What an operator who enrols by the address alone relies on.
const TRUSTING: &str = "\"invited_address\" trusts whoever signs up first with an address that an operator invites with --sign-up: who reads of the invitation can be faster than who is meant";

/// The path of the last route of this pattern, or the realm.
fn route_in(realm: &KeyPath, spec: &RealmSpec, pattern: &str) -> KeyPath {
    let at = spec.routes.iter().rposition(|route| route.path == pattern);
    at.map_or_else(
        || realm.clone(),
        |at| realm.key("route").index(at).key("path"),
    )
}

/// Where in the file the gate's complaint belongs.
fn place(error: &PolicyError, specs: &[RealmSpec]) -> KeyPath {
    let realm = KeyPath::of(&["realm", error.realm.as_str()]);
    let Some(spec) = specs.iter().find(|spec| spec.name == error.realm) else {
        return realm;
    };
    let route = |pattern: &str| route_in(&realm, spec, pattern);
    // The first issuer is the realm's own and is not in the list.
    let issuer = |name: &str| {
        let external = spec.issuers.iter().skip(1);
        let at = external
            .map(|issuer| &*issuer.issuer)
            .rposition(|known| known == name);
        at.map_or_else(|| realm.key("issuer"), |at| realm.key("issuers").index(at))
    };
    match &error.problem {
        PolicyProblem::Mount { .. } => realm,
        PolicyProblem::HostTaken { .. } | PolicyProblem::NoHosts => realm.key("hosts"),
        PolicyProblem::Pattern { path, .. } => route(path),
        PolicyProblem::Duplicate { first, second } | PolicyProblem::Ambiguous { first, second } => {
            let (first, second) = (route(first), route(second));
            if second == realm { first } else { second }
        }
        PolicyProblem::InsideMount { route: pattern, .. }
        | PolicyProblem::NoCredential(pattern)
        | PolicyProblem::NotOpenEnded(pattern)
        | PolicyProblem::NotAlone { route: pattern, .. }
        | PolicyProblem::RouteCredential { route: pattern, .. }
        | PolicyProblem::Method { route: pattern, .. }
        | PolicyProblem::NoModule { route: pattern, .. }
        | PolicyProblem::Local { route: pattern, .. }
        | PolicyProblem::Upstream { route: pattern, .. } => route(pattern),
        PolicyProblem::Keys { issuer: name, .. }
        | PolicyProblem::IssuerTwice(name)
        | PolicyProblem::IntrospectionTwice(name)
        | PolicyProblem::NoSubjects { issuer: name, .. }
        | PolicyProblem::IssuerOpen(name, _) => issuer(name),
    }
}
