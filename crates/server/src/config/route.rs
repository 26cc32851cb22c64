//! `[[realm.NAME.route]]`: which requests go where, and who may make them.

use super::form::FormName;
use super::text::Text;
use super::value::{SecretRef, Size, Span, Upstream};
use doorward_base::{CredentialKind, Environment, Permission, RoleName, Scope};
use doorward_gate::policy::spec::{AmbiguousPaths, AuthorizationRule, TenantRule};
use doorward_surface::setting::Word;
use http::Method;
use schemars::JsonSchema;
use serde::Deserialize;

/// A route. What no route matches is refused.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The pattern: literal segments, {name} for one segment, ** for the rest.
    pub path: String,
    /// Methods. Default: all.
    #[serde(default)]
    pub methods: Vec<Text<Method>>,
    /// Where its requests go.
    pub upstream: Text<Upstream>,
    /// A leading part of the path to remove on the way. Default: none.
    #[serde(default)]
    pub strip_prefix: Option<String>,
    /// Whether the client's Host is passed on. Default: false.
    #[serde(default)]
    pub preserve_host: bool,
    /// How its https upstream is recognised. Default: the realm's.
    #[serde(default)]
    pub upstream_tls: Option<UpstreamTls>,
    /// Whether anyone may call it. Default: false.
    #[serde(default)]
    pub public: bool,
    /// Kinds of credential accepted. Default: ["jwt", "api_token"], and "basic" when
    /// the route names a module.
    #[serde(default)]
    pub credentials: Option<Vec<Word<CredentialKind>>>,
    /// What becomes of an `Authorization` that is neither ours nor of an issuer the realm
    /// accepts: "verify" refuses it, "pass" leaves it to the upstream. Default: "verify".
    #[serde(default)]
    pub authorization: Word<AuthorizationRule>,
    /// The query parameter of GET requests that may carry an access token, for WebSockets
    /// and event streams of browsers. Default: none.
    #[serde(default)]
    pub jwt_query: Option<String>,
    /// What becomes of paths with encoded slashes, semicolons or brackets: "refuse", or
    /// "forward" as they came. Default: "refuse".
    #[serde(default)]
    pub ambiguous_paths: Word<AmbiguousPaths>,
    /// Permissions, all of which are needed.
    #[serde(default)]
    pub permissions: Vec<Text<Permission>>,
    /// Scopes, all of which are needed.
    #[serde(default)]
    pub scopes: Vec<Text<Scope>>,
    /// Scopes, one of which is needed.
    #[serde(default)]
    pub scopes_any: Vec<Text<Scope>>,
    /// Scopes, one of which is needed for GET and HEAD.
    #[serde(default)]
    pub scopes_read: Vec<Text<Scope>>,
    /// Scopes, one of which is needed for the other methods.
    #[serde(default)]
    pub scopes_write: Vec<Text<Scope>>,
    /// Roles, one of which is needed.
    #[serde(default)]
    pub roles: Vec<Text<RoleName>>,
    /// Whether the caller must have a tenant. Default: "optional".
    #[serde(default)]
    pub tenant: Word<TenantRule>,
    /// Environments of API tokens accepted. Default: all.
    #[serde(default)]
    pub environments: Vec<Text<Environment>>,
    /// The Basic module it belongs to. Default: none, so that Basic is refused.
    #[serde(default)]
    pub basic: Option<String>,
    /// Limits of its own, by name.
    #[serde(default)]
    pub limits: Vec<String>,
    /// Whether the limits of the realm that apply everywhere count it. Default: true.
    #[serde(default = "yes")]
    pub limited: bool,
    /// The body form of its errors. Default: the realm's.
    #[serde(default)]
    pub errors: Option<Text<FormName>>,
    /// How long the upstream may take to begin its answer, from the end of the request's
    /// body on. Default: "30s".
    #[serde(default)]
    pub timeout: Option<Text<Span>>,
    /// The largest request body. Default: the server's.
    #[serde(default)]
    pub max_body: Option<Text<Size>>,
}

const fn yes() -> bool {
    true
}

/// How https upstreams are recognised, and how this side is by them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpstreamTls {
    /// The certificates, PEM, that theirs must descend from. Default: the system's.
    pub ca: Option<Text<SecretRef>>,
    /// The name in their certificate. Default: the host of their address.
    pub server_name: Option<String>,
    /// The certificate chain, PEM, that is shown to one that asks; with `key`.
    pub cert: Option<Text<SecretRef>>,
    /// Its private key, PEM.
    pub key: Option<Text<SecretRef>>,
}
