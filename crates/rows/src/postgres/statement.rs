//! One statement of a transaction: its parameters, its answer, read up to the bounds. Not
//! here: the transaction (`run`), and what a value's bytes mean (`decode`).

use super::decode::{Column, Raw};
use super::param::Param;
use super::run::Stop;
use crate::engine::{Bounds, ResultSet, Statement, Work};
use crate::fault::{Fault, FaultKind};
use futures_util::TryStreamExt as _;
use std::pin::pin;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, RowStream};

/// Runs one statement of the transaction and reads its answer.
pub(super) async fn one(
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
    if !result.rows.iter().all(|row| work.admits(row)) {
        let fault = Fault::new(FaultKind::PolicyViolated).state("42501");
        return Err(Stop::Refused(fault));
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
        bytes += bounds.row;
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

/// The connection is given up: the server goes on sending.
pub(super) fn too_large(what: &str) -> Stop {
    let fault = Fault::because(FaultKind::ResultTooLarge, format!("the result has {what}"));
    Stop::Broken(fault.hint("ask for fewer: LIMIT, a narrower condition, fewer columns"))
}
