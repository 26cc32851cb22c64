//! The command line: what can be typed. What each command does is in its own file;
//! exit codes are 0 done, 1 refused, 2 usage or configuration.

pub(crate) mod args;
mod audit;
mod check;
mod client;
mod data;
mod demo;
mod explain;
mod grant;
mod keys;
mod mail;
mod manage;
mod membership;
mod openapi;
pub(crate) mod output;
mod prove;
mod rls;
mod schema;
mod serve;
mod service_account;
mod session;
mod tenant;
mod tenant_limit;
mod token;
mod user;
mod verify_jws;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory as _, Parser, Subcommand};
use std::process::ExitCode;

/// Why a command ended without doing what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command was understood and refused: exit 1.
    #[error("{0}")]
    Refused(String),
    /// The command line or the configuration is wrong: exit 2.
    #[error("{0}")]
    Usage(String),
}

impl Failure {
    const fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) => 1,
            Self::Usage(_) => 2,
        }
    }
}

/// A self-hosted door for APIs: signs people and machines in, turns long-lived
/// credentials into short-lived JWTs, and checks every request at the door.
#[derive(Parser, Debug)]
#[command(
    name = "doorward",
    version,
    max_term_width = 100,
    after_help = "\
First steps:
  doorward demo                              try it, nothing to configure
  doorward check --config doorward.toml      validate a configuration
  doorward serve --config doorward.toml      run it"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the door: every realm of the configuration, until SIGTERM or Ctrl-C
    Serve(serve::Serve),
    /// Run the published systems that are built on embedded stores, with curl lines to try
    Demo(demo::Demo),
    /// Validate a configuration and run its expectations
    Check(check::Check),
    /// Say why a request was refused, or would be
    Explain(explain::Explain),
    /// People of a realm
    #[command(subcommand)]
    User(user::User),
    /// Service accounts of a realm
    #[command(subcommand)]
    ServiceAccount(service_account::ServiceAccount),
    /// Organisations of a realm
    #[command(subcommand)]
    Tenant(tenant::Tenant),
    /// Who belongs to which tenant
    #[command(subcommand)]
    Membership(membership::Membership),
    /// What subjects may do: roles and permissions
    #[command(subcommand)]
    Grant(grant::Grant),
    /// Sign-ins that are not over
    #[command(subcommand)]
    Session(session::Session),
    /// API tokens: personal, service and key
    #[command(subcommand)]
    Token(token::Token),
    /// Applications that authenticate themselves
    #[command(subcommand)]
    Client(client::Client),
    /// Rows that belong to tenants
    #[command(subcommand)]
    Data(data::Data),
    /// Try whether a PostgreSQL database keeps its tenants apart
    Prove(prove::Prove),
    /// Row-level security in a PostgreSQL of one's own, by which tenants see their rows alone
    #[command(subcommand)]
    Rls(rls::Rls),
    /// The master key and the signing keys
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Whether mail arrives
    #[command(subcommand)]
    Mail(mail::Mail),
    /// What happened, newest first
    Audit(audit::Audit),
    /// The configuration's JSON Schema
    #[command(subcommand)]
    Config(schema::Config),
    /// Judge a signed token (JWS): a JWK or JWK set and the token on standard input
    VerifyJws(verify_jws::VerifyJws),
    /// Write the OpenAPI documents
    #[command(hide = true)]
    Openapi(openapi::Openapi),
}

/// Reads the command line. What guides write without the command `serve` is told where it
/// belongs.
fn parse() -> Cli {
    let mut error = match Cli::try_parse() {
        Ok(cli) => return cli,
        Err(error) => error,
    };
    let unknown = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(name)) => name.clone(),
        _ => error.exit(),
    };
    let cli = Cli::command();
    let serve = cli.find_subcommand("serve");
    let takes = serve.is_some_and(|serve| {
        let mut longs = serve.get_arguments().filter_map(clap::Arg::get_long);
        longs.any(|long| unknown.strip_prefix("--") == Some(long))
    });
    if takes {
        let hint = format!("`doorward serve` takes it: doorward serve {unknown} …");
        let hint = ContextValue::StyledStrs(vec![hint.into()]);
        error.insert(ContextKind::Suggested, hint);
    }
    error.exit()
}

/// Parses the command line, runs the command, and turns its outcome into an exit
/// code.
pub(crate) fn run() -> ExitCode {
    let outcome = match parse().command {
        Command::Serve(command) => command.run(),
        Command::Demo(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Explain(command) => command.run(),
        Command::User(command) => command.run(),
        Command::ServiceAccount(command) => command.run(),
        Command::Tenant(command) => command.run(),
        Command::Membership(command) => command.run(),
        Command::Grant(command) => command.run(),
        Command::Session(command) => command.run(),
        Command::Token(command) => command.run(),
        Command::Client(command) => command.run(),
        Command::Data(command) => command.run(),
        Command::Prove(command) => command.run(),
        Command::Rls(command) => command.run(),
        Command::Keys(command) => command.run(),
        Command::Mail(command) => command.run(),
        Command::Audit(command) => command.run(),
        Command::Config(command) => command.run(),
        Command::VerifyJws(command) => command.run(),
        Command::Openapi(command) => command.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::note(&format!("doorward: {failure}"));
            ExitCode::from(failure.exit_code())
        }
    }
}
