//! Reads the audit log.

use super::caller::load_manager;
use super::work::{Failure, Query, Stop};
use super::{Caller, Context, Realm};
use crate::decide::manage::{ManagementPermission, Reach};
use crate::decide::refusal::ManageRefusal;
use crate::model::AuditRow;
use crate::port::{AuditFilter, Page, Read};
use async_trait::async_trait;
use doorward_base::Timestamp;
use std::sync::Arc;

/// Audit rows, newest first. Needs `platform.audit.read`; who holds it in one tenant
/// reads that tenant's rows.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn list_audit(
    ctx: Context<'_>,
    caller: &Caller,
    filter: AuditFilter,
    page: Page<i64>,
) -> Result<Vec<AuditRow>, Failure<ManageRefusal>> {
    ctx.query(List {
        realm: ctx.realm(),
        now: ctx.call.now,
        caller: caller.clone(),
        filter,
        page,
    })
    .await
}

struct List {
    realm: Arc<Realm>,
    now: Timestamp,
    caller: Caller,
    filter: AuditFilter,
    page: Page<i64>,
}

#[async_trait]
impl Query for List {
    type Done = Vec<AuditRow>;
    type Refusal = ManageRefusal;

    async fn run(&self, tx: &mut dyn Read) -> Result<Self::Done, Stop<ManageRefusal>> {
        let manager = load_manager(tx, &self.realm.settings, &self.caller, self.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        let mut filter = self.filter.clone();
        if let Reach::Tenants(tenants) = manager.reach(ManagementPermission::AuditRead)? {
            filter.tenant = match (filter.tenant, &tenants[..]) {
                (Some(tenant), reached) if reached.contains(&tenant) => Some(tenant),
                (None, [only]) => Some(only.clone()),
                (Some(_), _) => return Err(ManageRefusal::NotFound("tenant").into()),
                (None, _) => {
                    let name = ManagementPermission::AuditRead.as_str();
                    return Err(ManageRefusal::NotPermitted(name).into());
                }
            };
        }
        Ok(tx.list_audit(&filter, self.page).await?)
    }
}
