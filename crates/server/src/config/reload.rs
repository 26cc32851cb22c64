//! Replacing a running configuration: the new one is accepted whole or not at all, so
//! that the last good form stays in force. Not here: noticing the change, and swapping.

use super::{Environment, Loaded, Overrides, Problem, RealmConfig, ServerSettings, load, policies};
use doorward_gate::policy::Policies;
use doorward_gate::policy::spec::MountSpec;

/// A configuration ready to be put in force.
#[derive(Debug)]
pub struct Reloaded {
    /// The configuration.
    pub loaded: Loaded,
    /// Its policies.
    pub policies: Policies,
    /// Keys that differ from the running process's and count from its next start only.
    pub after_restart: Vec<&'static str>,
}

/// Reads the running configuration's file again.
///
/// # Errors
/// Everything that is wrong with it; `running` stays in force.
pub fn reload(
    running: &Loaded,
    environment: Environment<'_>,
    overrides: &Overrides,
    mounts: &dyn Fn(&RealmConfig) -> Vec<MountSpec>,
) -> Result<Reloaded, Vec<Problem>> {
    let loaded = load(running.file(), environment, overrides)?;
    let policies = policies(&loaded, mounts)?;
    let after_restart = differences(&running.settings.server, &loaded.settings.server);
    Ok(Reloaded {
        loaded,
        policies,
        after_restart,
    })
}

fn differences(running: &ServerSettings, new: &ServerSettings) -> Vec<&'static str> {
    let differs = [
        ("server.listen", running.listen != new.listen),
        ("server.ops_listen", running.ops_listen != new.ops_listen),
        ("server.database", running.database != new.database),
        (
            "server.trusted_proxies",
            running.trusted_proxies != new.trusted_proxies,
        ),
        (
            "server.max_connections",
            running.max_connections != new.max_connections,
        ),
        (
            "server.header_timeout",
            running.header_timeout != new.header_timeout,
        ),
        (
            "server.idle_timeout",
            running.idle_timeout != new.idle_timeout,
        ),
        (
            "server.drain_timeout",
            running.drain_timeout != new.drain_timeout,
        ),
        ("server.max_body", running.max_body != new.max_body),
        ("server.log", running.log != new.log),
    ];
    differs
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
}
