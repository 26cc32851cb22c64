//! The claims of an access token: the registered ones, the realm's template, and the
//! private object `dw`, from which the gate rebuilds the principal. Not here: signing.

use super::authority::Authority;
use crate::model::{Identifier, Subject};
use doorward_base::claims::{ClaimValues, ClaimsTemplate, Field};
use doorward_base::principal::Epoch;
use doorward_base::{
    ApiTokenId, Audience, Environment, Permission, RoleName, Scope, SessionId, TenantId, Timestamp,
};
use serde_json::{Map, Value, json};

/// Whose authority is written, and what of it.
#[derive(Clone, Copy, Debug)]
pub struct Bearer<'a> {
    /// The subject.
    pub subject: &'a Subject,
    /// What it may do, already narrowed.
    pub authority: &'a Authority,
    /// The active tenant.
    pub tenant: Option<&'a TenantId>,
    /// The granted scopes, sorted.
    pub scopes: &'a [Scope],
}

/// One access token to be written.
#[derive(Clone, Copy, Debug)]
pub struct ClaimsInput<'a> {
    /// Whose.
    pub bearer: Bearer<'a>,
    /// `iss`.
    pub issuer: &'a str,
    /// `aud`: text if one, an array if several, absent if none (RFC 7519 §4.1.3).
    pub audience: &'a [Audience],
    /// `iat`, rounded down to the second.
    pub issued_at: Timestamp,
    /// `exp`, rounded down to the second.
    pub expires_at: Timestamp,
    /// `jti`.
    pub jti: &'a str,
    /// `sid`: the session behind it.
    pub session: Option<SessionId>,
    /// `dw.t`: the API token behind it.
    pub token: Option<ApiTokenId>,
    /// `dw.e`: the epoch, as [`epoch_of`] makes it.
    pub epoch: Epoch,
    /// `dw.n`: the environment of the API token.
    pub environment: Option<&'a Environment>,
}

/// The one number a token carries for both epochs of its subject: realm-wide and in
/// the active tenant. Either grows it.
#[must_use]
pub const fn epoch_of(realm_wide: Epoch, in_tenant: Epoch) -> Epoch {
    Epoch(realm_wide.0.saturating_add(in_tenant.0))
}

/// The `sub` claim of a subject: its UUID, or an external subject's name there.
#[must_use]
pub fn sub_of(subject: &Subject) -> String {
    match &subject.identifier {
        Identifier::External { sub, .. } => sub.to_string(),
        Identifier::User { .. } | Identifier::Service { .. } | Identifier::TenantKeys { .. } => {
            subject.id.to_string()
        }
    }
}

/// The members the realm's template writes, alone.
#[must_use]
pub fn render(template: &ClaimsTemplate, bearer: &Bearer<'_>) -> Map<String, Value> {
    template.render(bearer)
}

/// The whole claims set. The registered claims and `dw` are laid on last and always
/// win.
#[must_use]
pub fn build(template: &ClaimsTemplate, input: &ClaimsInput<'_>) -> Map<String, Value> {
    let mut claims = render(template, &input.bearer);
    let subject = input.bearer.subject;
    let mut set = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
    set("iss", json!(input.issuer));
    set("sub", json!(sub_of(subject)));
    match input.audience {
        [] => {}
        [one] => set("aud", json!(one.as_str())),
        several => set("aud", texts(several.iter().map(Audience::as_str))),
    }
    set("iat", json!(input.issued_at.as_seconds()));
    set("exp", json!(input.expires_at.as_seconds()));
    set("jti", json!(input.jti));
    if let Some(session) = input.session {
        set("sid", json!(session.to_string()));
    }
    set("dw", private(input));
    claims
}

fn private(input: &ClaimsInput<'_>) -> Value {
    let subject = input.bearer.subject;
    let kind = subject.identifier.kind();
    let mut own = Map::new();
    own.insert("k".to_owned(), json!(kind.as_str()));
    if matches!(subject.identifier, Identifier::External { .. }) {
        // `sub` is the other login's name for it, so our own id goes here.
        own.insert("s".to_owned(), json!(subject.id.to_string()));
    }
    if let Some(token) = input.token {
        own.insert("t".to_owned(), json!(token.to_string()));
    }
    own.insert("e".to_owned(), json!(input.epoch.0));
    if let Some(environment) = input.environment {
        own.insert("n".to_owned(), json!(environment.as_str()));
    }
    Value::Object(own)
}

impl ClaimValues for Bearer<'_> {
    fn value(&self, field: Field) -> Option<Value> {
        let authority = self.authority;
        match field {
            Field::Sub => Some(json!(sub_of(self.subject))),
            Field::Email => self
                .subject
                .identifier
                .email()
                .map(|email| json!(email.as_str())),
            Field::Tenant => self.tenant.map(|tenant| json!(tenant.as_str())),
            Field::Roles => Some(texts(authority.roles.iter().map(RoleName::as_str))),
            Field::Role => authority.role.as_ref().map(|role| json!(role.as_str())),
            Field::Permissions => {
                let permissions = authority.permissions.iter();
                Some(texts(permissions.map(Permission::as_str)))
            }
            Field::Scopes => Some(texts(self.scopes.iter().map(Scope::as_str))),
            Field::Scope if self.scopes.is_empty() => None,
            Field::Scope => {
                let names: Vec<&str> = self.scopes.iter().map(Scope::as_str).collect();
                Some(json!(names.join(" ")))
            }
            Field::UserMetadata => Some(Value::Object(self.subject.user_metadata.clone())),
            Field::AppMetadata => Some(Value::Object(self.subject.app_metadata.clone())),
        }
    }
}

fn texts<'a>(names: impl Iterator<Item = &'a str>) -> Value {
    names.collect()
}
