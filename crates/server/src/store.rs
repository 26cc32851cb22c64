//! Opening the store that the configuration names. Not here: what is in it (`engine`).

use crate::cli::{Failure, output};
use crate::config::{Database, PostgresConfig};
use doorward_identity::port::StoreHandle;
use doorward_store::postgres::{OpenError, PostgresSettings, PostgresStore};
use doorward_store::sqlite::SqliteStore;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How often a server that cannot be reached is tried.
const AGAIN: Duration = Duration::from_millis(500);
/// How often it is said that it is waited for.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// Opens the store, making it if it is missing.
pub(crate) async fn open(database: &Database) -> Result<StoreHandle, Failure> {
    let (store, created) = match database {
        Database::Sqlite(path) => {
            let store = SqliteStore::open(path);
            let store = store.map_err(|error| Failure::Refused(error.to_string()))?;
            let created = store.created().then_some(" (mode 0600)");
            (StoreHandle::new(Arc::new(store)), created)
        }
        Database::Postgres(config) => {
            let settings = settings(config);
            let attempt = async || PostgresStore::open(&settings).await;
            let tell = |line: String| output::note(&line);
            let store = reach(config, attempt, tell).await?;
            let created = store.created().then_some("");
            (StoreHandle::new(Arc::new(store)), created)
        }
    };
    if let Some(how) = created {
        output::note(&format!("made the store {database}{how}"));
    }
    Ok(store)
}

fn settings(config: &PostgresConfig) -> PostgresSettings {
    let pem = |root: &doorward_base::Secret| root.expose().as_bytes().to_vec();
    PostgresSettings {
        url: config.url.clone(),
        pool_size: config.pool_size,
        pool_wait: config.pool_wait,
        statement_timeout: config.statement_timeout,
        root_cert: config.root_cert.as_ref().map(pem),
    }
}

/// Waits for a server that cannot be reached, and says so, until the time is up. What
/// else is wrong does not get better by waiting.
async fn reach<T, F>(
    config: &PostgresConfig,
    attempt: impl Fn() -> F,
    tell: impl Fn(String),
) -> Result<T, Failure>
where
    F: Future<Output = Result<T, OpenError>>,
{
    let (began, wait) = (Instant::now(), config.start_wait);
    let mut told: Option<Instant> = None;
    loop {
        let error = match attempt().await {
            Ok(store) => return Ok(store),
            Err(error) => error,
        };
        let failed = || Failure::Refused(format!("the store postgres://{}: {error}", config.place));
        if !matches!(error, OpenError::Unreachable(_)) || began.elapsed() >= wait {
            return Err(failed());
        }
        if told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            let left = wait.saturating_sub(began.elapsed()).as_secs_f64().ceil();
            tell(format!(
                "waiting for PostgreSQL at {}, for {left} seconds more at most: {error}",
                config.place
            ));
            told = Some(Instant::now());
        }
        tokio::time::sleep(AGAIN).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_base::Secret;
    use std::cell::{Cell, RefCell};

    fn config(wait: u64) -> PostgresConfig {
        PostgresConfig {
            url: Secret::new("postgres://me:hunter2@db/x".to_owned()),
            place: "db:5432/x".to_owned(),
            pool_size: 1,
            pool_wait: Duration::from_secs(1),
            statement_timeout: Duration::from_secs(1),
            start_wait: Duration::from_secs(wait),
            root_cert: None,
        }
    }

    fn unreachable() -> OpenError {
        OpenError::Unreachable("connection refused".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_comes_late_is_waited_for_and_that_is_said() {
        let (tried, told) = (Cell::new(0), RefCell::new(Vec::new()));
        let attempt = async || {
            tried.set(tried.get() + 1);
            if tried.get() > 12 {
                Ok(tried.get())
            } else {
                Err(unreachable())
            }
        };
        let reached = reach(&config(30), attempt, |line| told.borrow_mut().push(line)).await;
        assert!(matches!(reached, Ok(13)));
        let told = told.into_inner();
        assert_eq!(
            told[0],
            "waiting for PostgreSQL at db:5432/x, for 30 seconds more at most: PostgreSQL cannot be reached: connection refused"
        );
        assert_eq!(told.len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_does_not_come_is_given_up() {
        let began = Instant::now();
        let attempt = async || Err::<(), _>(unreachable());
        let reached = reach(&config(7), attempt, drop).await;
        let Err(Failure::Refused(said)) = reached else {
            panic!("nobody was there");
        };
        assert!(
            said.contains("postgres://db:5432/x") && !said.contains("hunter2"),
            "{said}"
        );
        assert_eq!(began.elapsed(), Duration::from_secs(7));
    }

    #[tokio::test(start_paused = true)]
    async fn what_waiting_does_not_help_is_said_at_once() {
        let began = Instant::now();
        let attempt = async || Err::<(), _>(OpenError::Version("14.1".to_owned()));
        let reached = reach(&config(30), attempt, drop).await;
        assert!(matches!(reached, Err(Failure::Refused(said)) if said.contains("15 or newer")));
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
