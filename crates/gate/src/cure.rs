//! What mends a refusal: for each check the smallest change that would let the request
//! through, and of which claims it speaks. Not here: what was required and held (the stages).

use crate::policy::compiled::Realm;
use doorward_base::{ErrorCode, Principal};

/// The cure of a refusal, where one is known.
pub(crate) fn of(code: ErrorCode, check: &str) -> Option<&'static str> {
    if code == ErrorCode::TokenForLogin {
        return Some(
            "send the access token that came with this ID token, and ask for it with a required audience",
        );
    }
    let by_check = match check {
        "issuer" => {
            "the token's iss must be one of the required ones byte for byte, with or without the slash at its end: ask that issuer, or add this one to [[realm.R.issuers]]"
        }
        "algorithm" => {
            "let the issuer sign by an algorithm that the issuer's algorithms list, and publish the key for it"
        }
        "kid_unknown" => {
            "no key of this id was at the place that is required: see that the issuer publishes the key it signs with, and that jwks_url or discovery_url is this issuer's"
        }
        "kid_missing" => {
            "several keys fit and the token names none: let the issuer write kid into its header"
        }
        "signature" => {
            "another key signed it, or it was changed on its way: ask the issuer for a new token, and send it as it came"
        }
        "audience" => {
            "ask the issuer for a token with one of the required audiences, or add this one to the issuer's audiences"
        }
        "opaque" => {
            "ask the issuer for a token with one of the required audiences: without one it gives a token that it alone can read"
        }
        "inactive" => "the issuer says that the token is over or was ended: ask for another",
        "introspection" => {
            "the issuer did not answer properly at introspection.url: see that it is up, and that client_id and client_secret are right"
        }
        "keys" => {
            "the issuer's keys were never fetched: see that it is up, and that jwks_url or discovery_url is right; they are fetched again every few seconds"
        }
        "claim_condition" => {
            "the token is none of those that the issuer's require lets in: ask for one whose claims say what is required"
        }
        "expired" => {
            "ask the issuer for a new token; if this one is new, the clocks differ: set them, or raise the issuer's leeway"
        }
        "not_before" | "issued_at" => {
            "the token begins in the future: set the clocks, or raise the issuer's leeway"
        }
        "expiry_missing" => "let the issuer write exp into its tokens",
        "lifetime" => "ask for a token that lives no longer than is required",
        "typ" => {
            "it is a token of another kind: send an access token, or name its typ in the issuer's typ"
        }
        "claims" | "claim_type" | "content_type" => {
            "a claim of the token is of a form that its standard does not allow: let the issuer mend it"
        }
        "sub" => "let the issuer write sub, the subject's name, into its tokens",
        "scope_claim" | "permission_claim" | "role_claim" | "tenant_claim" => {
            "the claim is not of the form that is required: let the issuer mend it, or name another one in the issuer's claims"
        }
        "sender_constrained" => {
            "the token is good for whoever proves to hold a key, which is not asked here: ask for a bearer token"
        }
        "compact" | "encoding" | "header" | "extension" | "length" => {
            "what was sent is no signed JWT of three parts: send the access token as the issuer gave it"
        }
        "scope_any" | "scope_all" | "scope_method" => {
            "ask for a token with what is required (scope_all: all of it), and give the subject the right to it at its issuer; if it has it, see that it is written into a claim that is read"
        }
        "permission" => "give the subject the permissions that are required",
        "role" => "give the subject one of the roles that are required",
        "role_header" => "select a role that the subject holds",
        "tenant_required" => {
            "the token says no tenant: let the issuer write one into the claim that claims.tenant names, or give the issuer a tenant of its own"
        }
        _ => return by_code(code),
    };
    Some(by_check)
}

const fn by_code(code: ErrorCode) -> Option<&'static str> {
    match code {
        ErrorCode::CredentialMissing => {
            Some("send the access token as Authorization: Bearer followed by the token")
        }
        ErrorCode::CredentialMalformed => {
            Some("send one token as Authorization: Bearer followed by the token, and nothing else")
        }
        ErrorCode::HttpsRequired => Some("use https"),
        ErrorCode::RateLimited => Some("wait as long as Retry-After says"),
        _ => None,
    }
}

/// The claims that hold what this check is about, of a caller whose token another issuer
/// signed: its other claims say nothing of it.
pub(crate) fn read(realm: &Realm, principal: &Principal, check: &str) -> Vec<String> {
    let Some(issuer) = realm.issuer_of(principal) else {
        return Vec::new();
    };
    let map = &issuer.claims;
    let paths: Vec<_> = match check {
        "scope_any" | "scope_all" | "scope_method" => map.scopes.iter().collect(),
        "permission" => map.permissions.iter().collect(),
        "role" | "role_header" => map.roles.iter().chain(&map.role).collect(),
        "tenant_required" => map.tenant.iter().collect(),
        _ => Vec::new(),
    };
    paths.iter().map(ToString::to_string).collect()
}
