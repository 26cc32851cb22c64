//! One process serves a SQLite store: a lock on a file beside it, which the kernel takes from
//! a process that dies. Commands do not ask for it. Not here: the store's own locks, which
//! order single writes (`doorward_store`).

use crate::cli::Failure;
use crate::config::Database;
use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// More than any process id has digits.
const LONGEST: u64 = 20;

/// The right to serve a store; dropping it gives it up.
#[derive(Debug)]
pub(crate) struct Sole {
    /// Locked while it is open. PostgreSQL is served by any number of processes.
    _lock: Option<File>,
}

impl Sole {
    /// Takes the right, if no other process has it.
    pub(crate) fn take(database: &Database) -> Result<Self, Failure> {
        let Database::Sqlite(store) = database else {
            return Ok(Self { _lock: None });
        };
        let path = place(store);
        let failed = |error: io::Error| {
            let path = path.display();
            Failure::Refused(format!(
                "the lock {path} of the store cannot be taken: {error}"
            ))
        };
        let mut options = File::options();
        options.create(true).truncate(false).read(true).write(true);
        let mut lock = match options.mode(0o600).open(&path) {
            Ok(lock) => lock,
            // Without a directory there is no store either, and opening that says so.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { _lock: None });
            }
            Err(error) => return Err(failed(error)),
        };
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(database, &path, lock)),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // Only for the message of whoever comes second: a full disk keeps nobody from serving.
        let written = lock
            .set_len(0)
            .and_then(|()| write!(lock, "{}", std::process::id()));
        drop(written);
        Ok(Self { _lock: Some(lock) })
    }
}

/// Beside the file itself, whatever link leads to it.
fn place(store: &Path) -> PathBuf {
    let store = store.canonicalize().unwrap_or_else(|_| store.to_owned());
    let mut path = store.into_os_string();
    path.push(".lock");
    path.into()
}

fn taken(database: &Database, path: &Path, lock: File) -> Failure {
    let mut holder = String::new();
    let read = lock.take(LONGEST).read_to_string(&mut holder);
    let known = read.is_ok() && holder.parse::<u32>().is_ok();
    let holder = if known {
        format!(" {holder}")
    } else {
        String::new()
    };
    Failure::Refused(format!(
        "process{holder} serves the store {database} already (it holds {}), and a SQLite store is \
         served by one process; stop that one first, or use PostgreSQL for several",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_it_by_whatever_link_until_it_lets_go() {
        let directory = tempfile::tempdir().unwrap();
        let store = directory.path().join("store.db");
        std::fs::write(&store, "").unwrap();
        let link = directory.path().join("link.db");
        std::os::unix::fs::symlink(&store, &link).unwrap();
        let [store, link] = [store, link].map(Database::Sqlite);
        let first = Sole::take(&store).unwrap();
        for second in [&store, &link] {
            let refused = Sole::take(second).unwrap_err().to_string();
            let pid = format!("process {} serves", std::process::id());
            assert!(
                refused.contains(&pid) && refused.contains("store.db.lock"),
                "{refused}"
            );
        }
        drop(first);
        drop(Sole::take(&link).unwrap());
        let elsewhere = Database::Sqlite(directory.path().join("other.db"));
        let _other = Sole::take(&elsewhere).unwrap();
        let _first = Sole::take(&store).unwrap();
    }
}
