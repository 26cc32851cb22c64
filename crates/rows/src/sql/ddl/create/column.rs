//! A column's definition.

use super::super::super::forbidden;
use super::super::super::walk::{Walk, absent};
use crate::fault::Fault;
use sqlparser::ast::{
    ColumnDef, ColumnOption, ColumnOptionDef, GeneratedAs, GeneratedExpressionMode,
};

impl Walk<'_> {
    pub(in super::super) fn column_definition(
        &mut self,
        column: &mut ColumnDef,
    ) -> Result<(), Fault> {
        let ColumnDef {
            name,
            data_type,
            options,
        } = column;
        self.column(name)?;
        self.kind(data_type)?;
        for ColumnOptionDef { name, option } in options {
            if let Some(name) = name {
                self.name(name)?;
            }
            self.column_option(option)?;
        }
        Ok(())
    }

    fn column_option(&mut self, option: &mut ColumnOption) -> Result<(), Fault> {
        match option {
            ColumnOption::Null | ColumnOption::NotNull => Ok(()),
            ColumnOption::Default(value) => self.constant(value),
            ColumnOption::PrimaryKey(key) => self.primary_key(key),
            ColumnOption::Unique(key) => self.unique(key),
            ColumnOption::ForeignKey(key) => self.foreign_key(key),
            ColumnOption::Check(check) => self.check_constraint(check),
            ColumnOption::Collation(name) => self.bare_column(name),
            ColumnOption::OnConflict(_) => absent("ON CONFLICT of a key", !self.is_postgres()),
            ColumnOption::DialectSpecific(words) => {
                let known = matches!(words.as_slice(), [word] if is_autoincrement(word));
                absent("This clause of a column", known && !self.is_postgres())
            }
            ColumnOption::Generated {
                generated_as,
                sequence_options,
                generation_expr,
                generation_expr_mode,
                generated_keyword: _,
            } => {
                absent(
                    "A sequence's option",
                    sequence_options.as_ref().is_none_or(Vec::is_empty),
                )?;
                let identity = matches!(
                    (&generated_as, &generation_expr),
                    (GeneratedAs::Always | GeneratedAs::ByDefault, None)
                );
                absent("An identity column", !identity || self.is_postgres())?;
                let is_virtual =
                    matches!(generation_expr_mode, Some(GeneratedExpressionMode::Virtual));
                absent("A virtual column", !is_virtual || !self.is_postgres())?;
                generation_expr
                    .as_mut()
                    .map_or(Ok(()), |each| self.constant(each))
            }
            _ => Err(forbidden("This clause of a column")),
        }
    }
}

fn is_autoincrement(word: &sqlparser::tokenizer::Token) -> bool {
    word.to_string().eq_ignore_ascii_case("AUTOINCREMENT")
}
