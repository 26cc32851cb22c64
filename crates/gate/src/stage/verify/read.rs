//! From verified claims to a principal. Strict: a claim of the wrong form refuses the
//! token; it is never read as something less (J42).

use super::STAGE;
use crate::policy::compiled::{Issuer, Keys};
use crate::policy::spec::ClaimRule;
use crate::stage::{Passed, Stop};
use doorward_base::claims::ClaimPath;
use doorward_base::name::parse_scopes;
use doorward_base::principal::{
    ActorLink, CredentialId, Epoch, LostRole, MAX_ACTORS, PrincipalParts,
};
use doorward_base::{
    ApiTokenId, Audience, ClientId, Environment, ErrorCode, NameError, Principal, Scope, SessionId,
    SubjectId, SubjectKind, TenantId,
};
use doorward_jose::VerifiedClaims;
use serde_json::{Map, Value};
use std::str::FromStr;
use std::sync::Arc;

/// What our own tokens say of the credential behind them, in the claims `dw`, `sid` and
/// `act`.
struct Own {
    subject: Option<SubjectId>,
    kind: SubjectKind,
    credential: CredentialId,
    client: Option<ClientId>,
    actors: Vec<ActorLink>,
    epoch: Epoch,
    environment: Option<Environment>,
    crosses: bool,
    lost_role: Option<LostRole>,
}

/// What a token of another issuer says of these.
const FOREIGN: Own = Own {
    subject: None,
    kind: SubjectKind::External,
    credential: CredentialId::Foreign,
    client: None,
    actors: Vec::new(),
    epoch: Epoch(0),
    environment: None,
    // Its issuer says what its scopes are worth.
    crosses: true,
    lost_role: None,
};

/// The principal, or the claim that does not fit.
pub(super) fn principal(issuer: &Issuer, claims: VerifiedClaims) -> Passed<Principal> {
    build(issuer, claims).map_err(|unfit| unfit.refusal(issuer))
}

/// What does not fit.
enum Unfit<'i> {
    /// This check.
    Check(&'static str),
    /// A claim that the realm reads, by the check that it failed.
    Claim(&'static str),
    /// A condition on the claims; and what they say instead.
    Condition(&'i ClaimRule, Option<Value>),
}

impl From<&'static str> for Unfit<'_> {
    fn from(check: &'static str) -> Self {
        Self::Check(check)
    }
}

impl Unfit<'_> {
    fn refusal(self, issuer: &Issuer) -> Box<Stop> {
        let stop = |check| Stop::new(ErrorCode::TokenInvalid, STAGE, check);
        let map = &issuer.claims;
        match self {
            Self::Check(check) => stop(check),
            Self::Claim(check) => {
                let paths: Vec<&ClaimPath> = match check {
                    "scope_claim" => map.scopes.iter().collect(),
                    "permission_claim" => map.permissions.iter().collect(),
                    "tenant_claim" => map.tenant.iter().collect(),
                    _ => map.roles.iter().chain(&map.role).collect(),
                };
                let required = paths.iter().map(|path| format!("names in {path}"));
                stop(check).between(required.collect(), Vec::new())
            }
            Self::Condition(rule, said) => {
                let path = &rule.path;
                let required = rule.values.iter().map(|value| format!("{path} = {value}"));
                let held = said.map(|value| format!("{path} = {value}"));
                stop("claim_condition").between(required.collect(), held.into_iter().collect())
            }
        }
    }
}

fn build(issuer: &Issuer, claims: VerifiedClaims) -> Result<Principal, Unfit<'_>> {
    let sub: Arc<str> = claims
        .sub()
        .filter(|sub| !sub.is_empty())
        .ok_or("sub")?
        .into();
    let audience = claims
        .aud()
        .iter()
        .map(|aud| Audience::new(aud))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| "audience")?;
    let expires_at = claims.exp();
    let claims = claims.into_claims();
    if let Some(rule) = issuer.require.iter().find(|rule| !rule.holds(&claims)) {
        return Err(Unfit::Condition(rule, rule.path.find(&claims).cloned()));
    }
    // It is good for whoever proves to hold a key, which is not asked here (RFC 9449 §7.1,
    // RFC 8705 §3): as a bearer token it would be good for whoever found it.
    if claims.contains_key("cnf") {
        return Err(Unfit::Check("sender_constrained"));
    }
    let own = match issuer.keys {
        Keys::Own => read_own(&sub, &claims)?,
        Keys::Static(_) | Keys::Remote(_) | Keys::Nowhere => FOREIGN,
    };
    let map = &issuer.claims;
    let unfit = |check| move |()| Unfit::Claim(check);
    let tenant = match &issuer.tenant {
        Some(tenant) => Some(tenant.clone()),
        None => {
            one::<TenantId>(find(map.tenant.as_ref(), &claims)).map_err(unfit("tenant_claim"))?
        }
    };
    Ok(Principal::new(PrincipalParts {
        sub,
        subject: own.subject,
        kind: own.kind,
        tenant,
        permissions: names(find(map.permissions.as_ref(), &claims))
            .map_err(unfit("permission_claim"))?,
        roles: names(find(map.roles.as_ref(), &claims)).map_err(unfit("role_claim"))?,
        role: one(find(map.role.as_ref(), &claims)).map_err(unfit("role_claim"))?,
        scopes: scopes(&map.scopes, &claims).map_err(unfit("scope_claim"))?,
        lost_role: own.lost_role,
        crosses: own.crosses,
        credential: own.credential,
        client: own.client,
        actors: own.actors,
        environment: own.environment,
        issuer: Arc::clone(&issuer.subjects),
        audience,
        expires_at,
        epoch: own.epoch,
        claims: Arc::new(claims),
    }))
}

/// The marks of the roles that gave a token of ours its authority, each `None` if it is no
/// text; `None` if they cannot be read at all.
pub(super) fn role_marks(
    claims: &Map<String, Value>,
) -> Option<impl Iterator<Item = Option<&str>>> {
    let marks = match claims.get("dw").and_then(|own| own.get("r")) {
        None => &[][..],
        Some(marks) => marks.as_array()?,
    };
    Some(marks.iter().map(Value::as_str))
}

/// The scopes of all these claims together, sorted, without repetition.
fn scopes(paths: &[ClaimPath], claims: &Map<String, Value>) -> Result<Vec<Scope>, ()> {
    let mut scopes = Vec::new();
    for path in paths {
        scopes.extend(match find(Some(path), claims) {
            Some(Value::String(text)) => parse_scopes(text).map_err(drop)?,
            other => names(other)?,
        });
    }
    if paths.len() > 1 {
        scopes.sort_unstable();
        scopes.dedup();
    }
    Ok(scopes)
}

fn find<'c>(path: Option<&ClaimPath>, claims: &'c Map<String, Value>) -> Option<&'c Value> {
    path?.find(claims).filter(|value| !value.is_null())
}

fn one<T: FromStr<Err = NameError>>(value: Option<&Value>) -> Result<Option<T>, ()> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) => text.parse().map(Some).map_err(drop),
        Some(_) => Err(()),
    }
}

/// An array of names, sorted, without repetition; at most 1,024.
fn names<T: FromStr<Err = NameError> + Ord>(value: Option<&Value>) -> Result<Vec<T>, ()> {
    let list = match value {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) if list.len() <= 1024 => list,
        Some(_) => return Err(()),
    };
    let mut names = list
        .iter()
        .map(|item| item.as_str().ok_or(())?.parse().map_err(drop))
        .collect::<Result<Vec<T>, ()>>()?;
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

fn read_own(sub: &str, claims: &Map<String, Value>) -> Result<Own, &'static str> {
    let party = read_party(sub, claims)?;
    let environment = party.text("n")?.map(str::parse).transpose();
    let (credential, client) = match (party.token()?, session(claims)?, party.client()?) {
        (Some(token), None, None) => (CredentialId::ApiToken(token), None),
        (None, Some(session), client) => (CredentialId::Session(session), client),
        (None, None, Some(client)) => (CredentialId::Client(client), None),
        _ => return Err("credential_id"),
    };
    Ok(Own {
        subject: Some(party.subject),
        kind: party.kind,
        credential,
        client,
        actors: read_actors(claims.get("act"))?,
        epoch: party.epoch,
        environment: environment.map_err(|_| "dw")?,
        crosses: party.private.get("x") == Some(&Value::Bool(true)),
        lost_role: match party.private.get("l") {
            None => None,
            Some(Value::String(role)) => Some(LostRole::Part(role.parse().map_err(|_| "dw")?)),
            // Of what cannot be read the least is made.
            Some(_) => Some(LostRole::Whole),
        },
    })
}

/// The chain of actors, whoever acts now first (RFC 8693 §4.1). A chain that is longer
/// than any we issue, or has a link that names no credential of ours, refuses the token.
fn read_actors(mut act: Option<&Value>) -> Result<Vec<ActorLink>, &'static str> {
    let mut actors = Vec::new();
    while let Some(link) = act {
        let link = link.as_object().ok_or("act")?;
        if actors.len() == MAX_ACTORS {
            return Err("act");
        }
        let sub = link.get("sub").and_then(Value::as_str).ok_or("act")?;
        let party = read_party(sub, link).map_err(|_| "act")?;
        let credential = match (party.token()?, session(link)?, party.client()?) {
            (Some(token), None, None) => CredentialId::ApiToken(token),
            (None, Some(session), None) => CredentialId::Session(session),
            (None, None, Some(client)) => CredentialId::Client(client),
            _ => return Err("act"),
        };
        actors.push(ActorLink {
            sub: sub.into(),
            subject: party.subject,
            kind: party.kind,
            credential,
            epoch: party.epoch,
        });
        act = link.get("act");
    }
    Ok(actors)
}

/// A subject and its private object: of the token itself or of one link of `act`.
struct Party<'c> {
    private: &'c Map<String, Value>,
    subject: SubjectId,
    kind: SubjectKind,
    epoch: Epoch,
}

impl<'c> Party<'c> {
    fn text(&self, name: &str) -> Result<Option<&'c str>, &'static str> {
        text(self.private, name)
    }

    fn token(&self) -> Result<Option<ApiTokenId>, &'static str> {
        self.text("t")?
            .map(str::parse)
            .transpose()
            .map_err(|_| "dw")
    }

    fn client(&self) -> Result<Option<ClientId>, &'static str> {
        self.text("c")?
            .map(str::parse)
            .transpose()
            .map_err(|_| "dw")
    }
}

fn text<'c>(private: &'c Map<String, Value>, name: &str) -> Result<Option<&'c str>, &'static str> {
    match private.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err("dw"),
    }
}

fn read_party<'c>(sub: &str, claims: &'c Map<String, Value>) -> Result<Party<'c>, &'static str> {
    let private = claims.get("dw").and_then(Value::as_object).ok_or("dw")?;
    let kind = text(private, "k")?.and_then(|kind| kind.parse().ok());
    let kind: SubjectKind = kind.ok_or("dw")?;
    // The `sub` of an external subject is its own issuer's text; `s` is ours.
    let subject: SubjectId = match (kind, text(private, "s")?) {
        (SubjectKind::External, Some(subject)) => subject.parse().map_err(|_| "dw")?,
        (SubjectKind::User | SubjectKind::Service, None) => sub.parse().map_err(|_| "sub")?,
        _ => return Err("dw"),
    };
    Ok(Party {
        private,
        subject,
        kind,
        epoch: Epoch(private.get("e").and_then(Value::as_i64).ok_or("dw")?),
    })
}

fn session(claims: &Map<String, Value>) -> Result<Option<SessionId>, &'static str> {
    match claims.get("sid") {
        None => Ok(None),
        Some(sid) => {
            let id = sid.as_str().and_then(|sid| sid.parse().ok());
            Ok(Some(id.ok_or("sid")?))
        }
    }
}
