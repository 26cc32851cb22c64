//! Which credential a request presents: by place (Authorization, a configured header
//! or query parameter, at mounts an API key's header and a cookie) and by shape. At most
//! one; two are refused, whatever they say. The exceptions are a mount's: its API key may
//! come beside a bearer, and a cookie, which browsers add by themselves, counts for
//! nothing beside what was presented on purpose.

use super::{STAGE, foreign, opaque, origin};
use crate::policy::compiled::{Issuer, Realm, Target};
use crate::policy::spec::{AuthorizationRule, ClassSpec, CredentialKind, MountSpec, RouteSpec};
use crate::port::Via;
use crate::scheme;
use crate::stage::{Passed, Stop};
use doorward_base::token_format::Shape;
use doorward_base::{ErrorCode, Secret};
use http::header::{AUTHORIZATION, COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use percent_encoding::percent_decode_str;

/// What is said to credentials that sign a connection in.
const OF_CONNECTION: &str = "NTLM and Negotiate sign in a connection, and connections to the \
     upstream are shared: they are not passed on (docs/configuration.md)";

/// A credential, not verified.
pub(crate) enum Presented<'r> {
    /// Three parts of base64url.
    Jwt(Text<'r>),
    /// What only an external issuer can read, which is asked about it.
    Opaque { issuer: &'r Issuer, token: Secret },
    /// The shape of a class that accepts this presentation.
    ApiToken {
        class: &'r ClassSpec,
        token: Secret,
        via: Via,
    },
    /// The credentials of HTTP Basic, still encoded.
    Basic(&'r str),
    /// The same, at a mount that clients call.
    Client(&'r str),
    /// The value of a sign-in's cookie.
    Session(Secret),
}

/// What a request presents.
pub(crate) struct Found<'r> {
    /// The caller's credential.
    pub(crate) caller: Presented<'r>,
    /// An API key that came beside it.
    pub(crate) beside: Option<Presented<'r>>,
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

/// Finds what the request presents, if anything: `target` is where it goes, and `secure`
/// whether it came by TLS.
pub(crate) fn find<'r>(
    realm: &'r Realm,
    target: Option<&'r Target>,
    parts: &'r Parts,
    secure: bool,
) -> Passed<Option<Found<'r>>> {
    let conflict = || Stop::new(ErrorCode::CredentialConflict, STAGE, "credentials");
    let mut fields = parts.headers.get_all(AUTHORIZATION).iter();
    let authorization = fields.next();
    if fields.next().is_some() {
        return Err(conflict());
    }
    let mount = target.and_then(Target::mount);
    let route = target.and_then(Target::route).map(|route| &route.spec);
    let passes = route.is_some_and(|route| route.authorization == AuthorizationRule::Pass);
    if passes && authorization.is_some_and(scheme::binds_connection) {
        let mut stop = Stop::new(ErrorCode::CredentialMalformed, STAGE, "connection_scheme");
        stop.refusal = stop.refusal.with_message(OF_CONNECTION);
        return Err(stop);
    }
    let authorization = authorization.filter(|value| {
        !is_anonymous(realm, value) && !route.is_some_and(|route| leaves_alone(realm, route, value))
    });
    let key_header = mount.and_then(|mount| mount.api_key.as_ref());
    let api_key = match key_header {
        Some(name) => find_api_key(realm, name, &parts.headers)?,
        None => None,
    };
    let jwt_query = route.and_then(|route| jwt_query(route, &parts.method));
    let mut others = other_places(realm, key_header, jwt_query, parts)?;
    let presented = others.len() + usize::from(authorization.is_some());
    if presented > 1 || (!others.is_empty() && api_key.is_some()) {
        return Err(conflict());
    }
    if let Some((place, text)) = others.pop() {
        return classify(realm, jwt_query, place, text).map(alone);
    }
    let caller = match authorization {
        Some(value) => Some(read_authorization(realm, mount, value)?),
        None => None,
    };
    match (caller, api_key) {
        (Some(caller), Some(_))
            if !matches!(caller, Presented::Jwt(_) | Presented::ApiToken { .. }) =>
        {
            Err(conflict())
        }
        (Some(caller), beside) => Ok(Some(Found {
            beside: beside.filter(|beside| !is_same(&caller, beside)),
            caller,
        })),
        (None, Some(api_key)) => Ok(alone(api_key)),
        (None, None) => Ok(mount
            .and_then(|mount| find_cookie(mount, parts, secure))
            .and_then(|value| alone(Presented::Session(value)))),
    }
}

/// Whether this is a key of an application, which is in every copy of it and is no caller's.
pub(super) fn is_anonymous(realm: &Realm, value: &HeaderValue) -> bool {
    let text = value.to_str().ok();
    let Some((scheme, key)) = text.and_then(|text| text.split_once(' ')) else {
        return false;
    };
    let key = key.trim_start_matches(' ');
    scheme.eq_ignore_ascii_case("bearer") && realm.anonymous_keys.iter().any(|known| known == key)
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the one form in which a finding is told"
)]
fn alone(caller: Presented<'_>) -> Option<Found<'_>> {
    Some(Found {
        caller,
        beside: None,
    })
}

fn read_authorization<'r>(
    realm: &'r Realm,
    mount: Option<&MountSpec>,
    value: &'r HeaderValue,
) -> Passed<Presented<'r>> {
    let malformed = || {
        let mut stop = Stop::new(ErrorCode::CredentialMalformed, STAGE, "authorization");
        stop.refusal = stop.refusal.because(Some("authorization_malformed"));
        stop
    };
    let text = value.to_str().map_err(|_| malformed())?;
    let (scheme, credentials) = text.split_once(' ').ok_or_else(malformed)?;
    // The scheme's case is free (RFC 9110 §11.1), and so is the number of spaces after it
    // (§11.4); what follows is one token.
    let credentials = credentials.trim_start_matches(' ');
    if credentials.is_empty() || credentials.contains([' ', ',', '\t']) {
        return Err(malformed());
    }
    if scheme.eq_ignore_ascii_case("bearer") {
        return classify(realm, None, Place::Bearer, Text::Borrowed(credentials));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(malformed());
    }
    let clients = mount.is_some_and(|mount| accepts(mount, CredentialKind::Client));
    Ok(if clients {
        Presented::Client(credentials)
    } else {
        Presented::Basic(credentials)
    })
}

pub(super) fn accepts(mount: &MountSpec, kind: CredentialKind) -> bool {
    mount.access.kinds().contains(&kind)
}

/// The API key in a mount's own header: a token of a class with that header, or an
/// access token.
fn find_api_key<'r>(
    realm: &'r Realm,
    name: &'r HeaderName,
    headers: &'r HeaderMap,
) -> Passed<Option<Presented<'r>>> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Stop::new(
            ErrorCode::CredentialConflict,
            STAGE,
            "credentials",
        ));
    }
    let text = value
        .to_str()
        .map_err(|_| Stop::new(ErrorCode::CredentialMalformed, STAGE, "presentation"))?;
    if is_jwt(text) {
        return Ok(Some(Presented::Jwt(Text::Borrowed(text))));
    }
    classify(realm, None, Place::Header(name), Text::Borrowed(text)).map(Some)
}

/// Whether the two are one credential, sent twice.
fn is_same(caller: &Presented<'_>, beside: &Presented<'_>) -> bool {
    match (caller, beside) {
        (Presented::Jwt(one), Presented::Jwt(other)) => one == other,
        (Presented::ApiToken { token, .. }, Presented::ApiToken { token: other, .. }) => {
            token.expose() == other.expose()
        }
        _ => false,
    }
}

/// The cookie of a sign-in. Another site's page cannot use it to change anything: it
/// counts for unsafe methods only where the browser says that our own page asks.
fn find_cookie(mount: &MountSpec, parts: &Parts, secure: bool) -> Option<Secret> {
    if !parts.method.is_safe() && !origin::is_own_page(parts, secure) {
        return None;
    }
    cookie(mount, parts)
}

/// The same, whoever's page asks.
pub(super) fn cookie(mount: &MountSpec, parts: &Parts) -> Option<Secret> {
    let wanted = mount.cookie.as_deref()?;
    // A field that cannot be read may hold another value of the name.
    let fields = parts.headers.get_all(COOKIE).iter();
    let fields: Vec<&str> = fields
        .map(HeaderValue::to_str)
        .collect::<Result<_, _>>()
        .ok()?;
    let mut values = fields
        .into_iter()
        .flat_map(|field| field.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, value)| *name == wanted && !value.is_empty())
        .map(|(_, value)| value);
    let value = values.next()?;
    // Two of one name are somebody's attempt to put theirs before ours.
    values
        .next()
        .is_none()
        .then(|| Secret::new(value.to_owned()))
}

pub(super) type Text<'r> = std::borrow::Cow<'r, str>;

/// Whether the route leaves this `Authorization` alone.
pub(crate) fn leaves_alone(realm: &Realm, route: &RouteSpec, value: &HeaderValue) -> bool {
    route.authorization == AuthorizationRule::Pass
        && !scheme::binds_connection(value)
        && foreign::is_foreign(realm, value)
}

/// The query parameter that may carry an access token here.
fn jwt_query<'r>(route: &'r RouteSpec, method: &Method) -> Option<&'r str> {
    let name = route.jwt_query.as_deref();
    name.filter(|_| *method == Method::GET)
}

/// What other places than `Authorization` and a mount's own header hold.
fn other_places<'r>(
    realm: &'r Realm,
    key_header: Option<&HeaderName>,
    jwt_query: Option<&'r str>,
    parts: &'r Parts,
) -> Passed<Vec<(Place<'r>, Text<'r>)>> {
    let malformed = || Stop::new(ErrorCode::CredentialMalformed, STAGE, "presentation");
    let mut found = Vec::new();
    let headers = realm.credential_headers.iter();
    for name in headers.filter(|name| Some(*name) != key_header) {
        for value in parts.headers.get_all(name) {
            let text = value.to_str().map_err(|_| malformed())?;
            found.push((Place::Header(name), Text::Borrowed(text)));
        }
    }
    if !realm.credential_params.is_empty() || jwt_query.is_some() {
        for (name, value) in pairs(parts.uri.query().unwrap_or_default()) {
            let Some(known) =
                credential_params(realm, jwt_query).find(|known| is_name(name, known))
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

pub(super) fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

pub(super) fn is_name(raw: &str, known: &str) -> bool {
    percent_decode_str(raw).eq(known.bytes())
}

/// The names of query parameters that carry credentials.
pub(super) fn credential_params<'r>(
    realm: &'r Realm,
    jwt_query: Option<&'r str>,
) -> impl Iterator<Item = &'r str> {
    let classes = realm.credential_params.iter().map(String::as_str);
    classes.chain(jwt_query)
}

/// Whether the query has a parameter that carries a credential.
pub(crate) fn is_in_query(realm: &Realm, route: Option<&RouteSpec>, query: &str) -> bool {
    let jwt_query = route.and_then(|route| route.jwt_query.as_deref());
    pairs(query)
        .any(|(name, _)| credential_params(realm, jwt_query).any(|known| is_name(name, known)))
}

/// The query without the parameters that carry credentials.
pub(crate) fn strip_query(realm: &Realm, route: Option<&RouteSpec>, query: &str) -> String {
    let jwt_query = route.and_then(|route| route.jwt_query.as_deref());
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| {
            let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
            !credential_params(realm, jwt_query).any(|known| is_name(name, known))
        })
        .collect();
    kept.join("&")
}

/// `jwt_query` is the query parameter that may hold an access token.
fn classify<'r>(
    realm: &'r Realm,
    jwt_query: Option<&str>,
    place: Place<'r>,
    text: Text<'r>,
) -> Passed<Presented<'r>> {
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
        (Place::Bearer, token) if is_jwt(&token) => Ok(Presented::Jwt(token)),
        (Place::Query(name), token) if jwt_query == Some(name) && is_jwt(&token) => {
            Ok(Presented::Jwt(token))
        }
        (Place::Bearer, token) if opaque::may_be(&token) => opaque::present(realm, token),
        (Place::Bearer, _) => Err(opaque::malformed()),
        _ => refuse("shape"),
    }
}

pub(super) fn is_jwt(text: &str) -> bool {
    text.bytes().filter(|&byte| byte == b'.').count() == 2
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
