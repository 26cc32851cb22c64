//! Reading what the configuration refers to: files beside it and the environment as it
//! was handed in. Not here: the master key's file, which the store makes when missing.

use super::Lowering;
use crate::config::address::{Database, PostgresUrl};
use crate::config::problem::KeyPath;
use crate::config::text::FromText as _;
use crate::config::value::SecretRef;
use doorward_base::Secret;
use std::path::{Path, PathBuf};

/// The longest secret that is read, bytes.
const LONGEST: u64 = 1 << 20;

/// The master key, or where it is kept.
#[derive(Clone, Debug)]
pub enum MasterKeySource {
    /// A file, which the first command makes if it is missing.
    File(PathBuf),
    /// The text of an environment variable.
    Text(Secret),
}

impl Lowering<'_> {
    /// A path, relative to the configuration file.
    pub(super) fn beside(&self, path: &Path) -> PathBuf {
        self.directory.join(path)
    }

    /// The secret that the value at `path` refers to.
    pub(super) fn secret(&mut self, path: &KeyPath, source: &SecretRef) -> Option<Secret> {
        let read = match source {
            SecretRef::Env(name) => from_environment(self.environment, name),
            SecretRef::File(file) => {
                let file = self.beside(file);
                let read = read_file(&file);
                self.files.push(file);
                read
            }
        };
        let text = self.problems.take(path, read)?;
        let trimmed = text.trim_end_matches(['\r', '\n']);
        if trimmed.is_empty() {
            self.wrong(path, "the secret is empty");
            return None;
        }
        Some(Secret::new(trimmed.to_owned()))
    }

    /// Where the master key is. A file that is there must be readable.
    pub(super) fn master_key(
        &mut self,
        path: &KeyPath,
        source: &SecretRef,
    ) -> Option<MasterKeySource> {
        match source {
            SecretRef::Env(_) => self.secret(path, source).map(MasterKeySource::Text),
            SecretRef::File(file) => {
                let file = self.beside(file);
                if file.exists() {
                    let read = read_file(&file);
                    self.problems.take(path, read)?;
                }
                Some(MasterKeySource::File(file))
            }
        }
    }
}

/// The PostgreSQL database that a command line names: an address without a password, or
/// `env:NAME` or `file:PATH` that holds one.
///
/// # Errors
/// What is wrong; nothing of the address is repeated.
pub fn postgres_address(
    text: &str,
    environment: fn(&str) -> Option<String>,
) -> Result<Secret, String> {
    let source = match Database::from_text(text)? {
        Database::Postgres(url) => return Ok(url.url),
        Database::Sqlite(_) => return Err("only PostgreSQL databases are served here".to_owned()),
        Database::Secret(source) => source,
    };
    let held = match source {
        SecretRef::Env(name) => from_environment(&environment, &name)?,
        SecretRef::File(path) => read_file(&path)?,
    };
    let held = Secret::new(held);
    PostgresUrl::parse(held.expose().trim_end_matches(['\r', '\n'])).map(|url| url.url)
}

fn from_environment(
    environment: &dyn Fn(&str) -> Option<String>,
    name: &str,
) -> Result<String, String> {
    environment(name).ok_or_else(|| format!("the environment variable {name} is not set"))
}

fn read_file(path: &Path) -> Result<String, String> {
    let fault = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let about = std::fs::metadata(path).map_err(fault)?;
    if !about.is_file() || about.len() > LONGEST {
        return Err(format!("{} is not a file of at most 1 MiB", path.display()));
    }
    std::fs::read_to_string(path).map_err(fault)
}
