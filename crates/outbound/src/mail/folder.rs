//! Mail that goes no further than a folder, for first runs and tests: one file for each
//! letter, for its owner alone. The log says that it is there, never what it says.

use doorward_base::MailId;
use doorward_identity::port::MailerError;
use lettre::Message;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A folder that mail is put into.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Made when the first letter comes.
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) async fn put(&self, id: MailId, message: Message) -> Result<(), MailerError> {
        let (folder, bytes) = (self.0.clone(), message.formatted());
        let path = folder.join(format!("{id}.eml"));
        let to = path.display().to_string();
        let written = tokio::task::spawn_blocking(move || write(&folder, &path, &bytes)).await;
        match written {
            Ok(Ok(())) => {
                tracing::info!(file = to, "a mail was written into the folder, not sent");
                Ok(())
            }
            _ => Err(MailerError::Unreachable),
        }
    }
}

fn write(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match file {
        Ok(mut file) => file.write_all(bytes),
        // A letter that was written and not noted as such.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
