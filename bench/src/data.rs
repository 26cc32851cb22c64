//! The data API beside the bare engines on the same rows: an installation on each engine with
//! one tenant's rows to read, and what many tenants cost on SQLite. Callers are those of the
//! external issuer, whose tenants nobody has to make. Not here: the loads (`plan`).

use crate::database::{Cluster, Database};
use crate::doorward::{Installation, Shape, Wanted};
use crate::failure::{Context as _, Failure};
use crate::farm::expect;
use crate::load::{self, Kind, Load, Outcome, ask};
use crate::meter;
use crate::option::{Options, Part};
use crate::process::Running;
use crate::site::{Site, write_lines};
use crate::start::wait_for_answer;
use doorward_testkit::Request;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Rows that are looked up.
pub(crate) const ROWS: u32 = 10_000;
/// Tenants that insert at once.
const TENANTS: usize = 100;
/// Rows of one statement, below the bounds of a statement.
const CHUNK: u32 = 400;
/// Different look-ups; statements of the script for SQLite's own program.
const LOOK_UPS: u32 = 1000;
const STATEMENTS: u32 = 200_000;
/// Clients while there are many tenants.
const CLIENTS: u32 = 16;
/// Where SQL is taken.
const QUERY: &str = "/api/v1/query";

/// An installation with rows, and what is said to it and to its engine.
#[derive(Debug)]
pub(crate) struct Stocked {
    pub(crate) engine: &'static str,
    pub(crate) installation: Installation,
    pub(crate) process: Running,
    /// Where the rows of the measured tenant are.
    pub(crate) rows: Database,
    /// The measured tenant's access token.
    pub(crate) token: String,
    /// Bodies that look a row up, and that insert one.
    pub(crate) look_ups: PathBuf,
    pub(crate) insert: PathBuf,
    /// Inserts of many tenants, each with its token.
    pub(crate) inserts: PathBuf,
    /// The same in the engine's own words.
    pub(crate) bare_look_up: PathBuf,
    pub(crate) bare_insert: PathBuf,
}

/// What many tenants came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grown {
    pub(crate) tenants: usize,
    /// The first statement of each, milliseconds: its file is made.
    pub(crate) first: f64,
    /// Memory once each was there, MiB.
    pub(crate) memory: f64,
    /// Look-ups over all of them in turn.
    pub(crate) outcome: Outcome,
    /// Start to the first answer with rows, seconds.
    pub(crate) start: f64,
}

/// An installation on SQLite and one on PostgreSQL.
pub(crate) fn both(
    site: &Site,
    binary: &Path,
    upstream: SocketAddr,
    cluster: &Cluster,
) -> Result<Vec<Stocked>, Failure> {
    let folder = site.file("data-rows");
    let sqlite = Database::Sqlite(folder);
    let both = [sqlite, cluster.create_database()];
    let stock = |rows| Stocked::make(site, binary, upstream, rows);
    both.into_iter().map(stock).collect()
}

impl Stocked {
    fn make(
        site: &Site,
        binary: &Path,
        upstream: SocketAddr,
        rows: Database,
    ) -> Result<Self, Failure> {
        let engine = rows.engine();
        eprintln!("filling a tenant's rows on {engine}");
        let name = format!("data-{engine}");
        let address = rows.address();
        let wanted = Wanted {
            rows: Some(&address),
            ..Wanted::new(&name, Shape::Data)
        };
        let installation = Installation::write(site, binary, &wanted, upstream)?;
        let process = installation.start()?;
        wait_for_answer(installation.addr, "/healthz")?;
        let token = site.issuer.mint_in(0, &tenant(0))?;
        fill(installation.addr, &token)?;
        let bodies = (0..LOOK_UPS).map(|n| look_up(engine, n * 7 % ROWS));
        let look_ups = site.file(&format!("{name}.look-ups"));
        write_lines(&look_ups, bodies)?;
        let insert = site.write(&format!("{name}.insert"), &format!("{INSERT}\n"))?;
        let inserts = site.file(&format!("{name}.inserts"));
        let of_each = each(site, TENANTS)?.into_iter();
        write_lines(&inserts, of_each.map(|token| format!("{token}\t{INSERT}")))?;
        let (bare_look_up, bare_insert) = bare(site, engine)?;
        let rows = match rows {
            Database::Sqlite(folder) => {
                let file = format!("{}.db", tenant(0));
                Database::Sqlite(folder.join("tenants").join(file))
            }
            other => other,
        };
        Ok(Self {
            engine,
            installation,
            process,
            rows,
            token,
            look_ups,
            insert,
            inserts,
            bare_look_up,
            bare_insert,
        })
    }
}

const INSERT: &str = r#"{"sql":"INSERT INTO entry (text) VALUES ('a line of a log')"}"#;

fn tenant(number: usize) -> String {
    format!("tenant-{number:05}")
}

fn look_up(engine: &str, id: u32) -> String {
    let parameter = if engine == "SQLite" { "?1" } else { "$1" };
    format!(r#"{{"sql":"SELECT id, text FROM item WHERE id = {parameter}","params":[{id}]}}"#)
}

/// A token for each of so many tenants.
fn each(site: &Site, tenants: usize) -> Result<Vec<String>, Failure> {
    let mint = |number| site.issuer.mint_in(number, &tenant(number));
    (0..tenants).map(mint).collect()
}

fn post(addr: SocketAddr, token: &str, body: &str, member: &str) -> Result<(), Failure> {
    let request = Request::new(addr, "POST", QUERY).bearer(token);
    let answer = ask(&request
        .header("Content-Type", "application/json")
        .body(body))?;
    expect("doorward, the data API", &answer, 200, member)
}

fn fill(addr: SocketAddr, token: &str) -> Result<(), Failure> {
    let mut from = 0;
    while from < ROWS {
        let mut sql = "INSERT INTO item (id, text) VALUES ".to_owned();
        for id in from..(from + CHUNK).min(ROWS) {
            let comma = if id == from { "" } else { "," };
            let _ = write!(sql, "{comma}({id},'item number {id}')");
        }
        post(addr, token, &format!("{{\"sql\":\"{sql}\"}}"), "affected")?;
        from += CHUNK;
    }
    Ok(())
}

/// What the engine's own program is told.
fn bare(site: &Site, engine: &str) -> Result<(PathBuf, PathBuf), Failure> {
    let tenant = tenant(0);
    let select =
        |id: &str| format!("SELECT id, text FROM item WHERE tenant_id = '{tenant}' AND id = {id};");
    let insert =
        format!("INSERT INTO entry (tenant_id, text) VALUES ('{tenant}', 'a line of a log');");
    if engine == "SQLite" {
        let look_up = site.file("bare-look-up.sqlite");
        let statements = (0..STATEMENTS).map(|n| select(&(n * 7 % ROWS).to_string()));
        write_lines(&look_up, statements)?;
        let inserts = site.file("bare-insert.sqlite");
        // As durable as a store's: every statement is a transaction of its own.
        write_lines(&inserts, std::iter::repeat_n(&insert, 2000))?;
        return Ok((look_up, inserts));
    }
    let last = ROWS - 1;
    let look_up = format!("\\set n random(0, {last})\n{}\n", select(":n"));
    Ok((
        site.write("bare-look-up.pgbench", &look_up)?,
        site.write("bare-insert.pgbench", &format!("{insert}\n"))?,
    ))
}

/// Rows of many tenants on SQLite, if they are wanted, each in a file of its own.
pub(crate) fn grow(
    site: &Site,
    binary: Option<&Path>,
    upstream: SocketAddr,
    options: &Options,
) -> Result<Vec<Grown>, Failure> {
    let (true, Some(binary)) = (options.wants(Part::Rows), binary) else {
        return Ok(Vec::new());
    };
    let seconds = options.seconds;
    let grow = |&tenants| Grown::measure(site, binary, upstream, tenants, seconds);
    options.tenants.iter().map(grow).collect()
}

impl Grown {
    fn measure(
        site: &Site,
        binary: &Path,
        upstream: SocketAddr,
        tenants: usize,
        seconds: u32,
    ) -> Result<Self, Failure> {
        eprintln!("making the rows of {tenants} tenants");
        let name = format!("tenants-{tenants}");
        let address = format!("sqlite:{}", site.file(&format!("{name}-rows")).display());
        let wanted = Wanted {
            rows: Some(&address),
            ..Wanted::new(&name, Shape::Data)
        };
        let installation = Installation::write(site, binary, &wanted, upstream)?;
        let tokens = each(site, tenants)?;
        let process = installation.start()?;
        wait_for_answer(installation.addr, "/healthz")?;
        let body = r#"{"sql":"INSERT INTO item (id, text) VALUES (1, 'one')"}"#;
        let begun = Instant::now();
        for token in &tokens {
            post(installation.addr, token, body, "affected")?;
        }
        let first = begun.elapsed().as_secs_f64() * 1000.0;
        let count = u32::try_from(tenants).during("the number of tenants")?;
        let bodies = site.file(&format!("{name}.look-ups"));
        let body = look_up("SQLite", 1);
        let lines = tokens.iter().map(|token| format!("{token}\t{body}"));
        write_lines(&bodies, lines)?;
        drop(process);
        let begun = Instant::now();
        let process = installation.start()?;
        wait_for_answer(installation.addr, "/healthz")?;
        let token = tokens.first().during("a tenant")?;
        post(installation.addr, token, &body, "rows")?;
        let start = begun.elapsed().as_secs_f64();
        let load = Load {
            url: format!("http://{}{QUERY}", installation.addr),
            headers: Vec::new(),
            clients: CLIENTS,
            kind: Kind::Post {
                bodies,
                member: "rows",
                spread: false,
            },
        };
        let outcome = load::apply(&load, site, seconds)?;
        Ok(Self {
            tenants,
            first: first / f64::from(count),
            memory: meter::resident_mib(process.pid())?,
            outcome,
            start,
        })
    }
}
