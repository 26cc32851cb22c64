//! Why there is no plan. Not here: how a client is told.

use std::fmt;

/// Why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// No such table, for this caller.
    TableUnknown {
        /// The name asked for.
        table: String,
        /// One that is much like it.
        near: Option<String>,
    },
    /// No such column, for this caller.
    ColumnUnknown {
        /// The table.
        table: String,
        /// The name asked for.
        column: String,
        /// One that is much like it.
        near: Option<String>,
    },
    /// A row was given a column that the table does not have.
    GivenColumnUnknown {
        /// The table.
        table: String,
        /// The name given.
        column: String,
    },
    /// Nothing relates the two tables, or not by that hint.
    RelationUnknown {
        /// The table embedded into.
        parent: String,
        /// What was to be embedded.
        child: String,
        /// The hint.
        hint: Option<String>,
        /// A name much like the child's.
        near: Option<String>,
    },
    /// More than one relationship.
    RelationAmbiguous {
        /// The table embedded into.
        parent: String,
        /// What was to be embedded.
        child: String,
        /// All of them.
        found: Vec<Candidate>,
    },
    /// A filter or an order names something that is not embedded.
    NotEmbedded(String),
    /// An order by a relationship to many.
    OrderByMany {
        /// The table ordered.
        parent: String,
        /// What it was to be ordered by.
        child: String,
    },
    /// Another test of an embedded table than whether there are rows.
    EmbeddedTest(String),
    /// Aggregate functions are off.
    Aggregate,
    /// A function that is not there for values of this type.
    NoFunction {
        /// The function.
        function: &'static str,
        /// The type.
        type_name: String,
    },
    /// An order by a value that rows put together do not have in common.
    NotGrouped {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A function's arguments are not those that were given.
    ArgumentsUnknown {
        /// The function.
        function: String,
        /// The names given.
        given: Vec<String>,
        /// The names that there are.
        known: Vec<String>,
    },
    /// What this engine, or this version, does not do.
    Unavailable(String),
    /// A cast to a type that is not among those allowed.
    CastUnknown(String),
    /// A value that is none of its column's type.
    ValueInvalid {
        /// The type.
        type_name: String,
        /// The value, shortened.
        value: String,
    },
    /// A pattern that ends in the middle of an escape.
    PatternInvalid,
    /// What the caller's role does not have.
    Denied(String),
    /// What the caller's credential has no right to.
    NoRight(Right),
    /// A row policy refused a row.
    RowDenied(String),
    /// A row of another tenant's was to be made.
    ForeignTenant(String),
    /// No unique key of these columns.
    NoKey,
    /// More than a plan may have.
    TooComplex(&'static str),
}

/// What a credential lets its holder do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Right {
    /// Read rows.
    Read,
    /// Write rows.
    Write,
}

impl Right {
    /// `read` or `write`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// One of several relationships.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// `many-to-one`, `one-to-many`, `one-to-one` or `many-to-many`.
    pub cardinality: &'static str,
    /// The table embedded into.
    pub parent: String,
    /// The table embedded.
    pub child: String,
    /// The foreign key, or the join table.
    pub by: String,
    /// The columns it goes by, in words.
    pub using: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TableUnknown { table, .. } => write!(
                f,
                "Could not find the table 'public.{table}' in the schema cache"
            ),
            Self::ColumnUnknown { table, column, .. } => {
                write!(f, "column {table}.{column} does not exist")
            }
            Self::GivenColumnUnknown { table, column } => write!(
                f,
                "Could not find the '{column}' column of '{table}' in the schema cache"
            ),
            Self::RelationUnknown { parent, child, .. } => write!(
                f,
                "Could not find a relationship between '{parent}' and '{child}' in the schema cache"
            ),
            Self::RelationAmbiguous { parent, child, .. } => write!(
                f,
                "Could not embed because more than one relationship was found for '{parent}' and '{child}'"
            ),
            Self::NotEmbedded(name) => {
                write!(f, "'{name}' is not an embedded resource in this request")
            }
            Self::OrderByMany { child, .. } => {
                write!(f, "A related order on '{child}' is not possible")
            }
            Self::EmbeddedTest(name) => {
                write!(f, "Bad operator on the '{name}' embedded resource")
            }
            Self::Aggregate
            | Self::NoFunction { .. }
            | Self::ArgumentsUnknown { .. }
            | Self::NotGrouped { .. } => self.of_function(f),
            Self::Unavailable(_) => f.write_str("Feature not implemented"),
            Self::CastUnknown(name) => write!(f, "type \"{name}\" does not exist"),
            Self::ValueInvalid { type_name, value } => {
                write!(f, "invalid input syntax for type {type_name}: \"{value}\"")
            }
            Self::PatternInvalid => f.write_str("LIKE pattern must not end with escape character"),
            Self::Denied(what) => write!(f, "permission denied for {what}"),
            Self::NoRight(right) => write!(f, "this credential has no right to {}", right.as_str()),
            Self::RowDenied(table) => write!(
                f,
                "new row violates row-level security policy for table \"{table}\""
            ),
            Self::ForeignTenant(table) => write!(
                f,
                "a row of the table \"{table}\" can only be the caller's own tenant's"
            ),
            Self::NoKey => f.write_str(
                "there is no unique or exclusion constraint matching the ON CONFLICT specification",
            ),
            Self::TooComplex(what) => write!(f, "too many {what}"),
        }
    }
}

impl Refusal {
    /// Those that are about functions.
    fn of_function(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFunction {
                function,
                type_name,
            } => write!(f, "function {function}({type_name}) does not exist"),
            Self::ArgumentsUnknown {
                function, given, ..
            } => write!(
                f,
                "Could not find the function public.{function}{} in the schema cache",
                listed(given)
            ),
            Self::NotGrouped { table, column } => write!(
                f,
                "column \"{table}.{column}\" must appear in the GROUP BY clause or be used in an aggregate function"
            ),
            _ => f.write_str("Use of aggregate functions is not allowed"),
        }
    }
}

/// Arguments' names after a function's.
fn listed(names: &[String]) -> String {
    match names {
        [] => " without parameters".to_owned(),
        names => format!("({})", names.join(", ")),
    }
}

impl std::error::Error for Refusal {}
