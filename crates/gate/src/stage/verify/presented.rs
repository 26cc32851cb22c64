//! Which credential a request presents: by place (Authorization, a configured header
//! or query parameter) and by shape. At most one; two are refused, whatever they say.

use super::STAGE;
use crate::policy::compiled::Realm;
use crate::policy::spec::ClassSpec;
use crate::port::Via;
use crate::stage::{Passed, Stop};
use doorward_base::token_format::Shape;
use doorward_base::{ErrorCode, Secret};
use http::HeaderName;
use http::header::AUTHORIZATION;
use http::request::Parts;
use percent_encoding::percent_decode_str;

/// A credential, not verified.
pub(crate) enum Presented<'r> {
    /// Three parts of base64url.
    Jwt(&'r str),
    /// The shape of a class that accepts this presentation.
    ApiToken {
        class: &'r ClassSpec,
        token: Secret,
        via: Via,
    },
    /// The credentials of HTTP Basic, still encoded.
    Basic(&'r str),
}

#[derive(Clone, Copy)]
enum Place<'r> {
    Bearer,
    Header(&'r HeaderName),
    Query(&'r str),
}

impl Place<'_> {
    fn via(self) -> Via {
        match self {
            Self::Bearer => Via::Bearer,
            Self::Header(name) => Via::Header(name.clone()),
            Self::Query(name) => Via::Query(name.to_owned()),
        }
    }
}

/// Finds the request's credential, if it has one.
pub(crate) fn find<'r>(realm: &'r Realm, parts: &'r Parts) -> Passed<Option<Presented<'r>>> {
    let malformed = || Stop::new(ErrorCode::CredentialMalformed, STAGE, "authorization");
    let conflict = || Stop::new(ErrorCode::CredentialConflict, STAGE, "credentials");
    let mut fields = parts.headers.get_all(AUTHORIZATION).iter();
    let authorization = fields.next();
    if fields.next().is_some() {
        return Err(conflict());
    }
    let mut others = other_places(realm, parts)?;
    if others.len() + usize::from(authorization.is_some()) > 1 {
        return Err(conflict());
    }
    if let Some((place, text)) = others.pop() {
        return classify(realm, place, text).map(Some);
    }
    let Some(value) = authorization else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|_| malformed())?;
    let (scheme, credentials) = text.split_once(' ').ok_or_else(malformed)?;
    // The scheme's case is free (RFC 9110 §11.1); one space and one token are not.
    if credentials.is_empty() || credentials.contains([' ', ',', '\t']) {
        return Err(malformed());
    }
    if scheme.eq_ignore_ascii_case("bearer") {
        classify(realm, Place::Bearer, Text::Borrowed(credentials)).map(Some)
    } else if scheme.eq_ignore_ascii_case("basic") {
        Ok(Some(Presented::Basic(credentials)))
    } else {
        Err(malformed())
    }
}

type Text<'r> = std::borrow::Cow<'r, str>;

fn other_places<'r>(realm: &'r Realm, parts: &'r Parts) -> Passed<Vec<(Place<'r>, Text<'r>)>> {
    let malformed = || Stop::new(ErrorCode::CredentialMalformed, STAGE, "presentation");
    let mut found = Vec::new();
    for name in &realm.credential_headers {
        for value in parts.headers.get_all(name) {
            let text = value.to_str().map_err(|_| malformed())?;
            found.push((Place::Header(name), Text::Borrowed(text)));
        }
    }
    if !realm.credential_params.is_empty() {
        for (name, value) in pairs(parts.uri.query().unwrap_or_default()) {
            let Some(known) = realm
                .credential_params
                .iter()
                .find(|known| is_name(name, known))
            else {
                continue;
            };
            let text = percent_decode_str(value)
                .decode_utf8()
                .map_err(|_| malformed())?;
            found.push((Place::Query(known), text));
        }
    }
    Ok(found)
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn is_name(raw: &str, known: &str) -> bool {
    percent_decode_str(raw).eq(known.bytes())
}

/// The query without the parameters that carry credentials.
pub(crate) fn strip_query(realm: &Realm, query: &str) -> String {
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| {
            let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
            !realm
                .credential_params
                .iter()
                .any(|known| is_name(name, known))
        })
        .collect();
    kept.join("&")
}

fn classify<'r>(realm: &'r Realm, place: Place<'r>, text: Text<'r>) -> Passed<Presented<'r>> {
    let refuse = |check| Err(Stop::new(ErrorCode::TokenInvalid, STAGE, check));
    for class in &realm.classes {
        match class.format.shape(&text) {
            Shape::Other => {}
            Shape::Malformed => return refuse("shape"),
            Shape::WellFormed(_) if presented_in(class, place) => {
                return Ok(Presented::ApiToken {
                    class,
                    token: Secret::new(text.into_owned()),
                    via: place.via(),
                });
            }
            Shape::WellFormed(_) => return refuse("presentation"),
        }
    }
    match (place, text) {
        (Place::Bearer, Text::Borrowed(token))
            if token.bytes().filter(|&b| b == b'.').count() == 2 =>
        {
            Ok(Presented::Jwt(token))
        }
        (Place::Bearer, _) => Err(Stop::new(ErrorCode::CredentialMalformed, STAGE, "shape")),
        _ => refuse("shape"),
    }
}

fn presented_in(class: &ClassSpec, place: Place<'_>) -> bool {
    match place {
        Place::Bearer => class.bearer,
        Place::Header(name) => class
            .header
            .as_ref()
            .is_some_and(|header| header.as_str() == name),
        Place::Query(name) => class.query.as_deref() == Some(name),
    }
}
