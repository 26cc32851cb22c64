//! The seeds of the short form. Each that once found something stays, with a word on
//! what it found.

/// For one node on SQLite.
pub(crate) const SQLITE: &[u64] = &[1];

/// For three nodes on PostgreSQL.
pub(crate) const POSTGRES: &[u64] = &[1];
