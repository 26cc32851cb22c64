//! `[realm.NAME.notices]`: how tenants are told that their API tokens will stop.

use super::text::{FromText, Text};
use super::value::SecretRef;
use doorward_base::egress::EgressUrl;
use schemars::JsonSchema;
use serde::Deserialize;

/// How tenants are told, 30, 7 and 1 days before, that their keys and service accounts' tokens
/// will stop by themselves: one digest for a tenant and a day.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Notices {
    /// By mail to the tenant's members who may replace or end its tokens, where
    /// `[server.mail]` sends any. Default: true.
    pub mail: bool,
    /// By a signed message to this address, for all tenants. Default: none.
    pub webhook: Option<Webhook>,
}

impl Default for Notices {
    fn default() -> Self {
        Self {
            mail: true,
            webhook: None,
        }
    }
}

/// Where messages go, signed as Standard Webhooks has it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// The address. It must be https, but for this machine; one that is not public needs
    /// `[server] egress_allow`.
    pub url: Text<EgressUrl>,
    /// What messages are signed with: "whsec_" and 24 to 64 bytes in Base64.
    pub secret: Text<SecretRef>,
}

impl FromText for EgressUrl {
    const FORM: &'static str = "an address such as \"https://hooks.example.com/doorward\"";

    fn from_text(text: &str) -> Result<Self, String> {
        // The text is not repeated: its path may hold a secret.
        let parsed = text
            .parse()
            .ok()
            .filter(|url: &Self| url.is_tls() || is_local(url));
        parsed.ok_or_else(|| {
            format!(
                "expected {}; plain http goes to this machine alone",
                Self::FORM
            )
        })
    }
}

/// Whether it is this machine.
fn is_local(url: &EgressUrl) -> bool {
    use doorward_base::egress::EgressHost;
    match url.host() {
        EgressHost::Address(address) => address.is_loopback(),
        EgressHost::Name(name) => name == "localhost",
    }
}
