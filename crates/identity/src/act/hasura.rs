//! What a Hasura engine is told so that it accepts a realm's access tokens. Not here: the claims
//! that it reads in them, which the realm's template writes.

use super::Realm;
use doorward_base::Secret;
use serde_json::json;
use std::str;

/// Why there is no such text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HasuraError {
    /// An HS256 key that was made before keys were text.
    #[error(
        "the signing key is no text, and the engine takes no other: rotate it \
         (`doorward keys rotate`, twice)"
    )]
    NotText,
    /// The key could not be written.
    #[error("the signing key cannot be written")]
    Key,
}

/// The `HASURA_GRAPHQL_JWT_SECRET` of a realm: where its keys are, or the one that signs. That is
/// a secret.
///
/// # Errors
/// [`HasuraError`].
pub fn hasura_secret(realm: &Realm) -> Result<Secret, HasuraError> {
    let settings = &realm.settings;
    let issuer = &*settings.issuer;
    let audience = settings.tokens.audiences.first().map(ToString::to_string);
    let keyring = realm.keyring();
    let mut told = if settings.tokens.algorithm.is_symmetric() {
        let bytes = keyring.access().to_bytes().map_err(|_| HasuraError::Key)?;
        let key = str::from_utf8(&bytes).map_err(|_| HasuraError::NotText)?;
        json!({"type": settings.tokens.algorithm.as_str(), "key": key, "issuer": issuer})
    } else {
        let keys = format!("{}/.well-known/jwks.json", issuer.trim_end_matches('/'));
        json!({"jwk_url": keys, "issuer": issuer})
    };
    if let (Some(audience), Some(told)) = (audience, told.as_object_mut()) {
        told.insert("audience".to_owned(), json!(audience));
    }
    Ok(Secret::new(told.to_string()))
}
