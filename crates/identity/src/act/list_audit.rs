//! Reads the audit log.

use super::caller::load_manager;
use super::work::{Failure, Query, Stop};
use super::{Caller, Context, Realm};
use crate::decide::manage::{ManagementPermission, Reach};
use crate::decide::refusal::ManageRefusal;
use crate::model::AuditRow;
use crate::port::{AuditFilter, Extent, Page, Read};
use async_trait::async_trait;
use doorward_base::{RealmId, Timestamp};
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Where a page of the audit log begins. Sealed, because the number of a row counts the
/// events of every tenant and realm.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditCursor(String);

impl FromStr for AuditCursor {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for AuditCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A page of the audit log.
#[derive(Clone, PartialEq, Debug)]
pub struct AuditPage {
    /// The rows, newest first. A search looks at a bounded number of rows, so a page may be
    /// short, or empty, and not the last.
    pub rows: Vec<AuditRow>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<AuditCursor>,
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
    page: Page<AuditCursor>,
) -> Result<AuditPage, Failure<ManageRefusal>> {
    let master = &ctx.identity.master;
    let purpose = purpose(ctx.realm.id);
    let open = |cursor: AuditCursor| {
        let number = master.open_text(&purpose, &cursor.0).ok()?;
        Some(i64::from_be_bytes(number.as_slice().try_into().ok()?))
    };
    let after = match page.after {
        Some(cursor) => {
            Some(open(cursor).ok_or(Failure::Refused(ManageRefusal::Invalid("after")))?)
        }
        None => None,
    };
    let list = List {
        realm: ctx.realm(),
        now: ctx.call.now,
        caller: caller.clone(),
        filter,
        page: Page {
            after,
            limit: page.limit,
        },
    };
    let (rows, next) = ctx.query(list).await?;
    let seal = |number: i64| {
        let number = number.to_be_bytes();
        master.seal_text(&purpose, &number, &*ctx.identity.entropy)
    };
    let next = next.map(seal).transpose();
    let next = next.map_err(|error| Failure::Internal(error.to_string()))?;
    Ok(AuditPage {
        rows,
        next: next.map(AuditCursor),
    })
}

fn purpose(realm: RealmId) -> String {
    format!("realm/{}/audit-cursor", realm.0)
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
    /// With the number of the row to go on after.
    type Done = (Vec<AuditRow>, Option<i64>);
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
                    manager.demand_realm(ManagementPermission::AuditRead)?;
                    None
                }
            };
        }
        let rows = tx.list_audit(&filter, self.page).await?;
        let full = u32::try_from(rows.len()).is_ok_and(|count| count >= self.page.limit);
        let next = match rows.last() {
            Some(last) if full => Some(last.seq),
            _ => tx.find_audit_horizon(&filter, self.page.after).await?,
        };
        Ok((rows, next))
    }
}
