//! `doorward serve`.

use super::Failure;
use super::args::Installation;
use crate::config::{Overrides, ServerSettings};
use crate::engine::load_configuration;
use crate::run::{self, Plan};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// Serves every realm of the configuration until SIGTERM or Ctrl-C; SIGHUP, or a change
/// of the file, reloads it
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  doorward serve --config doorward.toml --listen 127.0.0.1:8080")]
pub(super) struct Serve {
    #[command(flatten)]
    installation: Installation,
    /// The public address, instead of the configuration's
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// The certificate chain, PEM; with --tls-key
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its private key, PEM; with --tls-cert
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// The life of access tokens in every realm, instead of the configuration's
    #[arg(long, value_name = "SECONDS")]
    token_expiry: Option<u64>,
    /// How the process runs
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    mode: Mode,
}

/// How the process runs: there is one way, and guides name it.
#[derive(clap::ValueEnum, Clone, Copy, Debug, Default)]
enum Mode {
    /// As a server
    #[default]
    Server,
}

impl Serve {
    pub(super) fn run(self) -> Result<(), Failure> {
        let overrides = Overrides {
            listen: self.listen,
            database: self.installation.database.clone(),
            tls: self.tls_cert.zip(self.tls_key),
            token_expiry: self.token_expiry,
        };
        let loaded = load_configuration(&self.installation, overrides.clone())?;
        let plan = Plan {
            loaded,
            overrides,
            greeting: None,
        };
        match self.mode {
            Mode::Server => serve(plan),
        }
    }
}

/// How long threads that block may take to end once everything is answered.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// Starts the log and the runtime and serves.
pub(super) fn serve(plan: Plan) -> Result<(), Failure> {
    start_log(&plan.loaded.settings.server);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Refused(format!("cannot start: {error}")))?;
    let served = runtime.block_on(run::run(plan));
    // A thread that is stuck in a statement must not keep the process from ending.
    runtime.shutdown_timeout(LAST_WAIT);
    served
}

fn start_log(server: &ServerSettings) {
    crate::telemetry::log::start(server.log);
}
