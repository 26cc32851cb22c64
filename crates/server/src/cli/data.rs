//! `doorward data`: the rows of a realm, on their database directly. A running server finds
//! out by itself.

use super::args::Target;
use super::manage::{Management, run, show};
use super::{Failure, output};
use crate::data;
use clap::{Args, Subcommand};
use doorward_rows::sqlite::OpenFiles;
use doorward_rows::{DataRealm, Fault, Schema, describe};
use serde_json::json;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The longest step of a schema that is read, bytes.
const LONGEST: u64 = 1 << 20;

#[derive(Subcommand, Debug)]
pub(super) enum Data {
    /// The tables, the same for all tenants of the realm
    #[command(subcommand)]
    Schema(SchemaCommand),
}

#[derive(Subcommand, Debug)]
pub(super) enum SchemaCommand {
    /// Show the tables and their columns
    Show(Show),
    /// Change the tables by DDL, as one step; a step that was applied changes nothing
    Apply(Apply),
}

#[derive(Args, Debug)]
pub(super) struct Show {
    #[command(flatten)]
    target: Target,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  echo 'CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)' |\n    doorward data schema apply --config doorward.toml --realm main -"
)]
pub(super) struct Apply {
    #[command(flatten)]
    target: Target,
    /// The file with the statements; - is standard input
    file: PathBuf,
}

impl Data {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Schema(SchemaCommand::Show(command)) => show_schema(&command),
            Self::Schema(SchemaCommand::Apply(command)) => apply(&command),
        }
    }
}

fn show_schema(command: &Show) -> Result<(), Failure> {
    let schema = run(&command.target, async |management| {
        let rows = rows(management)?;
        let engine = rows.engine().await.map_err(failed)?;
        engine.schema().await.map_err(failed)
    })?;
    if command.target.json {
        output::json(&describe(&schema));
    } else {
        print(&schema);
    }
    Ok(())
}

fn apply(command: &Apply) -> Result<(), Failure> {
    let ddl = read(&command.file)?;
    let version = run(&command.target, async |management| {
        let rows = rows(management)?;
        let engine = rows.engine().await.map_err(failed)?;
        engine.amend(&ddl).await.map_err(failed)
    })?;
    show(command.target.json, &json!({ "version": version }));
    Ok(())
}

/// The rows of the realm. Who is deleted is asked by nobody here.
pub(super) fn rows(management: &Management) -> Result<Arc<DataRealm>, Failure> {
    let name = &management.realm.settings.name;
    let mut realms = management.engine.settings.realms.iter();
    let config = realms.find(|realm| realm.name() == name);
    let config = config.ok_or_else(|| Failure::Usage(format!("there is no realm {name}")))?;
    let master = &management.engine.identity.master;
    data::realm(
        master,
        config,
        None,
        Arc::new(|_| false),
        OpenFiles::default(),
    )?
    .ok_or_else(|| {
        Failure::Usage(format!(
            "realm {name} has no rows; add \"data\" to its dialects"
        ))
    })
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "used as a function of map_err"
)]
fn failed(fault: Fault) -> Failure {
    let at = fault
        .position
        .map_or_else(String::new, |at| format!(" (at character {at})"));
    Failure::Refused(format!("{fault}{at} ({})", fault.kind.code()))
}

fn read(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        let input = std::io::stdin().lock();
        input.take(LONGEST + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(file)
            .and_then(|input| input.take(LONGEST + 1).read_to_string(&mut text))
    };
    read.map_err(|error| Failure::Usage(format!("cannot read {}: {error}", file.display())))?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > LONGEST {
        let message = format!("{} is longer than 1 MiB", file.display());
        return Err(Failure::Usage(message));
    }
    Ok(text)
}

fn print(schema: &Schema) {
    let rows: Vec<Vec<String>> = schema
        .tables
        .iter()
        .flat_map(|table| {
            table.columns.iter().map(|column| {
                let is_key = table.primary_key.contains(&column.name);
                vec![
                    table.name.clone(),
                    column.name.clone(),
                    column.type_name.clone(),
                    mark(column.nullable, "null"),
                    mark(is_key, "key"),
                    mark(column.is_tenant, "tenant"),
                ]
            })
        })
        .collect();
    output::table(&["TABLE", "COLUMN", "TYPE", "NULL", "KEY", "HELD"], &rows);
}

fn mark(is: bool, word: &str) -> String {
    if is { word } else { "-" }.to_owned()
}
