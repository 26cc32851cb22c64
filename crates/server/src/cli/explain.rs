//! `doorward explain`.

use super::args::Installation;
use super::{Failure, output};
use crate::check::{DryRequest, dry_run};
use crate::config::Overrides;
use crate::control::ask_denial;
use crate::engine::load_configuration;
use clap::{Args, ValueEnum};
use doorward_base::{
    CredentialKind, Environment, Permission, RealmName, RequestId, RoleName, Scope, TenantId,
};
use serde_json::{Value, json};

/// Says why a request was refused, by the id in its x-request-id header; or, with
/// --request, what would become of one
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  doorward explain 0198c0de-0000-7000-8000-000000000000 --config doorward.toml\n  doorward explain --config doorward.toml --realm acme --request 'POST /reports' --credential jwt --scope reports:read"
)]
pub(super) struct Explain {
    /// The request's id
    #[arg(required_unless_present = "request", conflicts_with = "request")]
    id: Option<RequestId>,
    #[command(flatten)]
    installation: Installation,
    /// A request that is not made: METHOD and path
    #[arg(long, value_name = "METHOD PATH", requires = "realm")]
    request: Option<String>,
    /// Its realm
    #[arg(long)]
    realm: Option<RealmName>,
    /// How its caller presents itself; without it, nobody calls
    #[arg(long, value_enum)]
    credential: Option<Credential>,
    /// A scope the caller has; repeat for more
    #[arg(long)]
    scope: Vec<Scope>,
    /// A permission the caller has; repeat for more
    #[arg(long)]
    permission: Vec<Permission>,
    /// A role the caller may take; repeat for more
    #[arg(long)]
    role: Vec<RoleName>,
    /// The caller's tenant
    #[arg(long)]
    tenant: Option<TenantId>,
    /// The environment of the caller's API token
    #[arg(long)]
    environment: Option<Environment>,
    /// The request comes by plain HTTP
    #[arg(long)]
    insecure: bool,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// How a caller presents itself.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum Credential {
    Jwt,
    ApiToken,
    Basic,
}

impl Explain {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.id {
            Some(id) => self.explain_denial(id),
            None => self.explain_request(),
        }
    }

    fn explain_denial(&self, id: RequestId) -> Result<(), Failure> {
        let loaded = load_configuration(&self.installation, Overrides::default())?;
        let path = &loaded.settings.server.control_socket;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::Refused(format!("cannot start: {error}")))?;
        let found = runtime.block_on(ask_denial(path, id)).map_err(|error| {
            Failure::Refused(format!(
                "no running server answers at {}: {error}; is it running, on this store?",
                path.display()
            ))
        })?;
        let denial = found.ok_or_else(|| {
            Failure::Refused(format!("the running server keeps no denial of request {id}: it was let through, or the trace is too old"))
        })?;
        self.show(&denial);
        Ok(())
    }

    fn explain_request(self) -> Result<(), Failure> {
        let loaded = load_configuration(&self.installation, Overrides::default())?;
        let (Some(realm), Some(request)) = (&self.realm, &self.request) else {
            return Err(Failure::Usage("--request needs --realm".to_owned()));
        };
        let asked = DryRequest {
            realm,
            request,
            secure: !self.insecure,
            credential: self.credential.map(|credential| match credential {
                Credential::Jwt => CredentialKind::Jwt,
                Credential::ApiToken => CredentialKind::ApiToken,
                Credential::Basic => CredentialKind::Basic,
            }),
            scopes: &self.scope,
            permissions: &self.permission,
            roles: &self.role,
            tenant: self.tenant.as_ref(),
            environment: self.environment.as_ref(),
        };
        let outcome = dry_run(&loaded, &asked).map_err(Failure::Usage)?;
        let value = json!({
            "outcome": outcome.code.map_or("allow", doorward_base::ErrorCode::as_str),
            "status": outcome.code.map(doorward_base::ErrorCode::status),
            "stage": outcome.stage, "check": outcome.check, "route": outcome.route,
            "required": outcome.required, "held": outcome.held, "cure": outcome.cure,
        });
        self.show(&value);
        match outcome.code {
            None => Ok(()),
            Some(code) => Err(Failure::Refused(format!("it would be refused: {code}"))),
        }
    }

    fn show(&self, value: &Value) {
        if self.json {
            output::json(value);
        } else {
            super::manage::show(false, value);
        }
    }
}
