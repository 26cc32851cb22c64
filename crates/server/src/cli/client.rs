//! `doorward client`.

use super::args::{Target, overlap};
use super::manage::{every, refused, run, show, show_list, value_of};
use super::{Failure, output};
use clap::{Args, Subcommand};
use doorward_base::{Audience, ClientId, Permission, RoleName, TenantId};
use doorward_console::{ClientView, NewClientView};
use doorward_identity::act::{self, Caller, CreateClient, MintedClient};
use doorward_identity::model::{Ceiling, ClientKind};
use serde_json::{Value, json};
use std::time::Duration;

#[derive(Subcommand, Debug)]
pub(super) enum Client {
    /// Make a client: an application that authenticates itself; its secret is printed once
    #[command(
        after_help = "Example:\n  doorward client create --config doorward.toml --realm acme --name billing \\\n      --scope orders:read --redirect-uri https://billing.example/callback"
    )]
    Create(Create),
    /// List clients with the last use of their secrets; never the secrets
    List(List),
    /// Give a client a new secret, printed once; the old one goes on working for a while
    Rotate(Rotate),
    /// End the old secret of a rotation now
    EndOverlap(Named),
    /// Revoke a client: it and its secrets never work again
    Revoke(Named),
}

#[derive(Args, Debug)]
pub(super) struct Create {
    #[command(flatten)]
    target: Target,
    /// What to call it
    #[arg(long)]
    name: String,
    /// confidential (it keeps a secret) or public
    #[arg(long, default_value = "confidential")]
    kind: ClientKind,
    /// The tenant whose client it is; the realm's without
    #[arg(long)]
    tenant: Option<TenantId>,
    /// The most it may carry: a scope; repeat for more. Without, whatever whoever it acts
    /// for may
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<Permission>,
    /// The most it may carry: a role; repeat for more
    #[arg(long, value_name = "NAME")]
    role: Vec<RoleName>,
    /// An audience it may ask for; repeat for more. Without, all of the realm
    #[arg(long, value_name = "NAME")]
    audience: Vec<Audience>,
    /// Where an authorization may return to; repeat for more
    #[arg(long, value_name = "URI")]
    redirect_uri: Vec<String>,
    /// Print the secret alone
    #[arg(long)]
    quiet: bool,
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
    /// The client's id
    id: ClientId,
}

#[derive(Args, Debug)]
pub(super) struct Rotate {
    #[command(flatten)]
    named: Named,
    /// How long the old secret goes on working, such as 12h, at most 30d; 0 ends it at once
    #[arg(long, value_name = "TIME", value_parser = overlap, default_value = "1d")]
    overlap: Duration,
    /// Print the secret alone
    #[arg(long)]
    quiet: bool,
}

impl Client {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(command) => create(command),
            Self::List(command) => list(&command.target),
            Self::Rotate(command) => rotate(&command),
            Self::EndOverlap(command) => end_overlap(&command),
            Self::Revoke(command) => revoke(&command),
        }
    }
}

fn some<T: Ord>(mut list: Vec<T>) -> Option<Vec<T>> {
    list.sort_unstable();
    list.dedup();
    (!list.is_empty()).then_some(list)
}

fn create(command: Create) -> Result<(), Failure> {
    let new = CreateClient {
        name: command.name,
        kind: command.kind,
        ceiling: Ceiling {
            tenant: command.tenant,
            roles: some(command.role),
            permissions: some(command.scope),
            audiences: some(command.audience),
            environment: None,
        },
        redirect_uris: command.redirect_uri,
    };
    let made = run(&command.target, async |management| {
        let made = act::create_client(management.ctx(), &Caller::Operator, new)
            .await
            .map_err(refused)?;
        Ok((shown(&made, management.call.now), made))
    })?;
    print(&command.target, command.quiet, &made)
}

fn rotate(command: &Rotate) -> Result<(), Failure> {
    let (id, overlap) = (command.named.id, Some(command.overlap));
    let made = run(&command.named.target, async |management| {
        let made =
            act::rotate_client_secret(management.ctx(), &Caller::Operator, id, overlap).await;
        let made = made.map_err(refused)?;
        Ok((shown(&made, management.call.now), made))
    })?;
    print(&command.named.target, command.quiet, &made)
}

fn shown(made: &MintedClient, now: doorward_base::Timestamp) -> Value {
    value_of(&NewClientView::of(made, now))
}

fn print(
    target: &Target,
    quiet: bool,
    (view, made): &(Value, MintedClient),
) -> Result<(), Failure> {
    match (&made.secret, quiet) {
        (Some(secret), true) => output::line(secret.expose()),
        (None, true) => {
            return Err(Failure::Usage("a public client has no secret".to_owned()));
        }
        (secret, false) => {
            show(target.json, view);
            if secret.is_some() && !target.json {
                output::note("the secret is shown this once; keep it safe");
            }
        }
    }
    Ok(())
}

fn list(target: &Target) -> Result<(), Failure> {
    let clients = run(target, async |management| {
        let now = management.call.now;
        let clients = every(
            async |page| {
                act::list_clients(management.ctx(), &Caller::Operator, page)
                    .await
                    .map_err(refused)
            },
            |profile| profile.client.id,
        )
        .await?;
        let views = clients
            .iter()
            .map(|one| value_of(&ClientView::at(one, now)));
        Ok(views.collect::<Vec<_>>())
    })?;
    let last_used = |client: &Value| {
        let uses = client["secrets"].as_array().into_iter().flatten();
        let uses = uses.map(|secret| secret["last_used_at"].as_str().unwrap_or("-"));
        json!(uses.collect::<Vec<_>>())
    };
    let mut rows = clients;
    if !target.json {
        for row in &mut rows {
            let used = last_used(row);
            if let Some(members) = row.as_object_mut() {
                members.insert("last_used_at".to_owned(), used);
            }
        }
    }
    let members = ["id", "name", "kind", "tenant", "state", "last_used_at"];
    show_list(target.json, &members, rows);
    Ok(())
}

fn end_overlap(command: &Named) -> Result<(), Failure> {
    let view = run(&command.target, async |management| {
        let (ctx, now) = (management.ctx(), management.call.now);
        let done = act::end_client_overlap(ctx, &Caller::Operator, command.id).await;
        let done = done.map_err(refused)?;
        Ok(value_of(&ClientView::at(&done, now)))
    })?;
    show(command.target.json, &view);
    Ok(())
}

fn revoke(command: &Named) -> Result<(), Failure> {
    run(&command.target, async |management| {
        act::revoke_client(management.ctx(), &Caller::Operator, command.id)
            .await
            .map_err(refused)
    })
}
