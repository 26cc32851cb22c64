//! Flotac in the demo: two companies with a key each, and the upstream of the examples, which
//! knows no tokens.

use super::{Failure, cannot, fresh_password, permissions, placement, table};
use doorward_base::{Email, Environment, Secret, TenantId};
use doorward_identity::act::{
    self, Caller, Context, CreateTenant, CreateToken, CreateUser, OwnerRef,
};
use doorward_identity::model::{Ceiling, Metadata, TokenKind};
use std::net::TcpListener;
use toml::{Table, Value};

/// The port that is taken if it is free.
pub(super) const PORT: u16 = 8081;
const TEXT: &str = include_str!("../../../../../systems/flotac.toml");
const ACME: &str = "acme";
const GLOBEX: &str = "globex";

/// Starts the upstream, on an address that nobody else has; its origin.
pub(super) fn upstream() -> Result<String, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    std::thread::spawn(move || doorward_examples::customers::serve(&listener));
    Ok(format!("http://{address}"))
}

/// The system as it stands, without TLS, and with the upstream of the examples.
pub(super) fn configuration(upstream: &str) -> Result<Table, Failure> {
    let mut whole: Table = TEXT
        .replace("builtin:echo", upstream)
        .parse()
        .map_err(cannot)?;
    let realm = table(table(&mut whole, "realm")?, "flotac")?;
    realm.insert("require_https".to_owned(), Value::from("off"));
    Ok(whole)
}

/// Who there is.
pub(super) struct People {
    ann: Email,
    password: Secret,
    acme: Secret,
    globex: Secret,
}

impl People {
    pub(super) async fn make(ctx: Context<'_>) -> Result<Self, Failure> {
        for id in [ACME, GLOBEX] {
            let new = CreateTenant {
                id: tenant(id)?,
                name: None,
            };
            act::create_tenant(ctx, &Caller::Operator, new)
                .await
                .map_err(cannot)?;
        }
        let ann = Email::new("ann@acme.example").map_err(cannot)?;
        let password = fresh_password();
        let new = CreateUser {
            email: Some(ann.clone()),
            phone: None,
            proven: true,
            name: Some("Ann".to_owned()),
            password: Some(password.clone()),
            placement: placement(Some(tenant(ACME)?), &["customers:read"])?,
            user_metadata: Metadata::new(),
            app_metadata: Metadata::new(),
        };
        act::create_user(ctx, &Caller::Operator, new)
            .await
            .map_err(cannot)?;
        Ok(Self {
            ann,
            password,
            acme: key(ctx, ACME).await?,
            globex: key(ctx, GLOBEX).await?,
        })
    }
}

fn tenant(id: &str) -> Result<TenantId, Failure> {
    TenantId::new(id).map_err(cannot)
}

async fn key(ctx: Context<'_>, company: &str) -> Result<Secret, Failure> {
    let new = CreateToken {
        kind: TokenKind::Key,
        owner: OwnerRef::Tenant(tenant(company)?),
        name: Some("demo".to_owned()),
        ceiling: Ceiling {
            permissions: Some(permissions(&["customers:read"])?),
            environment: Some(Environment::new("live").map_err(cannot)?),
            ..Ceiling::default()
        },
        expires_at: None,
    };
    let made = act::create_token(ctx, &Caller::Operator, new)
        .await
        .map_err(cannot)?;
    Ok(made.secret)
}

pub(super) fn tour(base: &str, people: &People) -> String {
    let api = format!("{base}/functions/v1/api-gateway");
    let (ann, password) = (&people.ann, people.password.expose());
    let (acme, globex) = (people.acme.expose(), people.globex.expose());
    format!(
        r#"
Doorward demo: system flotac at {base}, with the upstream of examples/, which knows no tokens.
Two companies, {ACME} and {GLOBEX}, with a key each.

# 1. Each key sees the customers of its company; the gate says which that is
curl -sw '\n' {api}/api/v1/customers -H "Authorization: Bearer {acme}"
curl -sw '\n' {api}/api/v1/customers -H "Authorization: Bearer {globex}"

# 2. Another company's customer is refused, whatever the client claims
curl -sw '\n' {api}/api/v1/customers/3 -H "Authorization: Bearer {acme}" -H 'X-Doorward-Tenant: {GLOBEX}'

# 3. A person of the company signs in as supabase-js does
SESSION=$(curl -s '{base}/auth/v1/token?grant_type=password' -H 'Content-Type: application/json' -d '{{"email": "{ann}", "password": "{password}"}}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
curl -sw '\n' {api}/api/v1/customers -H "Authorization: Bearer $SESSION"

# 4. Key and person share one limit: after the burst the answer is 429 and says when to come back
for N in $(seq 210); do curl -so /dev/null -w '%{{http_code}}\n' {api}/api/v1/customers -H "Authorization: Bearer {acme}"; done | sort | uniq -c
curl -si {api}/api/v1/customers -H "Authorization: Bearer $SESSION"
"#
    )
}
