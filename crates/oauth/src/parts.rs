//! The surface as targets made once, and what it keeps of each realm. Not here: where
//! they are mounted and who may call them; the server mounts them open, because their
//! credentials are in the bodies.

use crate::discovery::Metadata;
use crate::openapi::endpoints;
use crate::resource::{Resource, ResourceMetadata};
use crate::reuse::Reuse;
use axum::body::Bytes;
use doorward_identity::act::Identity;
use doorward_identity::settings::RealmSettings;
use doorward_surface::Local;
use doorward_surface::axum_target::AxumLocal;
use std::sync::Arc;

/// How the exchange's members are called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ExchangeNames {
    /// The member with the API token.
    pub(crate) token_field: String,
    /// The member with the life asked for, in seconds.
    pub(crate) duration_field: String,
    /// The member with the scopes asked for, separated by single spaces.
    pub(crate) scope_field: String,
    /// The member of the answer with the access token.
    pub(crate) answer_field: String,
}

/// Where the exchange is and how its members are called, checked by
/// [`crate::settings::Exchange::lower`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExchangeMount {
    pub(crate) path: String,
    /// Whether the same token is given again for the same.
    pub(crate) reuse: bool,
    pub(crate) names: ExchangeNames,
}

impl ExchangeMount {
    /// Its path, for example `/api/auth/access-tokens/jwt`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// What the surface keeps of one realm. The realm's parts hold it as `Arc<OAuthRealm>`,
/// beside its `Arc<Realm>`.
#[derive(Debug)]
pub struct OAuthRealm {
    pub(crate) exchange: Option<ExchangeMount>,
    /// What may be given again, where the realm does.
    pub(crate) reuse: Option<Reuse>,
    /// The metadata document, written once.
    pub(crate) metadata: Bytes,
    /// The same of the realm as an API, where it tells everybody.
    pub(crate) resource: Option<Bytes>,
}

impl OAuthRealm {
    /// Of a realm with these settings, with this exchange if it has one, and with what it
    /// tells everybody of whose tokens it takes, if it does.
    #[must_use]
    pub fn new(
        settings: &RealmSettings,
        exchange: Option<ExchangeMount>,
        resource: Option<Resource>,
    ) -> Self {
        let roles = settings.roles.iter();
        let metadata = Metadata::new(
            &settings.issuer,
            roles.flat_map(|definition| &definition.permissions),
        );
        let reuse = exchange.as_ref().is_some_and(|exchange| exchange.reuse);
        Self {
            exchange,
            reuse: reuse.then(Reuse::default),
            metadata: serde_json::to_vec(&metadata).unwrap_or_default().into(),
            resource: resource.map(|resource| {
                let metadata = ResourceMetadata::new(&settings.issuer, resource);
                serde_json::to_vec(&metadata).unwrap_or_default().into()
            }),
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
    /// The metadata of the realm as an API, at [`crate::resource_path`].
    pub resource: Arc<dyn Local>,
    /// The exchange, at [`ExchangeMount::path`].
    pub exchange: Arc<dyn Local>,
}

impl OAuthTargets {
    /// Over the process's identity.
    #[must_use]
    pub fn new(identity: &Arc<Identity>) -> Self {
        let [jwks, metadata, resource, exchange] =
            endpoints().map(|(_, _, methods)| -> Arc<dyn Local> {
                Arc::new(AxumLocal::endpoint(
                    methods.with_state(Arc::clone(identity)),
                ))
            });
        Self {
            jwks,
            metadata,
            resource,
            exchange,
        }
    }
}
