//! Lowering `upstream_tls`, of a realm and of a route. Not here: speaking it
//! (`doorward_gate::UpstreamTls`).

use super::Lowering;
use crate::config::problem::KeyPath;
use crate::config::realm::Realm;
use crate::config::route::{Route, UpstreamTls};
use crate::config::text::Text;
use doorward_gate::{Pair, Roots, UpstreamTls as GateTls};
use http::Uri;
use rustls::RootCertStore;
use rustls::pki_types::ServerName;
use std::sync::Arc;

/// The realm's settings, lowered when the first route needs them and then shared.
pub(super) struct Shared<'r> {
    given: Option<&'r UpstreamTls>,
    place: KeyPath,
    /// What they came to, once looked at; `None` inside is a problem that was noted.
    lowered: Option<Option<GateTls>>,
}

impl<'r> Shared<'r> {
    pub(super) fn new(realm: &'r Realm, path: &KeyPath) -> Self {
        Self {
            given: realm.upstream_tls.as_ref(),
            place: path.key("upstream_tls"),
            lowered: None,
        }
    }
}

impl Lowering<'_> {
    /// How the upstream of a route is recognised; nothing where it is not https.
    pub(super) fn route_tls(
        &mut self,
        route: &Route,
        base: &Uri,
        shared: &mut Shared<'_>,
        path: &KeyPath,
    ) -> Option<GateTls> {
        let place = path.key("upstream_tls");
        if base.scheme_str() != Some("https") {
            if route.upstream_tls.is_some() {
                self.wrong(&place, "is for an https upstream");
            }
            return None;
        }
        if let Some(own) = &route.upstream_tls {
            return self.upstream_tls(own, &place);
        }
        let lowered = match shared.lowered.take() {
            Some(lowered) => lowered,
            None => {
                let unset = UpstreamTls::default();
                self.upstream_tls(shared.given.unwrap_or(&unset), &shared.place)
            }
        };
        shared.lowered = Some(lowered.clone());
        lowered
    }

    fn upstream_tls(&mut self, given: &UpstreamTls, place: &KeyPath) -> Option<GateTls> {
        let roots = match &given.ca {
            None => Roots::System(self.system_roots(place)?),
            Some(Text(source)) => {
                let pem = self.pem(&place.key("ca"), source)?;
                Roots::Pem(pem.expose().as_bytes().to_vec())
            }
        };
        let name = match &given.server_name {
            None => None,
            Some(name) => {
                let parsed = ServerName::try_from(name.clone())
                    .map_err(|_| format!("{name:?} is not the name of a host"));
                Some(self.problems.take(&place.key("server_name"), parsed)?)
            }
        };
        let own = self.own_pair(given, place)?;
        let lowered = GateTls::new(&roots, own.as_ref(), name);
        let lowered = lowered.map_err(|error| error.to_string());
        self.problems.take(&place.key("ca"), lowered)
    }

    /// What is shown to an upstream that asks, if anything. `None` is a problem.
    #[expect(
        clippy::option_option,
        reason = "the outer one is a problem that was noted, as everywhere in lowering"
    )]
    fn own_pair(&mut self, given: &UpstreamTls, place: &KeyPath) -> Option<Option<Pair>> {
        match (&given.cert, &given.key) {
            (None, None) => Some(None),
            (Some(Text(cert)), Some(Text(key))) => self.pair(cert, key, place).map(Some),
            _ => {
                self.wrong(place, "cert and key belong together; give both or neither");
                None
            }
        }
    }

    fn system_roots(&mut self, place: &KeyPath) -> Option<Arc<RootCertStore>> {
        if self.system_roots.is_none() {
            let mut roots = RootCertStore::empty();
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            self.system_roots = Some(Arc::new(roots));
        }
        let roots = self.system_roots.clone().filter(|roots| !roots.is_empty());
        if roots.is_none() {
            self.wrong(
                place,
                "the system has no certificate authorities; name those of the upstream in ca",
            );
        }
        roots
    }
}
