//! Whether an `Authorization` is somebody else's: at a route that leaves such ones alone
//! it is no credential of ours and goes to the upstream as it came. Whatever could be
//! one of ours stays with us, in whichever scheme it is written.

use crate::policy::compiled::Realm;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{
    GeneralPurpose, GeneralPurposeConfig, STANDARD, URL_SAFE_NO_PAD,
};
use doorward_base::token_format::Shape;
use doorward_jose::json;
use http::HeaderValue;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// Whether nothing in the value is, or is shaped like, an API token of the realm's
/// classes, an access token of an issuer it accepts, or its Basic user; nor a JWT or HTTP
/// Basic that can be read in more than one way.
pub(crate) fn is_foreign(realm: &Realm, value: &HeaderValue) -> bool {
    let text = String::from_utf8_lossy(value.as_bytes());
    let decoded = percent_decode_str(&text).decode_utf8_lossy();
    if has_ours(realm, &text) || has_ours(realm, &decoded) {
        return false;
    }
    let (scheme, credentials) = text
        .split_once([' ', '\t'])
        .map_or((&*text, &*text), |(scheme, rest)| (scheme, rest.trim()));
    // An issuer that is asked may know any bearer.
    if realm.introspecting().is_some() && !scheme.eq_ignore_ascii_case("basic") {
        return false;
    }
    if scheme.eq_ignore_ascii_case("basic") {
        return read_pair(credentials).is_some_and(|pair| is_foreign_pair(realm, &pair));
    }
    // As Basic does, in any spelling of base64, also for those who skip what is none.
    let skipped: String = credentials.chars().filter(|c| is_base64(*c)).collect();
    credentials
        .split(|c| !is_base64(c))
        .chain([&*skipped])
        .all(|word| is_foreign_pair(realm, &String::from_utf8_lossy(&loosely(word))))
}

/// What everybody reads of HTTP Basic (RFC 7617 §2), if they all read the same.
fn read_pair(credentials: &str) -> Option<String> {
    let decoded = STANDARD.decode(credentials).ok()?;
    let pair = String::from_utf8_lossy(&decoded).into_owned();
    pair.contains(':').then_some(pair)
}

const fn is_base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_')
}

/// Whether a user name and a password are not of ours.
fn is_foreign_pair(realm: &Realm, pair: &str) -> bool {
    let user = pair.split_once(':').map(|(user, _)| user.trim());
    let our_user = realm.basic.as_ref().map(|basic| basic.username.as_str());
    let is_our_user = user
        .zip(our_user)
        .is_some_and(|(user, ours)| user.eq_ignore_ascii_case(ours));
    !is_our_user && !has_ours(realm, pair)
}

fn has_ours(realm: &Realm, text: &str) -> bool {
    // What neither a token of a class nor a JWT contains.
    let ends = |c: char| !(c.is_ascii_alphanumeric() || is_mark(c));
    text.split(ends)
        .filter(|word| !word.is_empty())
        .any(|word| is_ours(realm, word) || ends_in_a_token(realm, word))
}

const fn is_mark(c: char) -> bool {
    matches!(c, '-' | '_' | '.')
}

/// Whether what follows one of the word's marks is shaped like a token: whoever looks for
/// the beginning of a token finds it there.
fn ends_in_a_token(realm: &Realm, word: &str) -> bool {
    let word = word.trim_end_matches(is_mark);
    let mut rests = word
        .match_indices(is_mark)
        .filter_map(|(at, mark)| word.get(at + mark.len()..));
    rests.any(|rest| {
        let mut classes = realm.classes.iter();
        classes.any(|class| matches!(class.format.shape(rest), Shape::WellFormed(_)))
    })
}

fn is_ours(realm: &Realm, word: &str) -> bool {
    let mut classes = realm.classes.iter();
    if classes.any(|class| !matches!(class.format.shape(word), Shape::Other)) {
        return true;
    }
    // A JWT that cannot be read in one way is ours, whoever it says made it: an upstream
    // that reads it all the same could read one of us.
    !is_foreign_jwt(realm, word) && (is_like_a_jwt(word) || names_issuer(realm, word))
}

/// Whether this is a signed JWT as RFC 7519 has it, of nobody whom the realm accepts.
fn is_foreign_jwt(realm: &Realm, word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        return false;
    };
    let (Some(header), Some(claims)) = (strictly(header), strictly(claims)) else {
        return false;
    };
    let alg = header.get("alg").and_then(Value::as_str);
    let is_signed = alg.is_some_and(|alg| !alg.eq_ignore_ascii_case("none"))
        && !signature.is_empty()
        && URL_SAFE_NO_PAD.decode(signature).is_ok();
    let is_plain = ["b64", "crit", "enc", "zip"]
        .iter()
        .all(|name| !header.contains_key(*name));
    let issuer = match claims.get("iss") {
        None => None,
        Some(Value::String(issuer)) => Some(issuer.as_str()),
        Some(_) => return false,
    };
    let mut known = realm.issuers.iter();
    is_signed && is_plain && !known.any(|known| issuer == Some(&*known.issuer))
}

fn strictly(part: &str) -> Option<Map<String, Value>> {
    json::parse_object(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// Whether somebody who is not strict would take it for a JWT: several parts, one of which
/// is the beginning of a JSON object.
fn is_like_a_jwt(word: &str) -> bool {
    let is_object = |part: &str| {
        let text = loosely(part);
        let mut bytes = text.iter().filter(|byte| !byte.is_ascii_whitespace());
        let begins = (bytes.next(), bytes.next());
        matches!(begins, (Some(b'{'), Some(b'"' | b'}')))
    };
    word.contains('.') && (word.starts_with("eyJ") || word.split('.').any(is_object))
}

fn names_issuer(realm: &Realm, word: &str) -> bool {
    word.split('.').any(|part| {
        let text = loosely(part);
        let text = String::from_utf8_lossy(&text);
        let mut known = realm.issuers.iter();
        known.any(|known| text.contains(&*known.issuer))
    })
}

/// What somebody who is not strict reads of a part, in whichever encoding of Unicode.
fn loosely(part: &str) -> Vec<u8> {
    // One character more than whole bytes holds nothing.
    let end = part.len() - usize::from(part.len() % 4 == 1);
    let part = part.get(..end).unwrap_or_default();
    let part = part.replace('+', "-").replace('/', "_");
    let mut text = LOOSE.decode(part).unwrap_or_default();
    text.retain(|byte| !matches!(byte, 0 | 0xef | 0xbb | 0xbf | 0xfe | 0xff));
    text
}

const LOOSE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);
