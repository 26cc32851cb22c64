//! Makes and lists clients. A secret exists only in the answer that makes it. Not here:
//! what is done to a client that is there (`change_client`), checking a secret that is
//! presented (`authenticate_client`), and who may do this (`decide::client`).

use super::caller::load_manager;
use super::detail::names;
use super::keyring::DigestKind;
use super::placement::check_role;
use super::work::{Failure, Query, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::client::{self, CreateInput, handling_reach};
use crate::decide::manage::Reach;
use crate::decide::refusal::ManageRefusal;
use crate::model::{
    AuditAction, AuditEvent, Ceiling, Client, ClientKind, ClientSecret, ClientState, Grant, Granted,
};
use crate::port::{Extent, Page, Read, StoreError, Tx};
use async_trait::async_trait;
use doorward_base::token_format::{TokenBody, TokenFormat};
use doorward_base::{ClientId, Effect, Secret, TenantId, Timestamp};
use serde_json::json;
use std::sync::Arc;

/// What a client's secret begins with.
const PREFIX: &str = "dwcs_";

/// A client about to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreateClient {
    /// What it is called.
    pub name: String,
    /// Whether it keeps a secret.
    pub kind: ClientKind,
    /// The most it may carry, and whose client it is.
    pub ceiling: Ceiling,
    /// Where an authorization may return to.
    pub redirect_uris: Vec<String>,
}

/// A client with its secrets as they stand, the newest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientProfile {
    /// The client.
    pub client: Client,
    /// Its secrets: one, or two while a replaced one goes on working.
    pub secrets: Vec<ClientSecret>,
}

/// A client with a secret that was just made.
#[derive(Clone, Debug)]
pub struct MintedClient {
    /// The client.
    pub profile: ClientProfile,
    /// The secret, shown once; a public client has none.
    pub secret: Option<Secret>,
}

/// Makes a client. Needs `platform.clients.edit`, in the tenant whose client it is or
/// realm-wide, a session, and all that the client may carry.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn create_client(
    ctx: Context<'_>,
    caller: &Caller,
    request: CreateClient,
) -> Result<MintedClient, Failure<ManageRefusal>> {
    let minted = match request.kind {
        ClientKind::Confidential => Some(mint_secret(ctx)?),
        ClientKind::Public => None,
    };
    let (secret, new) = minted.unzip();
    let profile = ctx
        .commit(NewClient {
            realm: ctx.realm(),
            call: *ctx.call,
            caller: caller.clone(),
            request,
            id: ClientId::mint(&*ctx.identity.entropy, ctx.call.now),
            secret: new,
        })
        .await?;
    Ok(MintedClient { profile, secret })
}

/// The clients within the caller's reach, by id, revoked ones included. Needs
/// `platform.clients.edit` and a session.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn list_clients(
    ctx: Context<'_>,
    caller: &Caller,
    page: Page<ClientId>,
) -> Result<Vec<ClientProfile>, Failure<ManageRefusal>> {
    ctx.query(Listing {
        realm: ctx.realm(),
        now: ctx.call.now,
        caller: caller.clone(),
        page,
    })
    .await
}

pub(super) fn mint_secret(
    ctx: Context<'_>,
) -> Result<(Secret, ClientSecret), Failure<ManageRefusal>> {
    let format = TokenFormat::new(PREFIX, Vec::new(), TokenBody::Checked)
        .map_err(|error| Failure::Internal(error.to_string()))?;
    let secret = format.mint(None, &*ctx.identity.entropy);
    let keyring = ctx.realm.keyring();
    let stored = ClientSecret {
        digest: keyring.digest(DigestKind::ClientSecret, &secret).0,
        created_at: ctx.call.now,
        expires_at: None,
        last_used_at: None,
        last_used_from: None,
    };
    Ok((secret, stored))
}

struct NewClient {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    request: CreateClient,
    id: ClientId,
    secret: Option<ClientSecret>,
}

#[async_trait]
impl Work for NewClient {
    type Done = ClientProfile;
    type Refusal = ManageRefusal;

    fn effect(&self) -> Effect {
        Effect::Begins
    }

    fn event(&self) -> AuditEvent {
        let ceiling = &self.request.ceiling;
        let mut event = self
            .call
            .event(self.caller.actor(), AuditAction::ClientCreate);
        event.tenant.clone_from(&ceiling.tenant);
        let kind = json!(self.request.kind.as_str());
        event.detail.insert("kind".to_owned(), kind);
        for (key, list) in [
            ("scopes", ceiling.permissions.as_deref().map(names)),
            ("roles", ceiling.roles.as_deref().map(names)),
        ] {
            if let Some(list) = list {
                event.detail.insert(key.to_owned(), list);
            }
        }
        event
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<ClientProfile, Stop<ManageRefusal>> {
        let settings = &self.realm.settings;
        let manager = load_manager(tx, settings, &self.caller, self.call.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        let request = &self.request;
        let ceiling = client::create(&CreateInput {
            caller: &manager,
            name: &request.name,
            redirect_uris: &request.redirect_uris,
            ceiling: &request.ceiling,
            audiences: &settings.tokens.audiences,
        })?;
        if let Some(tenant) = &ceiling.tenant
            && tx.find_tenant(tenant).await?.is_none()
        {
            return Err(ManageRefusal::NotFound("tenant").into());
        }
        for role in ceiling.roles.iter().flatten() {
            let grant = Grant {
                tenant: ceiling.tenant.clone(),
                granted: Granted::Role(role.clone()),
            };
            check_role(tx, &settings.roles, &grant).await?;
        }
        let client = Client {
            id: self.id,
            name: request.name.clone(),
            kind: request.kind,
            ceiling,
            redirect_uris: request.redirect_uris.clone(),
            state: ClientState::Active,
            created_at: self.call.now,
            created_by: self.caller.subject(),
        };
        tx.insert_client(&client).await?;
        if let Some(secret) = &self.secret {
            tx.insert_client_secret(client.id, secret).await?;
        }
        name(event, client.id);
        Ok(ClientProfile {
            client,
            secrets: self.secret.into_iter().collect(),
        })
    }
}

pub(super) fn event(call: Call, caller: &Caller, action: AuditAction, id: ClientId) -> AuditEvent {
    let mut event = call.event(caller.actor(), action);
    name(&mut event, id);
    event
}

fn name(event: &mut AuditEvent, id: ClientId) {
    let id = json!(id.to_string());
    event.detail.insert("client".to_owned(), id);
}

struct Listing {
    realm: Arc<Realm>,
    now: Timestamp,
    caller: Caller,
    page: Page<ClientId>,
}

#[async_trait]
impl Query for Listing {
    type Done = Vec<ClientProfile>;
    type Refusal = ManageRefusal;
    const EXTENT: Extent = Extent::Listing;

    async fn run(&self, tx: &mut dyn Read) -> Result<Self::Done, Stop<ManageRefusal>> {
        let manager = load_manager(tx, &self.realm.settings, &self.caller, self.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        let reach = handling_reach(&manager)?;
        let tenants: Option<&[TenantId]> = match &reach {
            Reach::Realm => None,
            Reach::Tenants(tenants) => Some(tenants),
        };
        let clients = tx.list_clients(tenants, self.page).await?;
        Ok(profiles(tx, clients).await?)
    }
}

async fn profiles(
    tx: &mut dyn Read,
    clients: Vec<Client>,
) -> Result<Vec<ClientProfile>, StoreError> {
    let ids: Vec<ClientId> = clients.iter().map(|client| client.id).collect();
    let secrets = tx.list_client_secrets(&ids).await?;
    let of = |id| {
        let own = secrets.iter().filter(|(client, _)| *client == id);
        own.map(|(_, secret)| *secret).collect()
    };
    let profiles = clients.into_iter().map(|client| ClientProfile {
        secrets: of(client.id),
        client,
    });
    Ok(profiles.collect())
}
