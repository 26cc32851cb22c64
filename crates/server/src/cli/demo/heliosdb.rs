//! HeliosDB Nano in the demo: two tenants with rows, and who may read them.

use super::{Failure, cannot, fresh_password, permissions, placement};
use doorward_base::principal::{CredentialId, Epoch, PrincipalParts};
use doorward_base::{Email, Principal, Scope, Secret, SubjectKind, TenantId, Timestamp};
use doorward_identity::act::{
    self, Caller, Context, CreateTenant, CreateToken, CreateUser, OwnerRef,
};
use doorward_identity::model::{Ceiling, Metadata, TokenKind};
use doorward_rows::{DataRealm, Rights, Work, sql};
use serde_json::Map;
use std::sync::Arc;

/// The port that is taken if it is free.
pub(super) const PORT: u16 = 6543;
pub(super) const TEXT: &str = include_str!("../../../../../systems/heliosdb.toml");

const ACME: &str = "acme-corp";
const GLOBEX: &str = "globex";

/// The rows of each tenant.
const ROWS: [(&str, &[&str]); 2] = [
    (
        ACME,
        &[
            "INSERT INTO users (id, email, name) VALUES (1, 'ann@acme.example', 'Ann'), (2, 'bob@acme.example', 'Bob')",
            "INSERT INTO orders (id, user_id, status, total_cents) VALUES (1, 1, 'paid', 4200), (2, 2, 'open', 1250)",
            "INSERT INTO products (id, name, price_cents) VALUES (1, 'Anvil', 4200), (2, 'Rope', 1250)",
            "INSERT INTO order_items (order_id, product_id, quantity) VALUES (1, 1, 1), (2, 2, 1)",
        ],
    ),
    (
        GLOBEX,
        &[
            "INSERT INTO users (id, email, name) VALUES (1, 'hank@globex.example', 'Hank')",
            "INSERT INTO orders (id, user_id, status, total_cents) VALUES (1, 1, 'paid', 990000)",
            "INSERT INTO products (id, name, price_cents) VALUES (1, 'Weather machine', 990000)",
            "INSERT INTO order_items (order_id, product_id, quantity) VALUES (1, 1, 1)",
        ],
    ),
];

/// Who there is.
pub(super) struct People {
    ann: Email,
    admin: Email,
    password: Secret,
    key: Secret,
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
        let password = fresh_password();
        let ann = Email::new("ann@acme.example").map_err(cannot)?;
        let at_acme = Some(tenant(ACME)?);
        person(ctx, &ann, &password, at_acme, &["read", "write"]).await?;
        // Held in the whole realm, `admin` opens every tenant.
        let admin = Email::new("admin@heliosdb.example").map_err(cannot)?;
        person(ctx, &admin, &password, None, &["admin", "read", "write"]).await?;
        let new = CreateToken {
            kind: TokenKind::Key,
            owner: OwnerRef::Tenant(tenant(ACME)?),
            name: Some("demo".to_owned()),
            ceiling: Ceiling {
                permissions: Some(permissions(&["read"])?),
                ..Ceiling::default()
            },
            expires_at: None,
        };
        let made = act::create_token(ctx, &Caller::Operator, new)
            .await
            .map_err(cannot)?;
        Ok(Self {
            ann,
            admin,
            password,
            key: made.secret,
        })
    }
}

fn tenant(id: &str) -> Result<TenantId, Failure> {
    TenantId::new(id).map_err(cannot)
}

async fn person(
    ctx: Context<'_>,
    email: &Email,
    password: &Secret,
    tenant: Option<TenantId>,
    rights: &[&str],
) -> Result<(), Failure> {
    let new = CreateUser {
        email: Some(email.clone()),
        phone: None,
        proven: true,
        name: None,
        password: Some(password.clone()),
        placement: placement(tenant, rights)?,
        user_metadata: Metadata::new(),
        app_metadata: Metadata::new(),
    };
    let made = act::create_user(ctx, &Caller::Operator, new).await;
    made.map(drop).map_err(cannot)
}

/// Gives each tenant its rows.
pub(super) async fn fill(data: &DataRealm) -> Result<(), Failure> {
    let engine = data.engine().await.map_err(cannot)?;
    let settings = data.settings();
    for (id, texts) in ROWS {
        let principal = writer(id, [&settings.scopes.read, &settings.scopes.write])?;
        let caller = doorward_rows::Caller::of(&principal, &settings.scopes).map_err(cannot)?;
        for text in texts {
            let rights = Rights {
                read: true,
                write: true,
                schema: false,
            };
            let limits = sql::Limits::default();
            let statement = sql::check(text, Vec::new(), engine.flavour(), rights, &limits);
            let work = Work::one(statement.map_err(cannot)?);
            let ran = engine.run(&caller, work, settings.bounds).await;
            ran.map_err(cannot)?;
        }
    }
    Ok(())
}

/// Whoever writes the demo's rows of a tenant.
fn writer(id: &str, scopes: [&Scope; 2]) -> Result<Principal, Failure> {
    let mut scopes = scopes.map(Clone::clone);
    scopes.sort_unstable();
    Ok(Principal::new(PrincipalParts {
        sub: Arc::from("demo"),
        subject: None,
        kind: SubjectKind::Service,
        tenant: Some(tenant(id)?),
        permissions: Vec::new(),
        roles: Vec::new(),
        role: None,
        scopes: scopes.into(),
        lost_role: None,
        crosses: false,
        credential: CredentialId::Foreign,
        client: None,
        actors: Vec::new(),
        environment: None,
        issuer: Arc::from("demo"),
        audience: Vec::new(),
        expires_at: Timestamp::from_micros(i64::MAX),
        epoch: Epoch::default(),
        claims: Arc::new(Map::new()),
    }))
}

pub(super) fn tour(base: &str, people: &People) -> String {
    let (ann, admin) = (&people.ann, &people.admin);
    let (password, key) = (people.password.expose(), people.key.expose());
    format!(
        r#"
Doorward demo: system heliosdb at {base}, with rows of the tenants {ACME} and {GLOBEX}.
Both people below have one password; the rows go when you stop the demo.

# 1. SQL with an API key of {ACME} that reads: its rows, and no other tenant's
curl -sw '\n' {base}/api/v1/query -H "X-API-Key: {key}" -d '{{"sql": "SELECT * FROM orders"}}'
curl -sw '\n' {base}/api/v1/query -H "X-API-Key: {key}" -d '{{"sql": "SELECT u.name, o.total_cents FROM users u JOIN orders o ON o.user_id = u.id WHERE o.id = ?1", "params": [1]}}'

# 2. The same rows by REST, as PostgREST and supabase-js ask for them
curl -sw '\n' "{base}/rest/v1/orders?select=id,status&order=id.desc" -H "X-API-Key: {key}"

# 3. Be refused: the key does not write
curl -sw '\n' {base}/api/v1/query -H "X-API-Key: {key}" -d '{{"sql": "DELETE FROM orders"}}'

# 4. Sign in, write a row, and read it
TOKEN=$(curl -s {base}/auth/v1/token -d '{{"email": "{ann}", "password": "{password}"}}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
curl -sw '\n' {base}/api/v1/query -H "Authorization: Bearer $TOKEN" -d '{{"sql": "INSERT INTO products (id, name, price_cents) VALUES (3, '"'"'Rocket'"'"', 990)"}}'
curl -sw '\n' {base}/rest/v1/products -H "Authorization: Bearer $TOKEN"

# 5. An operator reads another tenant, sees the schema, and asks what the key would get
ADMIN=$(curl -s {base}/auth/v1/token -d '{{"email": "{admin}", "password": "{password}"}}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
curl -sw '\n' {base}/api/v1/query -H "Authorization: Bearer $ADMIN" -H "X-Tenant-ID: {GLOBEX}" -d '{{"sql": "SELECT * FROM orders"}}'
curl -sw '\n' {base}/api/v1/schema -H "Authorization: Bearer $ADMIN"
curl -sw '\n' {base}/api/v1/query -H "Authorization: Bearer $ADMIN" -H "X-Tenant-ID: {GLOBEX}" -d '{{"sql": "DELETE FROM orders", "explain_as": {{"tenant": "{ACME}", "scopes": ["read"]}}}}'
"#
    )
}
