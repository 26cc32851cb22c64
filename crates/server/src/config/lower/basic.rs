//! Lowering `[realm.NAME.basic]`.

use super::Lowering;
use super::server::ServerSettings;
use crate::config::basic::Basic;
use crate::config::problem::KeyPath;
use crate::config::realm::Realm;
use crate::config::text::sorted;
use crate::config::value::Url;
use doorward_gate::policy::spec::{BasicModule, BasicSpec, RequireHttps};
use std::time::Duration;

impl Lowering<'_> {
    /// The user name and the modules.
    pub(super) fn basic(&mut self, basic: &Basic, path: &KeyPath) -> BasicSpec {
        let place = path.key("basic");
        if basic.username.is_empty() || basic.username.contains([':', '\r', '\n']) {
            self.wrong(
                &place.key("username"),
                "must not be empty and must not contain a colon (RFC 7617 §2)",
            );
        }
        let five_minutes = Duration::from_secs(300);
        BasicSpec {
            username: basic.username.clone(),
            modules: basic
                .modules
                .iter()
                .map(|(name, module)| BasicModule {
                    name: name.clone(),
                    enabled: module.enabled,
                    scopes: sorted(&module.scopes),
                })
                .collect(),
            ttl: self.whole_seconds(&place.key("ttl"), basic.ttl, five_minutes),
        }
    }

    /// Basic sends the credential itself with every request: it needs TLS, except on
    /// this machine.
    pub(super) fn check_basic(
        &mut self,
        realm: &Realm,
        https: RequireHttps,
        issuer: &Url,
        server: Option<&ServerSettings>,
        path: &KeyPath,
    ) {
        let on = realm
            .basic
            .iter()
            .flat_map(|basic| &basic.modules)
            .find(|(_, m)| m.enabled);
        let tls = server.is_some_and(|server| server.tls.is_some());
        if let Some((module, _)) = on
            && https == RequireHttps::Off
            && !issuer.is_loopback()
            && !tls
        {
            self.wrong(
                &path.key("basic").key("modules").key(module),
                "Basic needs TLS: set require_https to \"reject\" or \"redirect\"",
            );
        }
    }
}
