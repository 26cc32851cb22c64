//! `doorward rls`: tables of a PostgreSQL that was there before, put under their tenants, and
//! what in it would let rows past them. The realm says which database: the caller role's
//! password and the keys of its contexts are derived from the master key and the realm's name,
//! so that without a realm there would be nobody to install for.

use super::args::Target;
use super::data::rows;
use super::manage::{Management, run};
use super::{Failure, output};
use clap::{Args, Subcommand};
use doorward_rows::Fault;
use doorward_rows::postgres::{Done, Finding, Lint, Owner, Wanted};
use serde_json::{Value, json};

/// What an owner must know before his application finds out.
const BINDS_EVERYBODY: &str = "note: [data.postgres] other_roles is empty: on tables that are bound, every role but superusers and those with BYPASSRLS sees no row any more, the owner too";

#[derive(Subcommand, Debug)]
pub(super) enum Rls {
    /// Bind tables to their tenants, or show what that would take
    Install(Install),
    /// Name what would let rows past their tenant; changes nothing
    Lint(LintCommand),
}

#[derive(Args, Debug)]
#[command(after_help = "\
The database, the schema and the tenant's column are those of [realm.REALM.data].
Everything is done in one transaction, or nothing. Exit 1: something speaks against it.

Examples:
  doorward rls install --config doorward.toml --realm shop --dry-run
  doorward rls install --config doorward.toml --realm shop --table orders --table invoices
  doorward rls install --config doorward.toml --realm shop --accept key_without_tenant")]
pub(super) struct Install {
    #[command(flatten)]
    target: Target,
    /// A table to bind; default: every one that has the tenant's column
    #[arg(long = "table", value_name = "TABLE")]
    tables: Vec<String>,
    /// A finding to live with: key_without_tenant or reference_without_tenant
    #[arg(long = "accept", value_name = "CODE", value_parser = acceptable)]
    accepted: Vec<Lint>,
    /// Print the statements and what would be found, and keep nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Exit 1: something was found. What is advice alone is named and is no finding.

Example:
  doorward rls lint --config doorward.toml --realm shop")]
pub(super) struct LintCommand {
    #[command(flatten)]
    target: Target,
    /// A finding to live with: key_without_tenant or reference_without_tenant
    #[arg(long = "accept", value_name = "CODE", value_parser = acceptable)]
    accepted: Vec<Lint>,
}

impl Rls {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Install(command) => install(&command),
            Self::Lint(command) => lint(&command),
        }
    }
}

fn install(command: &Install) -> Result<(), Failure> {
    let wanted = Wanted {
        tables: command.tables.clone(),
        accepted: command.accepted.clone(),
        is_trial: command.dry_run,
    };
    let (role, done) = run(&command.target, async |management| {
        let mut owner = owner(management).await?;
        if owner.binds_everybody() {
            output::note(BINDS_EVERYBODY);
        }
        let done = owner.install(&wanted).await.map_err(said)?;
        Ok((owner.role().to_owned(), done))
    })?;
    let against = speaking(&done.findings, &command.accepted);
    if command.target.json {
        output::json(&json!({
            "role": role,
            "sql": done.sql,
            "left": done.left,
            "findings": listed(&done.findings, &command.accepted),
            "installed": done.is_kept,
        }));
    } else {
        print(command, &role, &done);
    }
    match (against, command.dry_run) {
        (0, _) => Ok(()),
        (_, true) => Err(Failure::Refused(
            "this would be refused: mend what was found, or leave the table out by --table"
                .to_owned(),
        )),
        (_, false) => Err(Failure::Refused(
            "nothing was changed: mend what was found, or leave the table out by --table"
                .to_owned(),
        )),
    }
}

fn print(command: &Install, role: &str, done: &Done) {
    if command.dry_run {
        for statement in &done.sql {
            let statement = statement.trim().trim_end_matches(';');
            let end = if statement.starts_with("--") { "" } else { ";" };
            output::line(&format!("{statement}{end}"));
        }
    }
    for finding in &done.findings {
        output::note(&text(finding, &command.accepted));
    }
    if !done.left.is_empty() {
        let left = done.left.join(", ");
        output::note(&format!("left alone, without the tenant's column: {left}"));
    }
    if done.is_kept {
        output::line(&format!("callers work as {role}"));
    }
}

fn lint(command: &LintCommand) -> Result<(), Failure> {
    let found = run(&command.target, async |management| {
        owner(management).await?.lint().await.map_err(said)
    })?;
    if command.target.json {
        output::json(&Value::Array(listed(&found, &command.accepted)));
    } else {
        for finding in &found {
            output::line(&text(finding, &command.accepted));
        }
    }
    match speaking(&found, &command.accepted) {
        0 => Ok(()),
        1 => Err(Failure::Refused("1 finding".to_owned())),
        many => Err(Failure::Refused(format!("{many} findings"))),
    }
}

async fn owner(management: &Management) -> Result<Owner, Failure> {
    let owner = rows(management)?.owner().await.map_err(said)?;
    owner.ok_or_else(|| {
        let realm = &management.realm.settings.name;
        Failure::Usage(format!(
            "the rows of realm {realm} are on SQLite, a file for each tenant; row-level security is for database = \"postgres://…\""
        ))
    })
}

/// With what may help.
fn said(fault: Fault) -> Failure {
    let mut words = format!("{fault} ({})", fault.kind.code());
    for more in fault.details.into_iter().chain(fault.hint) {
        words.push_str("\n    ");
        words.push_str(&more);
    }
    Failure::Refused(words)
}

fn acceptable(code: &str) -> Result<Lint, String> {
    let lint = Lint::named(code).filter(|lint| lint.can_be_accepted());
    lint.ok_or_else(|| "expected key_without_tenant or reference_without_tenant".to_owned())
}

fn weight(finding: &Finding, accepted: &[Lint]) -> &'static str {
    if finding.lint.is_advice() {
        "advice"
    } else if accepted.contains(&finding.lint) {
        "accepted"
    } else {
        "finding"
    }
}

fn speaking(found: &[Finding], accepted: &[Lint]) -> usize {
    let speaks = |finding: &&Finding| weight(finding, accepted) == "finding";
    found.iter().filter(speaks).count()
}

fn text(finding: &Finding, accepted: &[Lint]) -> String {
    format!("{}: {finding}", weight(finding, accepted))
}

fn listed(found: &[Finding], accepted: &[Lint]) -> Vec<Value> {
    let view = |finding: &Finding| {
        json!({
            "code": finding.lint.code(),
            "object": finding.object,
            "says": finding.lint.says(),
            "mend": finding.mend,
            "weight": weight(finding, accepted),
        })
    };
    found.iter().map(view).collect()
}
