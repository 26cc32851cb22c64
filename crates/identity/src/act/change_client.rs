//! Rotates the secrets of a client, and revokes it. Not here: making one (`client`), and
//! who may do this (`decide::client`).

use super::caller::load_manager;
use super::client::{ClientProfile, MintedClient, event, mint_secret};
use super::work::{Failure, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::client::{self, handling_reach, may_handle};
use crate::decide::manage::ManagementCaller;
use crate::decide::refusal::ManageRefusal;
use crate::model::{
    AuditAction, AuditEvent, Change, Client, ClientKind, ClientSecret, ClientState,
};
use crate::port::{StoreError, Tx};
use async_trait::async_trait;
use doorward_base::secret::TokenDigest;
use doorward_base::{ClientId, Effect, Timestamp};
use std::sync::Arc;
use std::time::Duration;

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
