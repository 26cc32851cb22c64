//! `[realm.NAME.retention]`: how long what is over is kept.

use super::text::Text;
use super::value::Span;
use schemars::JsonSchema;
use serde::Deserialize;

/// How long what is over is kept, counted from when it was over.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Rows of the audit log. Default: "400d".
    pub audit: Option<Text<Span>>,
    /// Revoked and expired API tokens and revoked clients, so that the audit log can name
    /// them; not shorter than `audit`. Default: "400d", or `audit` if that is longer.
    pub tombstones: Option<Text<Span>>,
    /// Sessions that ended. Default: "90d".
    pub sessions: Option<Text<Span>>,
    /// Challenges (invitations, codes) that expired. Default: "1d".
    pub challenges: Option<Text<Span>>,
    /// Mails, and messages to webhooks, that were given up, with the reason. Default: "30d".
    pub mail: Option<Text<Span>>,
}
