//! `INSERT`, `UPDATE` and `DELETE`. Not here: the queries inside them.

use super::super::forbidden;
use super::{Outcome, Walk, absent};
use sqlparser::ast::{
    Assignment, AssignmentTarget, ConflictTarget, Delete, DoUpdate, FromTable, Insert, OnConflict,
    OnConflictAction, OnInsert, SelectItem, SqliteOnConflict, TableFactor, TableObject,
    TableWithJoins, Update, UpdateTableFromKind,
};

impl Walk<'_> {
    pub(super) fn insert(&mut self, insert: &mut Insert) -> Outcome {
        let Insert {
            insert_token: _,
            optimizer_hints,
            or,
            ignore,
            into,
            table,
            table_alias,
            columns,
            overwrite,
            source,
            assignments,
            partitioned,
            after_columns,
            has_table_keyword,
            on,
            returning,
            output,
            replace_into,
            priority,
            insert_alias,
            settings,
            format_clause,
            multi_table_insert_type,
            multi_table_into_clauses,
            multi_table_when_clauses,
            multi_table_else_clause,
        } = insert;
        absent("An optimizer hint", optimizer_hints.is_empty())?;
        self.conflict_word("INSERT", or.as_ref())?;
        absent("REPLACE", !*replace_into || !self.is_postgres())?;
        absent("INSERT IGNORE", !*ignore)?;
        absent("INSERT without INTO", *into)?;
        absent("INSERT OVERWRITE", !*overwrite)?;
        absent("INSERT … SET", assignments.is_empty())?;
        absent(
            "PARTITION",
            partitioned.is_none() && after_columns.is_empty(),
        )?;
        absent("INSERT INTO TABLE", !*has_table_keyword)?;
        absent("OUTPUT", output.is_none())?;
        absent("A priority", priority.is_none())?;
        absent("An alias of the inserted row", insert_alias.is_none())?;
        absent("SETTINGS", settings.is_none())?;
        absent("FORMAT", format_clause.is_none())?;
        let one_table = multi_table_insert_type.is_none()
            && multi_table_into_clauses.is_empty()
            && multi_table_when_clauses.is_empty()
            && multi_table_else_clause.is_none();
        absent("INSERT into several tables", one_table)?;
        let TableObject::TableName(name) = table else {
            return Err(forbidden("INSERT INTO a function or query"));
        };
        let own = self.table(name)?;
        self.changes(own);
        if let Some(alias) = table_alias {
            self.name(&mut alias.alias)?;
        }
        for column in columns {
            self.bare_column(column)?;
        }
        if let Some(source) = source {
            self.query(source)?;
        }
        match on {
            None => {}
            Some(OnInsert::OnConflict(on)) => self.on_conflict(on)?,
            Some(_) => return Err(forbidden("ON DUPLICATE KEY UPDATE")),
        }
        self.returning(returning.as_mut())
    }

    fn on_conflict(&mut self, on: &mut OnConflict) -> Outcome {
        let OnConflict {
            conflict_target,
            action,
        } = on;
        match conflict_target {
            None => {}
            Some(ConflictTarget::Columns(columns)) => {
                columns.iter_mut().try_for_each(|each| self.column(each))?;
            }
            Some(ConflictTarget::OnConstraint(name)) => {
                absent("ON CONFLICT ON CONSTRAINT", self.is_postgres())?;
                self.bare_column(name)?;
            }
        }
        match action {
            OnConflictAction::DoNothing => Ok(()),
            OnConflictAction::DoUpdate(DoUpdate {
                assignments,
                selection,
            }) => {
                self.assignments(assignments)?;
                self.optional(selection.as_mut())
            }
        }
    }

    pub(super) fn update(&mut self, update: &mut Update) -> Outcome {
        let Update {
            update_token: _,
            optimizer_hints,
            table,
            assignments,
            from,
            selection,
            returning,
            output,
            or,
            order_by,
            limit,
        } = update;
        absent("An optimizer hint", optimizer_hints.is_empty())?;
        absent("OUTPUT", output.is_none())?;
        self.conflict_word("UPDATE", or.as_ref())?;
        absent("UPDATE … ORDER BY", order_by.is_empty())?;
        absent("UPDATE … LIMIT", limit.is_none())?;
        self.target("UPDATE of a join", table)?;
        match from {
            None => {}
            Some(UpdateTableFromKind::AfterSet(tables)) => {
                tables
                    .iter_mut()
                    .try_for_each(|each| self.table_with_joins(each))?;
            }
            Some(UpdateTableFromKind::BeforeSet(_)) => {
                return Err(forbidden("UPDATE … FROM before SET"));
            }
        }
        self.assignments(assignments)?;
        self.optional(selection.as_mut())?;
        self.returning(returning.as_mut())
    }

    pub(super) fn delete(&mut self, delete: &mut Delete) -> Outcome {
        let Delete {
            delete_token: _,
            optimizer_hints,
            tables,
            from,
            using,
            selection,
            returning,
            output,
            order_by,
            limit,
        } = delete;
        absent("An optimizer hint", optimizer_hints.is_empty())?;
        absent("OUTPUT", output.is_none())?;
        absent("DELETE from several tables", tables.is_empty())?;
        absent("DELETE … ORDER BY", order_by.is_empty())?;
        absent("DELETE … LIMIT", limit.is_none())?;
        let FromTable::WithFromKeyword(from) = from else {
            return Err(forbidden("DELETE without FROM"));
        };
        let [table] = from.as_mut_slice() else {
            return Err(forbidden("DELETE from several tables"));
        };
        self.target("DELETE from a join", table)?;
        if let Some(using) = using {
            absent("DELETE … USING", self.is_postgres())?;
            using
                .iter_mut()
                .try_for_each(|each| self.table_with_joins(each))?;
        }
        self.optional(selection.as_mut())?;
        self.returning(returning.as_mut())
    }

    /// The one table that is changed: nothing but its name and an alias.
    fn target(&mut self, otherwise: &str, table: &mut TableWithJoins) -> Outcome {
        let TableWithJoins { relation, joins } = table;
        absent(otherwise, joins.is_empty())?;
        let TableFactor::Table {
            name,
            alias,
            args: None,
            with_hints,
            version: None,
            with_ordinality: false,
            partitions,
            json_path: None,
            sample: None,
            index_hints,
        } = relation
        else {
            return Err(forbidden(otherwise));
        };
        let plain = with_hints.is_empty() && partitions.is_empty() && index_hints.is_empty();
        absent("A table hint", plain)?;
        let own = self.table(name)?;
        self.changes(own);
        alias.as_mut().map_or(Ok(()), |alias| self.alias(alias))
    }

    fn changes(&mut self, table: String) {
        self.found.writes = true;
        self.found.tables.insert(table);
    }

    fn assignments(&mut self, assignments: &mut [Assignment]) -> Outcome {
        for Assignment { target, value } in assignments {
            match target {
                AssignmentTarget::ColumnName(name) => self.bare_column(name)?,
                AssignmentTarget::Tuple(names) => {
                    names
                        .iter_mut()
                        .try_for_each(|each| self.bare_column(each))?;
                }
            }
            self.expression(value)?;
        }
        Ok(())
    }

    fn returning(&mut self, items: Option<&mut Vec<SelectItem>>) -> Outcome {
        match items {
            None => Ok(()),
            Some(items) => {
                self.found.reads = true;
                self.items(items)
            }
        }
    }

    /// `INSERT OR REPLACE` and its like: SQLite's, where the rows are all the caller's tenant's.
    /// ROLLBACK would end the transaction under the engine's feet.
    fn conflict_word(&self, verb: &str, word: Option<&SqliteOnConflict>) -> Outcome {
        let named = match word {
            None => return Ok(()),
            Some(SqliteOnConflict::Rollback) => {
                return Err(forbidden(format!("{verb} OR ROLLBACK")));
            }
            Some(SqliteOnConflict::Abort) => "ABORT",
            Some(SqliteOnConflict::Fail) => "FAIL",
            Some(SqliteOnConflict::Ignore) => "IGNORE",
            Some(SqliteOnConflict::Replace) => "REPLACE",
        };
        absent(&format!("{verb} OR {named}"), !self.is_postgres())
    }
}
