//! A call of a function as the place that rows come from. Its name and its arguments' names
//! and types are the realm's; what a caller gives is a parameter. Not here: what is done with
//! the rows, which is as with a table's.

use super::access::{Access, Scope};
use super::function::Listed;
use super::refusal::{Refusal, Right};
use super::writer::Writer;
use crate::engine::{Flavour, Statement};
use crate::schema::{Returns, Routine};
use crate::value::Value;
use serde_json::{Map, Value as Json};

/// What a JSON document of arguments is called in a statement.
const GIVEN: &str = "~given";

/// A call.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    routine: &'a Routine,
    listed: &'a Listed,
    given: Given,
}

/// What a caller gives.
#[derive(Clone, PartialEq, Debug)]
pub enum Given {
    /// Texts, which PostgreSQL reads as the arguments' types.
    Texts(Vec<(String, String)>),
    /// Values.
    Values(Map<String, Json>),
}

impl Given {
    /// The names of the arguments, in their order.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Texts(texts) => texts.iter().map(|(name, _)| name.as_str()).collect(),
            Self::Values(values) => values.keys().map(String::as_str).collect(),
        }
    }
}

impl<'a> Call<'a> {
    /// A call of this function, with these arguments and no others.
    ///
    /// # Errors
    /// [`Refusal::ArgumentsUnknown`] where one is not listed, or one is missing that has no
    /// default.
    pub fn new(routine: &'a Routine, listed: &'a Listed, given: Given) -> Result<Self, Refusal> {
        let names = given.names();
        let required = routine.arguments.len().saturating_sub(routine.defaults);
        let required = routine.arguments.iter().take(required);
        let is_listed = |name: &&str| {
            let known = routine.arguments.iter().any(|argument| argument == name);
            known && listed.arguments.contains_key(*name)
        };
        let fits = names.iter().all(is_listed)
            && required.clone().all(|name| names.contains(&name.as_str()));
        if fits {
            return Ok(Self {
                routine,
                listed,
                given,
            });
        }
        Err(Refusal::ArgumentsUnknown {
            function: routine.name.clone(),
            given: names.into_iter().map(str::to_owned).collect(),
            known: listed.arguments.keys().cloned().collect(),
        })
    }

    /// The rows that it answers with, as this caller has them; `None` where it answers with
    /// nothing.
    ///
    /// # Errors
    /// [`Refusal::TableUnknown`], and [`Refusal::Unavailable`] for rows of no type.
    pub fn answer(&self, scope: Scope<'a>) -> Result<Option<Access<'a>>, Refusal> {
        match &self.routine.returns {
            Returns::Nothing => Ok(None),
            Returns::RowOf(table) => scope.table(table).map(Some),
            Returns::Row(table) | Returns::Value(table) => Ok(Some(scope.open(table))),
            Returns::Untyped => Err(Refusal::Unavailable(format!(
                "the function {} answers with rows of no type",
                self.routine.name
            ))),
        }
    }

    /// Whether it changes rows.
    #[must_use]
    pub const fn writes(&self) -> bool {
        self.listed.volatile
    }

    /// The right that it needs.
    #[must_use]
    pub const fn right(&self) -> Right {
        if self.listed.volatile {
            Right::Write
        } else {
            Right::Read
        }
    }

    /// The statement that looks whether the function still is what it was when the schema was
    /// read: the only one of its name, with its caller's rights.
    #[must_use]
    pub fn look(&self) -> Statement {
        let params = [&self.routine.schema, &self.routine.name];
        let params = params.map(|name| Value::Text(name.clone()));
        let text = "SELECT count(*) = 1 AND NOT coalesce(bool_or(p.prosecdef), true) \
                    FROM pg_catalog.pg_proc p \
                    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
                    WHERE n.nspname = $1::text AND p.proname = $2::text";
        Statement::new(text, params.to_vec(), self.writes())
    }

    /// The statement that calls it and asks for nothing.
    #[must_use]
    pub fn alone(&self) -> Statement {
        let mut w = Writer::new(Flavour::Postgres);
        w.sql("SELECT TRUE");
        self.source(&mut w, &self.routine.name);
        let (text, params) = w.finish();
        Statement::new(text, params, self.writes())
    }

    /// Writes it as what rows come from.
    pub(crate) fn source(&self, w: &mut Writer, called: &str) {
        w.sql(" FROM ");
        if let Given::Values(values) = &self.given
            && !values.is_empty()
        {
            w.sql("json_to_record(");
            w.text(Json::Object(values.clone()).to_string());
            w.sql("::json) AS ").name(GIVEN).sql("(");
            let mut between = "";
            for (name, kind) in values.keys().filter_map(|name| self.typed(name)) {
                w.sql(between).name(name).sql(" ").sql(kind);
                between = ", ";
            }
            w.sql("), LATERAL ");
        }
        w.name(&self.routine.schema).sql(".");
        w.name(&self.routine.name).sql("(");
        let mut between = "";
        for name in self.given.names() {
            let Some((name, kind)) = self.typed(name) else {
                continue;
            };
            w.sql(between).name(name).sql(" => ");
            between = ", ";
            match &self.given {
                Given::Values(_) => {
                    w.column(GIVEN, name);
                }
                Given::Texts(texts) => {
                    let text = texts.iter().find(|(given, _)| given == name);
                    let text = text.map(|(_, text)| text.as_str()).unwrap_or_default();
                    w.text(text).sql("::").sql(kind);
                }
            }
        }
        w.sql(") AS ").name(called);
        if let Returns::Value(table) = &self.routine.returns
            && let Some(column) = table.columns.first()
        {
            w.sql("(").name(&column.name).sql(")");
        }
    }

    /// An argument's name and type, as the realm lists them.
    fn typed(&self, name: &str) -> Option<(&'a str, &'a str)> {
        let found = self.listed.arguments.get_key_value(name);
        found.map(|(name, kind)| (name.as_str(), kind.as_str()))
    }
}
