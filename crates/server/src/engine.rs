//! An opened installation: configuration, store, master key, and realms on demand. The
//! server and every management command begin here.

use crate::cli::args::Installation;
use crate::cli::{Failure, output};
use crate::config::{self, Loaded, MasterKeySource, Overrides, RealmConfig, Settings};
use crate::limits::Limits;
use crate::store;
use crate::system::{self, SystemClock, SystemEntropy};
use doorward_base::{Clock as _, Entropy, RealmName, RequestId};
use doorward_identity::act::mail::{MailLimit, MailPolicy, MailRates};
use doorward_identity::act::{Call, Guesses, Identity, LastUsed, PasswordPool, Realm, keys};
use doorward_identity::port::{StoreError, StoreHandle};
use doorward_jose::MasterKey;
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;

/// An opened installation.
pub(crate) struct Engine {
    pub(crate) identity: Arc<Identity>,
    pub(crate) settings: Settings,
    pub(crate) limits: Limits,
}

impl Engine {
    /// Loads the configuration and opens the store, making store and master key if
    /// they are missing.
    pub(crate) async fn open(installation: &Installation) -> Result<Self, Failure> {
        let loaded = load_configuration(installation, Overrides::default())?;
        // A command takes part in no limits: it signs nobody in.
        Self::start(loaded.settings, Limits::Memory).await
    }

    /// Opens the store of these settings.
    pub(crate) async fn start(settings: Settings, limits: Limits) -> Result<Self, Failure> {
        let database = &settings.server.database;
        let store = store::open(database).await?;
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let master = master_key(&settings.server.master_key, &store, &*entropy).await?;
        let guesses = Guesses::new(limits.strict_limiter(), &master)
            .map_err(|error| Failure::Refused(error.to_string()))?;
        let rates = match &settings.server.mail {
            Some(mail) => mail.rates,
            None => MailRates::usual().map_err(|error| Failure::Refused(error.to_string()))?,
        };
        let mail = MailPolicy {
            is_on: settings.server.mail.is_some(),
            limit: MailLimit::new(limits.strict_limiter(), &master, rates)
                .map_err(|error| Failure::Refused(error.to_string()))?,
        };
        let identity = Identity {
            guesses,
            refreshes: limits.strict_limiter(),
            mail,
            store,
            master,
            passwords: PasswordPool::new(
                std::thread::available_parallelism().map_or(1, usize::from),
                system::give_way,
            ),
            entropy,
            last_used: LastUsed::default(),
            strangers: Arc::default(),
        };
        keys::check_master(&identity).await.map_err(|error| match error {
            keys::KeysError::WrongMasterKey => Failure::Refused(format!(
                "the master key is not the one the store {database} was made with; restore the right one"
            )),
            other => Failure::Refused(other.to_string()),
        })?;
        Ok(Self {
            identity: Arc::new(identity),
            settings,
            limits,
        })
    }

    /// Opens a realm of the configuration: its number in the store, and its keys,
    /// made if they are missing.
    pub(crate) async fn realm(&self, name: &RealmName) -> Result<Arc<Realm>, Failure> {
        let known = || {
            self.settings
                .realms
                .iter()
                .map(|realm| realm.name().as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let config = self
            .settings
            .realms
            .iter()
            .find(|realm| realm.name() == name)
            .ok_or_else(|| {
                Failure::Usage(format!(
                    "the configuration has no realm {name}; it has {}",
                    known()
                ))
            })?;
        open_realm(&self.identity, config).await
    }

    /// Writes what is buffered and closes the store.
    pub(crate) async fn close(&self) {
        self.identity.store.engine().close().await;
    }
}

/// Loads and lowers the configuration.
pub(crate) fn load_configuration(
    installation: &Installation,
    overrides: Overrides,
) -> Result<Loaded, Failure> {
    let overrides = Overrides {
        database: installation.database.clone(),
        ..overrides
    };
    config::load(
        &installation.config,
        &config::process_environment,
        &overrides,
    )
    .map_err(|problems| wrong(&problems))
}

/// How the problems of a configuration are told.
pub(crate) fn wrong(problems: &[config::Problem]) -> Failure {
    Failure::Usage(
        problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n"),
    )
}

pub(crate) async fn open_realm(
    identity: &Identity,
    config: &RealmConfig,
) -> Result<Arc<Realm>, Failure> {
    let settings = config.identity.as_ref().clone();
    let id = identity
        .store
        .engine()
        .open_realm(&settings.name)
        .await
        .map_err(store_failure)?;
    let now = SystemClock.now();
    let call = Call {
        now,
        request: RequestId::mint(&*identity.entropy, now),
        peer: None,
    };
    let keyring = keys::ensure(identity, id, &settings, &call)
        .await
        .map_err(|error| {
            Failure::Refused(format!("the keys of realm {}: {error}", settings.name))
        })?;
    Ok(Arc::new(Realm::new(id, settings, keyring)))
}

/// What a store that does not answer means to a command.
#[expect(
    clippy::needless_pass_by_value,
    reason = "used as a function of map_err"
)]
pub(crate) fn store_failure(error: StoreError) -> Failure {
    Failure::Refused(error.to_string())
}

async fn master_key(
    source: &MasterKeySource,
    store: &StoreHandle,
    entropy: &dyn Entropy,
) -> Result<MasterKey, Failure> {
    let path = match source {
        MasterKeySource::Text(text) => {
            return MasterKey::from_text(text.expose()).map_err(|error| {
                Failure::Refused(format!("the master key from the environment: {error}"))
            });
        }
        MasterKeySource::File(path) => path,
    };
    let known = store
        .engine()
        .find_store_value(keys::MASTER_KEY_CHECK)
        .await
        .map_err(store_failure)?;
    if known.is_some() && !path.exists() {
        return Err(Failure::Refused(format!(
            "the store was made with a master key and {} is missing; restore it from your copy",
            path.display()
        )));
    }
    read_or_make_key(path, entropy)
}

/// Reads the master key, or makes it. Two commands that start together agree on one:
/// the file appears whole or not at all, and whoever comes second reads it.
pub(crate) fn read_or_make_key(path: &Path, entropy: &dyn Entropy) -> Result<MasterKey, Failure> {
    let wrong = |problem: &dyn std::fmt::Display| {
        Failure::Refused(format!("the master key {}: {problem}", path.display()))
    };
    if !path.exists() {
        let made = MasterKey::generate(entropy);
        match write_new(path, made.to_text().expose().as_bytes()) {
            Ok(()) => output::note(&format!(
                "made the master key {} (mode 0600); keep a copy apart from the store",
                path.display()
            )),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(wrong(&error)),
        }
    }
    let mode = std::fs::metadata(path)
        .map_err(|error| wrong(&error))?
        .mode();
    if mode & 0o077 != 0 {
        output::note(&format!(
            "warning: others may read the master key; run chmod 600 {}",
            path.display()
        ));
    }
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    MasterKey::from_text(text.trim()).map_err(|error| wrong(&error))
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", std::process::id()));
    let draft = Path::new(&draft);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(draft)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.sync_all());
    let linked = written.and_then(|()| std::fs::hard_link(draft, path));
    std::fs::remove_file(draft)?;
    linked
}
