//! How many files and sockets the process may have open, and how many connections that
//! leaves room for, and how many tenants' files. Not here: accepting (`gate`'s listener).

use crate::config::{Database, ServerSettings, Settings};
use doorward_rows::settings::RowStore;
use doorward_rows::sqlite::OpenFiles;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For operators' connections, the control socket, listeners, the log, the change feed
/// and what is opened for a moment.
const OWN: u64 = 64;
/// A reader for each thread, the writer, and their journal and lock files.
const SQLITE: u64 = 24;
/// Beside the pool: lanes, upkeep and the feed.
const POSTGRES: u64 = 8;
/// Beside a pool of a realm's rows: its schema and upkeep.
const ROWS_POOL: u64 = 4;
/// A tenant's file while it is open: of the one who writes and of two who read.
const TENANT_FILE: u64 = 7;
/// Beside its tenants' files: a realm's schema, and what its statements set aside.
const ROWS_REALM: u64 = 40;
/// The most and the fewest tenants' files that a realm has open.
const TENANT_FILES: (u64, u64) = (256, 8);
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

/// The limit that [`raise`] comes to.
pub(crate) fn limit() -> u64 {
    getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX)
}

/// What the realms' rows may have open: as much as they ask for, or a quarter of the limit.
pub(crate) struct RowsRoom {
    /// For tenants' files, of all realms that have any.
    files: u64,
    pools: u64,
    each: OpenFiles,
}

impl RowsRoom {
    /// Of these settings.
    pub(crate) fn of(settings: &Settings, limit: u64) -> Self {
        let (mut realms, mut pools) = (0, 0);
        for store in stores(settings) {
            match store {
                RowStore::Sqlite(_) => realms += 1,
                RowStore::Postgres(store) => pools += ROWS_POOL + store.pool_size as u64,
            }
        }
        Self::with(realms, pools, limit)
    }

    fn with(realms: u64, pools: u64, limit: u64) -> Self {
        let wanted = realms * (ROWS_REALM + TENANT_FILES.0 * TENANT_FILE);
        let least = realms * (ROWS_REALM + TENANT_FILES.1 * TENANT_FILE);
        Self {
            files: wanted.min((limit / 4).max(least)),
            pools,
            each: OpenFiles::default(),
        }
    }

    /// Gives each realm of these settings, which may be others, its share.
    pub(crate) fn share_among(&self, settings: &Settings) {
        let realms = stores(settings).filter(|store| matches!(store, RowStore::Sqlite(_)));
        let files = self.share(realms.count() as u64);
        self.each.set(usize::try_from(files).unwrap_or(1));
    }

    /// How many tenants' files each of so many realms may have open.
    fn share(&self, realms: u64) -> u64 {
        let (most, fewest) = TENANT_FILES;
        let descriptors = self.files / realms.max(1);
        (descriptors.saturating_sub(ROWS_REALM) / TENANT_FILE).clamp(fewest, most)
    }

    /// One realm's share.
    pub(crate) fn open_files(&self) -> OpenFiles {
        self.each.clone()
    }

    /// Descriptors of all of them.
    pub(crate) const fn taken(&self) -> u64 {
        self.files + self.pools
    }
}

fn stores(settings: &Settings) -> impl Iterator<Item = &RowStore> {
    let data = settings
        .realms
        .iter()
        .filter_map(|realm| realm.data.as_ref());
    data.map(|data| &data.store)
}

/// How many connections each of the public listeners may hold: what is configured, or
/// what the limit and the rows leave room for, if that is less. Each client may need a connection to
/// an upstream.
pub(crate) fn connections(server: &ServerSettings, rows: u64, limit: u64) -> u32 {
    let store = match &server.database {
        Database::Sqlite(_) => SQLITE,
        Database::Postgres(config) => POSTGRES + config.pool_size as u64,
    };
    let listeners = server.listen.len().max(1) as u64;
    let room = (limit.saturating_sub(OWN + store + rows) / 2).max(FEWEST) / listeners;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_files_take_a_quarter_of_the_limit_and_no_more_than_they_need() {
        for (realms, limit, files, taken) in [
            (0, 1 << 20, 8, 0),
            (1, 1 << 20, 256, 40 + 256 * 7),
            (4, 1 << 20, 256, 4 * (40 + 256 * 7)),
            (1, 1_024, 30, 256),
            (2, 1_024, 12, 256),
            (1, 128, 8, 40 + 8 * 7),
        ] {
            let room = RowsRoom::with(realms, 0, limit);
            assert_eq!(room.share(realms), files, "{realms} realms of {limit}");
            assert_eq!(room.taken(), taken, "{realms} realms of {limit}");
        }
        // A reload that brings more realms shares what there is.
        assert_eq!(RowsRoom::with(1, 0, 4_096).share(4), 30);
    }
}
