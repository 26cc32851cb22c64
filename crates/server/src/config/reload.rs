//! Replacing a running configuration: the new one is accepted whole or not at all, so
//! that the last good form stays in force. Not here: noticing the change, and swapping.

use super::lower::MailSettings;
use super::{Environment, Loaded, Overrides, Problem, ServerSettings, load};

/// A configuration ready to be put in force.
#[derive(Debug)]
pub struct Reloaded {
    /// The configuration.
    pub loaded: Loaded,
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
) -> Result<Reloaded, Vec<Problem>> {
    let loaded = load(running.file(), environment, overrides)?;
    let after_restart = differences(&running.settings.server, &loaded.settings.server);
    Ok(Reloaded {
        loaded,
        after_restart,
    })
}

fn differences(running: &ServerSettings, new: &ServerSettings) -> Vec<&'static str> {
    let differs = [
        ("server.listen", running.listen != new.listen),
        ("server.ops_listen", running.ops_listen != new.ops_listen),
        ("server.database", !running.database.is_same(&new.database)),
        ("server.limits", !running.limits.is_same(&new.limits)),
        ("server.drain_delay", running.drain_delay != new.drain_delay),
        (
            "server.trusted_proxies",
            running.trusted_proxies != new.trusted_proxies,
        ),
        ("server.egress", running.egress != new.egress),
        (
            "server.max_connections",
            running.max_connections != new.max_connections,
        ),
        (
            "server.header_timeout",
            running.header_timeout != new.header_timeout,
        ),
        (
            "server.drain_timeout",
            running.drain_timeout != new.drain_timeout,
        ),
        (
            "server.idle_timeout",
            running.idle_timeout != new.idle_timeout,
        ),
        (
            "server.max_per_address",
            running.max_per_address != new.max_per_address,
        ),
        ("server.answer_idle", running.answer_idle != new.answer_idle),
        (
            "server.body_idle",
            running.body_pace.idle != new.body_pace.idle,
        ),
        (
            "server.body_rate",
            running.body_pace.rate != new.body_pace.rate,
        ),
        (
            "server.mail",
            running.mail.as_ref().map(MailSettings::fingerprint)
                != new.mail.as_ref().map(MailSettings::fingerprint),
        ),
        ("server.token_cache", running.token_cache != new.token_cache),
        ("server.max_body", running.max_body != new.max_body),
        // Another certificate is shown at once; whether there is one is not.
        ("server.tls", running.tls.is_some() != new.tls.is_some()),
        ("server.log", running.log != new.log),
    ];
    differs
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn a_bad_file_changes_nothing_and_a_good_one_says_what_needs_a_restart() {
        let directory = directory();
        let file = directory.path().join("d.toml");
        let nothing = |_: &str| None;
        let overrides = Overrides::default();
        std::fs::write(&file, "[realm.a]").unwrap();
        let running = load(&file, &nothing, &overrides).unwrap();

        std::fs::write(&file, "[realm.a]\nhots = [\"a\"]").unwrap();
        let problems = reload(&running, &nothing, &overrides).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].line, Some(2));

        std::fs::write(&file, "[server]\nmax_body = \"1KiB\"\n[realm.b]").unwrap();
        let reloaded = reload(&running, &nothing, &overrides).unwrap();
        assert_eq!(reloaded.after_restart, ["server.max_body"]);
        assert_eq!(reloaded.loaded.settings.realms[0].name().as_str(), "b");

        std::fs::remove_file(&file).unwrap();
        assert_eq!(
            reload(&running, &nothing, &overrides).unwrap_err()[0].line,
            None
        );
    }
}
