//! What is read from: tables, subqueries, functions, and how they are joined. Not here: names.

use super::super::{forbidden, function};
use super::{Outcome, Walk, absent};
use crate::fault::Fault;
use sqlparser::ast::{
    Join, JoinConstraint, JoinOperator, ObjectName, TableAlias, TableAliasColumnDef, TableFactor,
    TableFunctionArgs, TableWithJoins,
};

impl Walk<'_> {
    pub(super) fn table_with_joins(&mut self, table: &mut TableWithJoins) -> Outcome {
        let TableWithJoins { relation, joins } = table;
        self.factor(relation)?;
        joins.iter_mut().try_for_each(|join| self.join(join))
    }

    fn join(&mut self, join: &mut Join) -> Outcome {
        let Join {
            relation,
            global,
            join_operator,
        } = join;
        absent("GLOBAL JOIN", !*global)?;
        self.factor(relation)?;
        match join_operator {
            JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::Left(constraint)
            | JoinOperator::LeftOuter(constraint)
            | JoinOperator::Right(constraint)
            | JoinOperator::RightOuter(constraint)
            | JoinOperator::FullOuter(constraint)
            | JoinOperator::CrossJoin(constraint) => match constraint {
                JoinConstraint::On(expression) => self.expression(expression),
                JoinConstraint::Using(columns) => columns
                    .iter_mut()
                    .try_for_each(|column| self.bare_column(column)),
                JoinConstraint::Natural | JoinConstraint::None => Ok(()),
            },
            _ => Err(forbidden("This kind of join")),
        }
    }

    fn factor(&mut self, factor: &mut TableFactor) -> Outcome {
        self.relation()?;
        match factor {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
            } => {
                absent(
                    "A table hint",
                    with_hints.is_empty() && index_hints.is_empty(),
                )?;
                absent("A table's version", version.is_none())?;
                absent("PARTITION", partitions.is_empty())?;
                absent("A path into a table", json_path.is_none())?;
                absent("TABLESAMPLE", sample.is_none())?;
                absent("WITH ORDINALITY", !*with_ordinality || self.is_postgres())?;
                let Some(TableFunctionArgs { args, settings }) = args else {
                    self.read_table(name)?;
                    return self.optional_alias(alias.as_mut());
                };
                absent("SETTINGS", settings.is_none())?;
                let function = self.table_function(name)?;
                self.arguments(args)?;
                self.optional_alias(alias.as_mut())?;
                self.function_in_from(&function, alias.as_ref())
            }
            TableFactor::Derived {
                lateral,
                subquery,
                alias,
                sample,
            } => {
                absent("LATERAL", !*lateral || self.is_postgres())?;
                absent("TABLESAMPLE", sample.is_none())?;
                self.found.differences.renames = true;
                self.query(subquery)?;
                self.optional_alias(alias.as_mut())
            }
            TableFactor::Function {
                lateral,
                name,
                args,
                with_ordinality: _,
                alias,
            } => {
                absent("LATERAL", !*lateral || self.is_postgres())?;
                let function = self.table_function(name)?;
                self.arguments(args)?;
                self.optional_alias(alias.as_mut())?;
                self.function_in_from(&function, alias.as_ref())
            }
            TableFactor::UNNEST {
                alias,
                array_exprs,
                with_offset,
                with_offset_alias,
                with_ordinality: _,
            } => {
                absent("UNNEST", self.is_postgres())?;
                absent("WITH OFFSET", !*with_offset && with_offset_alias.is_none())?;
                self.expressions(array_exprs)?;
                self.optional_alias(alias.as_mut())?;
                self.function_in_from("unnest", alias.as_ref())
            }
            TableFactor::NestedJoin {
                table_with_joins,
                alias,
            } => {
                self.table_with_joins(table_with_joins)?;
                self.optional_alias(alias.as_mut())
            }
            TableFactor::TableFunction { .. } => Err(forbidden("TABLE")),
            TableFactor::JsonTable { .. } | TableFactor::OpenJsonTable { .. } => {
                Err(forbidden("JSON_TABLE"))
            }
            TableFactor::XmlTable { .. } => Err(forbidden("XMLTABLE")),
            TableFactor::Pivot { .. } => Err(forbidden("PIVOT")),
            TableFactor::Unpivot { .. } | TableFactor::UnpivotExpr { .. } => {
                Err(forbidden("UNPIVOT"))
            }
            TableFactor::MatchRecognize { .. } => Err(forbidden("MATCH_RECOGNIZE")),
            TableFactor::SemanticView { .. } => Err(forbidden("SEMANTIC_VIEW")),
        }
    }

    fn read_table(&mut self, name: &mut ObjectName) -> Outcome {
        let own = self.table(name)?;
        if name.0.len() > 1 || !self.with.contains(&own) {
            self.found.reads = true;
            self.found.tables.insert(own);
        }
        Ok(())
    }

    fn table_function(&mut self, name: &mut ObjectName) -> Result<String, Fault> {
        let own = self.function_name(name)?;
        match function::listed_as_table(&own, self.flavour) {
            true => Ok(own),
            false => Err(forbidden(format!("The function `{own}` in FROM"))),
        }
    }

    fn optional_alias(&mut self, alias: Option<&mut TableAlias>) -> Outcome {
        alias.map_or(Ok(()), |alias| self.alias(alias))
    }

    pub(super) fn alias(&mut self, alias: &mut TableAlias) -> Outcome {
        let TableAlias {
            explicit: _,
            name,
            columns,
            at,
        } = alias;
        absent("AT", at.is_none())?;
        self.name(name)?;
        self.found.differences.renames |= !columns.is_empty();
        for TableAliasColumnDef { name, data_type } in columns {
            self.name(name)?;
            if let Some(kind) = data_type {
                self.kind(kind)?;
            }
        }
        Ok(())
    }
}
