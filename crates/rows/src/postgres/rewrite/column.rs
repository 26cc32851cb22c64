//! One column's definition: types that only SQLite has by PostgreSQL's names, and keys and
//! references taken out of it, for they hold more than this column. Not here: what becomes
//! of those (`table`).

use super::forbidden;
use crate::fault::Fault;
use sqlparser::ast::{
    ColumnDef, ColumnOption, DataType, ExactNumberInfo, ForeignKeyConstraint, IndexColumn,
    PrimaryKeyConstraint, TimezoneInfo, UniqueConstraint,
};
use sqlparser::tokenizer::Token;

/// What was taken out of a column's definition.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) primary: Option<PrimaryKeyConstraint>,
    pub(super) unique: Option<UniqueConstraint>,
    pub(super) reference: Option<ForeignKeyConstraint>,
    /// Whether the engine is to count it: SQLite does so for an INTEGER that is the key.
    pub(super) may_count: bool,
}

/// Rewrites the definition in place.
pub(super) fn take(column: &mut ColumnDef) -> Result<Taken, Fault> {
    let mut taken = Taken {
        may_count: matches!(column.data_type, DataType::Integer(_)),
        ..Taken::default()
    };
    column.data_type = by_name(&column.data_type);
    let mut kept = Vec::new();
    for mut written in std::mem::take(&mut column.options) {
        let name = written.name.take();
        match written.option {
            ColumnOption::PrimaryKey(mut key) => {
                key.name = key.name.or(name);
                key.columns = vec![IndexColumn::from(column.name.clone())];
                taken.primary = Some(key);
                continue;
            }
            ColumnOption::Unique(mut key) => {
                key.name = key.name.or(name);
                key.columns = vec![IndexColumn::from(column.name.clone())];
                taken.unique = Some(key);
                continue;
            }
            ColumnOption::ForeignKey(mut key) => {
                key.name = key.name.or(name);
                key.columns = vec![column.name.clone()];
                taken.reference = Some(key);
                continue;
            }
            // Numbers are never given twice here anyway.
            ColumnOption::DialectSpecific(ref tokens) if is_autoincrement(tokens) => continue,
            ColumnOption::OnConflict(_) => {
                return Err(forbidden(
                    "ON CONFLICT on a column",
                    "say it in the statement",
                ));
            }
            ColumnOption::Default(_)
            | ColumnOption::Generated { .. }
            | ColumnOption::Identity(_) => taken.may_count = false,
            _ => {}
        }
        written.name = name;
        kept.push(written);
    }
    column.options = kept;
    Ok(taken)
}

fn is_autoincrement(tokens: &[Token]) -> bool {
    tokens.iter().any(|token| match token {
        Token::Word(word) => word.value.eq_ignore_ascii_case("autoincrement"),
        _ => false,
    })
}

fn by_name(written: &DataType) -> DataType {
    match written {
        DataType::Blob(_) => DataType::Bytea,
        // Eight bytes in SQLite, four in PostgreSQL under this name.
        DataType::Real | DataType::Double(ExactNumberInfo::None) => DataType::DoublePrecision,
        DataType::Datetime(_) => DataType::Timestamp(None, TimezoneInfo::None),
        other => other.clone(),
    }
}
