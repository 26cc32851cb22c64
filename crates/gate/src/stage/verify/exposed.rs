//! Every credential that a request holds, each by itself: whoever was on the way has read
//! them all, also those that are refused together, or where they are. Not here: what a
//! request presents (`presented`), and what becomes of them (`gate`).

use super::basic;
use super::presented::{
    Presented, Text, accepts, cookie, credential_params, is_anonymous, is_jwt, is_name, pairs,
};
use crate::policy::compiled::{Realm, Target};
use crate::policy::spec::{ClassSpec, CredentialKind};
use crate::port::Via;
use doorward_base::Secret;
use doorward_base::token_format::Shape;
use http::header::AUTHORIZATION;
use http::request::Parts;
use percent_encoding::percent_decode_str;

/// The most credentials of one request that are looked at: each costs as much as a request.
const MOST: usize = 8;

/// What could be a credential of ours; what is shaped like none is left out.
pub(crate) fn find_all<'r>(
    realm: &'r Realm,
    target: Option<&'r Target>,
    parts: &'r Parts,
) -> Vec<Presented<'r>> {
    let mount = target.and_then(Target::mount);
    let mut found = Vec::new();
    let mut texts = Vec::<Text<'r>>::new();
    for value in parts.headers.get_all(AUTHORIZATION) {
        let text = value.to_str().ok().filter(|_| !is_anonymous(realm, value));
        let Some((scheme, rest)) = text.and_then(|text| text.split_once(' ')) else {
            continue;
        };
        let rest = rest.trim_start_matches(' ');
        if !scheme.eq_ignore_ascii_case("basic") {
            texts.push(rest.into());
            continue;
        }
        if mount.is_some_and(|mount| accepts(mount, CredentialKind::Client)) {
            found.push(Presented::Client(rest));
        }
        let pair = basic::decode(rest).ok();
        let password = pair.as_ref().and_then(|pair| pair.expose().split_once(':'));
        texts.extend(password.map(|(_, password)| password.to_owned().into()));
    }
    let own = mount.and_then(|mount| mount.api_key.as_ref());
    for name in realm.credential_headers.iter().chain(own) {
        let values = parts.headers.get_all(name).iter();
        texts.extend(
            values
                .filter_map(|value| value.to_str().ok())
                .map(Text::from),
        );
    }
    let route = target.and_then(Target::route).map(|route| &route.spec);
    let jwt_query = route.and_then(|route| route.jwt_query.as_deref());
    for (name, value) in pairs(parts.uri.query().unwrap_or_default()) {
        if credential_params(realm, jwt_query).any(|known| is_name(name, known)) {
            texts.extend(percent_decode_str(value).decode_utf8());
        }
    }
    let cookie = mount.and_then(|mount| cookie(mount, parts));
    found.extend(cookie.map(Presented::Session));
    for (at, text) in texts.iter().enumerate() {
        if !texts.iter().take(at).any(|earlier| earlier == text) {
            found.extend(classify(realm, text));
        }
    }
    found.truncate(MOST);
    found
}

fn classify<'r>(realm: &'r Realm, text: &Text<'r>) -> Option<Presented<'r>> {
    let shaped = |class: &&ClassSpec| matches!(class.format.shape(text), Shape::WellFormed(_));
    if let Some(class) = realm.classes.iter().find(shaped) {
        return Some(Presented::ApiToken {
            class,
            token: Secret::new(text.clone().into_owned()),
            via: way_of(class)?,
        });
    }
    is_jwt(text).then(|| Presented::Jwt(text.clone()))
}

/// A way in which the class is taken: by whichever it came, it is the same token.
fn way_of(class: &ClassSpec) -> Option<Via> {
    if class.bearer {
        return Some(Via::Bearer);
    }
    let header = class.header.clone().map(Via::Header);
    let query = || class.query.clone().map(Via::Query);
    header.or_else(query).or(class.basic.then_some(Via::Basic))
}
