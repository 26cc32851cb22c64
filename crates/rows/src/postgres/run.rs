//! A piece of work in one transaction: who the caller is, said to the database so that
//! nothing but it can have said so; the statements; the bounds. What can leave together
//! leaves together: a read is one flight there and back. Not here: whose statements these
//! are (`sql`, `rest`), and what a value's bytes mean (`decode`).

use super::decode::{Column, Raw};
use super::error;
use super::param::Param;
use super::pool::{Lease, Pool, Session};
use super::secret::Secrets;
use crate::caller::Caller;
use crate::engine::{Bounds, ResultSet, Statement, Work};
use crate::fault::{Fault, FaultKind};
use doorward_base::principal::CredentialId;
use futures_util::TryStreamExt as _;
use futures_util::future::{Either, ready, try_join4};
use serde_json::json;
use std::pin::pin;
use std::time::Duration;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, RowStream};

/// What a session may hold of the caller before. `DISCARD ALL` would also throw away the
/// plans of the functions that every policy calls.
const WIPE: &str = "BEGIN; CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; \
                    DEALLOCATE ALL; UNLISTEN *; SELECT pg_catalog.pg_advisory_unlock_all(); \
                    DISCARD TEMP; DISCARD SEQUENCES; COMMIT";
const CONTEXT: &str = "SELECT auth.begin($1, $2, $3)";
/// How long after its bound the server's own refusal may take to arrive.
const GRACE: Duration = Duration::from_millis(250);
/// For how many seconds longer than the work a context lasts: clocks are read apart.
const SLACK: i64 = 10;

/// Why work ended early.
enum Stop {
    /// The transaction is undone and the connection is fit for the next.
    Refused(Fault),
    /// The connection is not worth mending.
    Broken(Fault),
}

impl Stop {
    fn of(error: &tokio_postgres::Error) -> Self {
        let fault = error::of_statement(error);
        // A look-up of a type was prepared before the last wipe.
        let stale = fault.state.is_some_and(|state| state.as_str() == "26000");
        match fault.kind {
            FaultKind::Unavailable => Self::Broken(fault),
            _ if stale => Self::Broken(
                Fault::because(FaultKind::Refused, "a type that is not served")
                    .hint("cast it to text"),
            ),
            _ => Self::Refused(fault),
        }
    }
}

/// Runs it.
pub(super) async fn run(
    pool: &Pool,
    secrets: &Secrets,
    caller: &Caller,
    work: &Work,
    bounds: Bounds,
) -> Result<Vec<ResultSet>, Fault> {
    check_rights(caller, work)?;
    if work.statements.is_empty() {
        return Ok(Vec::new());
    }
    let lease = pool.get().await?;
    let timed = tokio::time::timeout(
        bounds.time.saturating_add(GRACE),
        over(&lease, secrets, caller, work, bounds),
    );
    match timed.await {
        Ok(outcome) => outcome,
        Err(_) => Err(Fault::because(
            FaultKind::TimedOut,
            "the work took longer than it may",
        )),
    }
}

fn check_rights(caller: &Caller, work: &Work) -> Result<(), Fault> {
    let rights = caller.rights();
    for statement in &work.statements {
        if statement.writes() && !rights.write {
            return Err(Fault::new(FaultKind::WriteForbidden));
        }
        if !statement.writes() && !rights.read {
            return Err(Fault::new(FaultKind::ReadForbidden));
        }
    }
    Ok(())
}

async fn over(
    lease: &Lease,
    secrets: &Secrets,
    caller: &Caller,
    work: &Work,
    bounds: Bounds,
) -> Result<Vec<ResultSet>, Fault> {
    let session = lease.session()?;
    match transact(session, secrets, caller, work, bounds).await {
        Ok(results) => {
            lease.is_clean();
            Ok(results)
        }
        Err(Stop::Broken(fault)) => Err(fault),
        Err(Stop::Refused(fault)) => {
            if session.client.batch_execute("ROLLBACK").await.is_ok() {
                lease.is_clean();
            }
            Err(fault)
        }
    }
}

async fn transact(
    session: &Session,
    secrets: &Secrets,
    caller: &Caller,
    work: &Work,
    bounds: Bounds,
) -> Result<Vec<ResultSet>, Stop> {
    let client = &session.client;
    let writes = work.statements.iter().any(Statement::writes);
    let begin = begin(writes, bounds.time);
    let (claims, until) = (claims(caller), until(session, bounds.time));
    let proof = secrets.prove(&claims, session.pid, until);
    let begun = async { client.batch_execute(&begin).await.map_err(broken) };
    let known = say(client, &claims, until, &proof);
    let ends = if work.rollback { "ROLLBACK" } else { "COMMIT" };
    let mut statements = work.statements.iter();
    let first = statements.next();
    // A read that is all there is ends in the same flight: whether it fitted its bounds
    // changes nothing in the database.
    let alone = !writes && work.statements.len() == 1;
    let flies = first.filter(|first| !first.params().iter().any(Param::needs_type));
    let first_done = match flies {
        Some(first) => Either::Left(one(client, first, work, bounds)),
        None => Either::Right(ready(Ok(ResultSet::default()))),
    };
    let ended = match (alone, flies) {
        (true, Some(_)) => Either::Left(end(client, ends)),
        _ => Either::Right(ready(Ok(()))),
    };
    // These poll in order, and so they send in order.
    let flight = try_join4(begun, known, first_done, ended);
    let (_, _, first_result, ()) = flight.await?;
    let mut results = Vec::with_capacity(work.statements.len());
    match (first, flies) {
        (_, Some(_)) => results.push(first_result),
        (Some(first), None) => results.push(one(client, first, work, bounds).await?),
        (None, None) => {}
    }
    for statement in statements {
        results.push(one(client, statement, work, bounds).await?);
    }
    if !(alone && flies.is_some()) {
        end(client, ends).await?;
    }
    Ok(results)
}

fn broken(error: tokio_postgres::Error) -> Stop {
    let fault = error::unreachable(&error::describe(&error));
    Stop::Broken(fault)
}

async fn end(client: &Client, how: &str) -> Result<(), Stop> {
    let ended = client.batch_execute(how).await;
    ended.map_err(|error| Stop::of(&error))
}

/// Tells the database who the caller is.
async fn say(client: &Client, claims: &str, until: i64, proof: &[u8; 32]) -> Result<(), Stop> {
    let proof = proof.as_slice();
    let said = client
        .query_typed(
            CONTEXT,
            &[
                (&claims, Type::TEXT),
                (&until, Type::INT8),
                (&proof, Type::BYTEA),
            ],
        )
        .await;
    // The connection is not the one it was made for, or the clocks went apart: another one
    // starts anew.
    said.map(drop).map_err(broken)
}

/// The wipe is committed by itself: what is undone later does not bring anything back.
fn begin(writes: bool, time: Duration) -> String {
    let mode = if writes { "READ WRITE" } else { "READ ONLY" };
    let millis = time.as_millis().clamp(1, 86_400_000);
    format!(
        "{WIPE}; BEGIN ISOLATION LEVEL READ COMMITTED, {mode}; SET LOCAL statement_timeout = {millis}; \
         SET LOCAL lock_timeout = {}",
        (millis / 2).max(1)
    )
}

fn until(session: &Session, time: Duration) -> i64 {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    session
        .server_now()
        .saturating_add(seconds.min(86_400))
        .saturating_add(SLACK)
}

/// What the functions of the schema `auth` answer from.
fn claims(caller: &Caller) -> String {
    let (kind, id) = match caller.credential() {
        id @ CredentialId::ApiToken(_) => (Some("api_token"), id.to_text()),
        id @ CredentialId::Client(_) => (Some("client"), id.to_text()),
        CredentialId::Session(_) | CredentialId::Foreign => (None, None),
    };
    json!({
        "tenant_id": caller.tenant().as_str(),
        "sub": caller.sub(),
        "role": caller.role().map(|role| role.as_str()),
        "credential_id": id,
        "credential_kind": kind,
        "jwt": **caller.claims(),
    })
    .to_string()
}

/// Runs one statement of the transaction and reads its answer.
async fn one(
    client: &Client,
    statement: &Statement,
    work: &Work,
    bounds: Bounds,
) -> Result<ResultSet, Stop> {
    let types = if statement.params().iter().any(Param::needs_type) {
        let prepared = client.prepare(statement.text()).await;
        prepared
            .map_err(|error| Stop::of(&error))?
            .params()
            .to_vec()
    } else {
        Vec::new()
    };
    let values = statement.params().iter().enumerate();
    let params: Vec<(Param, Type)> = values
        .map(|(at, value)| (Param::of(value, types.get(at)), Type::UNKNOWN))
        .collect();
    let sent = client.query_typed_raw(statement.text(), params).await;
    let stream = sent.map_err(|error| Stop::of(&error))?;
    let mut result = read(stream, statement.writes(), bounds).await?;
    if result.columns.is_empty() && may_return(statement) {
        result.columns = columns(client, statement.text()).await?;
    }
    let changed = result
        .affected
        .max(u64::try_from(result.rows.len()).unwrap_or(u64::MAX));
    match work.max_affected {
        Some(most) if statement.writes() && changed > most => {
            let words = format!("{changed} rows would change, and {most} may");
            Err(Stop::Refused(Fault::because(
                FaultKind::TooManyAffected,
                words,
            )))
        }
        _ => Ok(result),
    }
}

/// Whether it may have columns that no row has shown.
fn may_return(statement: &Statement) -> bool {
    let text = statement.text().as_bytes();
    let word = b"returning";
    !statement.writes()
        || text
            .windows(word.len())
            .any(|part| part.eq_ignore_ascii_case(word))
}

async fn columns(client: &Client, text: &str) -> Result<Vec<(String, String)>, Stop> {
    let prepared = client.prepare(text).await;
    let prepared = prepared.map_err(|error| Stop::of(&error))?;
    Ok(named(prepared.columns()))
}

fn named(columns: &[tokio_postgres::Column]) -> Vec<(String, String)> {
    let named = columns.iter();
    named
        .map(|column| (column.name().to_owned(), column.type_().name().to_owned()))
        .collect()
}

/// Reads rows up to the bounds. Beyond them the server would go on sending: the connection
/// is given up, which ends it there.
async fn read(stream: RowStream, writes: bool, bounds: Bounds) -> Result<ResultSet, Stop> {
    let mut stream = pin!(stream);
    let mut result = ResultSet::default();
    let mut forms: Vec<Column> = Vec::new();
    let mut bytes = 0;
    while let Some(row) = stream.try_next().await.map_err(|error| Stop::of(&error))? {
        if result.columns.is_empty() {
            result.columns = named(row.columns());
            let all = row.columns().iter();
            forms = all
                .map(|column| Column::of(column.name(), column.type_()))
                .collect::<Result<_, _>>()
                .map_err(Stop::Broken)?;
        }
        if result.rows.len() >= bounds.rows {
            return Err(too_large(&format!("more than {} rows", bounds.rows)));
        }
        let mut values = Vec::with_capacity(forms.len());
        for (at, form) in forms.iter().enumerate() {
            let raw: Option<Raw<'_>> = row.try_get(at).map_err(|error| Stop::of(&error))?;
            let value = form
                .read(raw.map(|Raw(bytes)| bytes))
                .map_err(Stop::Broken)?;
            bytes += value.weight();
            values.push(value);
        }
        if bytes > bounds.bytes {
            return Err(too_large(&format!("more than {} bytes", bounds.bytes)));
        }
        result.rows.push(values);
    }
    if writes {
        result.affected = stream.rows_affected().unwrap_or(0);
    }
    Ok(result)
}

fn too_large(what: &str) -> Stop {
    let fault = Fault::because(FaultKind::ResultTooLarge, format!("the result has {what}"));
    Stop::Broken(fault.hint("ask for fewer: LIMIT, a narrower condition, fewer columns"))
}
