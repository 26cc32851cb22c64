//! Reads the audit log.

use crate::desk::Desk;
use crate::errors::{invalid, refuse};
use crate::wire::{AuditView, Listing, page, parse_some};
use doorward_identity::act;
use doorward_identity::model::AuditAction;
use doorward_identity::port::AuditFilter;
use doorward_surface::Refusal;
use doorward_surface::extract::{Json, Query};
use serde::Deserialize;

/// Which rows.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// Only about this subject.
    subject: Option<String>,
    /// Only about this tenant.
    tenant: Option<String>,
    /// Only this action, for example `token.exchange`.
    action: Option<String>,
    /// 1 to 1000; 100 without.
    limit: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Events within the caller's reach, newest first. Needs `platform.audit.read`. A search by
/// more than one condition looks at 5,000 rows at a time: a page may be short, or empty, and
/// not the last.
#[utoipa::path(
    get,
    path = "/admin/v1/audit",
    operation_id = "list_audit",
    tag = "audit",
    params(AuditQuery),
    responses(
        (status = 200, description = "Events", body = Listing<AuditView>),
        (status = 400, description = "invalid_request"),
        (status = 403, description = "insufficient_permission"),
    ),
)]
pub(crate) async fn list_audit(
    desk: Desk,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Listing<AuditView>>, Refusal> {
    let page = page(query.limit.as_deref(), query.after.as_deref())?;
    let action = query.action.as_deref();
    if action.is_some_and(|action| AuditAction::from_text(action).is_none()) {
        return Err(invalid("action", "no such action"));
    }
    let filter = AuditFilter {
        subject: parse_some("subject", query.subject.as_deref())?,
        tenant: parse_some("tenant", query.tenant.as_deref())?,
        action: query.action,
    };
    let page = act::list_audit(desk.context(), &desk.caller, filter, page)
        .await
        .map_err(refuse)?;
    Ok(Json(Listing {
        items: page.rows.iter().map(AuditView::from).collect(),
        next: page.next.map(|cursor| cursor.to_string()),
    }))
}
