//! Checks the secret that a client presents. A success writes nothing; a refusal of a
//! client that exists is written down, and counted where there are many. Made-up ids leave
//! no row, or anybody could fill the log. Not here: what the client gets for it.

use super::keyring::DigestKind;
use super::work::{Counted, Failure, Query, Stop, Work};
use super::{Call, Context};
use crate::decide::client::{ClientRefusal, authenticate};
use crate::model::{Actor, AuditAction, AuditEvent, Client, ClientSecret, SecretUse};
use crate::port::{Extent, Read, Tx};
use async_trait::async_trait;
use doorward_base::principal::{CredentialId, Epoch, PrincipalParts};
use doorward_base::secret::TokenDigest;
use doorward_base::{ClientId, Effect, Principal, Secret, SubjectKind, TenantId, Timestamp};
use serde_json::json;
use std::sync::Arc;

/// The client of an id, if the secret is its own.
///
/// # Errors
/// [`Failure`] with a [`ClientRefusal`].
pub async fn authenticate_client(
    ctx: Context<'_>,
    id: ClientId,
    secret: &Secret,
) -> Result<Client, Failure<ClientRefusal>> {
    let digests = ctx
        .realm
        .keyring()
        .digests(DigestKind::ClientSecret, secret);
    let checked = ctx
        .query(Check {
            id,
            digests: digests.into_iter().map(|(digest, _)| digest).collect(),
            now: ctx.call.now,
        })
        .await?;
    match checked {
        (client, Ok(secret)) => {
            let used = SecretUse {
                digest: secret.digest,
                at: ctx.call.now,
                from: ctx.call.peer,
            };
            ctx.identity.last_used.record_secret(ctx.realm.id, used);
            Ok(client)
        }
        (client, Err(refusal)) => {
            ctx.commit(RefusedClient {
                call: *ctx.call,
                id,
                tenant: client.tenant().cloned(),
                refusal,
            })
            .await
        }
    }
}

/// The principal of a client that presents its secret. It carries nothing: what a client
/// may have is decided where it asks for an access token.
///
/// # Errors
/// [`Failure`] with a [`ClientRefusal`].
pub async fn present_client(
    ctx: Context<'_>,
    id: &str,
    secret: &Secret,
) -> Result<Principal, Failure<ClientRefusal>> {
    let unknown = |_| Failure::Refused(ClientRefusal::Unknown);
    let client = authenticate_client(ctx, id.parse().map_err(unknown)?, secret).await?;
    Ok(Principal::new(PrincipalParts {
        sub: client.id.to_string().into(),
        subject: None,
        kind: SubjectKind::Service,
        tenant: client.tenant().cloned(),
        permissions: Vec::new(),
        roles: Vec::new(),
        role: None,
        scopes: Vec::new(),
        lost_role: None,
        crosses: false,
        credential: CredentialId::Client(client.id),
        client: None,
        actors: Vec::new(),
        environment: None,
        issuer: Arc::clone(&ctx.realm.settings.issuer),
        audience: Vec::new(),
        expires_at: Timestamp::MAX,
        epoch: Epoch::default(),
        claims: Arc::default(),
    }))
}

struct Check {
    id: ClientId,
    digests: Vec<TokenDigest>,
    now: Timestamp,
}

#[async_trait]
impl Query for Check {
    type Done = (Client, Result<ClientSecret, ClientRefusal>);
    type Refusal = ClientRefusal;
    const EXTENT: Extent = Extent::OneLookUp;

    async fn run(&self, tx: &mut dyn Read) -> Result<Self::Done, Stop<ClientRefusal>> {
        let found = tx.find_client_dossier(self.id).await?;
        let found = found.ok_or(ClientRefusal::Unknown)?;
        let checked = authenticate(&found, &self.digests, self.now);
        Ok((found.client, checked))
    }
}

struct RefusedClient {
    call: Call,
    id: ClientId,
    tenant: Option<TenantId>,
    refusal: ClientRefusal,
}

#[async_trait]
impl Work for RefusedClient {
    type Done = Client;
    type Refusal = ClientRefusal;
    const EXTENT: Extent = Extent::OneLookUp;
    const COUNTED: Counted = Counted::Further;

    fn effect(&self) -> Effect {
        Effect::Nothing
    }

    fn event(&self) -> AuditEvent {
        let mut event = self
            .call
            .event(Actor::Anonymous, AuditAction::ClientPresent);
        event.tenant.clone_from(&self.tenant);
        let id = json!(self.id.to_string());
        event.detail.insert("client".to_owned(), id);
        event
    }

    async fn run(
        &self,
        _tx: &mut dyn Tx,
        _event: &mut AuditEvent,
    ) -> Result<Client, Stop<ClientRefusal>> {
        Err(self.refusal.into())
    }
}
