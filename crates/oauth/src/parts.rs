//! The surface as a struct of what it needs, and its routes. Not here: where it is
//! mounted and who may call it; the server mounts it open, because its credentials are
//! in the bodies.

use crate::discovery::{self, JWKS_PATH, Metadata, show_metadata};
use crate::exchange::exchange_token;
use crate::jwks::show_jwks;
use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};
use doorward_identity::act::{Identity, Realm};
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

/// What the surface of one realm needs.
pub struct OAuthParts {
    /// The process's identity.
    pub identity: Arc<Identity>,
    /// The realm.
    pub realm: Arc<Realm>,
    /// Its exchange, if it has one.
    pub exchange: Option<ExchangeMount>,
}

/// The parts as handlers share them.
pub(crate) struct OAuth {
    pub(crate) identity: Arc<Identity>,
    pub(crate) realm: Arc<Realm>,
    pub(crate) exchange: Option<ExchangeMount>,
    /// The metadata document, written once.
    pub(crate) metadata: Bytes,
}

/// The paths to mount, for any caller: those that answer GET, then the exchange, which
/// answers POST.
#[must_use]
pub fn paths(issuer: &str, exchange: Option<&ExchangeMount>) -> Vec<String> {
    let mut paths = vec![JWKS_PATH.to_owned()];
    paths.extend(discovery::paths(issuer));
    paths.extend(exchange.map(|exchange| exchange.path.clone()));
    paths
}

impl OAuthParts {
    /// The routes.
    pub fn router(self) -> Router {
        let settings = &self.realm.settings;
        let roles = settings.roles.iter();
        let metadata = Metadata::new(
            &settings.issuer,
            roles.flat_map(|definition| &definition.permissions),
        );
        let [openid, authorization_server] = discovery::paths(&settings.issuer);
        let mut router = Router::new()
            .route(JWKS_PATH, get(show_jwks))
            .route(&openid, get(show_metadata))
            .route(&authorization_server, get(show_metadata));
        if let Some(exchange) = &self.exchange {
            router = router.route(&exchange.path, post(exchange_token));
        }
        router.with_state(Arc::new(OAuth {
            identity: self.identity,
            realm: self.realm,
            exchange: self.exchange,
            metadata: serde_json::to_vec(&metadata).unwrap_or_default().into(),
        }))
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
