//! `CREATE TABLE`, `CREATE INDEX` and `CREATE VIEW`.

mod column;
mod constraint;

use super::super::forbidden;
use super::super::walk::{Walk, absent};
use crate::fault::Fault;
use sqlparser::ast::helpers::stmt_create_table::CreateTableBuilder;
use sqlparser::ast::{
    CreateIndex, CreateTable, CreateTableOptions, CreateView, Expr, HiveDistributionStyle,
    IndexColumn, IndexType, ObjectName, SqlOption, ViewColumnDef,
};

impl Walk<'_> {
    pub(super) fn create_table(&mut self, table: &mut CreateTable) -> Result<(), Fault> {
        absent("CREATE TEMPORARY TABLE", !table.temporary)?;
        absent("CREATE TABLE … AS", table.query.is_none())?;
        absent("CREATE TABLE … LIKE", table.like.is_none())?;
        absent("INHERITS", table.inherits.is_none())?;
        let partitioned = table.partition_by.is_some() || table.partition_of.is_some();
        absent("PARTITION", !partitioned)?;
        let sqlites = table.without_rowid || table.strict;
        absent("WITHOUT ROWID or STRICT", !sqlites || !self.is_postgres())?;
        // The rest of what the parser knows is other engines': a table that has only what is
        // taken over here is the very same table.
        let plain = CreateTable {
            columns: table.columns.clone(),
            constraints: table.constraints.clone(),
            if_not_exists: table.if_not_exists,
            without_rowid: table.without_rowid,
            strict: table.strict,
            ..bare(table.name.clone())
        };
        absent("This clause of CREATE TABLE", *table == plain)?;
        self.own_name(&mut table.name)?;
        for column in &mut table.columns {
            self.column_definition(column)?;
        }
        for constraint in &mut table.constraints {
            self.table_constraint(constraint)?;
        }
        Ok(())
    }

    pub(super) fn create_index(&mut self, index: &mut CreateIndex) -> Result<(), Fault> {
        let CreateIndex {
            name,
            table_name,
            using,
            columns,
            unique: _,
            concurrently,
            r#async,
            if_not_exists: _,
            include,
            nulls_distinct: _,
            with,
            predicate,
            index_options,
            alter_options,
        } = index;
        absent("CREATE INDEX CONCURRENTLY", !*concurrently && !*r#async)?;
        absent("WITH", with.is_empty())?;
        absent(
            "An index's option",
            index_options.is_empty() && alter_options.is_empty(),
        )?;
        let known = match using {
            None => true,
            Some(IndexType::Custom(_) | IndexType::Bloom) => false,
            Some(_) => self.is_postgres(),
        };
        absent("This kind of index", known)?;
        match name {
            Some(name) => self.own_name(name)?,
            None => return Err(forbidden("An index without a name")),
        }
        self.own_name(table_name)?;
        self.index_columns(columns)?;
        include.iter_mut().try_for_each(|each| self.column(each))?;
        predicate
            .as_mut()
            .map_or(Ok(()), |each| self.constant(each))
    }

    /// Columns of an index or a key.
    fn index_columns(&mut self, columns: &mut [IndexColumn]) -> Result<(), Fault> {
        for IndexColumn {
            column,
            operator_class,
        } in columns
        {
            if let Some(class) = operator_class {
                self.bare_column(class)?;
            }
            self.sort(std::slice::from_mut(column))?;
        }
        match self.found().reads {
            true => Err(forbidden("A query inside an index")),
            false => Ok(()),
        }
    }

    pub(super) fn create_view(&mut self, view: &mut CreateView) -> Result<(), Fault> {
        let CreateView {
            or_alter,
            or_replace,
            materialized,
            secure,
            name,
            name_before_not_exists: _,
            columns,
            query,
            options,
            cluster_by,
            comment,
            with_no_schema_binding,
            if_not_exists: _,
            temporary,
            copy_grants,
            to,
            params,
        } = view;
        absent("CREATE MATERIALIZED VIEW", !*materialized)?;
        absent("CREATE TEMPORARY VIEW", !*temporary)?;
        absent("OR REPLACE", !*or_replace || self.is_postgres())?;
        let plain = !*or_alter
            && !*secure
            && cluster_by.is_empty()
            && comment.is_none()
            && !*with_no_schema_binding
            && !*copy_grants
            && to.is_none()
            && params.is_none();
        absent("This clause of CREATE VIEW", plain)?;
        self.view_options(options)?;
        self.own_name(name)?;
        for ViewColumnDef {
            name,
            data_type,
            options,
        } in columns
        {
            absent(
                "A type of a view's column",
                data_type.is_none() && options.is_none(),
            )?;
            self.name(name)?;
        }
        self.query(query)?;
        match self.found().writes {
            true => Err(forbidden("A view that changes rows")),
            false => Ok(()),
        }
    }

    /// Those that make a view safer.
    fn view_options(&mut self, options: &mut CreateTableOptions) -> Result<(), Fault> {
        let options = match options {
            CreateTableOptions::None => return Ok(()),
            CreateTableOptions::With(options) if self.is_postgres() => options,
            _ => return Err(forbidden("A view's option")),
        };
        for option in options {
            match option {
                SqlOption::KeyValue { key, value }
                    if matches!(key.value.as_str(), "security_invoker" | "security_barrier")
                        && matches!(value, Expr::Value(_)) =>
                {
                    self.constant(value)?;
                }
                _ => return Err(forbidden("A view's option")),
            }
        }
        Ok(())
    }
}

/// A table of this name, without anything.
fn bare(name: ObjectName) -> CreateTable {
    CreateTableBuilder::new(name)
        .hive_distribution(HiveDistributionStyle::NONE)
        .build()
}
