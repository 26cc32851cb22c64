//! Keys, references and checks of a table.

use super::super::super::forbidden;
use super::super::super::walk::{Walk, absent};
use crate::fault::Fault;
use sqlparser::ast::{
    CheckConstraint, ForeignKeyConstraint, Ident, KeyOrIndexDisplay, PrimaryKeyConstraint,
    TableConstraint, UniqueConstraint,
};

impl Walk<'_> {
    pub(super) fn table_constraint(
        &mut self,
        constraint: &mut TableConstraint,
    ) -> Result<(), Fault> {
        match constraint {
            TableConstraint::PrimaryKey(key) => self.primary_key(key),
            TableConstraint::Unique(key) => self.unique(key),
            TableConstraint::ForeignKey(key) => self.foreign_key(key),
            TableConstraint::Check(check) => self.check_constraint(check),
            TableConstraint::Exclude(_) => Err(forbidden("EXCLUDE")),
            _ => Err(forbidden("This kind of constraint")),
        }
    }

    pub(super) fn primary_key(&mut self, key: &mut PrimaryKeyConstraint) -> Result<(), Fault> {
        let PrimaryKeyConstraint {
            name,
            index_name,
            index_type,
            columns,
            include,
            index_options,
            characteristics: _,
        } = key;
        let plain = index_name.is_none() && index_type.is_none() && index_options.is_empty();
        absent("An option of a key", plain && include.is_empty())?;
        self.constraint_name(name.as_mut())?;
        self.index_columns(columns)
    }

    pub(super) fn unique(&mut self, key: &mut UniqueConstraint) -> Result<(), Fault> {
        let UniqueConstraint {
            name,
            index_name,
            index_type_display,
            index_type,
            columns,
            include,
            index_options,
            characteristics: _,
            nulls_distinct: _,
        } = key;
        let plain = index_name.is_none()
            && *index_type_display == KeyOrIndexDisplay::None
            && index_type.is_none()
            && index_options.is_empty();
        absent("An option of a key", plain && include.is_empty())?;
        self.constraint_name(name.as_mut())?;
        self.index_columns(columns)
    }

    pub(super) fn foreign_key(&mut self, key: &mut ForeignKeyConstraint) -> Result<(), Fault> {
        let ForeignKeyConstraint {
            name,
            index_name,
            columns,
            foreign_table,
            referred_columns,
            on_delete: _,
            on_update: _,
            match_kind: _,
            characteristics: _,
        } = key;
        absent("An option of a key", index_name.is_none())?;
        self.constraint_name(name.as_mut())?;
        self.own_name(foreign_table)?;
        let mut all = columns.iter_mut().chain(referred_columns);
        all.try_for_each(|each| self.column(each))
    }

    pub(super) fn check_constraint(&mut self, check: &mut CheckConstraint) -> Result<(), Fault> {
        let CheckConstraint {
            name,
            expr,
            no_inherit,
            enforced,
        } = check;
        absent("An option of a check", !*no_inherit && enforced.is_none())?;
        self.constraint_name(name.as_mut())?;
        self.constant(expr)
    }

    fn constraint_name(&self, name: Option<&mut Ident>) -> Result<(), Fault> {
        name.map_or(Ok(()), |name| self.name(name))
    }
}
