//! Statements that go for what callers do not have: to be somebody else, another tenant's
//! file, the catalogues. Not here: what refuses them.

use super::{Generated, Generator, Reach};

/// What would make a caller somebody else on PostgreSQL; a read of a table follows.
const IDENTITIES: [&str; 9] = [
    "SELECT set_config('doorward.context', '@zeros@099999999999{\"tenant_id\":@json@}', true)",
    "SELECT set_config('request.headers', '{\"x-tenant-id\":@json@}', true)",
    "SELECT set_config('request.jwt.claims', '{\"tenant_id\":@json@}', true)",
    "SELECT set_config('app.tenant_id', @other@, true)",
    "SELECT set_config('app.tenant', @other@, true)",
    "SELECT set_config('row_security', 'off', true)",
    "SELECT set_config('role', 'postgres', true)",
    "SELECT set_config('session_authorization', 'postgres', true)",
    "SELECT auth.begin('{\"tenant_id\":@json@}', 99999999999, '\\x00')",
];

/// What PostgreSQL's catalogues tell of a table.
const CATALOGUES: [&str; 5] = [
    "SELECT reltuples, relpages FROM pg_class WHERE relname = @table@",
    "SELECT pg_relation_size(@table@)",
    "SELECT tablename, most_common_vals::text, n_distinct FROM pg_stats WHERE tablename = @table@",
    "SELECT n_live_tup, n_tup_ins FROM pg_stat_user_tables WHERE relname = @table@",
    "SELECT last_value FROM pg_sequences",
];

/// Another file and SQLite's own tables; a read of the other file's table follows.
const FILES: [&str; 4] = [
    "ATTACH @file@ AS other",
    "ATTACH DATABASE 'file:' || @file@ AS other",
    "PRAGMA database_list",
    "SELECT count(*) FROM sqlite_schema",
];

impl Generator {
    pub(super) fn hostile(&mut self) -> Generated {
        let table = self.table(false).map(|table| table.name);
        let table = table.unwrap_or_default();
        let catalogues = self.ground.reach == Reach::Catalogues && self.dice.chance(50);
        let name = self.ident(&table);
        let (first, second) = match (self.is_postgres(), catalogues) {
            (true, true) => (self.dice.word(&CATALOGUES), None),
            (true, false) => (
                self.dice.word(&IDENTITIES),
                Some(format!("SELECT * FROM {name}")),
            ),
            (false, _) => (
                self.dice.word(&FILES),
                Some(format!("SELECT * FROM other.{name}")),
            ),
        };
        let other = &self.ground.other;
        let file = self.ground.other_file.as_deref().unwrap_or_default();
        let first = first
            .replace("@zeros@", &"0".repeat(64))
            .replace("@json@", &format!("\"{other}\""))
            .replace("@other@", &Self::quoted(other))
            .replace("@table@", &Self::quoted(&table))
            .replace("@file@", &Self::quoted(file));
        Generated {
            texts: std::iter::once(first).chain(second).collect(),
            writes: false,
            is_hostile: true,
            exact: true,
        }
    }
}
