//! The configuration: one file per section, decoded and lowered once. Requests never
//! parse configuration, and the environment is read nowhere else.
//!
//! * the section files hold what is written, with its documentation;
//! * [`text`], [`value`] and [`address`] are the small languages of values;
//! * [`lower`] turns it into what the process works with and names contradictions;
//! * [`reload`] replaces a running configuration, [`schema`] describes the file.
//!
//! Not here: expectations (`check`), watching the file and wiring (`compose`).

pub mod address;
pub mod api_tokens;
pub mod basic;
mod decode;
mod document;
pub mod expect;
pub mod form;
pub mod identity_headers;
pub mod issuers;
pub mod limits;
pub mod lower;
pub mod mail;
pub mod notices;
mod problem;
pub mod realm;
pub mod reload;
pub mod retention;
pub mod route;
pub mod schema;
pub mod server;
pub mod text;
pub mod tokens;
pub mod users;
pub mod value;

#[cfg(test)]
mod secret_tests;
#[cfg(test)]
mod tests;

pub(crate) use lower::DATA;
pub use lower::{
    Database, Expectation, LimitStore, MailSettings, MasterKeySource, Place, PostgresConfig,
    RealmConfig, RedisConfig, ServerSettings, Settings, policies, postgres_address, warnings,
};
pub use problem::{KeyPath, Problem, Step};

use document::Document;
use doorward_base::RealmName;
use problem::Problems;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use text::{FromText as _, Text};

/// The longest file that is read, bytes.
const LONGEST: usize = 32 << 20;

/// Doorward's configuration file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The process.
    pub server: server::Server,
    /// The realms, by name.
    pub realm: BTreeMap<Text<RealmName>, realm::Realm>,
}

/// Where the values of environment variables come from.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What the command line says over the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--listen`.
    pub listen: Option<String>,
    /// `--database`; a path is relative to the working directory.
    pub database: Option<String>,
    /// `--tls-cert` and `--tls-key`, relative to the working directory.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// `--token-expiry`: the life of access tokens in every realm, seconds.
    pub token_expiry: Option<u64>,
}

/// A configuration that was accepted, and where it came from.
#[derive(Debug)]
pub struct Loaded {
    /// What it says.
    pub settings: Settings,
    file: PathBuf,
    document: Document,
}

impl Loaded {
    /// The file it was read from.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Every file it was read from: its own first, then those it refers to.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let others = self.settings.files.iter().map(PathBuf::as_path);
        std::iter::once(self.file()).chain(others)
    }

    /// What a process keeps of it once it is in force: the file, and the settings of the
    /// process. What it says of realms lives on in what was made of it.
    #[must_use]
    pub(crate) fn in_force(mut self) -> Self {
        self.settings.realms = Vec::new();
        self.document = Document::empty();
        self
    }

    /// A problem with the value at `path`, by line.
    #[must_use]
    pub fn problem(&self, path: &KeyPath, message: String) -> Problem {
        Problem {
            file: self.file.clone(),
            line: self.document.line_of(path),
            path: path.clone(),
            message,
        }
    }
}

/// The process's own environment.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the environment is read"
)]
pub fn process_environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Reads and accepts a configuration file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(
    file: &Path,
    environment: Environment<'_>,
    overrides: &Overrides,
) -> Result<Loaded, Vec<Problem>> {
    match std::fs::read(file) {
        Ok(bytes) => parse(file, &bytes, environment, overrides),
        Err(error) => Err(vec![whole(file, None, format!("cannot be read: {error}"))]),
    }
}

/// Accepts a configuration whose bytes are at hand; `file` names it and is what its
/// relative paths are relative to.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(
    file: &Path,
    bytes: &[u8],
    environment: Environment<'_>,
    overrides: &Overrides,
) -> Result<Loaded, Vec<Problem>> {
    if bytes.len() > LONGEST {
        return Err(vec![whole(file, None, "is larger than 32 MiB".to_owned())]);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        vec![whole(file, Some(line), "is not UTF-8 text".to_owned())]
    })?;
    let mut document =
        Document::parse(text).map_err(|fault| vec![whole(file, fault.line, fault.message)])?;
    let mut config: Config = decode::decode(file, &mut document)?;
    let mut problems = Problems::new(file, &document);
    overrides.apply(&mut config, &mut problems);
    if !problems.is_empty() {
        return Err(problems.into_list());
    }
    let settings = lower::lower(&config, file, &document, environment)?;
    Ok(Loaded {
        settings,
        file: file.to_owned(),
        document,
    })
}

fn whole(file: &Path, line: Option<usize>, message: String) -> Problem {
    Problem {
        file: file.to_owned(),
        line,
        path: KeyPath::default(),
        message,
    }
}

impl Overrides {
    fn apply(&self, config: &mut Config, problems: &mut Problems<'_>) {
        if let Some(listen) = &self.listen {
            let address = std::net::SocketAddr::from_text(listen);
            let address = problems.take(&KeyPath::of(&["--listen"]), address);
            config.server.listen = Some(address.map(Text).into_iter().collect());
        }
        if let Some(database) = &self.database {
            let place = KeyPath::of(&["--database"]);
            let database = address::Database::from_text(database).and_then(database_from_here);
            config.server.database = problems.take(&place, database).map(Text);
        }
        if let Some((cert, key)) = &self.tls {
            let mut file = |flag: &str, path: &Path| {
                let path = problems.take(&KeyPath::of(&[flag]), from_here(path));
                path.map(|path| Text(value::SecretRef::File(path)))
            };
            let (cert, key) = (file("--tls-cert", cert), file("--tls-key", key));
            config.server.tls = cert.zip(key).map(|(cert, key)| server::Tls { cert, key });
        }
        if let Some(seconds) = self.token_expiry {
            let life = value::Span(std::time::Duration::from_secs(seconds));
            for realm in config.realm.values_mut() {
                realm.tokens.access_ttl = Some(Text(life));
            }
        }
    }
}

fn database_from_here(database: address::Database) -> Result<address::Database, String> {
    use address::Database::{Secret, Sqlite};
    use value::SecretRef::File;
    Ok(match database {
        Sqlite(path) => Sqlite(from_here(&path)?),
        Secret(File(path)) => Secret(File(from_here(&path)?)),
        other => other,
    })
}

/// A path of the command line: relative to the working directory, not to the file.
fn from_here(path: &Path) -> Result<PathBuf, String> {
    std::path::absolute(path).map_err(|error| format!("{}: {error}", path.display()))
}
