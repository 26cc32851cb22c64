//! `doorward prove`: whether a PostgreSQL database of anybody's keeps its tenants apart. Not
//! here: what is tried (`doorward_rows::prove`).

use super::{Failure, output};
use crate::config::{postgres_address, process_environment};
use clap::Args;
use doorward_rows::FaultKind;
use doorward_rows::prove::{ProveSettings, Report, prove};
use std::path::PathBuf;

/// The most statements of one run.
const MOST: u32 = 10_000_000;

#[derive(Args, Debug)]
#[command(after_help = "\
Run it against a copy: it writes and locks in transactions that it undoes, and it can move
sequences on. Exit code 0: nothing was found; 1: something was; 2: it could not be tried.

Examples:
  A database that Doorward's rows are in, as the tables' owner:
    DB=postgres://owner:secret@localhost/app doorward prove --database env:DB
  An application's own, which tells the tenant by a setting:
    doorward prove --database file:db.url --role app --tenant-column org_id \\
      --context \"SELECT set_config('app.org_id', $1, true)\" --tenants 17,18 --json > proof.json")]
pub(super) struct Prove {
    /// The database: postgres://USER@HOST/NAME, or env:NAME or file:PATH that holds such an
    /// address with its password; USER owns the tables, or is a superuser
    #[arg(long, value_name = "URL")]
    database: String,
    /// The role that callers' statements run as; without it, the one that Doorward made
    #[arg(long)]
    role: Option<String>,
    /// The schema that the tables are in
    #[arg(long, default_value = "public")]
    schema: String,
    /// The column that holds the tenant
    #[arg(long, value_name = "COLUMN", default_value = "tenant_id")]
    tenant_column: String,
    /// SQL that makes a transaction the tenant $1's; without it, Doorward's context
    #[arg(long, value_name = "SQL")]
    context: Option<String>,
    /// Two tenants; they may be new where the tables take rows of new ones
    #[arg(long, value_name = "A,B", default_value = "prove-a,prove-b")]
    tenants: String,
    /// How many statements are tried
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST)))]
    statements: u32,
    /// What the choices come from; the same number repeats a run
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The certificates (PEM) that the server's must be or descend from
    #[arg(long, value_name = "FILE")]
    root_cert: Option<PathBuf>,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

impl Prove {
    pub(super) fn run(self) -> Result<(), Failure> {
        let json = self.json;
        let settings = self.settings()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::Refused(error.to_string()))?;
        let report = runtime.block_on(prove(&settings)).map_err(|fault| {
            let hint = fault.hint.as_deref().unwrap_or_default();
            let words = format!("{fault}{}{hint}", if hint.is_empty() { "" } else { "\n  " });
            match fault.kind {
                FaultKind::Internal => Failure::Refused(words),
                // Nothing was proven, so nothing was found.
                _ => Failure::Usage(words),
            }
        })?;
        match json {
            true => output::json(&report.to_json()),
            false => print(&report),
        }
        match report.findings.len() {
            0 => Ok(()),
            1 => Err(Failure::Refused("1 finding".to_owned())),
            many => Err(Failure::Refused(format!("{many} findings"))),
        }
    }

    fn settings(self) -> Result<ProveSettings, Failure> {
        let wrong = |name: &str, why: String| Failure::Usage(format!("{name}: {why}"));
        let url = postgres_address(&self.database, process_environment)
            .map_err(|why| wrong("--database", why))?;
        let root_cert =
            match &self.root_cert {
                None => None,
                Some(path) => Some(std::fs::read(path).map_err(|error| {
                    wrong("--root-cert", format!("{}: {error}", path.display()))
                })?),
            };
        let tenants = match self.tenants.split(',').collect::<Vec<_>>().as_slice() {
            [own, other] if own != other && !own.is_empty() && !other.is_empty() => {
                [(*own).to_owned(), (*other).to_owned()]
            }
            _ => return Err(wrong("--tenants", "expected two names: A,B".to_owned())),
        };
        Ok(ProveSettings {
            url,
            root_cert,
            role: self.role,
            schema: self.schema,
            tenant_column: self.tenant_column,
            context: self.context,
            tenants,
            statements: usize::try_from(self.statements).unwrap_or(usize::MAX),
            seed: self.seed,
        })
    }
}

fn print(report: &Report) {
    let [own, other] = report.rows;
    let pairs = [
        ("database", report.database.clone()),
        ("server", format!("PostgreSQL {}", report.server)),
        ("role", report.role.clone()),
        ("tables", report.tables.join(", ")),
        (
            "rows tried with",
            format!("{own} of one tenant, {other} of the other"),
        ),
        ("seed", report.seed.to_string()),
        (
            "statements",
            format!(
                "{}; {} answered, {} not to be judged",
                report.statements, report.answered, report.unclear
            ),
        ),
        ("findings", report.findings.len().to_string()),
    ];
    let pairs = pairs.map(|(name, value)| vec![name.to_owned(), value]);
    output::pairs(&pairs);
    if !report.findings.is_empty() {
        let rows = report.setup.replace('\n', "\n   ");
        output::line(&format!(
            "\nThe rows it was tried with:\n   {rows};\n   ROLLBACK;"
        ));
    }
    for (number, found) in report.findings.iter().enumerate() {
        output::line(&format!(
            "\n{}. {} {}\n   {}\n   {}",
            number + 1,
            found.code,
            found.object,
            found.says.replace('\n', "\n   "),
            found.sql.replace('\n', "\n   ")
        ));
    }
}
