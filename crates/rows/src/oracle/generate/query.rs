//! Queries of given kinds of columns, called `c1`, `c2` and so on. Not here: FROM (`source`).

use super::source::Source;
use super::{Generator, Kind};

impl Generator {
    /// A query whose columns are of these kinds.
    pub(super) fn query(&mut self, kinds: &[Kind]) -> String {
        self.room = self.room.saturating_sub(1);
        match self.dice.below(100) {
            0..12 if self.room > 1 => self.after_with(kinds),
            12..18 if self.room > 1 => self.recursive(kinds),
            _ => self.body(kinds),
        }
    }

    /// A query without WITH.
    fn body(&mut self, kinds: &[Kind]) -> String {
        match self.dice.below(82) {
            0..14 if self.room > 1 => {
                let operators = ["UNION", "UNION ALL", "INTERSECT", "EXCEPT"];
                let operator = self.dice.word(&operators);
                let (left, right) = (self.core(kinds), self.core(kinds));
                let end = self.end(kinds.len(), None);
                format!("{left} {operator} {right}{end}")
            }
            14..17 => self.values(kinds),
            17..29 => self.grouped(kinds),
            _ => {
                self.scopes.push(Vec::new());
                let core = self.select(kinds);
                let by = self.dice.chance(15).then(|| self.integer(1));
                let end = self.end(kinds.len(), by);
                self.scopes.pop();
                format!("{core}{end}")
            }
        }
    }

    /// A SELECT without ORDER BY, as set operations take it.
    fn core(&mut self, kinds: &[Kind]) -> String {
        self.room = self.room.saturating_sub(1);
        self.scopes.push(Vec::new());
        let select = self.select(kinds);
        self.scopes.pop();
        select
    }

    /// In a scope of its own, which stays for an ORDER BY.
    fn select(&mut self, kinds: &[Kind]) -> String {
        let from = self.from();
        let windows = self.dice.chance(12);
        let items: Vec<String> = kinds
            .iter()
            .enumerate()
            .map(|(at, kind)| {
                let item = match kind {
                    Kind::Int if windows => self.window(),
                    _ => self.expression(*kind, 2),
                };
                format!("{item} AS c{}", at + 1)
            })
            .collect();
        let filter = match self.dice.chance(65) {
            true => format!(" WHERE {}", self.boolean(2)),
            false => String::new(),
        };
        format!("SELECT {} FROM {from}{filter}", items.join(", "))
    }

    /// DISTINCT would not take an ORDER BY of something else, and groups do not take columns
    /// of something else; so they stand apart.
    fn grouped(&mut self, kinds: &[Kind]) -> String {
        self.scopes.push(Vec::new());
        let distinct = self.dice.chance(30);
        let text = if distinct {
            let select = self.select(kinds);
            select.replacen("SELECT ", "SELECT DISTINCT ", 1)
        } else {
            let from = self.from();
            let key = self.column(Kind::Text);
            let items: Vec<String> = kinds
                .iter()
                .enumerate()
                .map(|(at, kind)| {
                    let item = match kind {
                        Kind::Text if self.dice.chance(50) => key.clone(),
                        _ => self.aggregate(*kind),
                    };
                    format!("{item} AS c{}", at + 1)
                })
                .collect();
            let having = match self.dice.chance(40) {
                true => {
                    let (counted, bound) = (self.aggregate(Kind::Int), self.apart());
                    format!(" HAVING {counted} >= {bound}")
                }
                false => String::new(),
            };
            format!(
                "SELECT {} FROM {from} GROUP BY {key}{having}",
                items.join(", ")
            )
        };
        self.scopes.pop();
        let end = self.end(kinds.len(), None);
        format!("{text}{end}")
    }

    /// A number that depends on nothing in sight, a subquery among them.
    fn apart(&mut self) -> String {
        let scopes = std::mem::take(&mut self.scopes);
        let number = match self.room > 0 && self.dice.chance(40) {
            true => {
                let count = self.counted();
                format!("({count})")
            }
            false => self.dice.below(4).to_string(),
        };
        self.scopes = scopes;
        number
    }

    /// How many there are of something.
    pub(super) fn counted(&mut self) -> String {
        self.room = self.room.saturating_sub(1);
        self.scopes.push(Vec::new());
        let from = self.from();
        let filter = self.boolean(1);
        self.scopes.pop();
        format!("SELECT count(*) FROM {from} WHERE {filter}")
    }

    /// ORDER BY, and what needs an order.
    fn end(&mut self, width: usize, by: Option<String>) -> String {
        if by.is_none() && !self.dice.chance(45) {
            return String::new();
        }
        let places: Vec<String> = (1..=width).map(|at| at.to_string()).collect();
        let by = by.map_or_else(String::new, |by| format!("({by}) + 0, "));
        let direction = self.dice.word(&["", " DESC", " NULLS LAST"]);
        let mut text = format!(" ORDER BY {by}{}{direction}", places.join(", "));
        if self.dice.chance(45) {
            text.push_str(&format!(" LIMIT {}", self.apart()));
            if self.dice.chance(30) {
                text.push_str(&format!(" OFFSET {}", self.dice.below(3)));
            }
        }
        text
    }

    /// `WITH … query`.
    fn after_with(&mut self, kinds: &[Kind]) -> String {
        let (before, with) = (self.with.len(), self.with());
        let query = self.body(kinds);
        self.with.truncate(before);
        format!("{with} {query}")
    }

    /// One WITH query, in sight from now on; its name may be a table's.
    pub(super) fn with(&mut self) -> String {
        let kinds = self.kinds();
        let scopes = std::mem::take(&mut self.scopes);
        let query = self.query(&kinds);
        self.scopes = scopes;
        let name = match self.table(false) {
            Some(table) if self.dice.chance(40) => table.name,
            _ => self.fresh(),
        };
        let source = Source::query(name.clone(), &kinds);
        self.with.push(source);
        let name = self.ident(&name);
        let words = self
            .dice
            .word(&["", "", "MATERIALIZED ", "NOT MATERIALIZED "]);
        format!("WITH {name} ({}) AS {words}({query})", columns(kinds.len()))
    }

    /// Counts up to 3, and asks a table at each step.
    fn recursive(&mut self, kinds: &[Kind]) -> String {
        let before = self.with.len();
        let name = match self.table(false) {
            Some(table) if self.dice.chance(25) => table.name,
            _ => self.fresh(),
        };
        let scopes = std::mem::take(&mut self.scopes);
        let seed = self.expression_apart();
        let alias = self.fresh();
        let source = Source::query(alias.clone(), &[Kind::Int, Kind::Text]);
        self.scopes.push(vec![source]);
        let step = self.text(1);
        self.scopes = scopes;
        let source = Source::query(name.clone(), &[Kind::Int, Kind::Text]);
        self.with.push(source);
        let query = self.body(kinds);
        self.with.truncate(before);
        let name = self.ident(&name);
        format!(
            "WITH RECURSIVE {name} (c1, c2) AS (SELECT 1, CAST({seed} AS TEXT) UNION ALL \
             SELECT {alias}.c1 + 1, CAST({step} AS TEXT) FROM {name} AS {alias} \
             WHERE {alias}.c1 < 3) {query}"
        )
    }

    /// A text out of a table, or one by itself.
    fn expression_apart(&mut self) -> String {
        let scopes = std::mem::take(&mut self.scopes);
        let text = self.text(1);
        self.scopes = scopes;
        text
    }

    /// Rows of literals; both engines call their columns `column1` and so on.
    fn values(&mut self, kinds: &[Kind]) -> String {
        let rows: Vec<String> = (0..=self.dice.below(2))
            .map(|_| {
                let values: Vec<String> = kinds.iter().map(|kind| self.literal(*kind)).collect();
                format!("({})", values.join(", "))
            })
            .collect();
        let names: Vec<String> = (1..=kinds.len())
            .map(|at| format!("v.column{at} AS c{at}"))
            .collect();
        let rows = rows.join(", ");
        format!("SELECT {} FROM (VALUES {rows}) AS v", names.join(", "))
    }
}

/// `c1, c2`.
fn columns(width: usize) -> String {
    let names: Vec<String> = (1..=width).map(|at| format!("c{at}")).collect();
    names.join(", ")
}
