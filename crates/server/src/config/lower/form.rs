//! Lowering what a realm says to those it refuses: its body form, in its words, and where it
//! tells whose tokens it takes. Not here: the forms.

use super::Lowering;
use crate::config::form::{CodeName, FormName, words};
use crate::config::problem::KeyPath;
use crate::config::realm::Realm;
use crate::config::text::Text;
use doorward_gate::policy::spec::{KeySource, RealmSpec};
use doorward_identity::settings::RealmSettings;
use doorward_oauth::{Resource, resource_url};
use doorward_surface::Form;
use http::HeaderValue;
use std::sync::Arc;

impl Lowering<'_> {
    /// The body form of the realm, in its words.
    pub(super) fn errors(&mut self, realm: &Realm, path: &KeyPath) -> Arc<dyn Form> {
        let name = realm.errors.as_ref().map(|Text(name)| name.clone());
        let name = name.unwrap_or_default();
        if let (FormName::Product(_), false) = (&name, realm.error_codes.is_empty()) {
            self.wrong(
                &path.key("error_codes"),
                "is for the forms problem, plain, backstage, envelope and nested: a product's form has its own codes",
            );
        }
        for (Text(code), name) in &realm.error_codes {
            let (CodeName::Code(text) | CodeName::Full { code: text, .. }) = name;
            let sound =
                (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
            if !sound {
                self.wrong(
                    &path.key("error_codes").key(code.as_str()),
                    "must be a code of 1 to 64 visible characters",
                );
            }
        }
        name.form(&words(&realm.error_codes))
    }
}

/// Where the realm tells whose tokens it takes, if it does (RFC 9728 §3.1).
pub(super) fn told_at(realm: &Realm, identity: &RealmSettings) -> Option<HeaderValue> {
    let url = || HeaderValue::from_str(&resource_url(&identity.issuer)).ok();
    realm.resource_metadata.then(url).flatten()
}

/// Whose tokens a realm takes, and for which scopes its routes ask.
pub(super) fn resource(gate: &RealmSpec) -> Resource {
    let external = |source: &KeySource| !matches!(source, KeySource::Own);
    let issuers = gate.issuers.iter();
    let issuers = issuers.filter(|issuer| external(&issuer.keys));
    let routes = gate.routes.iter().filter(|route| !route.public);
    let scopes = routes.flat_map(|route| {
        let rule = &route.scopes;
        rule.any
            .iter()
            .chain(&rule.all)
            .chain(&rule.read)
            .chain(&rule.write)
    });
    Resource {
        issuers: issuers.map(|issuer| issuer.issuer.to_string()).collect(),
        scopes: scopes.map(ToString::to_string).collect(),
    }
}
