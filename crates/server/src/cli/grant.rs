//! `doorward grant`.

use super::Failure;
use super::args::Target;
use super::manage::{Whom, refused, run, show_list};
use clap::{Args, Subcommand};
use doorward_base::{Audience, Permission, RoleName, TenantId};
use doorward_console::GrantView;
use doorward_identity::act::{self, Caller};
use doorward_identity::model::{Grant as Granting, Granted};

#[derive(Subcommand, Debug)]
pub(super) enum Grant {
    /// Grant a role or permission, in a tenant or realm-wide
    #[command(
        after_help = "Example:\n  doorward grant add --config doorward.toml --realm acme --email ada@acme.example --permission platform.users.edit"
    )]
    Add(What),
    /// Take a role or permission away
    Remove(What),
    /// List what a subject was granted
    List(List),
}

#[derive(Args, Debug)]
pub(super) struct What {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    whom: Whom,
    /// The tenant it holds in; without one it is realm-wide
    #[arg(long)]
    tenant: Option<TenantId>,
    /// The role
    #[arg(
        long,
        required_unless_present = "permission",
        conflicts_with = "permission"
    )]
    role: Option<RoleName>,
    /// The permission
    #[arg(long)]
    permission: Option<Permission>,
    /// The one API the permission is limited to
    #[arg(long, requires = "permission")]
    audience: Option<Audience>,
}

#[derive(Args, Debug)]
pub(super) struct List {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    whom: Whom,
}

impl Grant {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Add(what) => change(what, Change::Add),
            Self::Remove(what) => change(what, Change::Remove),
            Self::List(command) => list(&command),
        }
    }
}

#[derive(Clone, Copy)]
enum Change {
    Add,
    Remove,
}

fn change(what: What, change: Change) -> Result<(), Failure> {
    let granted = match (what.role, what.permission) {
        (Some(role), _) => Granted::Role(role),
        (None, Some(permission)) => Granted::Permission {
            permission,
            audience: what.audience,
        },
        (None, None) => return Err(Failure::Usage("name a --role or a --permission".to_owned())),
    };
    let grant = Granting {
        tenant: what.tenant,
        granted,
    };
    run(&what.target, async |management| {
        let subject = match change {
            Change::Add => what.whom.find_meant(management).await?,
            Change::Remove => what.whom.find(management).await?,
        };
        let (ctx, caller) = (management.ctx(), &Caller::Operator);
        let (changed, problem) = match change {
            Change::Add => (
                act::add_grant(ctx, caller, subject, grant).await,
                "it is held already",
            ),
            Change::Remove => (
                act::remove_grant(ctx, caller, subject, grant).await,
                "it was not granted",
            ),
        };
        if changed.map_err(refused)? {
            Ok(())
        } else {
            Err(Failure::Refused(problem.to_owned()))
        }
    })
}

fn list(command: &List) -> Result<(), Failure> {
    let grants = run(&command.target, async |management| {
        let subject = command.whom.find(management).await?;
        let profile = act::load_profile(management.ctx(), &Caller::Operator, subject).await;
        Ok(profile.map_err(refused)?.grants)
    })?;
    show_list(
        command.target.json,
        &["tenant", "role", "permission", "audience"],
        grants.iter().map(GrantView::from),
    );
    Ok(())
}
