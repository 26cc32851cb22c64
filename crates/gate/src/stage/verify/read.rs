//! From verified claims to a principal. Strict: a claim of the wrong form refuses the
//! token; it is never read as something less (J42).

use crate::policy::compiled::{Issuer, Keys};
use doorward_base::claims::ClaimPath;
use doorward_base::name::parse_scopes;
use doorward_base::principal::{CredentialId, Epoch};
use doorward_base::{
    Audience, Environment, NameError, Principal, SubjectId, SubjectKind, TenantId,
};
use doorward_jose::VerifiedClaims;
use serde_json::{Map, Value};
use std::str::FromStr;
use std::sync::Arc;

/// What our own tokens say of the credential behind them, in the claims `dw` and `sid`.
struct Own {
    subject: Option<SubjectId>,
    kind: SubjectKind,
    credential: CredentialId,
    epoch: Epoch,
    environment: Option<Environment>,
}

/// The principal, or the check that failed.
pub(super) fn principal(
    issuer: &Issuer,
    claims: VerifiedClaims,
) -> Result<Principal, &'static str> {
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
    let own = match issuer.keys {
        Keys::Own => read_own(&sub, &claims)?,
        Keys::Static(_) | Keys::Remote => Own {
            subject: None,
            kind: SubjectKind::External,
            credential: CredentialId::Foreign,
            epoch: Epoch::default(),
            environment: None,
        },
    };
    let map = &issuer.claims;
    let scopes = match find(map.scopes.as_ref(), &claims) {
        Some(Value::String(text)) => parse_scopes(text).map_err(|_| "scope_claim")?,
        other => names(other).map_err(|()| "scope_claim")?,
    };
    Ok(Principal {
        sub,
        subject: own.subject,
        kind: own.kind,
        tenant: one::<TenantId>(find(map.tenant.as_ref(), &claims)).map_err(|()| "tenant_claim")?,
        permissions: names(find(map.permissions.as_ref(), &claims))
            .map_err(|()| "permission_claim")?,
        roles: names(find(map.roles.as_ref(), &claims)).map_err(|()| "role_claim")?,
        role: one(find(map.role.as_ref(), &claims)).map_err(|()| "role_claim")?,
        scopes,
        credential: own.credential,
        environment: own.environment,
        issuer: Arc::clone(&issuer.issuer),
        audience,
        expires_at,
        epoch: own.epoch,
        claims: Arc::new(claims),
    })
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
    let private = claims.get("dw").and_then(Value::as_object).ok_or("dw")?;
    let text = |name| match private.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err("dw"),
    };
    let kind: SubjectKind = text("k")?.and_then(|kind| kind.parse().ok()).ok_or("dw")?;
    // The `sub` of an external subject is its own issuer's text; `s` is ours.
    let subject: SubjectId = match (kind, text("s")?) {
        (SubjectKind::External, Some(subject)) => subject.parse().map_err(|_| "dw")?,
        (SubjectKind::User | SubjectKind::Service, None) => sub.parse().map_err(|_| "sub")?,
        _ => return Err("dw"),
    };
    let session = match claims.get("sid") {
        None => None,
        Some(sid) => Some(sid.as_str().and_then(|sid| sid.parse().ok()).ok_or("sid")?),
    };
    let token = match text("t")? {
        None => None,
        Some(id) => Some(id.parse().map_err(|_| "dw")?),
    };
    let credential = match (token, session) {
        (Some(token), None) => CredentialId::ApiToken(token),
        (None, Some(session)) => CredentialId::Session(session),
        _ => return Err("credential_id"),
    };
    Ok(Own {
        subject: Some(subject),
        kind,
        credential,
        epoch: Epoch(private.get("e").and_then(Value::as_i64).ok_or("dw")?),
        environment: text("n")?.map(str::parse).transpose().map_err(|_| "dw")?,
    })
}
