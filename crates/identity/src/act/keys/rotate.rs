//! Rotates a realm's keys: next, active, retiring.

use super::{DIGEST_LEAD, JWKS_MAX_AGE, KeysError, load, make, retire_active, retirement};
use crate::act::caller::load_manager;
use crate::act::keyring::is_past;
use crate::act::work::{Failure, Stop, Work};
use crate::act::{Call, Caller, Context, Realm};
use crate::decide::manage::ManagementPermission;
use crate::decide::refusal::{ManageRefusal, Reason};
use crate::model::{AuditAction, AuditEvent, Change, KeyPurpose, KeyRecord, KeyState};
use crate::port::{StoreError, Tx};
use async_trait::async_trait;
use doorward_base::{Effect, Timestamp};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How fast keys are rotated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// The new key is published first and used when everybody can have seen it: rotate
    /// once to publish it, and again after [`JWKS_MAX_AGE`]. For a digest key everybody
    /// is the processes of the store, and [`DIGEST_LEAD`] is enough.
    Staged,
    /// The new key is used at once. Verifiers that keep the old JWKS refuse its tokens
    /// until they fetch again; a process that is cut off from the change log cannot tell
    /// API tokens that moved to it.
    Now,
}

/// What a rotation did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rotated {
    /// A key was published that will sign next.
    Published {
        /// The key.
        kid: String,
        /// From when rotating again puts it in use.
        usable_from: Timestamp,
    },
    /// The published key is too young; nothing was changed.
    Waiting {
        /// From when rotating again puts it in use.
        usable_from: Timestamp,
    },
    /// A key is in use.
    Activated {
        /// The key.
        kid: String,
    },
}

/// Rotates the realm's key of a purpose. Needs `platform.keys.edit` realm-wide.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn rotate(
    ctx: Context<'_>,
    caller: &Caller,
    purpose: KeyPurpose,
    pace: Pace,
) -> Result<Rotated, Failure<ManageRefusal>> {
    let realm = ctx.realm;
    let fresh = make(
        ctx.identity,
        realm.id,
        purpose,
        &realm.settings,
        ctx.call.now,
    )
    .await
    .map_err(as_failure)?;
    let rotated = ctx
        .commit(Rotation {
            realm: ctx.realm(),
            call: *ctx.call,
            caller: caller.clone(),
            purpose,
            pace,
            fresh,
        })
        .await?;
    let keyring = load(ctx.identity, realm.id, ctx.call.now)
        .await
        .map_err(as_failure)?;
    realm.set_keyring(keyring);
    Ok(rotated)
}

fn as_failure<R: Reason>(error: KeysError) -> Failure<R> {
    match error {
        KeysError::Store(error) => Failure::Store(error),
        other => Failure::Internal(other.to_string()),
    }
}

struct Rotation {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    purpose: KeyPurpose,
    pace: Pace,
    fresh: KeyRecord,
}

#[async_trait]
impl Work for Rotation {
    type Done = Rotated;
    type Refusal = ManageRefusal;

    fn effect(&self) -> Effect {
        Effect::Ends
    }

    fn event(&self) -> AuditEvent {
        let mut event = self.call.event(self.caller.actor(), AuditAction::KeyRotate);
        event
            .detail
            .insert("purpose".to_owned(), json!(self.purpose.as_str()));
        event
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<Rotated, Stop<ManageRefusal>> {
        let manager = load_manager(tx, &self.realm.settings, &self.caller, self.call.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        manager.demand(ManagementPermission::KeysEdit, None)?;
        let mut records = tx.list_keys().await?;
        records.retain(|record| record.purpose == self.purpose);
        for record in &records {
            if is_past(record.state, self.call.now) || self.is_superseded(record) {
                tx.delete_key(&record.kid).await?;
            }
        }
        records.retain(|record| !self.is_superseded(record));
        let next = records.iter().find(|record| record.state == KeyState::Next);
        let rotated = self.turn(tx, &records, next).await?;
        event.detail.insert(
            "kid".to_owned(),
            match &rotated {
                Rotated::Published { kid, .. } | Rotated::Activated { kid } => json!(kid),
                Rotated::Waiting { .. } => json!(null),
            },
        );
        tx.append_change(Change::Keys).await?;
        Ok(rotated)
    }
}

impl Rotation {
    /// A key that was to sign next, of an algorithm the realm had before. It never
    /// signed, so nothing needs it.
    fn is_superseded(&self, record: &KeyRecord) -> bool {
        record.state == KeyState::Next && record.algorithm != self.fresh.algorithm
    }

    /// How long a new key is published before it is used.
    const fn lead(&self) -> Duration {
        match self.purpose {
            KeyPurpose::Digest => DIGEST_LEAD,
            KeyPurpose::Access | KeyPurpose::Internal => JWKS_MAX_AGE,
        }
    }

    async fn turn(
        &self,
        tx: &mut dyn Tx,
        records: &[KeyRecord],
        next: Option<&KeyRecord>,
    ) -> Result<Rotated, StoreError> {
        let now = self.call.now;
        match (next, self.pace) {
            (None, Pace::Staged) => {
                tx.insert_key(&KeyRecord {
                    state: KeyState::Next,
                    ..self.fresh.clone()
                })
                .await?;
                Ok(Rotated::Published {
                    kid: self.fresh.kid.clone(),
                    usable_from: now.plus(self.lead()),
                })
            }
            (Some(next), Pace::Staged) if now < next.created_at.plus(self.lead()) => {
                Ok(Rotated::Waiting {
                    usable_from: next.created_at.plus(self.lead()),
                })
            }
            (next, _) => {
                let until = retirement(&self.realm.settings, now);
                retire_active(tx, records, self.purpose, until).await?;
                let kid = match next {
                    Some(next) => {
                        tx.set_key_state(&next.kid, KeyState::Active).await?;
                        next.kid.clone()
                    }
                    None => {
                        tx.insert_key(&self.fresh).await?;
                        self.fresh.kid.clone()
                    }
                };
                Ok(Rotated::Activated { kid })
            }
        }
    }
}
