//! A realm's policy as configuration states it, parsed but not yet lowered. The
//! server builds these values once at start and at each reload; `lower` turns them
//! into the form that requests are judged by.

pub use super::issuer_spec::{
    ClaimMap, ClaimRule, IntrospectionSpec, IssuerSpec, KeySource, RemoteSource,
};
pub use super::mount_spec::{CorsSpec, MountAccess, MountSpec, Origins};
pub use super::route_spec::{
    AmbiguousPaths, AuthorizationRule, BuiltIn, RouteSpec, ScopeRule, TenantRule, UpstreamSpec,
};
pub use doorward_base::CredentialKind;
use doorward_base::claims::ClaimPath;
use doorward_base::limit::{Amount, Measure, Quota};
use doorward_base::token_format::TokenFormat;
use doorward_base::words;
use doorward_base::{ClassName, Permission, RealmName, RoleName, Scope};
use doorward_surface::{Form, RealmParts, Template};
use http::{HeaderName, HeaderValue};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// What becomes of plain HTTP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequireHttps {
    /// Served; Basic credentials only from loopback.
    Off,
    /// Refused with 403.
    Reject,
    /// GET and HEAD are redirected with 308; the rest refused.
    Redirect,
}

words!(RequireHttps { Off = "off", Reject = "reject", Redirect = "redirect" });

/// A realm.
#[derive(Clone, Debug)]
pub struct RealmSpec {
    /// Its name.
    pub name: RealmName,
    /// What ports and local targets find of it.
    pub parts: RealmParts,
    /// Authorities it answers for: `host`, `host:port`, or `*` for the rest.
    pub hosts: Vec<String>,
    /// The listeners it answers on, by the address they were configured with; empty is
    /// every one.
    pub listeners: Vec<SocketAddr>,
    /// What becomes of plain HTTP.
    pub require_https: RequireHttps,
    /// The body form of its errors, unless a route or mount has its own.
    pub errors: Arc<dyn Form>,
    /// Whose access tokens it accepts.
    pub issuers: Vec<IssuerSpec>,
    /// Its classes of API tokens, as the gate needs them.
    pub classes: Vec<ClassSpec>,
    /// Bearers that say which application asks and not who: whoever presents one presents
    /// nothing.
    pub anonymous_keys: Vec<String>,
    /// HTTP Basic, if a realm has it.
    pub basic: Option<BasicSpec>,
    /// The roles it defines: whoever selects one holds no more than it gives.
    pub roles: Vec<RoleSpec>,
    /// The header by which a request selects one of its roles.
    pub role_header: Option<HeaderName>,
    /// The role of whoever presents nothing, where anyone may call; whoever presents something
    /// may select it too.
    pub anonymous_role: Option<RoleName>,
    /// The header by which a request names a tenant, and the scope that may name a
    /// foreign one.
    pub tenant_header: Option<TenantHeaderSpec>,
    /// Whether revoked credentials kill their access tokens at once.
    pub immediate_revocation: bool,
    /// The marks of its roles as they are now (`dw.r` of access tokens): one that was
    /// given by a role that is not among them is refused, where revocation is immediate.
    pub role_marks: Vec<String>,
    /// What becomes of what an access token opened when it expires.
    pub streams_at_exp: StreamsAtExp,
    /// Proxied and built-in routes.
    pub routes: Vec<RouteSpec>,
    /// Where local targets are mounted.
    pub mounts: Vec<MountSpec>,
    /// The local targets that its routes may lead to.
    pub built_in: Vec<BuiltIn>,
    /// Limits that apply to every request of the realm.
    pub limits: Vec<LimitSpec>,
    /// Failed credentials that one address may present; the default is 300 a minute,
    /// burst 1,000.
    pub failed_credentials: Quota,
    /// Legacy `X-RateLimit-*` beside `RateLimit`.
    pub legacy_limit_headers: bool,
    /// The header in which its refusals say their code, for clients that look there.
    pub code_header: Option<HeaderName>,
    /// Whether a credential that came over plain HTTP where TLS is demanded is looked at, so
    /// that its exposure is told.
    pub watches_exposure: bool,
    /// How the caller is told to the upstream.
    pub identity: IdentitySpec,
    /// Which origins browsers may call from; empty is none.
    pub cors_origins: Vec<String>,
    /// Where another proxy may ask for a judgement, if anywhere.
    pub forward_auth: Option<ForwardAuthSpec>,
    /// Where it tells clients which issuers' tokens it takes (RFC 9728), said beside
    /// challenges.
    pub resource_metadata: Option<HeaderValue>,
    /// Which requests are told to the audit log.
    pub audited: Audited,
}

impl RealmSpec {
    /// A realm with nothing in it: no host, no credential, no target.
    #[must_use]
    pub fn new(name: RealmName, failed_credentials: Quota) -> Self {
        Self {
            name,
            parts: RealmParts::default(),
            hosts: Vec::new(),
            listeners: Vec::new(),
            require_https: RequireHttps::Reject,
            errors: Arc::new(Template::Plain),
            issuers: Vec::new(),
            classes: Vec::new(),
            anonymous_keys: Vec::new(),
            basic: None,
            roles: Vec::new(),
            role_header: None,
            anonymous_role: None,
            tenant_header: None,
            immediate_revocation: true,
            role_marks: Vec::new(),
            streams_at_exp: StreamsAtExp::End,
            routes: Vec::new(),
            mounts: Vec::new(),
            built_in: Vec::new(),
            limits: Vec::new(),
            failed_credentials,
            legacy_limit_headers: false,
            code_header: None,
            watches_exposure: false,
            identity: IdentitySpec::default(),
            cors_origins: Vec::new(),
            forward_auth: None,
            resource_metadata: None,
            audited: Audited::Nothing,
        }
    }
}

/// Which requests are told to the audit log, with their caller, route and decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Audited {
    /// None.
    #[default]
    Nothing,
    /// Those that were refused.
    Refused,
    /// All.
    All,
}

words!(Audited { Nothing = "off", Refused = "refused", All = "all" });

/// A role, as the gate needs it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoleSpec {
    /// Its name.
    pub role: RoleName,
    /// What it gives.
    pub permissions: Vec<Permission>,
}

/// What becomes of what an access token opened (a WebSocket, an event stream, an answer
/// that goes on) when the token expires.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum StreamsAtExp {
    /// It ends.
    #[default]
    End,
    /// It goes on until it ends otherwise.
    Keep,
}

words!(StreamsAtExp { End = "end", Keep = "keep" });

/// The forward-auth endpoint of a realm: nginx `auth_request`, Caddy `forward_auth`,
/// Traefik `ForwardAuth`, Envoy `ext_authz`.
#[derive(Clone, Debug)]
pub struct ForwardAuthSpec {
    /// Its path, literal, for example `/forward-auth`.
    pub path: String,
    /// Only peers among the trusted proxies may ask. Anyone else finds no such route.
    pub trusted_only: bool,
    /// The one listener where it may be asked; `None` is every one. What upstreams see
    /// instead of Basic is told on a listener of its own alone: elsewhere clients might
    /// ask, through the proxy that stands before us.
    pub listener: Option<SocketAddr>,
}

/// A class of API tokens.
#[derive(Clone, Debug)]
pub struct ClassSpec {
    /// Its name.
    pub name: ClassName,
    /// How its tokens are recognised.
    pub format: TokenFormat,
    /// Accepted as a bearer token.
    pub bearer: bool,
    /// Accepted as the password of HTTP Basic.
    pub basic: bool,
    /// Accepted in this header.
    pub header: Option<HeaderName>,
    /// Accepted in this query parameter.
    pub query: Option<String>,
}

/// HTTP Basic with an API token as the password.
#[derive(Clone, Debug)]
pub struct BasicSpec {
    /// The user name, byte for byte.
    pub username: String,
    /// Modules by name; a route names the one it belongs to.
    pub modules: Vec<BasicModule>,
    /// How long the JWT for the upstream lives.
    pub ttl: Duration,
}

/// A group of routes for which Basic is switched on or off.
#[derive(Clone, Debug)]
pub struct BasicModule {
    /// Its name.
    pub name: String,
    /// Whether its routes accept Basic.
    pub enabled: bool,
    /// The scopes the converted JWT carries, as far as the owner has them.
    pub scopes: Vec<Scope>,
}

/// A header that names a tenant.
#[derive(Clone, Debug)]
pub struct TenantHeaderSpec {
    /// The header.
    pub header: HeaderName,
    /// The scope that may name a tenant other than the caller's own. Whoever made the token
    /// says whether it, and all else that the token carries, is held everywhere.
    pub foreign_scope: Scope,
}

/// A limit.
#[derive(Clone, Debug)]
pub struct LimitSpec {
    /// Its name in headers and traces.
    pub name: String,
    /// Who shares a bucket.
    pub key: LimitKey,
    /// What it counts.
    pub measure: Measure,
    /// What becomes of requests beyond it.
    pub over: OverLimit,
    /// Amounts of single tenants, of the measure's kind.
    pub overrides: Vec<(doorward_base::TenantId, Amount)>,
}

impl LimitSpec {
    /// A limit that refuses with 429 and treats all tenants alike.
    #[must_use]
    pub fn new(name: impl Into<String>, key: LimitKey, measure: Measure) -> Self {
        Self {
            name: name.into(),
            key,
            measure,
            over: OverLimit::Refuse,
            overrides: Vec::new(),
        }
    }

    /// So many requests in a time.
    #[must_use]
    pub fn rate(name: impl Into<String>, key: LimitKey, quota: Quota) -> Self {
        Self::new(name, key, Measure::Rate(quota))
    }
}

/// What becomes of requests beyond a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OverLimit {
    /// Refused with 429.
    #[default]
    Refuse,
    /// Refused with 402: who wants more buys it.
    RequirePayment,
    /// Let through, counted and told: for a limit that is tried out.
    Observe,
}

words!(OverLimit {
    Refuse = "refuse",
    RequirePayment = "require_payment",
    Observe = "observe",
});

/// Who shares a bucket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LimitKey {
    /// The caller's tenant (its subject, if it has none).
    Tenant,
    /// The caller.
    Subject,
    /// The credential.
    Credential,
    /// The address; IPv6 by /56.
    Address,
    /// Everybody in the realm together.
    Realm,
}

words!(LimitKey {
    Tenant = "tenant",
    Subject = "subject",
    Credential = "credential",
    Address = "address",
    Realm = "realm",
});

/// How the caller is told to the upstream. All reserved headers are stripped first.
#[derive(Clone, Debug, Default)]
pub struct IdentitySpec {
    /// `X-Doorward-*` headers: subject, kind, tenant, role, scopes, credential,
    /// request id.
    pub headers: bool,
    /// Further headers, each from a claim of the token.
    pub mapped: Vec<(HeaderName, ClaimPath)>,
    /// Whether the client's access token is passed on.
    pub forward_jwt: bool,
    /// Further headers to strip, such as a product's own tenant header.
    pub strip: Vec<HeaderName>,
    /// Headers that clients may send although their names look like an identity.
    pub pass: Vec<HeaderName>,
}
