//! Expressions of a kind, over the columns in sight. Not here: queries (`query`).

use super::source::{Source, SourceColumn};
use super::{Generator, Kind};

impl Generator {
    pub(super) fn expression(&mut self, kind: Kind, depth: usize) -> String {
        match kind {
            Kind::Int => self.integer(depth),
            Kind::Text => self.text(depth),
            Kind::Bool => self.boolean(depth),
        }
    }

    /// Small numbers and small factors: nothing overflows.
    pub(super) fn integer(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.leaf(Kind::Int);
        }
        match self.dice.below(100) {
            0..35 => self.leaf(Kind::Int),
            35..48 => {
                let operator = self.dice.word(&["+", "-"]);
                let (left, right) = (self.integer(depth - 1), self.integer(depth - 1));
                format!("({left} {operator} {right})")
            }
            48..54 => format!("({} * {})", self.leaf(Kind::Int), 2 + self.dice.below(2)),
            54..62 => format!("length({})", self.text(depth - 1)),
            62..68 => format!("abs({})", self.integer(depth - 1)),
            68..76 => self.chosen(Kind::Int, depth),
            76..82 => self.trap(),
            82..86 => format!("CAST({} AS INTEGER)", self.boolean(depth - 1)),
            _ => self.scalar(Kind::Int),
        }
    }

    pub(super) fn text(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.leaf(Kind::Text);
        }
        match self.dice.below(100) {
            0..45 => self.leaf(Kind::Text),
            45..55 => {
                let (left, right) = (self.text(depth - 1), self.text(depth - 1));
                format!("({left} || {right})")
            }
            55..65 => {
                let function = self.dice.word(&["lower", "upper", "trim"]);
                format!("{function}({})", self.text(depth - 1))
            }
            65..70 => format!("substr({}, 1, 3)", self.text(depth - 1)),
            70..76 => format!("CAST({} AS TEXT)", self.integer(depth - 1)),
            76..86 => self.chosen(Kind::Text, depth),
            _ => self.scalar(Kind::Text),
        }
    }

    pub(super) fn boolean(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.comparison(0);
        }
        match self.dice.below(100) {
            0..34 => self.comparison(depth - 1),
            34..46 => {
                let operator = self.dice.word(&["AND", "AND", "OR"]);
                let (left, right) = (self.boolean(depth - 1), self.boolean(depth - 1));
                format!("({left} {operator} {right})")
            }
            46..51 => format!("(NOT {})", self.boolean(depth - 1)),
            51..57 => {
                let kind = self.kind();
                let word = self.dice.word(&["IS NULL", "IS NOT NULL"]);
                format!("({} {word})", self.leaf(kind))
            }
            57..63 => {
                let list = [self.literal(Kind::Text), self.literal(Kind::Text)];
                format!("({} IN ({}))", self.leaf(Kind::Text), list.join(", "))
            }
            63..68 => format!(
                "({} BETWEEN 1 AND {})",
                self.leaf(Kind::Int),
                1 + self.dice.below(20)
            ),
            68..73 => {
                let pattern = self.literal(Kind::Text);
                format!("({} LIKE {pattern})", self.leaf(Kind::Text))
            }
            73..77 => self.leaf(Kind::Bool),
            77..80 => format!("({} <> 0)", self.trap()),
            _ if self.room == 0 => self.comparison(depth - 1),
            80..86 => {
                let word = self.dice.word(&["", "", "NOT "]);
                let kinds = self.kinds();
                format!("({word}EXISTS ({}))", self.query(&kinds))
            }
            86..94 => {
                let kind = self.kind();
                let word = self.dice.word(&["IN", "IN", "NOT IN"]);
                format!("({} {word} ({}))", self.leaf(kind), self.query(&[kind]))
            }
            _ if self.is_postgres() => {
                let operator = self
                    .dice
                    .word(&["= ANY", "<> ALL", "< ANY", ">= ALL", "= SOME"]);
                format!(
                    "({} {operator} ({}))",
                    self.leaf(Kind::Int),
                    self.query(&[Kind::Int])
                )
            }
            _ => self.comparison(depth - 1),
        }
    }

    fn comparison(&mut self, depth: usize) -> String {
        let kind = self.dice.word(&["int", "text", "text", "tenant"]);
        let operator = self.dice.word(&["=", "=", "<>", "<", ">="]);
        match kind {
            "int" => format!(
                "({} {operator} {})",
                self.integer(depth),
                self.leaf(Kind::Int)
            ),
            "tenant" => match self.tenant_column() {
                Some(column) => format!("({column} {operator} {})", self.tenant()),
                None => format!("({} {operator} {})", self.text(depth), self.tenant()),
            },
            _ => format!(
                "({} {operator} {})",
                self.text(depth),
                self.leaf(Kind::Text)
            ),
        }
    }

    /// An error as soon as a row of the other tenant is looked at, be it in vain.
    fn trap(&mut self) -> String {
        let Some(column) = self.tenant_column() else {
            return self.leaf(Kind::Int);
        };
        let other = Self::quoted(&self.ground.other);
        match self.is_postgres() {
            true => format!("(1 / CASE WHEN {column} = {other} THEN 0 ELSE 1 END)"),
            false => {
                format!(
                    "abs(CASE WHEN {column} = {other} THEN -9223372036854775807 - 1 ELSE 1 END)"
                )
            }
        }
    }

    /// CASE, COALESCE or NULLIF.
    fn chosen(&mut self, kind: Kind, depth: usize) -> String {
        let (first, second) = (
            self.expression(kind, depth - 1),
            self.expression(kind, depth - 1),
        );
        match self.dice.below(3) {
            0 => format!(
                "CASE WHEN {} THEN {first} ELSE {second} END",
                self.boolean(depth - 1)
            ),
            1 => format!("coalesce({first}, {second})"),
            _ => format!("nullif({first}, {second})"),
        }
    }

    /// A subquery for one value.
    fn scalar(&mut self, kind: Kind) -> String {
        if self.room == 0 {
            return self.leaf(kind);
        }
        if self.dice.chance(35) {
            let name = self.fresh();
            let query = self.query(&[kind]);
            return format!("(SELECT {name}.c1 FROM ({query}) AS {name} ORDER BY 1 LIMIT 1)");
        }
        self.room -= 1;
        self.scopes.push(Vec::new());
        let from = self.from();
        let (value, filter) = (self.aggregate(kind), self.boolean(1));
        self.scopes.pop();
        format!("(SELECT {value} FROM {from} WHERE {filter})")
    }

    /// An aggregate over the innermost query's columns.
    pub(super) fn aggregate(&mut self, kind: Kind) -> String {
        let filter = match self.dice.chance(15) {
            true => format!(
                " FILTER (WHERE {})",
                self.inner_column(Kind::Text) + " <> 'a'"
            ),
            false => String::new(),
        };
        let function = match kind {
            Kind::Bool => return format!("(count(*){filter} > {})", self.dice.below(3)),
            Kind::Int => match self.dice.below(5) {
                0 | 1 => "count(*)".to_owned(),
                2 => format!("count(DISTINCT {})", self.inner_column(Kind::Text)),
                3 => format!("sum({})", self.inner_column(Kind::Int)),
                _ => format!("max({})", self.inner_column(Kind::Int)),
            },
            Kind::Text => {
                let column = self.inner_column(Kind::Text);
                match self.dice.below(3) {
                    0 => format!("max({column})"),
                    1 => format!("min({column})"),
                    _ if self.is_postgres() => {
                        format!("string_agg({column}, ',' ORDER BY {column})")
                    }
                    _ => format!("group_concat({column}, ',' ORDER BY {column})"),
                }
            }
        };
        format!("{function}{filter}")
    }

    /// A number over the rows around, in a whole order.
    pub(super) fn window(&mut self) -> String {
        let mut all: Vec<String> = Vec::new();
        for (source, column) in self.innermost() {
            all.push(self.written(&source, &column));
        }
        let order = match all.is_empty() {
            true => String::new(),
            false => format!("ORDER BY {}", all.join(", ")),
        };
        let part = match self.dice.chance(50) {
            true => format!("PARTITION BY {} ", self.inner_column(Kind::Text)),
            false => String::new(),
        };
        let function = match self.dice.below(5) {
            0 => "row_number()".to_owned(),
            1 => "rank()".to_owned(),
            2 => format!("lag({})", self.inner_column(Kind::Int)),
            3 => format!("first_value({})", self.inner_column(Kind::Int)),
            _ => "count(*)".to_owned(),
        };
        format!("{function} OVER ({part}{order})")
    }

    fn leaf(&mut self, kind: Kind) -> String {
        match self.dice.chance(70) {
            true => self.column(kind),
            false => self.literal(kind),
        }
    }

    /// A column of this kind in sight, mostly of the innermost query; a literal where there
    /// is none.
    pub(super) fn column(&mut self, kind: Kind) -> String {
        if self.dice.chance(15) {
            let around: Vec<Source> = self.scopes.iter().flatten().cloned().collect();
            return self.column_among(&around, kind);
        }
        self.inner_column(kind)
    }

    pub(super) fn inner_column(&mut self, kind: Kind) -> String {
        let inner = self.scopes.last().cloned().unwrap_or_default();
        self.column_among(&inner, kind)
    }

    fn column_among(&mut self, sources: &[Source], kind: Kind) -> String {
        let fit: Vec<(&Source, &SourceColumn)> = sources
            .iter()
            .flat_map(|source| source.columns.iter().map(move |column| (source, column)))
            .filter(|(_, column)| match column.kind {
                Some(of) => of == kind,
                None => kind == Kind::Text,
            })
            .collect();
        match self.dice.pick(&fit) {
            Some((source, column)) => self.written(source, column),
            None => self.typed_literal(kind),
        }
    }

    fn innermost(&self) -> Vec<(Source, SourceColumn)> {
        let scope = self.scopes.last().into_iter().flatten();
        scope
            .flat_map(|source| {
                let columns = source.columns.iter();
                columns.map(|column| (source.clone(), column.clone()))
            })
            .collect()
    }

    fn written(&mut self, source: &Source, column: &SourceColumn) -> String {
        let name = format!("{}.{}", self.ident(&source.name), self.ident(&column.name));
        match column.kind {
            Some(_) => name,
            None => format!("CAST({name} AS TEXT)"),
        }
    }

    fn tenant_column(&mut self) -> Option<String> {
        let all: Vec<(Source, SourceColumn)> = self
            .innermost()
            .into_iter()
            .filter(|(_, column)| column.is_tenant)
            .collect();
        let (source, column) = self.dice.pick(&all).cloned()?;
        Some(self.written(&source, &column))
    }

    /// A tenant's id, mostly the other's.
    pub(super) fn tenant(&mut self) -> String {
        match self.dice.chance(70) {
            true => Self::quoted(&self.ground.other),
            false => Self::quoted(&self.ground.own),
        }
    }

    /// A literal whose kind nobody has to guess.
    fn typed_literal(&mut self, kind: Kind) -> String {
        match kind {
            Kind::Text => format!("CAST({} AS TEXT)", self.literal(kind)),
            Kind::Int | Kind::Bool => self.literal(kind),
        }
    }

    pub(super) fn literal(&mut self, kind: Kind) -> String {
        match kind {
            Kind::Bool => self.dice.word(&["true", "false"]).to_owned(),
            Kind::Int => {
                let numbers = self.ground.numbers.clone();
                match self.dice.pick(&numbers) {
                    Some(number) if self.dice.chance(50) => number.to_string(),
                    _ => self.dice.below(9).to_string(),
                }
            }
            Kind::Text => {
                let texts = self.ground.texts.clone();
                match (self.dice.below(10), self.dice.pick(&texts)) {
                    (0 | 1, _) => self.tenant(),
                    (2..8, Some(text)) => Self::quoted(text),
                    _ => {
                        let word = self.dice.word(&["a", "", "it''s", "%", "-- ", "\\"]);
                        format!("'{word}'")
                    }
                }
            }
        }
    }
}
