//! Witboost in the demo.

use super::{Failure, cannot, fresh_password, placement};
use doorward_base::{Email, Secret};
use doorward_identity::act::{
    self, Caller, Context, CreateServiceAccount, CreateToken, CreateUser, OwnerRef,
};
use doorward_identity::model::{Ceiling, Metadata, TokenKind};
use std::path::Path;

/// The port that is taken if it is free.
pub(super) const PORT: u16 = 8080;
pub(super) const TEXT: &str = include_str!("../../../../../systems/witboost.toml");
const SCOPE: &str = "service:computational-governance";

/// Who there is in the demo.
pub(super) struct People {
    admin: Email,
    password: Secret,
    token: Secret,
}

impl People {
    pub(super) async fn make(ctx: Context<'_>) -> Result<Self, Failure> {
        let admin = Email::new("admin@witboost.example").map_err(cannot)?;
        let robot = Email::new("ci@witboost.example").map_err(cannot)?;
        let password = fresh_password();
        let new = CreateUser {
            email: Some(admin.clone()),
            phone: None,
            proven: true,
            name: Some("Admin".to_owned()),
            password: Some(password.clone()),
            placement: placement(
                None,
                &[
                    "platform.users.read",
                    "platform.users.service-accounts.edit",
                    "platform.users.service-accounts.access-tokens.edit",
                    SCOPE,
                ],
            )?,
            user_metadata: Metadata::new(),
            app_metadata: Metadata::new(),
        };
        act::create_user(ctx, &Caller::Operator, new)
            .await
            .map_err(cannot)?;
        let new = CreateServiceAccount {
            email: robot.clone(),
            name: Some("CI".to_owned()),
            placement: placement(None, &[SCOPE])?,
        };
        act::create_service_account(ctx, &Caller::Operator, new)
            .await
            .map_err(cannot)?;
        let new = CreateToken {
            kind: TokenKind::Service,
            owner: OwnerRef::Email(robot),
            name: Some("demo".to_owned()),
            ceiling: Ceiling::default(),
            expires_at: None,
        };
        let made = act::create_token(ctx, &Caller::Operator, new)
            .await
            .map_err(cannot)?;
        Ok(Self {
            admin,
            password,
            token: made.secret,
        })
    }
}

pub(super) fn tour(base: &str, people: &People, file: &Path) -> String {
    let binary = std::env::current_exe()
        .map_or_else(|_| "doorward".to_owned(), |path| path.display().to_string());
    let file = file.display();
    let (admin, password, token) = (
        &people.admin,
        people.password.expose(),
        people.token.expose(),
    );
    format!(
        r#"
Doorward demo: system witboost at {base}, its upstream built in (it echoes what it sees).
Service account ci@witboost.example has the token below; the store goes when you stop the demo.

# 1. Exchange the long-lived token for a JWT of one hour, scoped to one service
JWT=$(curl -s {base}/api/auth/access-tokens/jwt -H 'Content-Type: application/json' -d '{{"access_token": "{token}", "duration_seconds": 3600, "scope": "{SCOPE}"}}' | cut -d '"' -f 4)

# 2. Call two APIs with it; the echo shows what the upstream is told
curl -sw '\n' {base}/api/catalog/entities -H "Authorization: Bearer $JWT"
curl -sw '\n' {base}/api/computational-governance/validate -H "Authorization: Bearer $JWT" -H 'Content-Type: application/json' -d '{{"policy": "..."}}'

# 3. The same by HTTP Basic: the upstream sees a short-lived JWT, never the token
curl -sw '\n' -u "witboost:{token}" {base}/api/computational-governance/validate -H 'Content-Type: application/json' -d '{{"policy": "..."}}'

# 4. Be refused without the scope, and ask why
PLAIN=$(curl -s {base}/api/auth/access-tokens/jwt -H 'Content-Type: application/json' -d '{{"access_token": "{token}"}}' | cut -d '"' -f 4)
ID=$(curl -s -o /dev/null -D - {base}/api/computational-governance/validate -H "Authorization: Bearer $PLAIN" -d '{{}}' | tr -d '\r' | awk 'tolower($1) == "x-request-id:" {{print $2}}')
{binary} explain "$ID" --config {file}

# 5. Sign in as the administrator and list service accounts
SESSION=$(curl -s {base}/me/v1/session -H 'Content-Type: application/json' -d '{{"email": "{admin}", "password": "{password}"}}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
curl -sw '\n' {base}/admin/v1/service-accounts -H "Authorization: Bearer $SESSION"

# 6. Revoke the token: the exchange refuses it at once
echo '{token}' | {binary} token revoke --config {file} --realm witboost -
"#
    )
}
