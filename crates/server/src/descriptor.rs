//! How many files and sockets the process may have open, and how many connections that
//! leaves room for. Not here: accepting (`gate`'s listener).

use crate::config::{Database, ServerSettings};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For operators' connections, the control socket, listeners, the log, the change feed
/// and what is opened for a moment.
const OWN: u64 = 64;
/// A reader for each thread, the writer, and their journal and lock files.
const SQLITE: u64 = 24;
/// Beside the pool: lanes, upkeep and the feed.
const POSTGRES: u64 = 8;
/// A door that lets nobody in is of no use, whatever the limit is.
const FEWEST: u64 = 8;

/// Raises the soft limit to the hard one, as every server of connections must: the usual
/// soft limit is for programs that use `select`. Returns the limit in force.
pub(crate) fn raise() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let in_force = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files cannot be raised");
            limit.current
        }
    };
    in_force.unwrap_or(u64::MAX)
}

/// How many connections each of the public listeners may hold: what is configured, or
/// what the limit leaves room for, if that is less. Each client may need a connection to
/// an upstream.
pub(crate) fn connections(server: &ServerSettings, limit: u64) -> u32 {
    let store = match &server.database {
        Database::Sqlite(_) => SQLITE,
        Database::Postgres(config) => POSTGRES + config.pool_size as u64,
    };
    let listeners = server.listen.len().max(1) as u64;
    let room = (limit.saturating_sub(OWN + store) / 2).max(FEWEST) / listeners;
    let wanted = server.max_connections as u64;
    if room < wanted {
        tracing::warn!(
            limit,
            connections = room,
            "the limit of open files leaves room for fewer connections than \
             [server] max_connections = {wanted}; raise it (ulimit -n, LimitNOFILE=)"
        );
    }
    u32::try_from(room.min(wanted)).unwrap_or(u32::MAX).max(1)
}

/// How many of a listener's connections one address may have: what is configured, or a
/// quarter.
pub(crate) fn share(server: &ServerSettings, connections: u32) -> u32 {
    server
        .max_per_address
        .unwrap_or(connections / 4)
        .clamp(1, connections)
}
