//! What tables a realm's rows are in: read from the database itself, the same form for both
//! engines. Not here: how a schema changes.

/// The tables of one realm, as they are now.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Schema {
    /// How many steps made it.
    pub version: u64,
    /// The tables and views, by name.
    pub tables: Vec<Table>,
    /// The functions beside them, by name; none where the engine has no such.
    pub routines: Vec<Routine>,
}

impl Schema {
    /// The function of this name.
    #[must_use]
    pub fn routine(&self, name: &str) -> Option<&Routine> {
        let at = self
            .routines
            .binary_search_by(|routine| routine.name.as_str().cmp(name));
        at.ok().and_then(|at| self.routines.get(at))
    }

    /// The table of this name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Table> {
        let at = self
            .tables
            .binary_search_by(|table| table.name.as_str().cmp(name));
        at.ok().and_then(|at| self.tables.get(at))
    }
}

/// One table or view.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// What was said about it.
    pub comment: Option<String>,
    /// Whether it takes changes.
    pub is_view: bool,
    /// Its columns in their order, the tenant's among them where there is one.
    pub columns: Vec<Column>,
    /// The columns of its primary key, in the key's order.
    pub primary_key: Vec<String>,
    /// Other sets of columns that are unique.
    pub unique: Vec<Vec<String>>,
    /// What it refers to.
    pub foreign_keys: Vec<ForeignKey>,
}

impl Table {
    /// The column of this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// One column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// The type as the engine names it, for example `timestamp with time zone`.
    pub type_name: String,
    /// Whether it takes NULL.
    pub nullable: bool,
    /// Its default as SQL.
    pub default: Option<String>,
    /// Whether it is the tenant's column: filled and held by the engine.
    pub is_tenant: bool,
}

/// What a column holds, as far as a plan must know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ColumnKind {
    /// A truth value.
    Bool,
    /// A whole number.
    Int,
    /// A floating-point number.
    Real,
    /// A decimal number.
    Numeric,
    /// A text.
    Text,
    /// Bytes.
    Bytes,
    /// A JSON document.
    Json,
    /// A UUID.
    Uuid,
    /// A date, a time or both.
    Time,
    /// A list of values.
    Array,
    /// A text-search vector.
    TextSearch,
    /// A range of values.
    Range,
    /// Anything else; the engine reads and writes it as a text.
    Other,
}

/// A function that the schema has, or several of one name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Routine {
    /// The schema that it is in, as the database names it.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The names of its arguments, in their order; empty where one has none.
    pub arguments: Vec<String>,
    /// How many of the last ones may be left out.
    pub defaults: usize,
    /// Whether it runs with its owner's rights (`SECURITY DEFINER`).
    pub is_definer: bool,
    /// Whether there are several of this name.
    pub is_overloaded: bool,
    /// Whether it answers with any number of rows or values.
    pub is_set: bool,
    /// With what it answers.
    pub returns: Returns,
}

/// What a function answers with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Returns {
    /// Nothing.
    Nothing,
    /// A value: the only column of this.
    Value(Table),
    /// A row of the table of this name.
    RowOf(String),
    /// A row of these columns.
    Row(Table),
    /// A row of which nothing is known beforehand.
    Untyped,
}

/// A reference to another table, column by column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForeignKey {
    /// Its name, by which an embedding may choose it.
    pub name: String,
    /// The columns here; the tenant's may be among them.
    pub columns: Vec<String>,
    /// The table referred to.
    pub table: String,
    /// The columns there, in the same order.
    pub foreign_columns: Vec<String>,
}
