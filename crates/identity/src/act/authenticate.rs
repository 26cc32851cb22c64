//! Asks, before a management request is answered, whether its caller still lives and
//! how far it goes. Each use-case asks again in its own transaction.

use super::caller::load_manager;
use super::work::{Failure, Query, Stop};
use super::{Caller, Context, Realm};
use crate::decide::manage::{ManagementCaller, ManagementPermission, Reach};
use crate::decide::refusal::{ManageRefusal, SignInRefusal};
use crate::port::Read;
use async_trait::async_trait;
use doorward_base::Timestamp;
use std::sync::Arc;

/// The caller's live management authority.
///
/// # Errors
/// [`Failure`] with [`SignInRefusal::SessionOver`] when its session or token is dead, or
/// its subject is disabled.
pub async fn authenticate(
    ctx: Context<'_>,
    caller: &Caller,
) -> Result<ManagementCaller, Failure<SignInRefusal>> {
    let manager = ctx
        .query(Load {
            realm: ctx.realm(),
            caller: caller.clone(),
            now: ctx.call.now,
        })
        .await?;
    manager.ok_or(Failure::Refused(SignInRefusal::SessionOver))
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
    let manager = match authenticate(ctx, caller).await {
        Ok(manager) => manager,
        Err(Failure::Refused(_)) => return Err(Failure::Refused(ManageRefusal::CallerDead)),
        Err(Failure::Store(error)) => return Err(Failure::Store(error)),
        Err(Failure::Busy) => return Err(Failure::Busy),
        Err(Failure::Internal(cause)) => return Err(Failure::Internal(cause)),
    };
    manager.reach(what).map_err(Failure::Refused)
}

struct Load {
    realm: Arc<Realm>,
    caller: Caller,
    now: Timestamp,
}

#[async_trait]
impl Query for Load {
    type Done = Option<ManagementCaller>;
    type Refusal = SignInRefusal;

    async fn run(&self, tx: &mut dyn Read) -> Result<Self::Done, Stop<SignInRefusal>> {
        Ok(load_manager(tx, &self.realm.settings, &self.caller, self.now).await?)
    }
}
