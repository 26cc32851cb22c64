//! A piece of work in one transaction: who the caller is, said to the database so that
//! nothing but it can have said so; the statements; the bounds. What can leave together
//! leaves together: a read is one flight there and back. Not here: whose statements these
//! are (`sql`, `rest`), and how one is run (`statement`).

use super::error;
use super::param::Param;
use super::pool::{Lease, Pool, Session};
use super::secret::Secrets;
use super::statement::{one, too_large};
use crate::caller::Caller;
use crate::engine::{Bounds, ResultSet, Statement, Work};
use crate::fault::{Fault, FaultKind};
use doorward_base::principal::CredentialId;
use futures_util::future::{Either, ready, try_join4};
use serde_json::json;
use std::time::Duration;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// What a session may hold of the caller before. `DISCARD ALL` would also throw away the
/// plans of the functions that every policy calls.
const WIPE: &str = "BEGIN; CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; \
                    DEALLOCATE ALL; UNLISTEN *; SELECT pg_catalog.pg_advisory_unlock_all(); \
                    DISCARD TEMP; DISCARD SEQUENCES; COMMIT";
/// An idle session holds no lock of a caller's: what else it holds, nobody else feels.
const COMMIT: &str = "COMMIT; SELECT pg_catalog.pg_advisory_unlock_all()";
const ROLLBACK: &str = "ROLLBACK; SELECT pg_catalog.pg_advisory_unlock_all()";
const CONTEXT: &str = "SELECT auth.begin($1, $2, $3)";
/// How long after its bound the server's own refusal may take to arrive.
const GRACE: Duration = Duration::from_millis(250);
/// For how many seconds longer than the work a context lasts: clocks are read apart.
const SLACK: i64 = 10;

/// Why work ended early.
pub(super) enum Stop {
    /// The connection is gone, or not what it was, and nothing was committed: another may do.
    Lost(Fault),
    /// The transaction is undone and the connection is fit for the next.
    Refused(Fault),
    /// The connection is not worth mending.
    Broken(Fault),
}

impl Stop {
    pub(super) fn of(error: &tokio_postgres::Error) -> Self {
        let fault = error::of_statement(error);
        // A look-up of a type was prepared before the last wipe.
        let stale = fault.state.is_some_and(|state| state.as_str() == "26000");
        match fault.kind {
            FaultKind::Unavailable => Self::Lost(fault),
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
    let timed = tokio::time::timeout(
        bounds.time.saturating_add(GRACE),
        attempts(pool, secrets, caller, work, bounds),
    );
    match timed.await {
        Ok(outcome) => outcome,
        Err(_) => Err(Fault::because(
            FaultKind::TimedOut,
            "the work took longer than it may",
        )),
    }
}

/// A server that was restarted leaves connections that nobody has noticed to be dead: the
/// work is done over a new one.
async fn attempts(
    pool: &Pool,
    secrets: &Secrets,
    caller: &Caller,
    work: &Work,
    bounds: Bounds,
) -> Result<Vec<ResultSet>, Fault> {
    for last in [false, true] {
        let lease = pool.get(caller.tenant()).await?;
        match over(&lease, secrets, caller, work, bounds).await {
            Ok(results) => return Ok(results),
            Err(Stop::Lost(_)) if !last => pool.forget(),
            Err(Stop::Lost(fault) | Stop::Refused(fault) | Stop::Broken(fault)) => {
                return Err(fault);
            }
        }
    }
    Err(Fault::new(FaultKind::Internal))
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
) -> Result<Vec<ResultSet>, Stop> {
    let session = lease.session().map_err(Stop::Lost)?;
    session.gauge.admit(bounds.bytes);
    let mut done = transact(session, secrets, caller, work, bounds).await;
    if session.gauge.is_burst() {
        done = Err(too_large(&format!("more than {} bytes", bounds.bytes)));
    }
    match &done {
        Ok(_) => lease.is_clean(),
        Err(Stop::Lost(_) | Stop::Broken(_)) => {}
        Err(Stop::Refused(_)) => {
            if session.client.batch_execute(ROLLBACK).await.is_ok() {
                lease.is_clean();
            }
        }
    }
    done
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
    let begun = async {
        let begun = client.batch_execute(&begin).await;
        begun.map_err(|error| broken(&error))
    };
    let known = say(client, &claims, until, &proof);
    let ends = if work.rollback { ROLLBACK } else { COMMIT };
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
    caller.count(&results, bounds).map_err(Stop::Refused)?;
    if !(alone && flies.is_some()) {
        end(client, ends).await.map_err(|stop| match stop {
            // It may have been committed.
            Stop::Lost(fault) if writes => Stop::Broken(
                fault.hint("whether the change was kept is not known; look before trying again"),
            ),
            other => other,
        })?;
    }
    Ok(results)
}

fn broken(error: &tokio_postgres::Error) -> Stop {
    Stop::Lost(error::unreachable(&error::describe(error)))
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
    said.map(drop).map_err(|error| broken(&error))
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
        "role": caller.role().name(),
        "credential_id": id,
        "credential_kind": kind,
        "jwt": **caller.claims(),
    })
    .to_string()
}
