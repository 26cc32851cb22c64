//! The claims of an access token: the registered ones, the realm's template, and the
//! private object `dw`, from which the gate rebuilds the principal. Not here: signing.

use super::authority::Authority;
use super::issue::Bearer;
use crate::model::{Identifier, Session, Subject};
use doorward_base::authn::AuthStep;
use doorward_base::claims::{ClaimValues, ClaimsTemplate, Field, OWN_TENANT};
use doorward_base::principal::{ActorLink, CredentialId, Epoch, LostRole};
use doorward_base::{
    Audience, Permission, RoleName, Scope, SubjectId, SubjectKind, TenantId, Timestamp,
};
use serde_json::{Map, Value, json};

/// The member of `dw` for the role that no claim says.
const LOST_ROLE: &str = "l";

/// Whose authority is written, and what of it.
#[derive(Clone, Copy, Debug)]
pub struct Whose<'a> {
    /// The subject.
    pub subject: &'a Subject,
    /// What it may do, already narrowed.
    pub authority: &'a Authority,
    /// The active tenant.
    pub tenant: Option<&'a TenantId>,
    /// What the token is made from.
    pub bearer: Bearer<'a>,
    /// Who acts for the subject, whoever acts now first.
    pub actors: &'a [ActorLink],
}

/// One access token to be written.
#[derive(Clone, Copy, Debug)]
pub struct ClaimsInput<'a> {
    /// Whose.
    pub whose: Whose<'a>,
    /// `iss`.
    pub issuer: &'a str,
    /// `aud`, absent if none.
    pub audience: Option<&'a Audience>,
    /// `iat`, rounded down to the second.
    pub issued_at: Timestamp,
    /// `exp`, rounded down to the second.
    pub expires_at: Timestamp,
    /// `jti`.
    pub jti: &'a str,
    /// `dw.e`: the epoch, as [`epoch_of`] makes it.
    pub epoch: Epoch,
    /// `dw.r`: the marks of the roles that gave any of it; empty leaves it out.
    pub role_marks: &'a [String],
}

/// The one epoch a token carries for both of its subject: realm-wide and in the active
/// tenant. Either grows it, because a new epoch is later than every other of its subject.
#[must_use]
pub fn epoch_of(realm_wide: Epoch, in_tenant: Epoch) -> Epoch {
    realm_wide.max(in_tenant)
}

/// The `sub` claim of a subject: its UUID, or an external subject's name there.
#[must_use]
pub fn sub_of(subject: &Subject) -> String {
    match &subject.identifier {
        Identifier::External { sub, .. } => sub.to_string(),
        Identifier::User(_) | Identifier::Service { .. } | Identifier::TenantKeys { .. } => {
            subject.id.to_string()
        }
    }
}

/// The members the realm's template writes, alone.
#[must_use]
pub fn render(template: &ClaimsTemplate, whose: &Whose<'_>) -> Map<String, Value> {
    template.render(whose)
}

/// The whole claims set. The registered claims, `act` and `dw` are laid on last and always
/// win.
#[must_use]
pub fn build(template: &ClaimsTemplate, input: &ClaimsInput<'_>) -> Map<String, Value> {
    let whose = &input.whose;
    let mut claims = render(template, whose);
    let mut set = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
    set("iss", json!(input.issuer));
    set("sub", json!(sub_of(whose.subject)));
    if let Some(audience) = input.audience {
        set("aud", json!(audience.as_str()));
    }
    set("iat", json!(input.issued_at.as_seconds()));
    set("exp", json!(input.expires_at.as_seconds()));
    set("jti", json!(input.jti));
    if let Some(session) = whose.bearer.session() {
        set("sid", json!(session.id.to_string()));
    }
    if let Some(act) = act(whose.actors, Written::Whole) {
        set("act", act);
    }
    let mut own = private(input);
    // What a token may do in a tenant ends with the membership, also where no reader of its
    // claims is told the tenant.
    if let Some(tenant) = whose.tenant
        && template.locate(Field::Tenant).is_none()
    {
        own.insert(OWN_TENANT.to_owned(), json!(tenant.as_str()));
    }
    // Nor has it other rows where no reader is told the role.
    if let Some(role) = whose.authority.role()
        && template.locate(Field::Role).is_none()
    {
        own.insert(LOST_ROLE.to_owned(), json!(role.as_str()));
    }
    set("dw", Value::Object(own));
    claims
}

/// The private object of a token, from which the gate rebuilds what it was made from:
/// `k` kind, `s` our id of an external subject, `t` API token, `c` client, `e` epoch, `n`
/// environment, `x` that it may act in any tenant, `l` the role that no claim says because it was narrowed away
/// (`true` where by its name) or the template writes none, `r` the marks of roles, `o` the tenant if the template does not write it.
fn private(input: &ClaimsInput<'_>) -> Map<String, Value> {
    let Whose {
        subject, bearer, ..
    } = &input.whose;
    let external = matches!(subject.identifier, Identifier::External { .. });
    let mut own = party(
        subject.identifier.kind(),
        external.then_some(subject.id),
        input.epoch,
    );
    let mut set = |name: &str, value: Value| drop(own.insert(name.to_owned(), value));
    if let CredentialId::ApiToken(token) = bearer.credential() {
        set("t", json!(token.to_string()));
    }
    if let Some(client) = bearer.client() {
        set("c", json!(client.to_string()));
    }
    if let Some(environment) = bearer.environment() {
        set("n", json!(environment.as_str()));
    }
    if input.whose.authority.crosses() {
        set("x", json!(true));
    }
    match input.whose.authority.lost_role() {
        Some(LostRole::Part(role)) => set(LOST_ROLE, json!(role.as_str())),
        Some(LostRole::Whole) => set(LOST_ROLE, json!(true)),
        None => {}
    }
    if !input.role_marks.is_empty() {
        set("r", json!(input.role_marks));
    }
    own
}

fn party(kind: SubjectKind, ours: Option<SubjectId>, epoch: Epoch) -> Map<String, Value> {
    let mut own = Map::new();
    own.insert("k".to_owned(), json!(kind.as_str()));
    // `sub` is the other login's name for an external subject, so our own id goes here.
    if let Some(id) = ours {
        own.insert("s".to_owned(), json!(id.to_string()));
    }
    own.insert("e".to_owned(), json!(epoch.0));
    own
}

/// How a chain of actors is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    /// With what the gate needs.
    Whole,
    /// For readers of the template's claims: who, and nothing else.
    Names,
}

/// `act` (RFC 8693 §4.1): whoever acts now, with the actors before it inside.
fn act(actors: &[ActorLink], written: Written) -> Option<Value> {
    let (now, before) = actors.split_first()?;
    let mut link = Map::new();
    link.insert("sub".to_owned(), json!(&*now.sub));
    if written == Written::Whole {
        let external = now.kind == SubjectKind::External;
        let mut own = party(now.kind, external.then_some(now.subject), now.epoch);
        match now.credential {
            CredentialId::Session(id) => drop(link.insert("sid".to_owned(), json!(id.to_string()))),
            CredentialId::ApiToken(id) => drop(own.insert("t".to_owned(), json!(id.to_string()))),
            CredentialId::Client(id) => drop(own.insert("c".to_owned(), json!(id.to_string()))),
            CredentialId::Foreign => {}
        }
        link.insert("dw".to_owned(), Value::Object(own));
    }
    if let Some(before) = act(before, written) {
        link.insert("act".to_owned(), before);
    }
    Some(Value::Object(link))
}

impl ClaimValues for Whose<'_> {
    fn value(&self, field: Field) -> Option<Value> {
        let authority = self.authority;
        match field {
            Field::Sub => Some(json!(sub_of(self.subject))),
            // Who goes by addresses takes each for the realm's: one that counts in a tenant
            // alone would be somebody else's.
            Field::Email => {
                let email = self.subject.identifier.wide_email();
                email.map(|email| json!(email.as_str()))
            }
            // Who signed up without a proof has its address in the whole realm, and it may be
            // anybody's.
            Field::EmailVerified => {
                let identifier = &self.subject.identifier;
                let is_answered = match identifier.contact() {
                    Some(_) => identifier.proven_email().is_some(),
                    None => true,
                };
                identifier.wide_email().map(|_| json!(is_answered))
            }
            Field::Tenant => self.tenant.map(|tenant| json!(tenant.as_str())),
            Field::Roles => Some(texts(authority.roles().iter().map(RoleName::as_str))),
            Field::Role => authority.role().map(|role| json!(role.as_str())),
            Field::Permissions => {
                let permissions = authority.permissions().iter();
                Some(texts(permissions.map(Permission::as_str)))
            }
            Field::Scopes => Some(texts(authority.scopes().iter().map(Scope::as_str))),
            Field::Scope if authority.scopes().is_empty() => None,
            Field::Scope => {
                let names: Vec<&str> = authority.scopes().iter().map(Scope::as_str).collect();
                Some(json!(names.join(" ")))
            }
            Field::UserMetadata => Some(Value::Object(self.subject.user_metadata.clone())),
            Field::AppMetadata => Some(Value::Object(self.subject.app_metadata.clone())),
            Field::Client => self.bearer.client().map(|id| json!(id.to_string())),
            Field::Credential => self.bearer.credential().to_text().map(Value::String),
            Field::Actor => act(self.actors, Written::Names),
            Field::Phone | Field::IsAnonymous | Field::Provider => self.of_subject(field),
            Field::SessionId | Field::Aal | Field::Amr | Field::AmrSteps | Field::AuthTime => {
                self.of_session(field)
            }
        }
    }
}

impl Whose<'_> {
    fn of_subject(&self, field: Field) -> Option<Value> {
        let contact = self.subject.identifier.contact()?;
        match field {
            // As with the e-mail address: what somebody only said may be another's number.
            Field::Phone => {
                let phone = contact.phone.as_ref().filter(|one| one.is_confirmed());
                phone.map(|phone| json!(phone.value.as_str()))
            }
            Field::IsAnonymous => Some(json!(contact.anonymous)),
            Field::Provider if contact.email.is_some() => Some(json!("email")),
            Field::Provider => contact.phone.as_ref().map(|_| json!("phone")),
            _ => None,
        }
    }

    fn of_session(&self, field: Field) -> Option<Value> {
        let session = self.bearer.session()?;
        match field {
            Field::SessionId => Some(json!(session.id.to_string())),
            Field::AuthTime => Some(json!(session.proven_at().as_seconds())),
            Field::Aal => Some(json!(session.aal.as_str())),
            Field::Amr => Some(texts(session.steps.iter().map(|step| step.method.as_str()))),
            Field::AmrSteps => Some(steps(session)),
            _ => None,
        }
    }
}

/// The steps of a sign-in with their times, newest first, as Supabase Auth writes them.
fn steps(session: &Session) -> Value {
    let written = |step: &AuthStep| json!({"method": step.method.as_str(), "timestamp": step.at.as_seconds()});
    session.steps.iter().rev().map(written).collect()
}

fn texts<'a>(names: impl Iterator<Item = &'a str>) -> Value {
    names.collect()
}
