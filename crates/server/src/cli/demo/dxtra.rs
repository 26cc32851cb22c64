//! Dxtra in the demo: a person with a personal access token.

use super::{Failure, cannot, fresh_password};
use doorward_base::{Email, RoleName, Secret};
use doorward_identity::act::{self, Caller, Context, CreateToken, CreateUser, OwnerRef, Placement};
use doorward_identity::model::{Ceiling, Metadata, TokenKind};

/// The port that is taken if it is free.
pub(super) const PORT: u16 = 8083;
pub(super) const TEXT: &str = include_str!("../../../../../systems/dxtra.toml");

/// Who there is.
pub(super) struct People {
    ada: Email,
    password: Secret,
    token: Secret,
}

impl People {
    pub(super) async fn make(ctx: Context<'_>) -> Result<Self, Failure> {
        let ada = Email::new("ada@dxtra.example").map_err(cannot)?;
        let password = fresh_password();
        let new = CreateUser {
            email: Some(ada.clone()),
            phone: None,
            proven: true,
            name: Some("Ada".to_owned()),
            password: Some(password.clone()),
            placement: Placement {
                tenant: None,
                roles: vec![RoleName::new("user").map_err(cannot)?],
                permissions: Vec::new(),
            },
            user_metadata: Metadata::new(),
            app_metadata: Metadata::new(),
        };
        act::create_user(ctx, &Caller::Operator, new)
            .await
            .map_err(cannot)?;
        let new = CreateToken {
            kind: TokenKind::Personal,
            owner: OwnerRef::Email(ada.clone()),
            name: Some("demo".to_owned()),
            ceiling: Ceiling::default(),
            expires_at: None,
        };
        let made = act::create_token(ctx, &Caller::Operator, new)
            .await
            .map_err(cannot)?;
        Ok(Self {
            ada,
            password,
            token: made.secret,
        })
    }
}

pub(super) fn tour(base: &str, people: &People) -> String {
    let (ada, password, token) = (&people.ada, people.password.expose(), people.token.expose());
    format!(
        r#"
Doorward demo: system dxtra at {base}, its upstream built in (it echoes what it sees).
{ada} has the role user beside those that everybody has, and the personal access token below.

# 1. Exchange the personal access token for a session: a JWT of one hour and a refresh token
SESSION=$(curl -s {base}/v1/signin/pat -H 'Content-Type: application/json' -d '{{"personalAccessToken": "{token}"}}')
JWT=$(echo "$SESSION" | sed 's/.*"accessToken":"\([^"]*\)".*/\1/')
REFRESH=$(echo "$SESSION" | sed 's/.*"refreshToken":"\([^"]*\)".*/\1/')

# 2. Call the API in a role that is held; one that is not is refused, and no token is anonymous
curl -sw '\n' {base}/v1/graphql -H "Authorization: Bearer $JWT" -H 'X-Hasura-Role: user' -d '{{"query": "{{ a }}"}}'
curl -sw '\n' {base}/v1/graphql -H "Authorization: Bearer $JWT" -H 'X-Hasura-Role: admin' -d '{{"query": "{{ a }}"}}'
curl -sw '\n' {base}/v1/graphql -d '{{"query": "{{ a }}"}}'

# 3. The personal access token itself is no bearer
curl -sw '\n' {base}/v1/graphql -H "Authorization: Bearer {token}" -d '{{"query": "{{ a }}"}}'

# 4. Go on with the session, as nhost-js does
curl -sw '\n' {base}/v1/token -H 'Content-Type: application/json' -d "{{\"refreshToken\": \"$REFRESH\"}}"

# 5. A person signs in, and makes another token
ADA=$(curl -s {base}/v1/signin/email-password -H 'Content-Type: application/json' -d '{{"email": "{ada}", "password": "{password}"}}' | sed 's/.*"accessToken":"\([^"]*\)".*/\1/')
curl -sw '\n' {base}/v1/pat -H "Authorization: Bearer $ADA" -H 'Content-Type: application/json' -d '{{"metadata": {{"name": "CI/CD Pipeline"}}}}'
"#
    )
}
