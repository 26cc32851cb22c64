//! A piece of work on one connection: one transaction, within its bounds. Whatever happens,
//! the connection is fit for the next caller afterwards or is not used again.

use super::authorize::Purpose;
use super::brake::{Brake, STRIDE};
use super::line::{Condition, Line};
use super::spill::Spill;
use super::{error, kind, open};
use crate::caller::Caller;
use crate::engine::{Bounds, ResultSet, Statement, Work};
use crate::fault::{Fault, FaultKind};
use crate::schema::ColumnKind;
use crate::value::Value;
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Rows};
use std::path::Path;
use std::sync::Arc;

/// The fewest instructions for a row that is noted.
const NOTING: u64 = 4;

/// What runs, for whom.
pub(super) struct Job<'w> {
    pub(super) caller: &'w Caller,
    pub(super) work: &'w Work,
    pub(super) bounds: Bounds,
    pub(super) brake: &'w Arc<Brake>,
    /// The tenant's column.
    pub(super) column: &'w str,
    /// Where the tenant's file is.
    pub(super) path: &'w Path,
    /// How much of the disk it leaves to everything else, bytes.
    pub(super) left: u64,
    #[cfg(test)]
    pub(super) hole: Option<super::Hole>,
}

/// Why it stopped.
enum Halt {
    Fault(Fault),
    Engine(rusqlite::Error),
}

impl From<rusqlite::Error> for Halt {
    fn from(problem: rusqlite::Error) -> Self {
        Self::Engine(problem)
    }
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Runs it.
pub(super) fn run(line: &mut Line, job: &Job<'_>) -> (Result<Vec<ResultSet>, Fault>, Condition) {
    #[cfg(test)]
    if let Some(hole) = job.hole {
        let _ = hole.open(&mut line.conn);
    }
    let brake = Arc::clone(job.brake);
    let mut spill = Spill::new(job.path, job.left);
    let stop = move || brake.look(&mut spill);
    let ride = job.brake.ride(&line.conn);
    let armed = line.conn.progress_handler(STRIDE, Some(stop));
    let outcome = match armed {
        Ok(()) => within_transaction(line, job),
        Err(problem) => Err((Halt::Engine(problem), "")),
    };
    drop(ride);
    let at_rest = (line.conn.progress_handler(0, None::<fn() -> bool>).is_ok())
        && (line.conn.is_autocommit() || line.control("ROLLBACK").is_ok());
    let mut condition = if at_rest {
        Condition::Fit
    } else {
        Condition::Unfit
    };
    let outcome = outcome.map_err(|(halt, sql)| match halt {
        Halt::Fault(fault) => fault,
        Halt::Engine(_) if job.brake.is_spilt() => match open::has_less(job.path, job.left) {
            true => error::crowded(),
            false => error::spilt(),
        },
        Halt::Engine(problem) => {
            if error::is_full(&problem) && !open::is_disk_full(job.path) {
                return error::full();
            }
            if error::is_of_file(&problem) {
                tracing::warn!(file = %job.path.display(), %problem, "a tenant's file fails");
                condition = Condition::Broken;
            }
            error::fault(&problem, sql, job.column)
        }
    });
    (outcome, condition)
}

fn within_transaction<'w>(line: &Line, job: &Job<'w>) -> Result<Vec<ResultSet>, (Halt, &'w str)> {
    let alone = |halt: Halt| (halt, "");
    begin(line, job).map_err(alone)?;
    let mut results = Vec::with_capacity(job.work.statements.len());
    for statement in &job.work.statements {
        let result = one(line, statement, job);
        results.push(result.map_err(|halt| (halt, statement.text()))?);
    }
    let counted = job.caller.count(&results, job.bounds);
    counted.map_err(|fault| alone(fault.into()))?;
    job.brake.check().map_err(|fault| alone(fault.into()))?;
    if !line.conn.is_autocommit() {
        let end = if job.work.rollback {
            "ROLLBACK"
        } else {
            "COMMIT"
        };
        line.control(end).map_err(|problem| alone(problem.into()))?;
    }
    Ok(results)
}

/// One statement that reads needs no transaction of ours.
fn begin(line: &Line, job: &Job<'_>) -> Result<(), Halt> {
    job.brake.check()?;
    match line.purpose {
        Purpose::Read if job.work.statements.len() > 1 => line.control("BEGIN")?,
        Purpose::Read => {}
        Purpose::Write => {
            if open::has_less(job.path, job.left) {
                tracing::warn!(file = %job.path.display(), "the disk has less room than min_free_bytes");
                return Err(error::crowded().into());
            }
            line.control("BEGIN IMMEDIATE")?;
            // Whoever removes the file holds the same lock: nothing is written into a file
            // that is gone.
            if !line.mark.is_at(job.path) {
                return Err(Fault::new(FaultKind::Contended).into());
            }
        }
    }
    Ok(())
}

fn one(line: &Line, statement: &Statement, job: &Job<'_>) -> Result<ResultSet, Halt> {
    job.brake.check()?;
    let conn = &line.conn;
    line.keep_values_within(open::LONGEST)?;
    let mut prepared = conn.prepare_cached(statement.text())?;
    if !is_open(job) {
        agree(&prepared, statement)?;
    }
    let sorts = lighten(line, &prepared, statement, job.brake)?;
    bind(&mut prepared, statement.params())?;
    let mut columns: Vec<(String, String)> = Vec::with_capacity(prepared.column_count());
    let mut kinds = Vec::with_capacity(prepared.column_count());
    for column in prepared.columns() {
        let declared = column.decl_type().unwrap_or_default();
        columns.push((column.name().to_owned(), declared.to_ascii_lowercase()));
        kinds.push(kind::of(declared));
    }
    let rows = take(prepared.raw_query(), &kinds, &mut columns, job);
    drop(prepared);
    if sorts {
        line.sort_in_memory(false)?;
    }
    let rows = rows?;
    let affected = if statement.writes() {
        conn.changes()
    } else {
        0
    };
    let most = job.work.max_affected.filter(|_| statement.writes());
    if most.is_some_and(|most| affected > most || rows.len() as u64 > most) {
        return Err(Fault::new(FaultKind::TooManyAffected).into());
    }
    Ok(ResultSet {
        columns,
        rows,
        affected,
    })
}

/// Whether a test has taken the locks away.
#[cfg(test)]
fn is_open(job: &Job<'_>) -> bool {
    job.hole == Some(super::Hole::Attach)
}

#[cfg(not(test))]
const fn is_open(_: &Job<'_>) -> bool {
    false
}

/// Bounds the values of a statement so that it cannot hold too much. Answers whether it sorts
/// with more memory than the connection has.
fn lighten(
    line: &Line,
    prepared: &CachedStatement<'_>,
    statement: &Statement,
    brake: &Brake,
) -> Result<bool, Halt> {
    brake.begin(None, true);
    if prepared.is_explain() != 0 {
        return Ok(false);
    }
    let weight = line.weight(statement.text())?;
    let parameters: usize = statement.params().iter().map(Value::weight).sum();
    let allowed = weight.allowance(parameters as u64);
    let allowed = allowed.ok_or_else(error::heavy)?;
    line.keep_values_within(i32::try_from(allowed.longest).unwrap_or(open::LONGEST))?;
    brake.begin(allowed.rows.map(|rows| rows * NOTING), weight.calls());
    // As much as is its own is what a sort gathers as a rule.
    let gathers = allowed.sort.is_some_and(|sort| sort > open::CACHE_BYTES);
    if gathers {
        line.sort_in_memory(true)?;
    }
    Ok(gathers)
}

/// Whether the statement is what whoever made it took it for.
fn agree(prepared: &CachedStatement<'_>, statement: &Statement) -> Result<(), Fault> {
    /// `EXPLAIN QUERY PLAN` is 2: it tells a plan. `EXPLAIN` tells a program.
    const PROGRAM: i32 = 1;
    match (prepared.readonly(), statement.writes()) {
        (true, false) if prepared.column_count() == 0 => {
            Err(Fault::because(FaultKind::SyntaxInvalid, "there is no statement").state("42601"))
        }
        _ if prepared.is_explain() == PROGRAM => {
            Err(Fault::because(FaultKind::StatementForbidden, "EXPLAIN"))
        }
        (false, false) => Err(Fault::new(FaultKind::WriteForbidden).state("25006")),
        (true, true) => Err(Fault::new(FaultKind::StatementForbidden)),
        _ => Ok(()),
    }
}

fn bind(prepared: &mut CachedStatement<'_>, params: &[Value]) -> Result<(), Halt> {
    let count = prepared.parameter_count();
    if count != params.len() {
        return Err(rusqlite::Error::InvalidParameterCount(params.len(), count).into());
    }
    for (at, value) in params.iter().enumerate() {
        prepared.raw_bind_parameter(at + 1, kind::bind(value)?)?;
    }
    Ok(())
}

/// The rows, as many as a result may have. A column without a declared type is called after
/// the first value in it.
fn take(
    mut rows: Rows<'_>,
    kinds: &[ColumnKind],
    columns: &mut [(String, String)],
    job: &Job<'_>,
) -> Result<Vec<Vec<Value>>, Halt> {
    let bounds = job.bounds;
    let mut taken = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        if taken.len() >= bounds.rows {
            return Err(Fault::new(FaultKind::ResultTooLarge).into());
        }
        let mut values = Vec::with_capacity(kinds.len());
        for (at, (kind, (_, type_name))) in kinds.iter().zip(columns.iter_mut()).enumerate() {
            let stored = row.get_ref(at)?;
            // Before it is copied: a row may be far larger than an answer.
            if bytes + length(stored) > bounds.bytes {
                return Err(Fault::new(FaultKind::ResultTooLarge).into());
            }
            if type_name.is_empty() {
                type_name.push_str(kind::class(stored));
            }
            let value = kind::read(*kind, stored);
            bytes += value.weight();
            values.push(value);
        }
        bytes += bounds.row;
        if bytes > bounds.bytes {
            return Err(Fault::new(FaultKind::ResultTooLarge).into());
        }
        if !job.work.admits(&values) {
            return Err(Fault::new(FaultKind::PolicyViolated).state("42501").into());
        }
        taken.push(values);
    }
    Ok(taken)
}

/// How many bytes of memory it takes beside the value itself.
const fn length(stored: ValueRef<'_>) -> usize {
    match stored {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => 0,
    }
}
