//! Which process may run a job now. Times are the server's. Not here: the jobs.

use super::scope::{Id, Trouble, failed};
use deadpool_postgres::ClientWrapper;
use std::time::Duration;

const TABLE: &str = "job_lease";

/// Takes the lease if nobody holds it and it does not rest.
pub(super) async fn take(
    conn: &ClientWrapper,
    job: &str,
    holder: [u8; 16],
    life: Duration,
) -> Result<bool, Trouble> {
    let taken = conn
        .execute(
            "INSERT INTO job_lease (job, holder, until) \
             VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3)) \
             ON CONFLICT (job) DO UPDATE SET holder = excluded.holder, until = excluded.until \
             WHERE job_lease.until <= clock_timestamp()",
            &[&job, &Id(holder), &life.as_secs_f64()],
        )
        .await
        .map_err(|error| failed(TABLE, &error))?;
    Ok(taken == 1)
}

/// Gives the lease back and lets the job rest, if it is still this holder's.
pub(super) async fn rest(
    conn: &ClientWrapper,
    job: &str,
    holder: [u8; 16],
    rest: Duration,
) -> Result<(), Trouble> {
    conn.execute(
        "UPDATE job_lease SET until = clock_timestamp() + make_interval(secs => $3) \
         WHERE job = $1 AND holder = $2",
        &[&job, &Id(holder), &rest.as_secs_f64()],
    )
    .await
    .map(drop)
    .map_err(|error| failed(TABLE, &error))
}
