//! `[realm.NAME.users]` and `[realm.NAME.sessions]`: what new users get, and how
//! people's sign-ins last.

use super::text::Text;
use super::value::{Rate, Span};
use doorward_base::RoleName;
use doorward_identity::settings::{
    CommonPasswords, Enrolment, PasswordChange, RefreshMode, SignUpMode,
};
use doorward_surface::setting::Word;
use schemars::JsonSchema;
use serde::Deserialize;

/// What new users get.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Users {
    /// The roles a new user is granted. Default: none.
    pub default_roles: Vec<Text<RoleName>>,
    /// The role in force when a request selects none. Default: none.
    pub default_role: Option<Text<RoleName>>,
    /// Who may sign up: "closed" (nobody) or "open". Default: "closed".
    pub sign_up: Word<SignUpMode>,
    /// How a membership begins: "proven" (by a proof of the address, always), and
    /// "invited_address" (an operator's invitation of the address is taken by the first
    /// sign-up with it), "own_tenant" (who is not invited gets a tenant of his own).
    /// Default: ["proven"].
    pub enrolment: Vec<Word<Enrolment>>,
    /// The roles that somebody is granted in the tenant made for him. Default: the
    /// default roles.
    pub own_tenant_roles: Option<Vec<Text<RoleName>>>,
}

/// How people's sign-ins last.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sessions {
    /// From sign-in to the end, whatever happens. Default: "12h".
    pub absolute_ttl: Option<Text<Span>>,
    /// From the last refresh to the end, unless there is another; needs refresh. Default:
    /// none.
    pub idle_ttl: Option<Text<Span>>,
    /// Whether sessions have refresh tokens: "off", "rotate" (each works once) or "reuse".
    /// Default: "off".
    pub refresh: Word<RefreshMode>,
    /// How long after a rotation the token that was used up gives the same answer again, at
    /// most "5m". Default: "10s".
    pub reuse_interval: Option<Text<Span>>,
    /// How often one session may be refreshed, all at once or one after the other; a client
    /// that is refused waits. Default: "150/5m".
    pub refresh_rate: Option<Text<Rate>>,
    /// How many a subject may have at once: one more ends the oldest. Default: 200.
    pub max_active: Option<u16>,
    /// The shortest password accepted, in characters. Default: 8.
    pub min_password: Option<u16>,
    /// What becomes of passwords that everybody tries first: "refuse" or "allow". Default:
    /// "refuse".
    pub common_passwords: Word<CommonPasswords>,
    /// What a person shows beside its session for another password: "current_password", or
    /// "recent_sign_in", which is nothing within a day of its sign-in. Default:
    /// "current_password".
    pub password_change: Word<PasswordChange>,
}
