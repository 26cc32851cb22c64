//! `doorward token`.

use super::args::{Expires, Target, overlap, read_secret_line};
use super::manage::{Maker, Owner, refused, run, show, show_list};
use super::{Failure, output};
use clap::{Args, Subcommand};
use doorward_base::{ApiTokenId, Environment, Permission, TenantId};
use doorward_console::{NewTokenView, TokenView};
use doorward_identity::act::{
    self, Caller, CreateToken, MintedToken, RegenerateToken, TokenRef, TokensOf,
};
use doorward_identity::model::{Ceiling, TokenKind};
use doorward_identity::port::Page;
use std::time::Duration;

#[derive(Subcommand, Debug)]
pub(super) enum Token {
    /// Make an API token; its secret is printed once
    #[command(
        after_help = "Examples:\n  doorward token create --config doorward.toml --realm acme --kind service --owner ci@acme.example --expires 90d --quiet\n  doorward token create --config doorward.toml --realm acme --kind key --owner tenant:acme --scope orders:read\n  doorward token create --config doorward.toml --realm acme --kind personal --owner ada@acme.example --tenant acme"
    )]
    Create(Create),
    /// List API tokens; never their secrets
    #[command(
        after_help = "Example, of what somebody who leaves made for others:\n  doorward token list --config doorward.toml --realm acme --made-by ada@acme.example"
    )]
    List(List),
    /// Revoke an API token: it never works again
    Revoke(Named),
    /// Replace an API token by a new one; its secret is printed once
    #[command(
        after_help = "Examples, of a class with grace = \"7d\": the old one works for a day more, or not at all\n  doorward token regenerate --config doorward.toml --realm acme --overlap 1d 0198c0de-0000-7000-8000-000000000000\n  doorward token regenerate --config doorward.toml --realm acme --overlap 0 0198c0de-0000-7000-8000-000000000000"
    )]
    Regenerate(Regenerate),
    /// End what a token replaced before its time; the listing says whether it is still used
    #[command(
        after_help = "Example:\n  doorward token list --config doorward.toml --realm acme --owner tenant:acme\n  doorward token end-overlap --config doorward.toml --realm acme 0198c0de-0000-7000-8000-000000000000"
    )]
    EndOverlap(Named),
    /// Make a key of the tenant that takes over from a person's token; its secret is printed
    /// once, and the token itself goes on until it or the membership is ended
    #[command(
        after_help = "Example, before somebody leaves:\n  doorward membership end --config doorward.toml --realm acme --tenant acme --email ada@acme.example --dry-run\n  doorward token hand-over --config doorward.toml --realm acme 0198c0de-0000-7000-8000-000000000000\n  doorward membership end --config doorward.toml --realm acme --tenant acme --email ada@acme.example"
    )]
    HandOver(HandOver),
}

#[derive(Args, Debug)]
pub(super) struct Create {
    #[command(flatten)]
    target: Target,
    /// personal, service or key
    #[arg(long)]
    kind: TokenKind,
    /// Who owns it: an address, an id, or tenant:ID for a key
    #[arg(long, value_name = "EMAIL|ID|tenant:ID")]
    owner: Owner,
    /// What to call it
    #[arg(long)]
    name: Option<String>,
    /// When it stops by itself: 90d, or 2026-12-31T00:00:00Z
    #[arg(long, value_name = "WHEN")]
    expires: Option<Expires>,
    /// The most it may carry: a scope; repeat for more. A key carries nothing else
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<Permission>,
    /// The tenant it is bound to, where its owner is in several
    #[arg(long, value_name = "ID")]
    tenant: Option<TenantId>,
    /// The environment, where the class has environments
    #[arg(long, value_name = "live|test")]
    environment: Option<Environment>,
    /// Print the secret alone
    #[arg(long)]
    quiet: bool,
}

#[derive(Args, Debug)]
pub(super) struct List {
    #[command(flatten)]
    target: Target,
    /// Only this owner's: an address, an id, or tenant:ID
    #[arg(long, value_name = "EMAIL|ID|tenant:ID")]
    owner: Option<Owner>,
    /// Only what this person or service account made, whoever owns it: an address, or an id
    #[arg(long, value_name = "EMAIL|ID", conflicts_with = "owner")]
    made_by: Option<Maker>,
}

#[derive(Args, Debug)]
pub(super) struct Named {
    #[command(flatten)]
    target: Target,
    /// The token's id, or - to read the token itself from standard input
    #[arg(value_name = "ID|-")]
    token: String,
}

#[derive(Args, Debug)]
pub(super) struct Regenerate {
    #[command(flatten)]
    named: Named,
    /// When the new one stops by itself, where the class does not keep the old expiry
    #[arg(long, value_name = "WHEN")]
    expires: Option<Expires>,
    /// How long the old one goes on working, such as 12h: at most the class's grace, and so
    /// long without; 0 ends it at once
    #[arg(long, value_name = "TIME", value_parser = overlap)]
    overlap: Option<Duration>,
    /// Print the secret alone
    #[arg(long)]
    quiet: bool,
}

#[derive(Args, Debug)]
pub(super) struct HandOver {
    #[command(flatten)]
    target: Target,
    /// The token's id
    id: ApiTokenId,
    /// What to call the key; without, what the token is called
    #[arg(long)]
    name: Option<String>,
    /// When the key stops by itself; without, when the token does
    #[arg(long, value_name = "WHEN")]
    expires: Option<Expires>,
    /// The key's environment, where keys have any; without, the token's
    #[arg(long, value_name = "live|test")]
    environment: Option<Environment>,
    /// Print the secret alone
    #[arg(long)]
    quiet: bool,
}

impl Token {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(command) => create(command),
            Self::List(command) => list(command),
            Self::Revoke(command) => revoke(&command),
            Self::Regenerate(command) => regenerate(&command),
            Self::EndOverlap(command) => end_overlap(&command),
            Self::HandOver(command) => hand_over(command),
        }
    }
}

fn create(command: Create) -> Result<(), Failure> {
    let permissions = (!command.scope.is_empty()).then(|| {
        let mut scopes = command.scope;
        scopes.sort_unstable();
        scopes.dedup();
        scopes
    });
    let ceiling = Ceiling {
        tenant: command.tenant,
        permissions,
        environment: command.environment,
        ..Ceiling::default()
    };
    let (kind, owner, name, expires) =
        (command.kind, command.owner.0, command.name, command.expires);
    let minted = run(&command.target, async |management| {
        let expires_at = expires.map(|expires| expires.moment(management.call.now));
        let request = CreateToken {
            kind,
            owner,
            name,
            ceiling,
            expires_at,
        };
        act::create_token(management.ctx(), &Caller::Operator, request)
            .await
            .map_err(refused)
    })?;
    show_minted(command.target.json, command.quiet, &minted);
    Ok(())
}

fn list(command: List) -> Result<(), Failure> {
    let owner = command.owner.map(|owner| TokensOf::Owner(owner.0));
    let made_by = command.made_by.map(|maker| TokensOf::Maker(maker.0));
    let which = owner.or(made_by);
    let views = run(&command.target, async |management| {
        let now = management.call.now;
        let (mut views, mut after) = (Vec::new(), None);
        loop {
            let page = Page { after, limit: 1000 };
            let found = act::list_tokens(management.ctx(), &Caller::Operator, which.clone(), page)
                .await
                .map_err(refused)?;
            views.extend(found.tokens.iter().map(|token| TokenView::at(token, now)));
            after = found.next;
            if after.is_none() {
                return Ok(views);
            }
        }
    })?;
    show_list(
        command.target.json,
        &[
            "id",
            "kind",
            "name",
            "state",
            "created_by",
            "created_at",
            "expires_at",
            "last_used_at",
            "last_used_from",
        ],
        views,
    );
    Ok(())
}

fn revoke(command: &Named) -> Result<(), Failure> {
    let token = named(&command.token)?;
    let view = run(&command.target, async |management| {
        let revoked = act::revoke_token(management.ctx(), &Caller::Operator, token)
            .await
            .map_err(refused)?;
        Ok(TokenView::at(&revoked, management.call.now))
    })?;
    show(command.target.json, &view);
    Ok(())
}

fn regenerate(command: &Regenerate) -> Result<(), Failure> {
    let token = named(&command.named.token)?;
    let minted = run(&command.named.target, async |management| {
        let expires_at = command
            .expires
            .map(|expires| expires.moment(management.call.now));
        let request = RegenerateToken {
            token,
            expires_at,
            overlap: command.overlap,
        };
        act::regenerate_token(management.ctx(), &Caller::Operator, request)
            .await
            .map_err(refused)
    })?;
    show_minted(command.named.target.json, command.quiet, &minted);
    Ok(())
}

fn end_overlap(command: &Named) -> Result<(), Failure> {
    let token = named(&command.token)?;
    let view = run(&command.target, async |management| {
        let ended = act::end_token_overlap(management.ctx(), &Caller::Operator, token)
            .await
            .map_err(refused)?;
        Ok(TokenView::at(&ended, management.call.now))
    })?;
    show(command.target.json, &view);
    Ok(())
}

fn hand_over(command: HandOver) -> Result<(), Failure> {
    let (expires, name, environment) = (command.expires, command.name, command.environment);
    let minted = run(&command.target, async |management| {
        let request = act::HandOver {
            token: command.id,
            name,
            expires_at: expires.map(|expires| expires.moment(management.call.now)),
            environment,
        };
        act::hand_over_token(management.ctx(), &Caller::Operator, request)
            .await
            .map_err(refused)
    })?;
    show_minted(command.target.json, command.quiet, &minted);
    Ok(())
}

fn named(text: &str) -> Result<TokenRef, Failure> {
    if text == "-" {
        return read_secret_line("the token").map(TokenRef::Secret);
    }
    text.parse::<ApiTokenId>().map(TokenRef::Id).map_err(|_| {
        Failure::Usage("name the token by its id, or write - and give the token itself on standard input, where the process list does not show it".to_owned())
    })
}

fn show_minted(json: bool, quiet: bool, minted: &MintedToken) {
    if quiet {
        output::line(minted.secret.expose());
        return;
    }
    show(json, &NewTokenView::of(minted, minted.token.created_at));
    if !json {
        output::note("the token is shown this once; keep it safe");
    }
}
