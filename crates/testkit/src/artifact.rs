//! What a test leaves behind for the journal search: one folder per test below
//! `target/test-artifacts` with its store, configuration and logs, and
//! `secrets.journal`, one secret a line. What legitimately holds a secret (a request,
//! an answer that shows one) must not be written here.

use crate::store::{self, Engine};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// One test's folder.
#[derive(Debug)]
pub struct Artifacts {
    dir: PathBuf,
    journal: Mutex<fs::File>,
}

impl Artifacts {
    /// An empty folder for the test named `site` (see [`crate::site`]).
    ///
    /// # Panics
    /// When the folder cannot be made.
    #[must_use]
    pub fn make(site: &str) -> Self {
        let mut dir = crate::binary::target_dir().join("test-artifacts");
        // The same tests run once for each engine, and both runs are searched.
        if store::engine() == Engine::Postgres {
            dir.push("postgres");
        }
        dir.push(folder(site));
        if dir.exists() {
            must("empty the artifact folder", fs::remove_dir_all(&dir));
        }
        must("make the artifact folder", fs::create_dir_all(&dir));
        let journal = must(
            "make the journal",
            fs::File::create(dir.join("secrets.journal")),
        );
        Self {
            dir,
            journal: Mutex::new(journal),
        }
    }

    /// A path inside the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Remembers a secret. Everything the tests leave behind is searched for it.
    ///
    /// # Panics
    /// When the journal cannot be written.
    pub fn remember(&self, secret: &str) {
        let Ok(mut journal) = self.journal.lock() else {
            panic!("a thread panicked while it wrote the journal");
        };
        must("write the journal", writeln!(journal, "{secret}"));
    }

    /// Writes a file into the folder.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        must("write an artifact", fs::write(&path, text));
        path
    }

    /// Appends to a file of the folder.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn append(&self, name: &str, bytes: &[u8]) {
        let file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path(name));
        must(
            "append to an artifact",
            must("open an artifact", file).write_all(bytes),
        );
    }
}

/// The folder of a test, below its binary's. The end of a long name is a digest: sockets
/// beside a store have little room for their path.
fn folder(site: &str) -> PathBuf {
    let (test, rest) = site.split_once('/').unwrap_or((site, ""));
    let (binary, name) = test.split_once("::").unwrap_or(("", test));
    let name = name.rsplit("::").next().unwrap_or(name);
    let mut hasher = DefaultHasher::new();
    test.hash(&mut hasher);
    let room = 28_usize.saturating_sub(binary.len()).clamp(8, 20);
    let start: String = name.chars().take(room).collect();
    let short = format!("{start}-{:04x}", hasher.finish() & 0xffff);
    Path::new(binary).join(short).join(rest)
}

/// The value, or a panic that says what was tried.
pub(crate) fn must<T, E: std::fmt::Display>(what: &str, result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("cannot {what}: {error}"),
    }
}
