//! `ALTER TABLE`: columns are added, renamed and dropped, tables renamed.

use super::super::forbidden;
use super::super::walk::{Walk, absent};
use crate::fault::Fault;
use sqlparser::ast::{AlterTable, AlterTableOperation, RenameTableNameKind};

impl Walk<'_> {
    pub(super) fn alter_table(&mut self, table: &mut AlterTable) -> Result<(), Fault> {
        let AlterTable {
            name,
            if_exists: _,
            only,
            operations,
            location,
            on_cluster,
            table_type,
            end_token: _,
        } = table;
        absent("ALTER TABLE ONLY", !*only)?;
        absent("A location", location.is_none())?;
        absent("ON CLUSTER", on_cluster.is_none())?;
        absent("This kind of table", table_type.is_none())?;
        self.own_name(name)?;
        for operation in operations {
            self.operation(operation)?;
        }
        Ok(())
    }

    fn operation(&mut self, operation: &mut AlterTableOperation) -> Result<(), Fault> {
        match operation {
            AlterTableOperation::AddColumn {
                column_keyword: _,
                if_not_exists,
                column_def,
                column_position: None,
            } => {
                absent(
                    "ADD COLUMN IF NOT EXISTS",
                    !*if_not_exists || self.is_postgres(),
                )?;
                self.column_definition(column_def)
            }
            AlterTableOperation::RenameColumn {
                old_column_name,
                new_column_name,
            } => {
                self.column(old_column_name)?;
                self.column(new_column_name)
            }
            AlterTableOperation::RenameTable {
                table_name: RenameTableNameKind::To(name),
            } => self.own_name(name),
            AlterTableOperation::DropColumn {
                has_column_keyword: _,
                column_names,
                if_exists: _,
                drop_behavior: _,
            } => column_names
                .iter_mut()
                .try_for_each(|each| self.column(each)),
            _ => Err(forbidden("What is not ADD, RENAME or DROP of a column")),
        }
    }
}
