//! The Debian packages that tests and benchmarks call, each with its reason.
//! Libraries are not here: the product links none of the system's but libc.

use std::process::Command;

use crate::{Failure, process};

const PACKAGES: &[(&str, &str)] = &[
    ("curl", "acceptance suites send the documented requests"),
    (
        "faketime",
        "acceptance suites move the clock of the binary under test",
    ),
    ("git", "tidy asks it which files belong to the repository"),
    (
        "haproxy",
        "the peer that bench measures beside the gate, and one that asks it",
    ),
    (
        "lighttpd",
        "acceptance suites put it behind the gate: it asks for a length",
    ),
    (
        "nghttp2-client",
        "h2load, bench's load generator for HTTP/2",
    ),
    (
        "nginx-light",
        "the upstream behind everyone in bench, the TLS upstream of acceptance suites, and a proxy that asks",
    ),
    ("openssl", "makes the certificates of tests and of bench"),
    ("pgbouncer", "the pooler that stores are reached through"),
    (
        "postgresql",
        "the engine of several nodes, in clusters of the tests' own",
    ),
    ("python3", "acceptance suites drive the requests library"),
    ("python3-venv", "keeps those libraries out of the system"),
    ("redis-server", "the limits that several nodes share"),
    (
        "sqlite3",
        "fills the stores that bench measures look-ups on",
    ),
    ("wrk", "bench's load generator"),
];

/// Installs the packages that are missing. Does nothing, and asks for no rights, when
/// none is.
pub(crate) fn install() -> Result<(), Failure> {
    let names = PACKAGES.iter().map(|(name, _)| *name);
    let query = Command::new("dpkg-query")
        .args(["--show", "--showformat=${Package} ${db:Status-Status}\n"])
        .args(names)
        .output();
    let Ok(query) = query else {
        eprintln!("setup: no dpkg-query, so not Debian: install these yourself");
        for (name, reason) in PACKAGES {
            eprintln!("  {name:14} {reason}");
        }
        return Ok(());
    };
    // It exits with 1 when it does not know one of the names: that is an answer too.
    let missing = missing(&String::from_utf8_lossy(&query.stdout));
    if missing.is_empty() {
        eprintln!("setup: Debian packages present");
        return Ok(());
    }
    for (name, reason) in &missing {
        eprintln!("setup: installing {name} ({reason})");
    }
    let missing: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
    apt_get(&["update", "-qq"], &missing)?;
    let mut install = vec!["install", "-qq", "-y", "--no-install-recommends"];
    install.extend(&missing);
    apt_get(&install, &missing)
}

fn missing(installed: &str) -> Vec<(&'static str, &'static str)> {
    let present = |name: &str| {
        installed
            .lines()
            .any(|line| line.split_once(' ') == Some((name, "installed")))
    };
    PACKAGES
        .iter()
        .copied()
        .filter(|(name, _)| !present(name))
        .collect()
}

fn apt_get(args: &[&str], missing: &[&str]) -> Result<(), Failure> {
    let by_hand = format!("apt-get install {}", missing.join(" "));
    let mut command = if is_root() {
        Command::new("env")
    } else if process::succeeds(Command::new("sudo").arg("--version")) {
        let mut sudo = Command::new("sudo");
        sudo.arg("env");
        sudo
    } else {
        return Err(Failure::with_fix(
            "installing Debian packages needs root, and there is no sudo",
            format!("as root: {by_hand}"),
        ));
    };
    command
        .args(["DEBIAN_FRONTEND=noninteractive", "apt-get"])
        .args(args);
    process::run(&mut command)
        .map_err(|e| Failure::with_fix(e.to_string(), format!("by hand, as root: {by_hand}")))
}

fn is_root() -> bool {
    process::capture(Command::new("id").arg("-u")).is_ok_and(|uid| uid.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_is_removed_but_configured_counts_as_missing() {
        let all: String = PACKAGES
            .iter()
            .map(|(name, _)| format!("{name} installed\n"))
            .collect();
        assert_eq!(missing(&all), []);
        let some = all.replace("wrk installed", "wrk config-files");
        let names: Vec<&str> = missing(&some).iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["wrk"]);
        // `python3` must not be taken for present because `python3-venv` is.
        let some = all.replace("python3 installed\n", "");
        let names: Vec<&str> = missing(&some).iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["python3"]);
    }
}
