//! `doorward membership`.

use super::Failure;
use super::args::Target;
use super::manage::{Whom, every, refused, run, show, show_list};
use clap::{Args, Subcommand};
use doorward_base::TenantId;
use doorward_console::MembershipView;
use doorward_identity::act::{self, Caller};

#[derive(Subcommand, Debug)]
pub(super) enum Membership {
    /// Make a subject a member of a tenant; an address means a user, a service account is
    /// named by its id
    Create(Named),
    /// End a membership, and the tokens, sessions and grants bound to it
    End(Named),
    /// List a tenant's members
    List(List),
}

#[derive(Args, Debug)]
pub(super) struct Named {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    whom: Whom,
    /// The tenant
    #[arg(long)]
    tenant: TenantId,
}

#[derive(Args, Debug)]
pub(super) struct List {
    #[command(flatten)]
    target: Target,
    /// The tenant
    #[arg(long)]
    tenant: TenantId,
}

impl Membership {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(command) => create(&command),
            Self::End(command) => end(&command),
            Self::List(command) => list(&command),
        }
    }
}

fn create(command: &Named) -> Result<(), Failure> {
    let membership = run(&command.target, async |management| {
        let subject = command.whom.find_meant_user(management).await?;
        act::create_membership(
            management.ctx(),
            &Caller::Operator,
            subject,
            command.tenant.clone(),
        )
        .await
        .map_err(refused)
    })?;
    show(command.target.json, &MembershipView::from(&membership));
    Ok(())
}

fn end(command: &Named) -> Result<(), Failure> {
    run(&command.target, async |management| {
        let subject = command.whom.find(management).await?;
        act::end_membership(
            management.ctx(),
            &Caller::Operator,
            subject,
            command.tenant.clone(),
        )
        .await
        .map_err(refused)
    })
}

fn list(command: &List) -> Result<(), Failure> {
    let members = run(&command.target, async |management| {
        every(
            async |page| {
                let tenant = command.tenant.clone();
                act::list_tenant_members(management.ctx(), &Caller::Operator, tenant, page)
                    .await
                    .map_err(refused)
            },
            |membership| membership.id,
        )
        .await
    })?;
    show_list(
        command.target.json,
        &["id", "subject", "tenant", "created_at"],
        members.iter().map(MembershipView::from),
    );
    Ok(())
}
