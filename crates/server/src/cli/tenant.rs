//! `doorward tenant`.

use super::args::{Expires, Target};
use super::manage::{Confirmed, email, every, refused, run, show, show_list};
use super::tenant_limit;
use super::{Failure, output};
use clap::{Args, Subcommand};
use doorward_base::{ChallengeId, Email, RoleName, Secret, TenantId};
use doorward_console::{InvitationView, TenantView};
use doorward_identity::act::{self, Caller, CreateTenant, Invite};
use doorward_identity::decide::refusal::ManageRefusal;
use doorward_identity::model::Delivery;
use serde_json::json;

#[derive(Subcommand, Debug)]
pub(super) enum Tenant {
    /// Make a tenant
    Create(Create),
    /// List tenants
    List(List),
    /// Invite an address into a tenant; prints the invitation's secret once, or mails it
    Invite(InviteArgs),
    /// Delete a tenant for good: its memberships end, what is bound to it is dead, and its
    /// id is never given again
    Delete(Delete),
    /// List invitations that wait to be taken; never their secrets
    Invitations(Invitations),
    /// Withdraw an invitation: its secret takes nothing any more
    Withdraw(Withdraw),
    /// Amounts of limits that a tenant has in place of the configuration's
    #[command(subcommand)]
    Limit(tenant_limit::Limit),
}

#[derive(Args, Debug)]
pub(super) struct Delete {
    #[command(flatten)]
    target: Target,
    /// The tenant's id
    id: TenantId,
    #[command(flatten)]
    confirmed: Confirmed,
}

#[derive(Args, Debug)]
pub(super) struct Create {
    #[command(flatten)]
    target: Target,
    /// The tenant's id
    id: TenantId,
    /// A display name
    #[arg(long)]
    name: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct List {
    #[command(flatten)]
    target: Target,
}

#[derive(Args, Debug)]
pub(super) struct InviteArgs {
    #[command(flatten)]
    target: Target,
    /// The tenant
    #[arg(long)]
    tenant: TenantId,
    /// Whom
    #[arg(long, value_parser = email)]
    email: Email,
    /// A role granted in the tenant when the invitation is taken; repeat for more
    #[arg(long, value_name = "NAME")]
    role: Vec<RoleName>,
    /// How long it can be taken (30m, 12h, 3d); with --sign-up 1h unless it is said, and at
    /// most 1d, else 7d
    #[arg(long)]
    expires: Option<Expires>,
    /// Send the secret to the address by mail instead of printing it
    #[arg(long, conflicts_with = "quiet")]
    mail: bool,
    /// Give the secret to nobody: whoever signs up first with the address takes the
    /// invitation; for realms whose enrolment has "invited_address"
    #[arg(long, conflicts_with_all = ["mail", "quiet"])]
    sign_up: bool,
    /// Print the secret alone
    #[arg(long)]
    quiet: bool,
}

#[derive(Args, Debug)]
pub(super) struct Invitations {
    #[command(flatten)]
    target: Target,
    /// Only into this tenant
    #[arg(long)]
    tenant: Option<TenantId>,
}

#[derive(Args, Debug)]
pub(super) struct Withdraw {
    #[command(flatten)]
    target: Target,
    /// The invitation's id
    id: ChallengeId,
}

impl Tenant {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(command) => create(command),
            Self::List(command) => list(&command.target),
            Self::Invite(command) => invite(command),
            Self::Delete(command) => delete(command),
            Self::Invitations(command) => invitations(&command),
            Self::Withdraw(command) => withdraw(&command),
            Self::Limit(command) => command.run(),
        }
    }
}

fn create(command: Create) -> Result<(), Failure> {
    let new = CreateTenant {
        id: command.id,
        name: command.name,
    };
    let tenant = run(&command.target, async |management| {
        act::create_tenant(management.ctx(), &Caller::Operator, new)
            .await
            .map_err(refused)
    })?;
    show(command.target.json, &TenantView::from(&tenant));
    Ok(())
}

fn delete(command: Delete) -> Result<(), Failure> {
    command.confirmed.check("the tenant")?;
    run(&command.target, async |management| {
        act::delete_tenant(management.ctx(), &Caller::Operator, command.id)
            .await
            .map_err(refused)
    })
}

fn list(target: &Target) -> Result<(), Failure> {
    let tenants = run(target, async |management| {
        every(
            async |page| {
                act::list_tenants(management.ctx(), &Caller::Operator, page)
                    .await
                    .map_err(refused)
            },
            |tenant| tenant.id.clone(),
        )
        .await
    })?;
    show_list(
        target.json,
        &["id", "name", "created_at"],
        tenants.iter().map(TenantView::from),
    );
    Ok(())
}

fn invite(command: InviteArgs) -> Result<(), Failure> {
    let delivery = match (command.mail, command.sign_up) {
        (true, _) => Some(Delivery::Mail),
        (false, true) => Some(Delivery::SignUp),
        (false, false) => None,
    };
    let invited = run(&command.target, async |management| {
        let now = management.call.now;
        let request = Invite {
            email: command.email,
            tenant: command.tenant,
            roles: command.role,
            delivery,
            life: command
                .expires
                .map(|expires| expires.moment(now).since(now)),
        };
        act::invite(management.ctx(), &Caller::Operator, request)
            .await
            .map_err(|failure| match failure {
                act::Failure::Refused(ManageRefusal::NoMail) => {
                    Failure::Refused("no [server.mail]; add it, or leave out --mail".to_owned())
                }
                other => refused(other),
            })
    })?;
    let secret = invited.secret.as_ref().map(Secret::expose);
    if let (true, Some(secret)) = (command.quiet, secret) {
        output::line(secret);
    } else {
        let shown = json!({
            "id": invited.id.to_string(),
            "delivery": invited.delivery.as_str(),
            "invitation": secret,
            "expires_at": invited.expires_at.to_string(),
        });
        show(command.target.json, &shown);
    }
    Ok(())
}

fn invitations(command: &Invitations) -> Result<(), Failure> {
    let found = run(&command.target, async |management| {
        every(
            async |page| {
                let tenant = command.tenant.clone();
                act::list_invitations(management.ctx(), &Caller::Operator, tenant, page)
                    .await
                    .map_err(refused)
            },
            |invitation| invitation.id,
        )
        .await
    })?;
    let views = found.iter().map(InvitationView::from);
    let members = ["id", "email", "tenant", "roles", "expires_at"];
    show_list(command.target.json, &members, views);
    Ok(())
}

fn withdraw(command: &Withdraw) -> Result<(), Failure> {
    run(&command.target, async |management| {
        act::withdraw_invitation(management.ctx(), &Caller::Operator, command.id)
            .await
            .map_err(refused)
    })
}
