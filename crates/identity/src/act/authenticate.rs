//! Asks, before a management request is answered, whether its caller still lives and
//! how far it goes. Each use-case asks again in its own transaction.

use super::caller::load_standing;
use super::work::{Failure, Query, Stop};
use super::{Caller, Context, Realm};
use crate::decide::manage::{ManagementCaller, ManagementPermission, Reach};
use crate::decide::refusal::ManageRefusal;
use crate::port::Read;
use async_trait::async_trait;
use doorward_base::Timestamp;
use std::sync::Arc;

/// The caller's live management authority.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`] when its session or token is dead, or its subject
/// may not act.
pub async fn authenticate(
    ctx: Context<'_>,
    caller: &Caller,
) -> Result<ManagementCaller, Failure<ManageRefusal>> {
    ctx.query(Load {
        realm: ctx.realm(),
        caller: caller.clone(),
        now: ctx.call.now,
    })
    .await
}

/// How far a management permission of the caller goes, for what is not in the store:
/// denials, keys.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn authorize(
    ctx: Context<'_>,
    caller: &Caller,
    what: ManagementPermission,
) -> Result<Reach, Failure<ManageRefusal>> {
    let manager = authenticate(ctx, caller).await?;
    manager.reach(what).map_err(Failure::Refused)
}

/// What stands against a caller before anything is paid for, such as the hash of a
/// password. Whoever is refused here is refused again where it is written down.
pub(super) async fn forecast(
    ctx: Context<'_>,
    caller: &Caller,
    decide: impl FnOnce(&ManagementCaller) -> Result<(), ManageRefusal> + Send,
) -> Result<Option<ManageRefusal>, Failure<ManageRefusal>> {
    match authenticate(ctx, caller).await {
        Ok(manager) => Ok(decide(&manager).err()),
        Err(Failure::Refused(refusal)) => Ok(Some(refusal)),
        Err(failure) => Err(failure),
    }
}

struct Load {
    realm: Arc<Realm>,
    caller: Caller,
    now: Timestamp,
}

#[async_trait]
impl Query for Load {
    type Done = ManagementCaller;
    type Refusal = ManageRefusal;

    async fn run(&self, tx: &mut dyn Read) -> Result<Self::Done, Stop<ManageRefusal>> {
        load_standing(tx, &self.realm.settings, &self.caller, self.now).await
    }
}
