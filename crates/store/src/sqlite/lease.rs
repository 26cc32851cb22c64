//! Which process may run a job now. Times are those of the machine all processes of the
//! file are on. Not here: the jobs.

use super::scope::unavailable;
use doorward_identity::port::StoreError;
use rusqlite::Connection;
use std::time::Duration;

/// The longest lease or rest that is believed: a clock that was once far ahead must not
/// stop a job for years.
const LONGEST: i64 = 2 * 86_400_000;

/// Takes the lease if nobody holds it and it does not rest.
pub(super) fn take(
    conn: &Connection,
    job: &str,
    holder: &[u8; 16],
    life: Duration,
) -> Result<bool, StoreError> {
    let taken = conn
        .prepare_cached(
            "INSERT INTO job_lease (job, holder, until) \
             VALUES (?1, ?2, CAST(unixepoch('subsec') * 1000 AS INTEGER) + ?3) \
             ON CONFLICT (job) DO UPDATE SET holder = excluded.holder, until = excluded.until \
             WHERE job_lease.until <= excluded.until - ?3 \
                OR job_lease.until > excluded.until - ?3 + ?4",
        )
        .and_then(|mut statement| {
            statement.execute((job, holder.as_slice(), millis(life), LONGEST))
        })
        .map_err(unavailable)?;
    Ok(taken == 1)
}

/// Gives the lease back and lets the job rest, if it is still this holder's.
pub(super) fn rest(
    conn: &Connection,
    job: &str,
    holder: &[u8; 16],
    rest: Duration,
) -> Result<(), StoreError> {
    conn.prepare_cached(
        "UPDATE job_lease SET until = CAST(unixepoch('subsec') * 1000 AS INTEGER) + ?3 \
         WHERE job = ?1 AND holder = ?2",
    )
    .and_then(|mut statement| statement.execute((job, holder.as_slice(), millis(rest))))
    .map(drop)
    .map_err(unavailable)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).map_or(LONGEST, |millis| millis.min(LONGEST))
}
