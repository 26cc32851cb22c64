//! `doorward service-account`.

use super::args::Target;
use super::manage::{email, refused, run, show};
use super::{Failure, user};
use clap::{Args, Subcommand};
use doorward_base::{Email, Permission, RoleName, SubjectKind, TenantId};
use doorward_console::SubjectView;
use doorward_identity::act::{self, Caller, CreateServiceAccount, Placement};

#[derive(Subcommand, Debug)]
pub(super) enum ServiceAccount {
    /// Make a service account
    #[command(
        after_help = "Example:\n  doorward service-account create --config doorward.toml --realm acme \\\n      --email ci@acme.example --name CI --permission reports:read"
    )]
    Create(Create),
    /// List service accounts
    List(List),
}

#[derive(Args, Debug)]
pub(super) struct Create {
    #[command(flatten)]
    target: Target,
    /// The address that identifies it in its tenant or the realm; no mail is sent there
    #[arg(long, value_parser = email)]
    email: Email,
    /// A display name
    #[arg(long)]
    name: Option<String>,
    /// The tenant to join; roles and permissions then hold there, else realm-wide
    #[arg(long)]
    tenant: Option<TenantId>,
    /// A role to grant; repeat for more
    #[arg(long, value_name = "NAME")]
    role: Vec<RoleName>,
    /// A permission to grant; repeat for more
    #[arg(long, value_name = "NAME")]
    permission: Vec<Permission>,
}

#[derive(Args, Debug)]
pub(super) struct List {
    #[command(flatten)]
    target: Target,
}

impl ServiceAccount {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(command) => create(command),
            Self::List(command) => user::list(&command.target, SubjectKind::Service),
        }
    }
}

fn create(command: Create) -> Result<(), Failure> {
    let new = CreateServiceAccount {
        email: command.email,
        name: command.name,
        placement: Placement {
            tenant: command.tenant,
            roles: command.role,
            permissions: command.permission,
        },
    };
    let subject = run(&command.target, async |management| {
        act::create_service_account(management.ctx(), &Caller::Operator, new)
            .await
            .map_err(refused)
    })?;
    show(command.target.json, &SubjectView::from(&subject));
    Ok(())
}
