//! The surface as targets made once, and what it keeps of each realm. Not here: where
//! they are mounted and who may call them; the server mounts them open, because their
//! credentials are in the bodies.

use crate::discovery::{Metadata, show_metadata};
use crate::exchange::exchange_token;
use crate::jwks::show_jwks;
use axum::body::Bytes;
use axum::routing::{MethodRouter, get, post};
use doorward_identity::act::Identity;
use doorward_identity::settings::RealmSettings;
use doorward_surface::Local;
use doorward_surface::axum_target::AxumLocal;
use std::sync::Arc;

/// How the exchange's members are called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExchangeNames {
    /// The member with the API token.
    pub token_field: String,
    /// The member with the life asked for, in seconds.
    pub duration_field: String,
    /// The member with the scopes asked for, separated by single spaces.
    pub scope_field: String,
    /// The member of the answer with the access token.
    pub answer_field: String,
}

/// Where the exchange is and how its members are called, checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExchangeMount {
    path: String,
    names: ExchangeNames,
}

/// Why an exchange cannot be mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeMountError {
    /// The path is not a literal one.
    #[error("the path must be literal segments of letters, digits and . _ ~ -, each after a /")]
    Path,
    /// A name is empty.
    #[error("a field's name is empty")]
    Empty,
    /// Two members of the request have one name.
    #[error("two fields of the request have the same name")]
    Repeated,
}

impl ExchangeMount {
    /// Checks and takes where the exchange is.
    ///
    /// # Errors
    /// [`ExchangeMountError`].
    pub fn new(path: &str, names: ExchangeNames) -> Result<Self, ExchangeMountError> {
        let request = [
            &names.token_field,
            &names.duration_field,
            &names.scope_field,
        ];
        if path.is_empty() || !is_literal(path) {
            return Err(ExchangeMountError::Path);
        }
        if names.answer_field.is_empty() || request.iter().any(|name| name.is_empty()) {
            return Err(ExchangeMountError::Empty);
        }
        let [token, duration, scope] = request;
        if token == duration || token == scope || duration == scope {
            return Err(ExchangeMountError::Repeated);
        }
        Ok(Self {
            path: path.to_owned(),
            names,
        })
    }

    /// Its path, for example `/api/auth/access-tokens/jwt`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// How its members are called.
    pub(crate) const fn names(&self) -> &ExchangeNames {
        &self.names
    }
}

/// Whether a path, which may be empty, is nothing but literal segments, so that a
/// router takes it as it stands.
pub(crate) fn is_literal(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'-');
    let mut segments = path.split('/');
    segments.next() == Some("")
        && segments.all(|segment| !segment.is_empty() && segment.bytes().all(plain))
}

/// What the surface keeps of one realm. The realm's parts hold it as `Arc<OAuthRealm>`,
/// beside its `Arc<Realm>`.
#[derive(Debug)]
pub struct OAuthRealm {
    pub(crate) exchange: Option<ExchangeMount>,
    /// The metadata document, written once.
    pub(crate) metadata: Bytes,
}

impl OAuthRealm {
    /// Of a realm with these settings, and with this exchange if it has one.
    #[must_use]
    pub fn new(settings: &RealmSettings, exchange: Option<ExchangeMount>) -> Self {
        let roles = settings.roles.iter();
        let metadata = Metadata::new(
            &settings.issuer,
            roles.flat_map(|definition| &definition.permissions),
        );
        Self {
            exchange,
            metadata: serde_json::to_vec(&metadata).unwrap_or_default().into(),
        }
    }
}

/// The endpoints, each made once for all realms.
#[derive(Clone)]
pub struct OAuthTargets {
    /// The key set, at [`crate::JWKS_PATH`].
    pub jwks: Arc<dyn Local>,
    /// The metadata, at [`crate::metadata_paths`].
    pub metadata: Arc<dyn Local>,
    /// The exchange, at [`ExchangeMount::path`].
    pub exchange: Arc<dyn Local>,
}

impl OAuthTargets {
    /// Over the process's identity.
    #[must_use]
    pub fn new(identity: Arc<Identity>) -> Self {
        let local =
            |methods: MethodRouter| -> Arc<dyn Local> { Arc::new(AxumLocal::endpoint(methods)) };
        Self {
            jwks: local(get(show_jwks)),
            metadata: local(get(show_metadata)),
            exchange: local(post(exchange_token).with_state(identity)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> ExchangeNames {
        ExchangeNames {
            token_field: "access_token".to_owned(),
            duration_field: "duration_seconds".to_owned(),
            scope_field: "scope".to_owned(),
            answer_field: "jwt".to_owned(),
        }
    }

    #[test]
    fn a_path_that_a_router_would_read_as_a_pattern_is_refused() {
        assert!(ExchangeMount::new("/api/auth/access-tokens/jwt", names()).is_ok());
        for path in [
            "", "/", "api", "/a//b", "/a/", "/{a}", "/:a", "/*a", "/a?b", "/a b", "/%61",
        ] {
            let refused = ExchangeMount::new(path, names());
            assert_eq!(refused, Err(ExchangeMountError::Path), "{path}");
        }
    }

    #[test]
    fn names_are_there_and_distinct_in_the_request() {
        let same = ExchangeNames {
            scope_field: "access_token".to_owned(),
            ..names()
        };
        assert_eq!(
            ExchangeMount::new("/x", same),
            Err(ExchangeMountError::Repeated)
        );
        let empty = ExchangeNames {
            answer_field: String::new(),
            ..names()
        };
        assert_eq!(
            ExchangeMount::new("/x", empty),
            Err(ExchangeMountError::Empty)
        );
        let answer = ExchangeNames {
            answer_field: "access_token".to_owned(),
            ..names()
        };
        assert!(ExchangeMount::new("/x", answer).is_ok());
    }
}
