//! The form that requests are judged by. It is built once by `lower` and never
//! changes; a reload replaces the whole of it.

use super::spec::{
    AmbiguousPaths, BuiltIn, ClaimMap, ClaimRule, CorsSpec, IntrospectionSpec, LimitKey, MountSpec,
    OverLimit, RealmSpec, RemoteSource, RouteSpec,
};
use super::table::Table;
use crate::port::{IssuerKeys, RemoteKeys, RemoteTokens};
use doorward_base::claims::{ClaimPath, ClaimPlaces};
use doorward_base::limit::{Amount, Measure};
use doorward_base::{Audience, Permission, Principal, RealmName, RoleName, Scope, TenantId};
use doorward_jose::{Algorithm, KeySet, TypRule};
use doorward_surface::{Form, RealmHandle};
use http::{HeaderName, Method};
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// All realms, and which authority is whose.
#[derive(Debug, Default)]
pub struct Policies {
    pub(crate) realms: Vec<Arc<Realm>>,
    pub(crate) hosts: HashMap<Box<str>, Claims>,
    /// The realms that take every other authority.
    pub(crate) rest: Claims,
    /// Which policies these are: stamped when they come into force, part of the token
    /// cache's key.
    pub(crate) generation: u64,
}

/// The realms that claim one authority, each on its listeners: at most one on each.
#[derive(Debug, Default)]
pub(crate) struct Claims(Vec<Claim>);

/// A realm's number, and the listeners on which it claims; empty is every one.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) realm: usize,
    pub(crate) listeners: Arc<[SocketAddr]>,
}

impl Claims {
    /// Adds a claim, or tells which realm it contradicts.
    pub(crate) fn add(&mut self, claim: Claim) -> Option<usize> {
        let meets = |other: &&Claim| {
            claim.listeners.is_empty()
                || other.listeners.is_empty()
                || other
                    .listeners
                    .iter()
                    .any(|at| claim.listeners.contains(at))
        };
        let other = self.0.iter().find(meets).map(|other| other.realm);
        if other.is_none() {
            self.0.push(claim);
        }
        other
    }

    /// Whose it is on this listener.
    fn on(&self, listener: Option<SocketAddr>) -> Option<usize> {
        let here = |claim: &&Claim| {
            claim.listeners.is_empty() || listener.is_some_and(|at| claim.listeners.contains(&at))
        };
        self.0.iter().find(here).map(|claim| claim.realm)
    }
}

/// One realm, lowered.
#[derive(Debug)]
pub(crate) struct Realm {
    /// What is judged by as it was stated. What has a form of its own below was taken out.
    pub(super) spec: RealmSpec,
    /// What ports and local targets are called with.
    pub(crate) handle: Arc<RealmHandle>,
    /// Its number among these policies.
    pub(crate) number: u32,
    pub(crate) issuers: Vec<Issuer>,
    /// Headers that carry API tokens, without repetition.
    pub(crate) credential_headers: Vec<HeaderName>,
    /// Query parameters that carry API tokens, without repetition.
    pub(crate) credential_params: Vec<String>,
    pub(crate) basic: Option<Basic>,
    /// See [`super::spec::RealmSpec::role_marks`].
    pub(crate) role_marks: HashSet<Box<str>>,
    pub(crate) table: Table,
    pub(crate) targets: Vec<Target>,
    /// Those that apply to every request, in the order in which they are counted.
    pub(crate) limits: Vec<Arc<Limit>>,
    /// Folded names of the headers it gives a meaning of its own: mapped, stripped,
    /// role, tenant and credential headers.
    pub(crate) own_headers: HashSet<Box<str>>,
    /// Methods that are not common and that one of its routes names, such as `PROPFIND`.
    pub(crate) extra_methods: Vec<Method>,
    /// Where a mount says nothing else; `None` where no origin is listed.
    pub(crate) cors: Option<CorsSpec>,
}

impl Deref for Realm {
    type Target = RealmSpec;

    fn deref(&self) -> &RealmSpec {
        &self.spec
    }
}

/// An issuer with its keys, where they are known already.
#[derive(Debug)]
pub(crate) struct Issuer {
    pub(crate) issuer: Arc<str>,
    /// Whose subjects they are: its own, or another issuer's that it is a name of.
    pub(crate) subjects: Arc<str>,
    pub(crate) audiences: Vec<Audience>,
    pub(crate) require: Vec<ClaimRule>,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) typ: TypRule,
    /// The same, as it was stated.
    pub(crate) typ_names: Vec<String>,
    pub(crate) leeway: Duration,
    pub(crate) max_lifetime: Option<Duration>,
    pub(crate) keys: Keys,
    pub(crate) introspection: Option<Introspection>,
    pub(crate) claims: ClaimMap,
    pub(crate) tenant: Option<TenantId>,
    /// Everywhere its claims carry what a caller acts as.
    pub(crate) places: ClaimPlaces,
    pub(crate) is_recognised: bool,
}

#[derive(Clone)]
pub(crate) enum Keys {
    Own,
    Static(Arc<KeySet>),
    Remote(Remote),
    Nowhere,
}

/// Keys behind a URL, and who fetches them: known once the policies are in force.
#[derive(Clone)]
pub(crate) struct Remote {
    pub(crate) source: RemoteSource,
    pub(crate) keys: OnceLock<Arc<dyn RemoteKeys>>,
}

/// Where opaque tokens are asked about, and who asks: known once the policies are in force.
#[derive(Clone)]
pub(crate) struct Introspection {
    pub(crate) spec: IntrospectionSpec,
    pub(crate) tokens: OnceLock<Arc<dyn RemoteTokens>>,
}

impl std::fmt::Debug for Introspection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.spec.fmt(f)
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Own => "Own",
            Self::Static(_) => "Static",
            Self::Remote(_) => "Remote",
            Self::Nowhere => "Nowhere",
        })
    }
}

impl Remote {
    pub(crate) fn of(source: &RemoteSource) -> Self {
        Self {
            source: source.clone(),
            keys: OnceLock::new(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Basic {
    pub(crate) username: String,
    pub(crate) ttl: Duration,
}

/// Methods that a target takes which names none.
pub(crate) fn is_common(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET
            | Method::POST
            | Method::PUT
            | Method::PATCH
            | Method::DELETE
            | Method::HEAD
            | Method::OPTIONS
    )
}

/// Methods that no target can have: the one tells what was sent, the other makes a
/// tunnel (RFC 9110 §9.3.6, §9.3.8).
pub(crate) fn is_never_served(method: &Method) -> bool {
    matches!(*method, Method::TRACE | Method::CONNECT)
}

/// Where matched requests go.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) pattern: Arc<str>,
    /// Empty is every common one.
    pub(crate) methods: Arc<[Method]>,
    pub(crate) errors: Arc<dyn Form>,
    /// Its own and the realm's, each once, in the order in which they are counted.
    pub(crate) limits: Arc<[Arc<Limit>]>,
    pub(crate) kind: TargetKind,
}

#[derive(Debug)]
pub(crate) enum TargetKind {
    Route(Box<Route>),
    /// The same for all patterns of a mount.
    Mount(Arc<MountSpec>),
}

impl Target {
    /// The largest request body of its own, bytes.
    pub(crate) fn max_body(&self) -> Option<u64> {
        match &self.kind {
            TargetKind::Route(route) => route.spec.max_body,
            TargetKind::Mount(mount) => mount.max_body,
        }
    }

    /// The mount, if it is one.
    pub(crate) fn mount(&self) -> Option<&MountSpec> {
        match &self.kind {
            TargetKind::Mount(mount) => Some(mount),
            TargetKind::Route(_) => None,
        }
    }

    /// The route, if it is one.
    pub(crate) fn route(&self) -> Option<&Route> {
        match &self.kind {
            TargetKind::Route(route) => Some(route),
            TargetKind::Mount(_) => None,
        }
    }

    /// Whether it is answered in this process, by something that is no upstream's stand-in.
    pub(crate) fn is_local(&self) -> bool {
        self.route().is_none_or(|route| route.local.is_some())
    }

    /// Whether it passes on paths that others may read in more than one way.
    pub(crate) fn forwards_ambiguous(&self) -> bool {
        self.route()
            .is_some_and(|route| route.spec.ambiguous_paths == AmbiguousPaths::Forward)
    }

    pub(crate) fn takes(&self, method: &Method) -> bool {
        if self.methods.is_empty() {
            return is_common(method);
        }
        self.methods.contains(method)
    }
}

/// A route: what it was configured as, and what lowering found.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) spec: RouteSpec,
    /// The module, if Basic is on for this route.
    pub(crate) basic: Option<Module>,
    /// The local target it leads to, if it leads to one.
    pub(crate) local: Option<BuiltIn>,
}

/// A Basic module that is on.
#[derive(Clone, Debug)]
pub(crate) struct Module {
    /// Its number in the realm, part of the key of minted tokens.
    pub(crate) number: u32,
    pub(crate) scopes: Arc<[Scope]>,
}

#[derive(Debug)]
pub(crate) struct Limit {
    pub(crate) name: Arc<str>,
    /// Realm, place and name: what tells its buckets from all others.
    pub(crate) label: String,
    pub(crate) key: LimitKey,
    pub(crate) measure: Measure,
    pub(crate) over: OverLimit,
    pub(crate) overrides: HashMap<TenantId, Amount>,
}

impl Realm {
    /// Whether this listener is for the questions of other proxies alone.
    pub(crate) fn asks_proxies_on(&self, listener: Option<SocketAddr>) -> bool {
        let own = self.forward_auth.as_ref().and_then(|spec| spec.listener);
        own.is_some() && own == listener
    }

    /// What a role gives that somebody selects: nothing, unless the realm defines it. What
    /// a tenant's own role gives, or one of an issuer that is not ours, is not known here.
    pub(crate) fn given_by(&self, role: &RoleName) -> &[Permission] {
        let mut roles = self.spec.roles.iter();
        let defined = roles.find(|known| known.role == *role);
        defined.map_or(&[], |known| &known.permissions)
    }

    /// Whether the realm's own tokens say at this place which role is in force.
    pub(crate) fn is_own_role(&self, path: &ClaimPath) -> bool {
        let mut own = self
            .issuers
            .iter()
            .filter(|one| matches!(one.keys, Keys::Own));
        own.any(|issuer| issuer.claims.role.as_ref() == Some(path))
    }

    /// Where the claims of this caller carry what it acts as.
    pub(crate) fn places(&self, principal: &Principal) -> Option<&ClaimPlaces> {
        self.issuer_of(principal).map(|issuer| &issuer.places)
    }

    /// The issuer whose subject this caller is.
    pub(crate) fn issuer_of(&self, principal: &Principal) -> Option<&Issuer> {
        let mut issuers = self.issuers.iter();
        issuers.find(|issuer| issuer.issuer == principal.issuer)
    }

    /// The issuers that are not the realm itself.
    pub(crate) fn external_issuers(&self) -> impl Iterator<Item = &Issuer> {
        let issuers = self.issuers.iter();
        issuers.filter(|issuer| !matches!(issuer.keys, Keys::Own))
    }

    /// The one issuer that is asked about opaque bearers.
    pub(crate) fn introspecting(&self) -> Option<&Issuer> {
        let mut issuers = self.issuers.iter();
        issuers.find(|issuer| issuer.introspection.is_some())
    }
}

impl Policies {
    /// Ties the external issuers to whoever fetches their keys.
    pub(crate) fn tie(&self, fetchers: &dyn IssuerKeys) {
        let issuers = self.realms.iter().flat_map(|realm| &realm.issuers);
        for issuer in issuers {
            // Whoever came first stays: policies come into force once.
            if let Keys::Remote(remote) = &issuer.keys
                && let Some(keys) = fetchers.remote(&remote.source)
            {
                let _ = remote.keys.set(keys);
            }
            if let Some(introspection) = &issuer.introspection
                && let Some(tokens) = fetchers.tokens(&introspection.spec)
            {
                let _ = introspection.tokens.set(tokens);
            }
        }
    }

    /// The realm that answers for a lower-case authority on this listener: whoever names
    /// it, port and all or not, and else who takes the rest. What a realm claims on other
    /// listeners is not claimed here.
    pub(crate) fn find(
        &self,
        authority: &str,
        listener: Option<SocketAddr>,
    ) -> Option<&Arc<Realm>> {
        let named = |name: &str| self.hosts.get(name)?.on(listener);
        let number = named(authority)
            .or_else(|| named(crate::authority::host_of(authority)))
            .or_else(|| self.rest.on(listener))?;
        self.realms.get(number)
    }

    /// The realm of this name.
    pub(crate) fn named(&self, name: &RealmName) -> Option<&Arc<Realm>> {
        self.realms.iter().find(|realm| realm.name == *name)
    }
}
