//! How a realm's files are kept, and why they cannot be opened.

use std::fmt;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How many tenants' files a realm may have open; what shares it follows its changes.
#[derive(Clone, Debug)]
pub struct OpenFiles(Arc<AtomicUsize>);

impl OpenFiles {
    /// So many, and at least one.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(most.max(1))))
    }

    /// How many.
    #[must_use]
    pub fn most(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// So many from now on; what is open beyond them is closed when others are opened.
    pub fn set(&self, most: usize) {
        self.0.store(most.max(1), Ordering::Relaxed);
    }
}

impl Default for OpenFiles {
    fn default() -> Self {
        Self::new(256)
    }
}

/// How much room tenants' files have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room {
    /// How large one of them may become, bytes.
    pub file: u64,
    /// How much of the disk they leave to everything else, bytes.
    pub left: u64,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            file: 1 << 30,
            left: 64 << 20,
        }
    }
}

/// How a realm's files are kept.
#[derive(Clone, Debug)]
pub struct SqliteSettings {
    /// The name of the column that every table has for its tenant.
    pub tenant_column: String,
    /// The most tenants' files that are open; each takes up to seven descriptors where it has
    /// two readers.
    pub open_files: OpenFiles,
    /// How long a file stays open unused.
    pub idle: Duration,
    /// The most connections of one tenant that read, beside the one that writes. However many
    /// they are, two statements of one tenant run at once.
    pub readers: usize,
    /// The most threads that run statements at once.
    pub threads: usize,
    /// How much room there is.
    pub room: Room,
    /// A hole, to see that it is found.
    #[cfg(test)]
    pub(crate) hole: Option<super::Hole>,
}

impl Default for SqliteSettings {
    fn default() -> Self {
        Self {
            tenant_column: "tenant_id".to_owned(),
            open_files: OpenFiles::default(),
            idle: Duration::from_secs(60),
            readers: 2,
            threads: 32,
            room: Room::default(),
            #[cfg(test)]
            hole: None,
        }
    }
}

impl SqliteSettings {
    pub(super) fn check(&self, directory: &Path) -> Result<(), OpenError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let name = self.tenant_column.as_bytes();
        let starts = name.first().is_some_and(|b| !b.is_ascii_digit());
        if !starts || name.len() > 63 || !name.iter().copied().all(plain) {
            let rule = "the tenant's column is called by 1 to 63 of a-z, 0-9 and _";
            return Err(OpenError::new(directory, &rule));
        }
        Ok(())
    }

    /// More threads than open files would have to close files that are in use.
    pub(super) fn threads(&self) -> usize {
        self.threads.clamp(1, self.open_files.most())
    }
}

/// Why a realm's directory cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenError {
    /// The directory or file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: String,
}

impl OpenError {
    pub(super) fn new(path: &Path, problem: &dyn fmt::Display) -> Self {
        Self {
            path: path.to_owned(),
            problem: problem.to_string(),
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the rows at {} cannot be used: {}",
            self.path.display(),
            self.problem
        )
    }
}

impl std::error::Error for OpenError {}

/// Makes the directory, of mode 0700, and those above it.
pub(super) fn make_directory(path: &Path) -> Result<(), OpenError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|problem| OpenError::new(path, &problem))
}
