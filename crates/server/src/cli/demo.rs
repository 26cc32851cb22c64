//! `doorward demo`: a published system (Witboost's) on a store of its own, with subjects and
//! tokens to try and curl lines that work as printed.

use super::serve::serve;
use super::{Failure, output};
use crate::config::{Overrides, load, process_environment};
use crate::engine::Engine;
use crate::run::{AsyncGreeting, Plan};
use crate::system::{SystemClock, SystemEntropy};
use clap::Args;
use doorward_base::{Clock as _, Effects, Email, Permission, RealmName, RequestId, Secret};
use doorward_identity::act::{
    self, Call, Caller, Context, CreateServiceAccount, CreateToken, CreateUser, OwnerRef, Placement,
};
use doorward_identity::model::{Ceiling, Metadata, TokenKind};
use std::fmt::Display;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

/// The port that is taken if it is free.
const PORT: u16 = 8080;
const WITBOOST: &str = include_str!("../../../../systems/witboost.toml");
const SCOPE: &str = "service:computational-governance";

/// Runs the published system of systems/witboost.toml, on a store that is thrown away at the end
#[derive(Args, Debug)]
pub(super) struct Demo {}

impl Demo {
    pub(super) fn run(self) -> Result<(), Failure> {
        let folder = Folder::make()?;
        let address = free_address().map_err(cannot)?;
        let text = WITBOOST
            .replace("127.0.0.1:8080", &address.to_string())
            .replace("127.0.0.1:9090", "127.0.0.1:0")
            .replace("enabled = false", "enabled = true");
        let file = folder.0.join("demo.toml");
        std::fs::write(&file, text).map_err(cannot)?;
        let overrides = Overrides::default();
        let loaded = load(&file, &process_environment, &overrides)
            .map_err(|problems| crate::engine::wrong(&problems))?;
        serve(Plan {
            loaded,
            overrides,
            greeting: Some(Box::new(Tour { file })),
        })
    }
}

fn cannot(error: impl Display) -> Failure {
    Failure::Refused(format!("the demo cannot start: {error}"))
}

/// A folder that goes when the demo ends.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self, Failure> {
        use std::os::unix::fs::DirBuilderExt as _;
        let name = format!(
            "doorward-demo-{}",
            RequestId::mint(&SystemEntropy, SystemClock.now())
        );
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(cannot)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind is a closed demo store in the temporary folder.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// The usual port, or one that is free.
fn free_address() -> std::io::Result<SocketAddr> {
    let listener =
        TcpListener::bind(("127.0.0.1", PORT)).or_else(|_| TcpListener::bind("127.0.0.1:0"))?;
    listener.local_addr()
}

/// Makes the demo's subjects and prints what to try.
struct Tour {
    file: PathBuf,
}

#[async_trait::async_trait]
impl AsyncGreeting for Tour {
    async fn greet(&self, engine: &Engine, addresses: &[SocketAddr]) -> Result<(), Failure> {
        let address = addresses.first().ok_or_else(|| cannot("no address"))?;
        let realm = engine
            .realm(&RealmName::new("witboost").map_err(cannot)?)
            .await?;
        let now = SystemClock.now();
        let call = Call {
            now,
            request: RequestId::mint(&SystemEntropy, now),
            peer: None,
        };
        let ctx = Context {
            identity: &engine.identity,
            realm: &realm,
            call: &call,
            effects: &Effects::undeclared(),
        };
        let people = People::make(ctx).await?;
        output::line(&tour(&format!("http://{address}"), &people, &self.file));
        Ok(())
    }
}

/// Who there is in the demo.
struct People {
    admin: Email,
    password: Secret,
    token: Secret,
}

impl People {
    async fn make(ctx: Context<'_>) -> Result<Self, Failure> {
        let admin = Email::new("admin@witboost.example").map_err(cannot)?;
        let robot = Email::new("ci@witboost.example").map_err(cannot)?;
        let password = fresh_password();
        let new = CreateUser {
            email: Some(admin.clone()),
            phone: None,
            proven: true,
            name: Some("Admin".to_owned()),
            password: Some(password.clone()),
            placement: placement(&[
                "platform.users.read",
                "platform.users.service-accounts.edit",
                "platform.users.service-accounts.access-tokens.edit",
                SCOPE,
            ])?,
            user_metadata: Metadata::new(),
            app_metadata: Metadata::new(),
        };
        act::create_user(ctx, &Caller::Operator, new)
            .await
            .map_err(cannot)?;
        let new = CreateServiceAccount {
            email: robot.clone(),
            name: Some("CI".to_owned()),
            placement: placement(&[SCOPE])?,
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

fn placement(permissions: &[&str]) -> Result<Placement, Failure> {
    let permissions = permissions
        .iter()
        .map(|name| Permission::new(name))
        .collect::<Result<_, _>>()
        .map_err(cannot)?;
    Ok(Placement {
        tenant: None,
        roles: Vec::new(),
        permissions,
    })
}

/// A password nobody has to think of.
fn fresh_password() -> Secret {
    Secret::new(RequestId::mint(&SystemEntropy, SystemClock.now()).to_string())
}

fn tour(base: &str, people: &People, file: &Path) -> String {
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
