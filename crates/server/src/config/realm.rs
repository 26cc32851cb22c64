//! `[realm.NAME]`: an isolated world. The larger parts have files of their own.

use super::api_tokens::ApiTokens;
use super::basic::Basic;
use super::expect::Expect;
use super::form::{CodeName, FormName};
use super::identity_headers::Identity;
use super::issuers::Issuer;
use super::limits::{Limit, RateAndBurst};
use super::notices::Notices;
use super::retention::Retention;
use super::route::{Route, UpstreamTls};
use super::text::Text;
use super::tokens::Tokens;
use super::users::{Sessions, Users};
use super::value::Url;
use doorward_base::words;
use doorward_base::{ClassName, ErrorCode, Permission, RoleName, Scope};
use doorward_gate::policy::spec::{Audited, RequireHttps};
use doorward_identity::settings::Exposure;
use doorward_oauth::settings::Exchange;
use doorward_rows::settings::Data;
use doorward_supabase::settings::Supabase;
use doorward_surface::setting::Word;
use http::HeaderName;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// A realm: an isolated world with its own issuer, keys, subjects and routes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Realm {
    /// The authorities it answers for: "host", "host:port", or "*" for the rest.
    /// Default: ["*"].
    pub hosts: Option<Vec<String>>,
    /// The addresses of `[server] listen` it answers on. Default: all of them.
    pub listen: Option<Vec<Text<SocketAddr>>>,
    /// The `iss` of its tokens and the address clients reach it by. Default: the first
    /// listen address, when that is this machine's own.
    pub issuer: Option<Text<Url>>,
    /// The products whose HTTP interfaces it speaks. Default: none.
    pub dialects: Vec<Word<Dialect>>,
    /// The body form of its errors. Default: "problem".
    pub errors: Option<Text<FormName>>,
    /// What its clients know our codes by, in the forms that are of no product: a code, or
    /// { code, message }. For example { token_expired = "AUTH_EXPIRED_TOKEN" }. Default: our
    /// codes and texts.
    pub error_codes: BTreeMap<Text<ErrorCode>, CodeName>,
    /// Which requests are written into the audit log, with who asked, the route and the
    /// decision: "off", "refused" or "all". Default: "off".
    pub audit_access: Word<Audited>,
    /// Whether everybody is told whose tokens it takes and which scopes its routes ask for
    /// (RFC 9728). Default: false.
    pub resource_metadata: bool,
    /// What becomes of plain HTTP. Default: "reject" when the issuer is https, else
    /// "off".
    pub require_https: Option<Word<RequireHttps>>,
    /// The header by which a request selects one of its roles. Default: none.
    pub role_header: Option<Text<HeaderName>>,
    /// The role that upstreams are told of whoever presents nothing, where anyone may call;
    /// whoever presents something may select it too. A bad credential is refused all the same.
    /// Default: none.
    pub anonymous_role: Option<Text<RoleName>>,
    /// The header by which a request names a tenant. Default: none.
    pub tenant_header: Option<TenantHeader>,
    /// The origins that browsers may call from. Default: none.
    pub cors_origins: Vec<String>,
    /// Whether answers carry X-RateLimit-* beside RateLimit. Default: false.
    pub legacy_limit_headers: bool,
    /// Answers the forward-auth questions of another proxy. Default: off.
    pub forward_auth: Option<ForwardAuth>,
    /// The realm's own interfaces.
    pub console: Console,
    /// How its access tokens look.
    pub tokens: Tokens,
    /// How people's sign-ins last.
    pub sessions: Sessions,
    /// What new users get.
    pub users: Users,
    /// How long what is over is kept.
    pub retention: Retention,
    /// Roles and the permissions they include.
    pub roles: BTreeMap<Text<RoleName>, Vec<Text<Permission>>>,
    /// Classes of API tokens, by name. A kind belongs to one class.
    pub api_tokens: BTreeMap<Text<ClassName>, ApiTokens>,
    /// How API tokens are exchanged for access tokens (dialect "oauth").
    pub exchange: Option<Exchange>,
    /// Rows that belong to tenants (dialect "data").
    pub data: Option<Data>,
    /// How Supabase Auth is spoken (dialect "supabase").
    pub supabase: Option<Supabase>,
    /// HTTP Basic with an API token as the password. Default: off.
    pub basic: Option<Basic>,
    /// What becomes of a credential that comes over plain HTTP where TLS is demanded:
    /// "ignore", "flag" it in the audit log, or "revoke" it too. Default: "flag".
    pub exposed_credentials: Word<Exposure>,
    /// How tenants are told that their API tokens will stop by themselves.
    pub notices: Notices,
    /// Limits, by name.
    pub limits: BTreeMap<String, Limit>,
    /// External issuers whose access tokens are accepted.
    pub issuers: Vec<Issuer>,
    /// How the caller is told to upstreams.
    pub identity: Identity,
    /// How https upstreams are recognised.
    pub upstream_tls: Option<UpstreamTls>,
    /// How many failed credentials one address may present. Default: 300/1m,
    /// burst 1000.
    pub failed_credentials: Option<RateAndBurst>,
    /// Routes, the default is to refuse.
    pub route: Vec<Route>,
    /// Assertions that `doorward check` proves.
    pub expect: Vec<Expect>,
}

/// A product whose HTTP interface is spoken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Dialect {
    /// Supabase Auth.
    Supabase,
    /// Nhost Auth.
    Nhost,
    /// OAuth 2, OpenID Connect and access-token exchange.
    Oauth,
    /// The data API.
    Data,
}

words!(Dialect {
    Supabase = "supabase",
    Nhost = "nhost",
    Oauth = "oauth",
    Data = "data",
});

/// The header by which a request names a tenant.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantHeader {
    /// The header.
    pub header: Text<HeaderName>,
    /// The scope that may name a tenant other than the caller's own. Of our own subjects it
    /// does so where everything that the credential carries is held realm-wide: what a
    /// tenant gave stays there, and whoever has more in one signs in without a tenant, or
    /// with scopes that are held realm-wide, to name others. An API token that is bound to a
    /// tenant names no other, nor does a JWT made from one.
    pub foreign_scope: Text<Scope>,
}

/// Answers the forward-auth questions of another proxy.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ForwardAuth {
    /// Where it asks, for example "/_auth".
    pub path: String,
    /// Whether only trusted proxies may ask. Default: true.
    #[serde(default = "yes")]
    pub trusted_only: bool,
    /// The one address of `[server] listen` where it asks, and where nothing else of the
    /// realm is answered. Without one of its own the proxy's upstream is not told the JWT
    /// that stands for a Basic credential: a client might be asking. Default: none.
    pub listen: Option<Text<SocketAddr>>,
}

/// The realm's own interfaces.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Console {
    /// The admin API under /admin/v1. Default: true.
    pub admin: bool,
    /// The self-service API under /me/v1. Default: true.
    pub self_service: bool,
}

impl Default for Console {
    fn default() -> Self {
        Self {
            admin: true,
            self_service: true,
        }
    }
}

const fn yes() -> bool {
    true
}
