//! Reads the audit log.

use super::caller::load_manager;
use super::work::{Failure, Query, Stop};
use super::{Caller, Context, Realm};
use crate::decide::manage::{ManagementPermission, Reach};
use crate::decide::refusal::ManageRefusal;
use crate::model::AuditRow;
use crate::port::{AuditFilter, Extent, Page, Read};
use async_trait::async_trait;
use doorward_base::Timestamp;
use std::sync::Arc;

/// A page of the audit log.
#[derive(Clone, PartialEq, Debug)]
pub struct AuditPage {
    /// The rows, newest first. A search looks at a bounded number of rows, so a page may be
    /// short, or empty, and not the last.
    pub rows: Vec<AuditRow>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<i64>,
}

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
) -> Result<AuditPage, Failure<ManageRefusal>> {
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
    type Done = AuditPage;
    type Refusal = ManageRefusal;
    const EXTENT: Extent = Extent::Listing;

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
        let rows = tx.list_audit(&filter, self.page).await?;
        let full = u32::try_from(rows.len()).is_ok_and(|count| count >= self.page.limit);
        let next = match rows.last() {
            Some(last) if full => Some(last.seq),
            _ => tx.find_audit_horizon(&filter, self.page.after).await?,
        };
        Ok(AuditPage { rows, next })
    }
}
