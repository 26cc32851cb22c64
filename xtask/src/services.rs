//! `services`: a PostgreSQL and a Redis for tests to stand on, and where tests find
//! them. Not here: starting and stopping them, which testkit does for single tests too.

use std::fs;
use std::io;
use std::panic;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use doorward_testkit::service::{Postgres, Redis};

use crate::Failure;

/// Both, running. Dropping them stops them and removes what they stored.
pub(crate) struct Services {
    postgres: Postgres,
    redis: Redis,
    dir: PathBuf,
}

impl Services {
    /// Starts both, with their files in a folder of this process's own below `target`.
    pub(crate) fn start(root: &Path) -> Result<Self, Failure> {
        let all = root.join("target/services");
        sweep(&all)?;
        let dir = all.join(process::id().to_string());
        // The kit reports by panicking, which has said on standard error what is wrong.
        let started = panic::catch_unwind(|| (Postgres::start(&dir), Redis::start(&dir)));
        let (postgres, redis) = started.map_err(|_| {
            let fix = "cargo xtask setup installs PostgreSQL and Redis";
            Failure::with_fix("PostgreSQL or Redis did not start", fix)
        })?;
        Ok(Self {
            postgres,
            redis,
            dir,
        })
    }

    /// Tells a program's tests where they are.
    pub(crate) fn name_to(&self, command: &mut Command) {
        command.envs(self.variables());
    }

    /// What PostgreSQL logged: part of what is searched for secrets.
    pub(crate) fn log(&self) -> &Path {
        self.postgres.log()
    }

    fn variables(&self) -> [(&'static str, String); 2] {
        [
            ("DOORWARD_TEST_POSTGRES", self.postgres.url("postgres")),
            ("DOORWARD_TEST_REDIS", self.redis.url()),
        ]
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        // What they hold is thrown away: no time is spent on keeping it.
        self.redis.kill();
        self.postgres.kill();
        if let Err(failure) = wipe(&self.dir) {
            eprintln!("{failure}");
        }
    }
}

/// Starts both, prints the variables for a shell, and stays until standard input ends.
/// Ctrl-C ends both too: neither outlives the process that started it.
pub(crate) fn run(root: &Path) -> Result<(), Failure> {
    let services = Services::start(root)?;
    for (name, value) in services.variables() {
        println!("export {name}={value}");
    }
    eprintln!("services: running until Ctrl-C, or until standard input ends");
    match io::copy(&mut io::stdin(), &mut io::sink()) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::new(format!("standard input: {error}"))),
    }
}

/// Removes what processes left behind that could not tidy up. Each folder's name is the
/// number of its process; others may be running.
fn sweep(all: &Path) -> Result<(), Failure> {
    let Ok(folders) = fs::read_dir(all) else {
        return Ok(());
    };
    for folder in folders.flatten() {
        let abandoned = !Path::new("/proc").join(folder.file_name()).exists();
        if abandoned && folder.path().is_dir() {
            wipe(&folder.path())?;
        }
    }
    Ok(())
}

/// Removes a folder, if it is there.
pub(crate) fn wipe(dir: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            Err(Failure::new(format!("{}: {e}", dir.display())))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_runs_is_swept() {
        let all = tempfile::tempdir().unwrap();
        let ours = all.path().join(process::id().to_string());
        // Beyond the largest process number of Linux.
        let gone = all.path().join("4194305");
        for dir in [&ours, &gone] {
            fs::create_dir_all(dir.join("data")).unwrap();
        }
        sweep(all.path()).unwrap();
        assert!(ours.exists() && !gone.exists());
        sweep(&all.path().join("absent")).unwrap();
    }
}
