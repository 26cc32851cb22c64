//! Makes, lists and revokes clients, and rotates their secrets. A secret exists only in
//! the answer that makes it. Not here: checking one that is presented
//! (`authenticate_client`), and who may do this (`decide::client`).

use super::caller::load_manager;
use super::detail::names;
use super::keyring::DigestKind;
use super::placement::check_role;
use super::work::{Failure, Query, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::client::{self, CreateInput, handling_reach, may_handle};
use crate::decide::manage::{ManagementCaller, Reach};
use crate::decide::refusal::ManageRefusal;
use crate::model::{
    AuditAction, AuditEvent, Ceiling, Change, Client, ClientKind, ClientSecret, ClientState, Grant,
    Granted,
};
use crate::port::{Page, Read, StoreError, Tx};
use async_trait::async_trait;
use doorward_base::secret::TokenDigest;
use doorward_base::token_format::{TokenBody, TokenFormat};
use doorward_base::{ClientId, Effect, Secret, TenantId, Timestamp};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

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

/// Gives a client a new secret. The one before goes on working for the overlap
/// ([`client::OVERLAP`] unless asked otherwise); what that one itself replaced dies now,
/// so that at most two live. Needs what making the client needs.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn rotate_client_secret(
    ctx: Context<'_>,
    caller: &Caller,
    id: ClientId,
    overlap: Option<Duration>,
) -> Result<MintedClient, Failure<ManageRefusal>> {
    let (secret, new) = mint_secret(ctx)?;
    let what = Step::Rotate { new, overlap };
    let profile = step(ctx, caller, id, what).await?;
    Ok(MintedClient {
        profile,
        secret: Some(secret),
    })
}

/// Ends the overlap early: only the newest secret works from now on. Needs what making
/// the client needs.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn end_client_overlap(
    ctx: Context<'_>,
    caller: &Caller,
    id: ClientId,
) -> Result<ClientProfile, Failure<ManageRefusal>> {
    step(ctx, caller, id, Step::EndOverlap).await
}

/// Revokes a client: it and its secrets never work again. Doing it again changes nothing.
/// Needs `platform.clients.edit` where it is, and a session.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn revoke_client(
    ctx: Context<'_>,
    caller: &Caller,
    id: ClientId,
) -> Result<(), Failure<ManageRefusal>> {
    step(ctx, caller, id, Step::Revoke).await.map(drop)
}

fn mint_secret(ctx: Context<'_>) -> Result<(Secret, ClientSecret), Failure<ManageRefusal>> {
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
        let mut event = event(self.call, &self.caller, AuditAction::ClientCreate, self.id);
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
        _event: &mut AuditEvent,
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
        Ok(ClientProfile {
            client,
            secrets: self.secret.into_iter().collect(),
        })
    }
}

fn event(call: Call, caller: &Caller, action: AuditAction, id: ClientId) -> AuditEvent {
    let mut event = call.event(caller.actor(), action);
    let id = json!(id.to_string());
    event.detail.insert("client".to_owned(), id);
    event
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

/// What is done to a client that is there.
enum Step {
    Rotate {
        new: ClientSecret,
        overlap: Option<Duration>,
    },
    EndOverlap,
    Revoke,
}

async fn step(
    ctx: Context<'_>,
    caller: &Caller,
    id: ClientId,
    step: Step,
) -> Result<ClientProfile, Failure<ManageRefusal>> {
    ctx.commit(Stepping {
        realm: ctx.realm(),
        call: *ctx.call,
        caller: caller.clone(),
        id,
        step,
    })
    .await
}

struct Stepping {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    id: ClientId,
    step: Step,
}

#[async_trait]
impl Work for Stepping {
    type Done = ClientProfile;
    type Refusal = ManageRefusal;

    fn effect(&self) -> Effect {
        match self.step {
            // A secret is looked up each time it is presented.
            Step::Rotate { .. } | Step::EndOverlap => Effect::Nothing,
            Step::Revoke => Effect::Ends,
        }
    }

    fn event(&self) -> AuditEvent {
        let action = match self.step {
            Step::Rotate { .. } => AuditAction::ClientRotate,
            Step::EndOverlap => AuditAction::ClientEndOverlap,
            Step::Revoke => AuditAction::ClientRevoke,
        };
        event(self.call, &self.caller, action, self.id)
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<ClientProfile, Stop<ManageRefusal>> {
        let manager = load_manager(tx, &self.realm.settings, &self.caller, self.call.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        let client = self.load(tx, &manager).await?;
        event.tenant = client.tenant().cloned();
        match &self.step {
            Step::Revoke => {
                if tx.revoke_client(self.id, self.call.now).await? {
                    tx.append_change(Change::Client(self.id)).await?;
                }
            }
            Step::Rotate { new, overlap } => {
                let until = client::overlap_end(*overlap, self.call.now)?;
                // Who learns a secret holds what the client may carry.
                client::may_learn(&manager, &client.ceiling)?;
                Self::live(&client)?;
                self.rotate(tx, new, until).await?;
            }
            Step::EndOverlap => {
                Self::live(&client)?;
                for replaced in self.secrets(tx).await?.iter().skip(1) {
                    tx.delete_client_secret(&replaced.digest).await?;
                }
            }
        }
        let secrets = self.secrets(tx).await?;
        Ok(ClientProfile { client, secrets })
    }
}

impl Stepping {
    /// The client, within the caller's reach.
    async fn load(
        &self,
        tx: &mut dyn Tx,
        manager: &ManagementCaller,
    ) -> Result<Client, Stop<ManageRefusal>> {
        // Whoever may handle none is told so, whether this one exists or not.
        handling_reach(manager)?;
        let found = tx.find_client(self.id).await?;
        let client = found.ok_or(ManageRefusal::NotFound("client"))?;
        may_handle(manager, client.tenant())?;
        Ok(client)
    }

    const fn live(client: &Client) -> Result<(), ManageRefusal> {
        match (client.state, client.kind) {
            (ClientState::Active, ClientKind::Confidential) => Ok(()),
            (ClientState::Active, ClientKind::Public) => Err(ManageRefusal::Invalid("client")),
            (ClientState::Revoked { .. }, _) => Err(ManageRefusal::NotFound("client")),
        }
    }

    async fn secrets(&self, tx: &mut dyn Tx) -> Result<Vec<ClientSecret>, StoreError> {
        let secrets = tx.list_client_secrets(&[self.id]).await?;
        Ok(secrets.into_iter().map(|(_, secret)| secret).collect())
    }

    async fn rotate(
        &self,
        tx: &mut dyn Tx,
        new: &ClientSecret,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let mut old: Vec<TokenDigest> = Vec::new();
        for (at, secret) in self.secrets(tx).await?.iter().enumerate() {
            if at == 0 && until > self.call.now {
                tx.expire_client_secret(&secret.digest, until).await?;
            } else {
                old.push(secret.digest);
            }
        }
        for digest in old {
            tx.delete_client_secret(&digest).await?;
        }
        tx.insert_client_secret(self.id, new).await
    }
}
