//! Lowering: from the section structs to what the rest of the process works with, with
//! every contradiction named by file and line. Not here: the gate's own lowering of
//! routes and mounts (`doorward_gate::policy`), which comes after.

mod basic;
mod class;
mod data;
mod dialect;
mod expect;
mod form;
mod header;
mod identity;
mod issuer;
mod limit;
mod mail;
mod notice;
mod policy;
mod realm;
mod retention;
mod route;
mod secret;
mod server;
mod store;
mod upstream_tls;

pub(crate) use data::DATA;
pub use expect::Expectation;
pub use mail::MailSettings;
pub use policy::{Place, policies, warnings};
pub use realm::RealmConfig;
pub use secret::{MasterKeySource, postgres_address};
pub use server::ServerSettings;
pub use store::{Database, LimitStore, PostgresConfig, RedisConfig};

use super::document::Document;
use super::problem::{KeyPath, Problem, Problems};
use super::text::Text;
use super::value::Span;
use super::{Config, Environment};
use doorward_base::RealmName;
use doorward_gate::authority;
use doorward_outbound::egress::Reach;
use doorward_rows::settings::RowStore;
use rustls::RootCertStore;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A whole configuration, lowered.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The process.
    pub server: ServerSettings,
    /// The realms, by name.
    pub realms: Vec<RealmConfig>,
    /// The files that were read for what the configuration refers to.
    pub files: Vec<PathBuf>,
}

/// What lowering carries along: where to note problems, and where secrets come from.
pub(super) struct Lowering<'a> {
    problems: Problems<'a>,
    file: &'a Path,
    directory: &'a Path,
    environment: Environment<'a>,
    /// Where requests of the process's own may go.
    reach: Reach,
    files: Vec<PathBuf>,
    /// Where the rows of the realms so far are.
    row_stores: Vec<(RealmName, RowStore)>,
    /// The system's certificate authorities, once somebody asked for them.
    system_roots: Option<Arc<RootCertStore>>,
}

/// Lowers everything.
pub(super) fn lower(
    config: &Config,
    file: &Path,
    document: &Document,
    environment: Environment<'_>,
) -> Result<Settings, Vec<Problem>> {
    let mut lowering = Lowering {
        problems: Problems::new(file, document),
        file,
        directory: file.parent().unwrap_or(Path::new("")),
        environment,
        reach: Reach::default(),
        files: Vec::new(),
        row_stores: Vec::new(),
        system_roots: None,
    };
    let server = lowering.server(&config.server);
    if config.realm.is_empty() {
        lowering.wrong(
            &KeyPath::default(),
            "there is no realm; add one, for example [realm.main]",
        );
    }
    lowering.check_hosts(config);
    let mut realms = Vec::with_capacity(config.realm.len());
    for (Text(name), realm) in &config.realm {
        realms.extend(lowering.realm(name, realm, server.as_ref()));
    }
    match server {
        Some(server) if lowering.problems.is_empty() => Ok(Settings {
            server,
            realms,
            files: lowering.files,
        }),
        _ => Err(lowering.problems.into_list()),
    }
}

impl Lowering<'_> {
    /// Notes a problem.
    fn wrong(&mut self, path: &KeyPath, message: impl Into<String>) {
        self.problems.add(path, message);
    }

    /// The duration at `path`, or the default; zero is refused.
    fn positive(
        &mut self,
        path: &KeyPath,
        given: Option<Text<Span>>,
        default: Duration,
    ) -> Duration {
        let duration = given.map_or(default, |Text(Span(duration))| duration);
        if duration.is_zero() {
            self.wrong(path, "must be longer than zero");
        }
        duration
    }

    /// As [`Self::positive`], in whole seconds.
    fn whole_seconds(
        &mut self,
        path: &KeyPath,
        given: Option<Text<Span>>,
        default: Duration,
    ) -> Duration {
        let duration = self.positive(path, given, default);
        if duration.subsec_nanos() > 0 {
            self.wrong(path, "must be whole seconds");
        }
        duration
    }

    /// No authority may belong to two realms.
    fn check_hosts(&mut self, config: &Config) {
        let mut owners: BTreeMap<String, Vec<(String, Vec<SocketAddr>)>> = BTreeMap::new();
        for (Text(name), realm) in &config.realm {
            let path = KeyPath::of(&["realm", name.as_str()]);
            for (at, host) in realm::hosts_of(realm).iter().enumerate() {
                let place = path.key("hosts").index(at);
                if !is_host(host) {
                    self.wrong(
                        &place,
                        format!("{host:?} is not a host such as \"api.example.com\", \"127.0.0.1:8080\" or \"*\""),
                    );
                }
                let listeners = realm::listeners_of(realm);
                let claims = owners.entry(authority::folded(host).into_owned());
                let claims = claims.or_default();
                let meets = |of: &&(String, Vec<SocketAddr>)| {
                    let mut both = of.1.iter().filter(|at| listeners.contains(at));
                    of.1.is_empty() || listeners.is_empty() || both.next().is_some()
                };
                let other = claims.iter().find(meets).map(|(other, _)| other.clone());
                claims.push((name.to_string(), listeners));
                if let Some(other) = other {
                    self.wrong(
                        &place,
                        format!("host {host:?} belongs to realm {other:?} already; an authority chooses one realm"),
                    );
                }
            }
        }
    }
}

fn is_host(text: &str) -> bool {
    let authority = || {
        text.parse::<http::uri::Authority>()
            .is_ok_and(|authority| !authority.host().is_empty() && !text.contains('@'))
    };
    text == "*" || (!text.contains('*') && authority())
}
