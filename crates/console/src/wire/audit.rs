//! How an audited event is written.

use doorward_identity::model::{Actor, AuditRow, Outcome};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// An event.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditRow)]
pub struct AuditView {
    /// When.
    pub(crate) at: String,
    /// In which request.
    pub(crate) request_id: String,
    /// `operator`, `subject`, `anonymous` or `system`.
    pub(crate) actor: &'static str,
    /// Which subject did it.
    pub(crate) actor_subject: Option<String>,
    /// What, for example `token.exchange`.
    pub(crate) action: &'static str,
    /// `success` or `refused`.
    pub(crate) outcome: &'static str,
    /// The code of the refusal.
    pub(crate) code: Option<&'static str>,
    /// The subject it was about.
    pub(crate) subject: Option<String>,
    /// The tenant it was about.
    pub(crate) tenant: Option<String>,
    /// The API token it was about.
    pub(crate) token_id: Option<String>,
    /// The session it was about.
    pub(crate) session_id: Option<String>,
    /// From where.
    pub(crate) peer: Option<String>,
    /// Further facts.
    #[schema(value_type = Object)]
    pub(crate) detail: Map<String, Value>,
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
