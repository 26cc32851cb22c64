//! Reads the audit log.

use crate::desk::Desk;
use crate::errors::{invalid, refuse};
use crate::wire::{Listing, page, parse_some};
use doorward_identity::act;
use doorward_identity::model::{Actor, AuditAction, AuditRow, Outcome};
use doorward_identity::port::AuditFilter;
use doorward_surface::Refusal;
use doorward_surface::extract::{Json, Query};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

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

/// An event.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditRow)]
pub(crate) struct AuditView {
    /// Its number, growing.
    seq: i64,
    /// When.
    at: String,
    /// In which request.
    request_id: String,
    /// `operator`, `subject`, `anonymous` or `system`.
    actor: &'static str,
    /// Which subject did it.
    actor_subject: Option<String>,
    /// What, for example `token.exchange`.
    action: &'static str,
    /// `success` or `refused`.
    outcome: &'static str,
    /// The code of the refusal.
    code: Option<&'static str>,
    /// The subject it was about.
    subject: Option<String>,
    /// The tenant it was about.
    tenant: Option<String>,
    /// The API token it was about.
    token_id: Option<String>,
    /// The session it was about.
    session_id: Option<String>,
    /// From where.
    peer: Option<String>,
    /// Further facts.
    #[schema(value_type = Object)]
    detail: Map<String, Value>,
}

impl From<&AuditRow> for AuditView {
    fn from(row: &AuditRow) -> Self {
        let event = &row.event;
        let (actor, actor_subject) = match event.actor {
            Actor::Operator => ("operator", None),
            Actor::Subject(subject) => ("subject", Some(subject.to_string())),
            Actor::Anonymous => ("anonymous", None),
            Actor::System => ("system", None),
        };
        let (outcome, code) = match event.outcome {
            Outcome::Success => ("success", None),
            Outcome::Refused(code) => ("refused", Some(code.as_str())),
        };
        Self {
            seq: row.seq,
            at: event.at.to_string(),
            request_id: event.request.to_string(),
            actor,
            actor_subject,
            action: event.action.as_str(),
            outcome,
            code,
            subject: event.subject.as_ref().map(ToString::to_string),
            tenant: event.tenant.as_ref().map(ToString::to_string),
            token_id: event.token.as_ref().map(ToString::to_string),
            session_id: event.session.as_ref().map(ToString::to_string),
            peer: event.peer.as_ref().map(ToString::to_string),
            detail: event.detail.clone(),
        }
    }
}

/// Events within the caller's reach, newest first. Needs `platform.audit.read`.
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
    let rows = act::list_audit(desk.context(), &desk.caller, filter, page)
        .await
        .map_err(refuse)?;
    let view = |row| AuditView::from(row);
    Ok(Json(Listing::by_key(
        &rows,
        page.limit,
        |row| row.seq,
        view,
    )))
}
