//! Whether the store's file is still where it was opened. A removed or replaced file
//! would go on taking writes that nobody ever finds again.

use doorward_identity::port::StoreError;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// The file's identity at opening.
pub(super) struct Presence {
    path: PathBuf,
    device: u64,
    inode: u64,
    gone: AtomicBool,
}

impl Presence {
    /// Remembers the file.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        // Absolute, so that a later change of the working directory does not matter.
        let path = path.canonicalize()?;
        let found = path.metadata()?;
        Ok(Self {
            path,
            device: found.dev(),
            inode: found.ino(),
            gone: AtomicBool::new(false),
        })
    }

    /// Where the file is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Looks again: one system call.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let here = self
            .path
            .metadata()
            .is_ok_and(|found| found.dev() == self.device && found.ino() == self.inode);
        self.gone.store(!here, Ordering::Relaxed);
        self.last_seen()
    }

    /// What the last look said; free.
    pub(super) fn last_seen(&self) -> Result<(), StoreError> {
        if self.gone.load(Ordering::Relaxed) {
            Err(StoreError::Unavailable(
                "the store's file was removed or replaced".to_owned(),
            ))
        } else {
            Ok(())
        }
    }
}
