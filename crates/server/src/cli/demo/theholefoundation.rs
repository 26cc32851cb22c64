//! The HOLE Foundation in the demo: a login of the demo's own in Auth0's place, whose key
//! Doorward is given in a file, and tokens of two people and a machine.

use super::{Failure, cannot, table};
use crate::system::{SystemClock, SystemEntropy};
use doorward_base::Clock as _;
use doorward_jose::alg::Algorithm;
use doorward_jose::{KeySet, SigningKey};
use serde_json::{Map, Value, json};
use std::path::Path;
use toml::Table;

/// The port that is taken if it is free.
pub(super) const PORT: u16 = 8082;
const TEXT: &str = include_str!("../../../../../systems/theholefoundation.toml");
const ISSUER: &str = "https://login.theholefoundation.example/";
const AUDIENCE: &str = "https://api.theholefoundation.org";
const KEYS: &str = "theholefoundation.json";
const ANN: &str = "auth0|507f1f77bcf86cd799439011";
const BOB: &str = "auth0|507f1f77bcf86cd799439012";
/// How long its tokens live, seconds.
const LIFE: i64 = 86_400;

/// The login: its key is in this process and nowhere else.
pub(super) struct Login(SigningKey);

impl Login {
    /// Makes its key, and writes the public half beside the configuration.
    pub(super) fn make(folder: &Path) -> Result<Self, Failure> {
        let key = SigningKey::generate(Algorithm::RS256, &SystemEntropy).map_err(cannot)?;
        let keys = KeySet::from_signing_keys([&key]).map_err(cannot)?;
        let text = keys.public_jwks().to_string();
        std::fs::write(folder.join(KEYS), text).map_err(cannot)?;
        Ok(Self(key))
    }

    fn token(&self, sub: &str, scope: &str, further: &Value) -> Result<String, Failure> {
        let now = SystemClock.now().as_seconds();
        let claims = json!({
            "iss": ISSUER, "sub": sub, "aud": AUDIENCE, "iat": now, "exp": now + LIFE, "scope": scope,
        });
        let mut all: Map<String, Value> = claims.as_object().cloned().unwrap_or_default();
        all.extend(further.as_object().cloned().unwrap_or_default());
        self.0.sign_jwt("JWT", &all).map_err(cannot)
    }
}

/// The system as it stands, without TLS, and with this login.
pub(super) fn configuration() -> Result<Table, Failure> {
    let mut whole: Table = TEXT.parse().map_err(cannot)?;
    let realm = table(table(&mut whole, "realm")?, "theholefoundation")?;
    realm.insert("require_https".to_owned(), "off".into());
    let issuers = realm.get_mut("issuers").and_then(toml::Value::as_array_mut);
    let issuer = issuers
        .and_then(|issuers| issuers.first_mut())
        .and_then(toml::Value::as_table_mut)
        .ok_or_else(|| cannot("the system has no issuer"))?;
    issuer.remove("jwks_url");
    issuer.insert("issuer".to_owned(), ISSUER.into());
    issuer.insert("keys".to_owned(), format!("file:{KEYS}").into());
    Ok(whole)
}

pub(super) fn tour(base: &str, login: &Login, file: &Path) -> Result<String, Failure> {
    let nothing = json!({});
    let both = "read:foia read:projects write:projects";
    let ann = login.token(ANN, both, &nothing)?;
    let bob = login.token(BOB, both, &nothing)?;
    let of_machine = json!({"gty": "client-credentials"});
    let machine = login.token("machine@clients", "read:foia read:projects", &of_machine)?;
    let id_token = login.token(ANN, "", &json!({"aud": "web", "nonce": "n"}))?;
    let rows = format!("{base}/api/projects/rows/projects");
    let file = file.display();
    Ok(format!(
        r#"
Doorward demo: system theholefoundation at {base}. Its tokens come from a login of the demo's own
in Auth0's place; Doorward has its public key and issues nothing. Two people, and a machine.
ANN={ann}
BOB={bob}
MACHINE={machine}

# 1. A scope opens its category for its methods, and a refusal names the one that is missing
curl -sw '\n' {base}/api/foia/requests -H "Authorization: Bearer $ANN"
curl -si {base}/api/foia/requests -X POST -H "Authorization: Bearer $ANN"

# 2. Each sees its own rows, and makes none of another's
curl -sw '%{{http_code}}\n' {rows} -H "Authorization: Bearer $ANN" -H 'Content-Type: application/json' -d '{{"id": 1, "user_id": "{ANN}", "name": "of Ann"}}'
curl -sw '%{{http_code}}\n' {rows} -H "Authorization: Bearer $BOB" -H 'Content-Type: application/json' -d '{{"id": 2, "user_id": "{BOB}", "name": "of Bob"}}'
curl -sw '\n' {rows} -H "Authorization: Bearer $ANN"
curl -sw '\n' {rows} -H "Authorization: Bearer $BOB"
curl -sw '\n' {rows} -H "Authorization: Bearer $MACHINE"

# 3. Whoever sends the wrong token is told which mistake that was, and why
curl -sw '\n' {base}/api/foia/requests -H 'Authorization: Bearer Mv9_6pdt3pVTwMyMQnk1ZqDUpn7sZ2sL'
ID=$(curl -si {base}/api/foia/requests -H "Authorization: Bearer {id_token}" | tr -d '\r' | sed -n 's/^x-request-id: //p')
doorward explain $ID --config {file}

# 4. Every request is in the audit log, with who asked, the route and the decision
doorward audit --realm theholefoundation --json --limit 5 --config {file}
"#
    ))
}
