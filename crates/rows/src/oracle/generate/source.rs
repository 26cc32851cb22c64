//! What stands in FROM: tables, WITH queries, subqueries, functions, and how they are joined.
//! Not here: the rest of a query.

use super::{Generator, Kind};
use crate::schema::Table;

/// Something with columns, by the name that it has in the statement.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) columns: Vec<SourceColumn>,
}

/// One of its columns.
#[derive(Clone, Debug)]
pub(super) struct SourceColumn {
    pub(super) name: String,
    /// Anything else is used as a text.
    pub(super) kind: Option<Kind>,
    pub(super) is_tenant: bool,
}

impl Source {
    /// A table by another name, or its own.
    pub(super) fn of(table: &Table, name: String) -> Self {
        let columns = table.columns.iter().map(|column| SourceColumn {
            name: column.name.clone(),
            kind: Kind::of(column.kind),
            is_tenant: column.is_tenant,
        });
        Self {
            name,
            columns: columns.collect(),
        }
    }

    /// A query's columns are called `c1`, `c2` and so on.
    pub(super) fn query(name: String, kinds: &[Kind]) -> Self {
        let columns = kinds.iter().enumerate().map(|(at, kind)| SourceColumn {
            name: format!("c{}", at + 1),
            kind: Some(*kind),
            is_tenant: false,
        });
        Self {
            name,
            columns: columns.collect(),
        }
    }
}

impl Generator {
    /// FROM's list, with what is in it brought into the innermost scope.
    pub(super) fn from(&mut self) -> String {
        let mut text = self.factor();
        while self.in_sight() < 3 && self.dice.chance(35) {
            text.push_str(&self.join());
        }
        if self.in_sight() < 3 && self.dice.chance(12) {
            text.push_str(", ");
            text.push_str(&self.factor());
        }
        text
    }

    fn in_sight(&self) -> usize {
        self.scopes.last().map_or(0, Vec::len)
    }

    fn join(&mut self) -> String {
        let kinds = [
            "JOIN",
            "INNER JOIN",
            "LEFT JOIN",
            "LEFT JOIN",
            "RIGHT JOIN",
            "FULL JOIN",
            "CROSS JOIN",
        ];
        let kind = self.dice.word(&kinds);
        let factor = self.factor();
        if kind == "CROSS JOIN" {
            return format!(" CROSS JOIN {factor}");
        }
        // A full join needs a condition that rows can be hashed by.
        let condition = match kind {
            "FULL JOIN" => format!("{} = {}", self.column(Kind::Int), self.column(Kind::Int)),
            _ => self.boolean(1),
        };
        format!(" {kind} {factor} ON {condition}")
    }

    fn factor(&mut self) -> String {
        match self.dice.below(100) {
            0..18 if self.room > 0 => self.derived(),
            18..26 if self.is_postgres() && self.room > 0 && self.in_sight() > 0 => self.lateral(),
            26..32 => self.function(),
            32..60 if !self.with.is_empty() => self.with_query(),
            _ => self.own_table(),
        }
    }

    fn bring(&mut self, source: Source) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.push(source);
        }
    }

    /// A name for something in FROM: a new one, or that of a table which it is not.
    fn alias(&mut self) -> String {
        if self.dice.chance(20)
            && let Some(table) = self.table(false)
            && !self.is_taken(&table.name)
        {
            return table.name;
        }
        self.fresh()
    }

    fn is_taken(&self, name: &str) -> bool {
        let scope = self.scopes.last();
        scope.is_some_and(|scope| scope.iter().any(|source| source.name == name))
    }

    fn own_table(&mut self) -> String {
        let Some(table) = self.table(false) else {
            return "(SELECT 1 AS c1) AS x0".to_owned();
        };
        let name = self.table_name(&table.name);
        if self.dice.chance(15) && !self.is_taken(&table.name) {
            self.bring(Source::of(&table, table.name.clone()));
            return name;
        }
        let alias = self.alias();
        self.bring(Source::of(&table, alias.clone()));
        let word = self.dice.word(&["AS ", ""]);
        format!("{name} {word}{}", self.ident(&alias))
    }

    fn with_query(&mut self) -> String {
        let with = self.with.clone();
        let Some(query) = self.dice.pick(&with).cloned() else {
            return self.own_table();
        };
        let alias = self.alias();
        let name = self.ident(&query.name);
        self.bring(Source {
            name: alias.clone(),
            columns: query.columns,
        });
        format!("{name} AS {}", self.ident(&alias))
    }

    /// A subquery: it does not see what stands beside it.
    fn derived(&mut self) -> String {
        let beside = self.scopes.pop();
        let kinds = self.kinds();
        let query = self.query(&kinds);
        self.scopes.extend(beside);
        let alias = self.alias();
        self.bring(Source::query(alias.clone(), &kinds));
        format!("({query}) AS {}", self.ident(&alias))
    }

    /// A subquery that does.
    fn lateral(&mut self) -> String {
        let kinds = self.kinds();
        let query = self.query(&kinds);
        let alias = self.alias();
        self.bring(Source::query(alias.clone(), &kinds));
        format!("LATERAL ({query}) AS {}", self.ident(&alias))
    }

    fn function(&mut self) -> String {
        let alias = self.fresh();
        let columns = |name: &str| {
            vec![SourceColumn {
                name: name.to_owned(),
                kind: Some(Kind::Int),
                is_tenant: false,
            }]
        };
        if self.is_postgres() {
            self.bring(Source {
                name: alias.clone(),
                columns: columns("c1"),
            });
            return format!("generate_series(1, 3) AS {alias}(c1)");
        }
        self.bring(Source {
            name: alias.clone(),
            columns: columns("value"),
        });
        format!("json_each('[1, 2, 3]') AS {alias}")
    }
}
