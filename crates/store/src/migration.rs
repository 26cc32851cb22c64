//! What a schema's versions are, whatever the engine. Not here: how one is applied.

/// One step of a schema.
pub(crate) struct Migration {
    pub(crate) version: i64,
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
}

/// A step as the store remembers it.
pub(crate) struct Applied {
    pub(crate) version: i64,
    pub(crate) name: String,
    pub(crate) sql: String,
}

/// Why a schema cannot be worked with.
pub(crate) enum Mismatch {
    /// A newer binary has used it.
    Newer { found: i64, known: i64 },
    /// A step was applied in another form.
    Differs { version: i64, name: String },
}

/// Whether all that was applied is known, in the form it was applied in. `applied` is
/// sorted.
pub(crate) fn check(applied: &[Applied], migrations: &[Migration]) -> Result<(), Mismatch> {
    let known = migrations.last().map_or(0, |newest| newest.version);
    for row in applied {
        match migrations.iter().find(|one| one.version == row.version) {
            None => {
                return Err(Mismatch::Newer {
                    found: applied.last().map_or(row.version, |last| last.version),
                    known,
                });
            }
            Some(ours) if ours.sql != row.sql => {
                return Err(Mismatch::Differs {
                    version: row.version,
                    name: row.name.clone(),
                });
            }
            Some(_) => {}
        }
    }
    Ok(())
}
