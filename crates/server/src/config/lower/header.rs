//! Lowering what a realm says of headers: what they may be given to mean, and
//! `[realm.NAME.identity]`.

use super::Lowering;
use crate::config::identity_headers::Identity;
use crate::config::problem::KeyPath;
use crate::config::realm::Realm;
use crate::config::text::{FromText as _, Text};
use doorward_gate::policy::may_pass;
use doorward_gate::policy::spec::IdentitySpec;
use http::HeaderName;

/// Headers that mean something else already: to the connection, to every reader of a
/// request, or to the gate.
const TAKEN: &[&str] = &[
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "origin",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
];

impl Lowering<'_> {
    /// A header to which the realm gives a meaning of its own: `purpose`, such as "carry a
    /// claim".
    pub(super) fn check_header(&mut self, name: &str, purpose: &str, place: &KeyPath) {
        if TAKEN.contains(&name) {
            let message = format!("this header cannot {purpose}; choose another");
            self.wrong(place, message);
        }
    }

    /// The headers by which a request selects a role or a tenant.
    pub(super) fn check_selecting(&mut self, realm: &Realm, path: &KeyPath) {
        if let Some(Text(name)) = &realm.role_header {
            self.check_header(name.as_str(), "select a role", &path.key("role_header"));
        }
        if let Some(tenant) = &realm.tenant_header {
            let place = path.key("tenant_header").key("header");
            self.check_header(tenant.header.0.as_str(), "select a tenant", &place);
        }
    }

    pub(super) fn identity_headers(&mut self, identity: &Identity, path: &KeyPath) -> IdentitySpec {
        let mut mapped = Vec::with_capacity(identity.map.len());
        for (text, Text(claim)) in &identity.map {
            let place = path.key("identity").key("map").key(text);
            let Some(header) = self.problems.take(&place, HeaderName::from_text(text)) else {
                continue;
            };
            self.check_header(header.as_str(), "carry a claim", &place);
            mapped.push((header, claim.clone()));
        }
        let mut pass = Vec::with_capacity(identity.pass.len());
        for (at, Text(name)) in identity.pass.iter().enumerate() {
            if may_pass(name) {
                pass.push(name.clone());
            } else {
                let message = format!(
                    "{name} is set by Doorward, or ends at each proxy; no client may send it"
                );
                self.wrong(&path.key("identity").key("pass").index(at), message);
            }
        }
        IdentitySpec {
            headers: identity.headers,
            mapped,
            forward_jwt: identity.forward_jwt,
            strip: identity
                .strip
                .iter()
                .map(|Text(name)| name.clone())
                .collect(),
            pass,
        }
    }
}
