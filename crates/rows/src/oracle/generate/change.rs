//! INSERT, UPDATE and DELETE. Not here: what is in their conditions (`expression`).

use super::source::Source;
use super::{Generated, Generator, Kind};
use crate::schema::{Column, ColumnKind, Table};

impl Generator {
    pub(super) fn insert(&mut self) -> Generated {
        let Some(table) = self.table(true) else {
            return self.nothing();
        };
        let columns: Vec<&Column> = table
            .columns
            .iter()
            .filter(|column| self.is_given(column, &table))
            .collect();
        let names: Vec<String> = columns.iter().map(|each| self.ident(&each.name)).collect();
        let name = self.table_name(&table.name);
        let verb = match self.dice.below(100) {
            0..8 if !self.is_postgres() => "INSERT OR REPLACE INTO",
            8..11 if !self.is_postgres() => "INSERT OR IGNORE INTO",
            11..13 if !self.is_postgres() => "REPLACE INTO",
            _ => "INSERT INTO",
        };
        let rows = match self.dice.chance(25) {
            true => {
                let values: Vec<String> = columns.iter().map(|each| self.computed(each)).collect();
                format!("SELECT {}", values.join(", "))
            }
            false => {
                let rows: Vec<String> = (0..=self.dice.below(3))
                    .map(|_| {
                        let values: Vec<String> =
                            columns.iter().map(|each| self.value(each)).collect();
                        format!("({})", values.join(", "))
                    })
                    .collect();
                let conflict = match self.dice.chance(35) {
                    true => self.on_conflict(&table),
                    false => String::new(),
                };
                format!("VALUES {}{conflict}", rows.join(", "))
            }
        };
        let returning = self.returning(&table, &table.name);
        Generated {
            texts: vec![format!(
                "{verb} {name} ({}) {rows}{returning}",
                names.join(", ")
            )],
            writes: true,
            is_hostile: false,
            exact: true,
        }
    }

    /// What counts by a sequence is always given: sequences are not undone.
    fn is_given(&mut self, column: &Column, table: &Table) -> bool {
        if column.is_tenant {
            // On SQLite it always has a default, which is another in each file.
            let needed = self.is_postgres() && column.default.is_none() && !column.nullable;
            return needed || self.dice.chance(25);
        }
        let default = column.default.as_deref();
        if default.is_some_and(|default| default.contains("nextval")) {
            return true;
        }
        let is_key = table.primary_key.contains(&column.name);
        match default.is_none() && !column.nullable {
            true if is_key && column.kind == ColumnKind::Int && table.primary_key.len() == 1 => {
                self.dice.chance(70)
            }
            true => true,
            false => self.dice.chance(55),
        }
    }

    /// A literal for a column.
    fn value(&mut self, column: &Column) -> String {
        if column.is_tenant {
            return match self.dice.below(10) {
                0 => "NULL".to_owned(),
                1..5 => Self::quoted(&self.ground.own),
                _ => self.tenant(),
            };
        }
        if self.dice.chance(if column.nullable { 12 } else { 2 }) {
            return "NULL".to_owned();
        }
        match column.kind {
            ColumnKind::Bool => self.literal(Kind::Bool),
            ColumnKind::Int | ColumnKind::Real | ColumnKind::Numeric => self.literal(Kind::Int),
            ColumnKind::Text => self.literal(Kind::Text),
            ColumnKind::Json => "'{}'".to_owned(),
            ColumnKind::Time => "'2030-01-02 03:04:05'".to_owned(),
            ColumnKind::Uuid => "'8a3b2f54-3c1d-4d0e-9d1a-6f2f6a2b7c11'".to_owned(),
            _ => "NULL".to_owned(),
        }
    }

    /// Something worked out for a column, never NULL where it may not be.
    fn computed(&mut self, column: &Column) -> String {
        let kind = match Kind::of(column.kind) {
            Some(kind) if !column.is_tenant && self.dice.chance(60) => kind,
            _ => return self.value(column),
        };
        let value = self.expression(kind, 2);
        match column.nullable {
            true => value,
            false => format!("coalesce({value}, {})", self.literal(kind)),
        }
    }

    fn on_conflict(&mut self, table: &Table) -> String {
        let mut keys: Vec<Vec<String>> = vec![table.primary_key.clone()];
        keys.extend(table.unique.iter().cloned());
        let key = self.dice.pick(&keys).cloned().unwrap_or_default();
        if key.is_empty() || self.dice.chance(35) {
            return " ON CONFLICT DO NOTHING".to_owned();
        }
        let target: Vec<String> = key.iter().map(|name| self.ident(name)).collect();
        let target = target.join(", ");
        if self.dice.chance(20) {
            return format!(" ON CONFLICT ({target}) DO NOTHING");
        }
        let others: Vec<&Column> = table
            .columns
            .iter()
            .filter(|column| !is_key(table, column))
            .collect();
        let Some(column) = self.dice.pick(&others).copied() else {
            return format!(" ON CONFLICT ({target}) DO NOTHING");
        };
        let name = self.ident(&column.name);
        self.scopes
            .push(vec![Source::of(table, table.name.clone())]);
        let set = match self.dice.chance(60) {
            true => format!("excluded.{name}"),
            false => self.computed(column),
        };
        let filter = match self.dice.chance(25) {
            true => format!(" WHERE {}", self.boolean(1)),
            false => String::new(),
        };
        self.scopes.pop();
        format!(" ON CONFLICT ({target}) DO UPDATE SET {name} = {set}{filter}")
    }

    pub(super) fn update(&mut self) -> Generated {
        let Some(table) = self.table(true) else {
            return self.nothing();
        };
        let with = self.perhaps_with();
        let (written, alias) = self.target(&table);
        self.scopes.push(vec![Source::of(&table, alias.clone())]);
        let (filter, exact) = self.which(&table);
        let sets = self.assignments(&table, exact);
        let from = match self.room > 1 && self.dice.chance(20) {
            true => {
                let count = self.aside();
                let name = self.fresh();
                format!(" FROM ({count}) AS {name}")
            }
            false => String::new(),
        };
        let returning = self.returning(&table, &alias);
        self.scopes.pop();
        let text = format!("UPDATE {written} SET {sets}{from} WHERE {filter}{returning}");
        self.change(&with, &text, exact)
    }

    pub(super) fn delete(&mut self) -> Generated {
        let Some(table) = self.table(true) else {
            return self.nothing();
        };
        let with = self.perhaps_with();
        let (written, alias) = self.target(&table);
        self.scopes.push(vec![Source::of(&table, alias.clone())]);
        let using = match self.is_postgres() && self.room > 1 && self.dice.chance(25) {
            true => {
                let count = self.aside();
                let name = self.fresh();
                format!(" USING ({count}) AS {name}")
            }
            false => String::new(),
        };
        let (filter, exact) = self.which(&table);
        let returning = self.returning(&table, &alias);
        self.scopes.pop();
        let text = format!("DELETE FROM {written}{using} WHERE {filter}{returning}");
        self.change(&with, &text, exact)
    }

    /// What is read beside the changed table does not see it.
    fn aside(&mut self) -> String {
        let scopes = std::mem::take(&mut self.scopes);
        let count = self.counted();
        self.scopes = scopes;
        count
    }

    fn perhaps_with(&mut self) -> String {
        match self.dice.chance(12) {
            true => self.with() + " ",
            false => String::new(),
        }
    }

    /// On PostgreSQL a change may stand in a WITH query itself.
    fn change(&mut self, with: &str, text: &str, exact: bool) -> Generated {
        let within = self.is_postgres() && with.is_empty() && text.contains(" RETURNING ");
        let text = match within && self.dice.chance(15) {
            true => format!("WITH x0 AS ({text}) SELECT count(*) FROM x0"),
            false => format!("{with}{text}"),
        };
        Generated {
            texts: vec![text],
            writes: true,
            is_hostile: false,
            exact,
        }
    }

    /// The changed table as it is written, and the name that its columns have.
    fn target(&mut self, table: &Table) -> (String, String) {
        let name = self.table_name(&table.name);
        match self.dice.chance(40) {
            true => {
                let alias = self.fresh();
                (format!("{name} AS {alias}"), alias)
            }
            false => (name, table.name.clone()),
        }
    }

    /// Which rows: at most one by its key, or whichever fit.
    fn which(&mut self, table: &Table) -> (String, bool) {
        let own = |name: &&Column| table.primary_key.contains(&name.name) && !name.is_tenant;
        let key: Vec<&Column> = table.columns.iter().filter(own).collect();
        if key.is_empty() || self.dice.chance(55) {
            return (self.boolean(2), false);
        }
        let alias = self.scopes.last().and_then(|scope| scope.first());
        let alias = alias.map(|source| source.name.clone()).unwrap_or_default();
        let terms: Vec<String> = key
            .iter()
            .map(|column| {
                let name = format!("{}.{}", self.ident(&alias), self.ident(&column.name));
                format!("{name} = {}", self.value(column))
            })
            .collect();
        (terms.join(" AND "), true)
    }

    /// Keys are changed in one row at most: which of several stumbles is chance.
    fn assignments(&mut self, table: &Table, exact: bool) -> String {
        let fit = table.columns.iter();
        let fit: Vec<&Column> = fit
            .filter(|column| match column.is_tenant {
                true => self.dice.chance(40),
                false => exact || !is_key(table, column),
            })
            .collect();
        let mut sets: Vec<String> = Vec::new();
        for column in self.some(&fit) {
            let name = self.ident(&column.name);
            let value = match is_key(table, column) || is_reference(table, column) {
                true => self.value(column),
                false => self.computed(column),
            };
            sets.push(format!("{name} = {value}"));
        }
        if sets.is_empty() {
            // Nothing else may be set: the key stays what it is.
            let own = table.columns.first().map(|column| column.name.clone());
            let name = self.ident(&own.unwrap_or_default());
            sets.push(format!("{name} = {name}"));
        }
        sets.join(", ")
    }

    fn some<'c>(&mut self, columns: &[&'c Column]) -> Vec<&'c Column> {
        let mut chosen: Vec<&Column> = Vec::new();
        for _ in 0..=self.dice.below(2) {
            if let Some(column) = self.dice.pick(columns)
                && !chosen.iter().any(|other| other.name == column.name)
            {
                chosen.push(column);
            }
        }
        chosen
    }

    fn returning(&mut self, table: &Table, name: &str) -> String {
        match self.dice.below(10) {
            0..4 => String::new(),
            4..7 => " RETURNING *".to_owned(),
            // SQLite's RETURNING does not know the alias.
            _ if !self.is_postgres() && name != table.name => " RETURNING *".to_owned(),
            _ => {
                self.scopes.push(vec![Source::of(table, name.to_owned())]);
                let kind = self.kind();
                let (column, worked_out) = (self.column(Kind::Text), self.expression(kind, 2));
                self.scopes.pop();
                format!(" RETURNING {column} AS c1, {worked_out} AS c2")
            }
        }
    }

    /// There is no table that can be written.
    fn nothing(&mut self) -> Generated {
        Generated {
            texts: vec![self.query(&[Kind::Int])],
            writes: false,
            is_hostile: false,
            exact: true,
        }
    }
}

fn is_key(table: &Table, column: &Column) -> bool {
    let mut keys = table.unique.iter().chain([&table.primary_key]);
    column.is_tenant || keys.any(|key| key.contains(&column.name))
}

fn is_reference(table: &Table, column: &Column) -> bool {
    let mut keys = table.foreign_keys.iter();
    keys.any(|key| key.columns.contains(&column.name))
}
