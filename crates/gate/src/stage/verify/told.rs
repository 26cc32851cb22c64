//! Why a JWT was refused, for whoever asks: what was required, and what the token said. What
//! an unverified token says is made up by whoever sent it, and is told as nothing more. Not
//! here: the checks (`jose`), and what mends them (`cure`).

use super::STAGE;
use crate::policy::compiled::{Issuer, Keys, Realm};
use crate::stage::Stop;
use doorward_base::{ErrorCode, Timestamp};
use doorward_jose::UnverifiedJwt;
use doorward_jose::jws::JwsError;
use doorward_jose::jwt::JwtError;
use serde_json::Value;

/// The most elements of a claim that are told.
const MOST: usize = 8;

/// The refusal of a token that was taken apart before; what it says is read once more, because
/// good ones need not pay for it.
pub(super) fn refusal(issuer: &Issuer, token: &str, error: JwtError, now: Timestamp) -> Box<Stop> {
    let Ok(jwt) = UnverifiedJwt::parse(token) else {
        return Stop::new(error.code(), STAGE, error.check());
    };
    let code = match error {
        // Some issuers write no `typ` into them.
        JwtError::Audience | JwtError::Typ if is_for_login(&jwt) => ErrorCode::TokenForLogin,
        _ => error.code(),
    };
    let (required, held) = sides(issuer, &jwt, error, now);
    Stop::new(code, STAGE, error.check()).between(required, held)
}

/// What was required, and what the token says.
fn sides(
    issuer: &Issuer,
    jwt: &UnverifiedJwt<'_>,
    error: JwtError,
    now: Timestamp,
) -> (Vec<String>, Vec<String>) {
    let header = jwt.header();
    let claim = |name: &str| texts(jwt.claim(name));
    let one = |text: Option<&String>| text.cloned().into_iter().collect();
    let leeway = issuer.leeway.as_secs();
    let within = || vec![format!("now {}, leeway {leeway}s", now.as_seconds())];
    match error {
        JwtError::Audience => {
            let audiences = issuer.audiences.iter().map(ToString::to_string);
            (audiences.collect(), claim("aud"))
        }
        JwtError::Typ => (issuer.typ_names.clone(), one(header.typ.as_ref())),
        JwtError::Expired | JwtError::ExpiryMissing => (within(), claim("exp")),
        JwtError::NotBefore => (within(), claim("nbf")),
        JwtError::IssuedAt => (within(), claim("iat")),
        JwtError::Lifetime => {
            let most = issuer.max_lifetime.unwrap_or_default().as_secs();
            (vec![format!("at most {most}s")], claim("exp"))
        }
        JwtError::Jws(JwsError::Algorithm) => {
            let required = format!("the algorithm of the key of {}", place(issuer));
            (vec![required], vec![header.alg.to_string()])
        }
        JwtError::Jws(JwsError::KidUnknown | JwsError::KidMissing | JwsError::Signature) => {
            let required = format!("a key of {}", place(issuer));
            (vec![required], one(header.kid.as_ref()))
        }
        _ => (Vec::new(), Vec::new()),
    }
}

/// Where the keys were looked for.
fn place(issuer: &Issuer) -> String {
    match &issuer.keys {
        Keys::Own => "this realm".to_owned(),
        Keys::Static(_) => "the configuration".to_owned(),
        // A query may hold a secret.
        Keys::Remote(remote) => {
            let url = remote.source.url();
            let [scheme, host] = [url.scheme_str(), url.host()].map(Option::unwrap_or_default);
            let port = url
                .port_u16()
                .map_or_else(String::new, |port| format!(":{port}"));
            format!("{scheme}://{host}{port}{}", url.path())
        }
        Keys::Nowhere => "no set: this issuer is only asked about opaque tokens".to_owned(),
    }
}

pub(super) fn of_no_issuer(realm: &Realm, jwt: &UnverifiedJwt<'_>) -> Box<Stop> {
    let known = realm.issuers.iter();
    let known = known.map(|issuer| issuer.issuer.to_string()).collect();
    Stop::new(ErrorCode::TokenInvalid, STAGE, "issuer").between(known, texts(jwt.claim("iss")))
}

pub(super) fn of_another_algorithm(issuer: &Issuer, jwt: &UnverifiedJwt<'_>) -> Box<Stop> {
    let accepted = issuer.algorithms.iter().map(ToString::to_string).collect();
    let held = vec![jwt.header().alg.to_string()];
    Stop::new(ErrorCode::TokenInvalid, STAGE, "algorithm").between(accepted, held)
}

/// What an access token never has (OpenID Connect Core §2, §3.1.3.6): whoever sends one took
/// the wrong one of two. Auth0's say it only by their audience, which is the application.
pub(super) fn is_for_login(jwt: &UnverifiedJwt<'_>) -> bool {
    let has = |name: &str| jwt.claim(name).is_some();
    let is_of_login = ["nonce", "at_hash", "c_hash", "s_hash"]
        .into_iter()
        .any(has);
    let of_profile = ["email", "nickname", "name", "picture"]
        .into_iter()
        .any(has);
    is_of_login || (of_profile && !has("scope") && !has("permissions"))
}

/// A claim as texts, a few of them.
fn texts(claim: Option<&Value>) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Object(_) | Value::Array(_) => "…".to_owned(),
        other => other.to_string(),
    };
    match claim {
        None => Vec::new(),
        Some(Value::Array(list)) => list.iter().take(MOST).map(text).collect(),
        Some(one) => vec![text(one)],
    }
}
