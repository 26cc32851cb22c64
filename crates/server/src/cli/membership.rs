//! `doorward membership`.

use super::args::Target;
use super::manage::{Whom, every, refused, run, show, show_list, value_of};
use super::{Failure, output};
use clap::{Args, Subcommand};
use doorward_base::TenantId;
use doorward_console::{LeavingView, MembershipView};
use doorward_identity::act::{self, Caller};
use serde_json::{Value, json};

#[derive(Subcommand, Debug)]
pub(super) enum Membership {
    /// Make a subject a member of a tenant; an address means a user, a service account is
    /// named by its id
    Create(Named),
    /// End a membership, and the tokens, sessions and grants bound to it
    #[command(
        after_help = "Example, first to see what ends and what stays:\n  doorward membership end --config doorward.toml --realm acme --tenant acme --email ada@acme.example --dry-run\nWhat is still used can be made the tenant's own before: doorward token hand-over"
    )]
    End(End),
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
pub(super) struct End {
    #[command(flatten)]
    named: Named,
    /// Change nothing: list what the member's tokens open and when they were last used, and
    /// what it made for others
    #[arg(long)]
    dry_run: bool,
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

fn end(command: &End) -> Result<(), Failure> {
    if command.dry_run {
        return foresee(&command.named);
    }
    let command = &command.named;
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

fn foresee(command: &Named) -> Result<(), Failure> {
    let leaving = run(&command.target, async |management| {
        let subject = command.whom.find(management).await?;
        let tenant = command.tenant.clone();
        let leaving = act::foresee_leaving(management.ctx(), &Caller::Operator, subject, tenant)
            .await
            .map_err(refused)?;
        Ok(LeavingView::at(&leaving, management.call.now))
    })?;
    if command.target.json {
        output::json(&value_of(&leaving));
        return Ok(());
    }
    let told = |view: Value, fate: &str| {
        let mut row = view;
        if let Some(members) = row.as_object_mut() {
            members.insert("then".to_owned(), json!(fate));
        }
        row
    };
    let ends = leaving.ends.iter().map(|one| told(value_of(one), "ends"));
    let stays = leaving.stays.iter().map(|one| told(value_of(one), "stays"));
    show_list(
        false,
        &[
            "then",
            "id",
            "kind",
            "name",
            "opens",
            "expires_at",
            "last_used_at",
            "last_used_from",
        ],
        ends.chain(stays),
    );
    Ok(())
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
