//! A route as configuration states it. Not here: the rest of a realm (`spec`).

use super::spec::LimitSpec;
use crate::proxy::tls::UpstreamTls;
use doorward_base::words;
use doorward_base::{CredentialKind, Environment, Permission, RoleName, Scope};
use doorward_surface::{Form, Local};
use http::{Method, Uri};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The order of checks is the order of the enum: any, then all, then by method.
#[derive(Clone, Debug, Default)]
pub struct ScopeRule {
    /// At least one of these.
    pub any: Vec<Scope>,
    pub all: Vec<Scope>,
    /// For GET and HEAD: at least one of these.
    pub read: Vec<Scope>,
    /// For every other method: at least one of these.
    pub write: Vec<Scope>,
}

/// What a route does with an `Authorization` that is nobody's it knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AuthorizationRule {
    /// It is a credential like any other: verified or refused.
    #[default]
    Verify,
    /// It is left alone and goes to the upstream. What is ours, or shaped like it, is
    /// verified as ever.
    Pass,
}

words!(AuthorizationRule { Verify = "verify", Pass = "pass" });

/// What a route does with a path that others may read in more than one way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AmbiguousPaths {
    /// It is refused.
    #[default]
    Refuse,
    /// It goes to the upstream as it came.
    Forward,
}

words!(AmbiguousPaths { Refuse = "refuse", Forward = "forward" });

/// Whether the caller must have a tenant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TenantRule {
    /// It need not.
    #[default]
    Optional,
    /// It must.
    Required,
}

words!(TenantRule { Optional = "optional", Required = "required" });

/// A route to an upstream or a built-in target.
#[derive(Clone, Debug)]
pub struct RouteSpec {
    /// The pattern: literal segments, `{name}` for one segment, `**` for the rest.
    pub path: String,
    /// Methods, any that HTTP can carry but TRACE and CONNECT; empty is every common one.
    pub methods: Vec<Method>,
    /// Where the request goes.
    pub upstream: UpstreamSpec,
    /// Anyone may call it. A credential that is presented is verified all the same.
    pub public: bool,
    /// Kinds of credential accepted.
    pub credentials: Vec<CredentialKind>,
    /// What becomes of a foreign `Authorization`.
    pub authorization: AuthorizationRule,
    /// The query parameter of GET requests that may carry an access token, for browsers'
    /// WebSockets and event streams, which cannot set headers.
    pub jwt_query: Option<String>,
    /// What becomes of paths with encoded slashes, semicolons and brackets.
    pub ambiguous_paths: AmbiguousPaths,
    pub scopes: ScopeRule,
    /// All of these permissions.
    pub permissions: Vec<Permission>,
    /// At least one of these roles must be in force (by the role header) or held.
    pub roles: Vec<RoleName>,
    /// Whether the caller must have a tenant.
    pub tenant: TenantRule,
    /// Environments of API tokens accepted; empty is all.
    pub environments: Vec<Environment>,
    /// The Basic module it belongs to.
    pub basic: Option<String>,
    /// Limits of its own.
    pub limits: Vec<LimitSpec>,
    /// Whether the limits of the realm count it too.
    pub counted: bool,
    /// The body form of its errors.
    pub errors: Option<Arc<dyn Form>>,
    /// How long an upstream's answer may take to begin, from the end of the request's
    /// body on, and how long it may take nothing of that body.
    pub timeout: Duration,
    /// The largest request body, bytes; `None` is the listener's cap.
    pub max_body: Option<u64>,
}

/// Where a route's requests go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UpstreamSpec {
    /// An origin; the path is appended unless `strip_prefix` removes some of it.
    Http {
        /// Scheme, authority and base path.
        base: Uri,
        /// A leading part of the path to remove.
        strip_prefix: Option<String>,
        /// Whether the client's Host is passed on; otherwise the upstream's own.
        preserve_host: bool,
        /// How an `https` upstream is recognised; there only, and there always.
        tls: Option<UpstreamTls>,
    },
    /// `builtin:echo`: answers 200 with what an upstream would see.
    Echo,
    /// The local target of this name, one of [`super::spec::RealmSpec::built_in`].
    Local(&'static str),
}

/// A local target that routes lead to by its name, so that they say who may call it as they
/// do for an upstream.
#[derive(Clone)]
pub struct BuiltIn {
    /// The name, also in traces, for example `data`.
    pub name: &'static str,
    pub target: Arc<dyn Local>,
}

impl fmt::Debug for BuiltIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BuiltIn").field(&self.name).finish()
    }
}
