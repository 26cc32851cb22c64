//! The JWT that an upstream sees instead of a Basic credential.

use super::{NO_REALM, call, rejected, served};
use async_trait::async_trait;
use doorward_base::principal::CredentialId;
use doorward_base::{Audience, Effects, ErrorCode, Principal, Scope};
use doorward_gate::port::{Facts, Minted, Minter, Rejected};
use doorward_identity::act::{self, Context, Identity, InternalRequest};
use doorward_identity::settings::Presentation;
use doorward_surface::RealmHandle;
use std::sync::Arc;
use std::time::Duration;

/// Mints through identity.
pub(crate) struct InternalMinter {
    identity: Arc<Identity>,
}

impl InternalMinter {
    /// Mints with this identity.
    pub(crate) fn new(identity: Arc<Identity>) -> Self {
        Self { identity }
    }
}

#[async_trait]
impl Minter for InternalMinter {
    async fn mint(
        &self,
        realm: &RealmHandle,
        principal: &Principal,
        scopes: &[Scope],
        ttl: Duration,
        facts: Facts,
    ) -> Result<Minted, Rejected> {
        let served = served(realm)?;
        let CredentialId::ApiToken(token) = principal.credential else {
            return Err(Rejected {
                code: ErrorCode::TokenInvalid,
                check: "credential_kind",
            });
        };
        // A realm's name is made of characters that an audience may have.
        let audience =
            Audience::new(&format!("upstream:{}", realm.name())).map_err(|_| NO_REALM)?;
        let request = InternalRequest {
            token,
            via: Presentation::Basic,
            audience,
            scopes: scopes.to_vec(),
            ttl,
        };
        let ctx = Context {
            identity: &self.identity,
            realm: &served.realm,
            call: &call(facts),
            effects: &Effects::undeclared(),
        };
        let minted = act::mint_internal(ctx, request)
            .await
            .map_err(|failure| rejected(&failure))?;
        Ok(Minted {
            jwt: minted.issued.jwt,
            principal: Arc::new(minted.principal),
            expires_at: minted.issued.expires_at,
        })
    }
}
