//! `doorward user`.

use super::Failure;
use super::args::{Expires, Target, read_secret_line};
use super::manage::{Confirmed, Whom, email, every, refused, run, show, show_list};
use clap::{Args, Subcommand};
use doorward_base::{Email, Permission, Phone, RoleName, SubjectKind, TenantId};
use doorward_console::SubjectView;
use doorward_identity::act::{
    self, Caller, CreateUser, DeleteUser, Placement, SetPassword, StatusChange,
};
use doorward_identity::model::Metadata;

#[derive(Subcommand, Debug)]
pub(super) enum User {
    /// Make a user
    #[command(
        after_help = "Example:\n  printf '%s\\n' \"$PASSWORD\" | doorward user create --config doorward.toml --realm acme \\\n      --email ada@acme.example --password-stdin --tenant acme --role owner"
    )]
    Create(Create),
    /// List users
    List(List),
    /// Set a user's password, from standard input; its sessions end
    SetPassword(Named),
    /// Stop a user from acting at all
    Disable(Named),
    /// Let a disabled user act again
    Enable(Named),
    /// Stop a user from acting for a time
    Ban(Ban),
    /// Lift a ban before its time
    Unban(Named),
    /// Delete a user for good: what is personal goes, its address is free, its id stays in
    /// the audit log
    #[command(
        after_help = "Example:\n  doorward user delete --config doorward.toml --realm acme --email ada@acme.example --yes"
    )]
    Delete(Delete),
}

#[derive(Args, Debug)]
pub(super) struct Create {
    #[command(flatten)]
    target: Target,
    /// The e-mail address, one user's in the realm
    #[arg(long, value_parser = email)]
    email: Option<Email>,
    /// The phone number, with + and its country code; without it and an address the user is
    /// anonymous
    #[arg(long)]
    phone: Option<Phone>,
    /// A display name
    #[arg(long)]
    name: Option<String>,
    /// Read a password from standard input
    #[arg(long)]
    password_stdin: bool,
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

#[derive(Args, Debug)]
pub(super) struct Named {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    whom: Whom,
}

#[derive(Args, Debug)]
pub(super) struct Ban {
    #[command(flatten)]
    named: Named,
    /// When it is over: in 24h, 7d or 1y, or a moment such as 2026-12-31T00:00:00Z
    #[arg(long, value_name = "WHEN")]
    until: Expires,
}

#[derive(Args, Debug)]
pub(super) struct Delete {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    confirmed: Confirmed,
}

impl User {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(command) => create(command),
            Self::List(command) => list(&command.target, SubjectKind::User),
            Self::SetPassword(command) => set_password(&command),
            Self::Disable(command) => stand(&command, StatusChange::Disabled),
            Self::Enable(command) => stand(&command, StatusChange::Enabled),
            Self::Ban(command) => ban(&command),
            Self::Unban(command) => stand(&command, StatusChange::Unbanned),
            Self::Delete(command) => delete(&command),
        }
    }
}

fn create(command: Create) -> Result<(), Failure> {
    let password = command
        .password_stdin
        .then(|| read_secret_line("a password"))
        .transpose()?;
    let new = CreateUser {
        email: command.email,
        phone: command.phone,
        proven: true,
        name: command.name,
        password,
        placement: Placement {
            tenant: command.tenant,
            roles: command.role,
            permissions: command.permission,
        },
        user_metadata: Metadata::new(),
        app_metadata: Metadata::new(),
    };
    let subject = run(&command.target, async |management| {
        act::create_user(management.ctx(), &Caller::Operator, new)
            .await
            .map_err(refused)
    })?;
    show(command.target.json, &SubjectView::from(&subject));
    Ok(())
}

/// Lists subjects of one kind, page by page.
pub(super) fn list(target: &Target, kind: SubjectKind) -> Result<(), Failure> {
    let subjects = run(target, async |management| {
        every(
            async |page| {
                act::list_subjects(management.ctx(), &Caller::Operator, page)
                    .await
                    .map_err(refused)
            },
            |subject| subject.id,
        )
        .await
    })?;
    let of_kind = subjects
        .iter()
        .filter(|subject| subject.identifier.kind() == kind);
    show_list(
        target.json,
        &[
            "id",
            "email",
            "email_proven",
            "phone",
            "name",
            "status",
            "created_at",
        ],
        of_kind.map(SubjectView::from),
    );
    Ok(())
}

fn set_password(command: &Named) -> Result<(), Failure> {
    let new = read_secret_line("the new password")?;
    run(&command.target, async |management| {
        let request = SetPassword {
            subject: command.whom.find(management).await?,
            new,
            current: None,
        };
        act::set_password(management.ctx(), &Caller::Operator, request)
            .await
            .map_err(refused)
    })
}

fn stand(command: &Named, standing: StatusChange) -> Result<(), Failure> {
    run(&command.target, async |management| {
        let subject = command.whom.find(management).await?;
        act::set_subject_status(management.ctx(), &Caller::Operator, subject, standing)
            .await
            .map_err(refused)
    })
}

fn ban(command: &Ban) -> Result<(), Failure> {
    let until = command.until;
    run(&command.named.target, async |management| {
        let subject = command.named.whom.find(management).await?;
        let until = until.moment(management.call.now);
        let standing = StatusChange::Banned { until };
        act::set_subject_status(management.ctx(), &Caller::Operator, subject, standing)
            .await
            .map_err(refused)
    })
}

fn delete(command: &Delete) -> Result<(), Failure> {
    command.confirmed.check("the user")?;
    run(&command.named.target, async |management| {
        let request = DeleteUser {
            subject: command.named.whom.find(management).await?,
            password: None,
        };
        act::delete_user(management.ctx(), &Caller::Operator, request)
            .await
            .map_err(refused)
    })
}
