//! The seeds of the short form. Each that once found something stays, with a word on
//! what it found. A seed repeats the choices, not the moments: what it found may need
//! several runs to show again.

/// For one node on SQLite.
pub(crate) const SQLITE: &[u64] = &[1];

/// For three nodes on PostgreSQL.
///
/// - 1: PostgreSQL died between the commit of a revocation and its being applied by the
///   node that made it; the node acknowledged it and went on accepting.
pub(crate) const POSTGRES: &[u64] = &[1];
