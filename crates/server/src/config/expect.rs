//! `[[realm.NAME.expect]]`: an assertion about the policy that `doorward check` proves.

use super::text::{Outcome, Text};
use super::value::RequestLine;
use doorward_base::{
    CredentialKind, Environment, Permission, RoleName, Scope, SubjectKind, TenantId,
};
use doorward_surface::setting::Word;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// An assertion: this caller, making this request, is let through or refused so.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The caller. Default: nobody, a request without a credential.
    #[serde(default)]
    pub principal: Option<ExpectPrincipal>,
    /// The request, for example "GET /api/items".
    pub request: Text<RequestLine>,
    /// Headers of the request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Whether the request comes by TLS. Default: true.
    #[serde(default)]
    pub secure: Option<bool>,
    /// "allow", or the code of the refusal.
    pub outcome: Text<Outcome>,
}

/// The caller of an assertion, and what it holds.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectPrincipal {
    /// What kind of subject. Default: "user".
    pub kind: Option<Word<SubjectKind>>,
    /// Its subject. Default: "someone".
    pub sub: Option<String>,
    /// Its tenant. Default: none.
    pub tenant: Option<Text<TenantId>>,
    /// Roles it may select.
    pub roles: Vec<Text<RoleName>>,
    /// Its default role.
    pub role: Option<Text<RoleName>>,
    /// Permissions.
    pub permissions: Vec<Text<Permission>>,
    /// Scopes.
    pub scopes: Vec<Text<Scope>>,
    /// What it presents. Default: "jwt".
    pub credential: Word<CredentialKind>,
    /// The environment of its API token. Default: none.
    pub environment: Option<Text<Environment>>,
}
