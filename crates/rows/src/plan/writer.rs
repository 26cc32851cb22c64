//! SQL being written: text and parameters. A value reaches the text as a parameter and never
//! otherwise; a name is quoted. Not here: what is written.

use crate::engine::Flavour;
use crate::value::Value;

/// A statement in the making.
#[derive(Debug)]
pub(crate) struct Writer {
    flavour: Flavour,
    text: String,
    params: Vec<Value>,
    aliases: u32,
}

impl Writer {
    /// An empty one.
    pub(crate) const fn new(flavour: Flavour) -> Self {
        Self {
            flavour,
            text: String::new(),
            params: Vec::new(),
            aliases: 0,
        }
    }

    /// Which SQL it writes.
    pub(crate) const fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// SQL of ours.
    pub(crate) fn sql(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// A name, quoted.
    pub(crate) fn name(&mut self, name: &str) -> &mut Self {
        self.text.push('"');
        for character in name.chars().filter(|&character| character != '\0') {
            if character == '"' {
                self.text.push('"');
            }
            self.text.push(character);
        }
        self.text.push('"');
        self
    }

    /// A column of what is called so.
    pub(crate) fn column(&mut self, of: &str, column: &str) -> &mut Self {
        self.name(of).sql(".").name(column)
    }

    /// A parameter as it is: SQLite takes its type from the value.
    pub(crate) fn value(&mut self, value: Value) -> &mut Self {
        self.params.push(value);
        let mark = match self.flavour {
            Flavour::Sqlite => '?',
            Flavour::Postgres => '$',
        };
        self.text.push(mark);
        let number = self.params.len().to_string();
        self.sql(&number)
    }

    /// A parameter that is a text on both engines; PostgreSQL casts it from there.
    pub(crate) fn text(&mut self, text: impl Into<String>) -> &mut Self {
        self.value(Value::Text(text.into()));
        match self.flavour {
            Flavour::Sqlite => self,
            Flavour::Postgres => self.sql("::text"),
        }
    }

    /// A number of rows.
    pub(crate) fn count(&mut self, rows: u64) -> &mut Self {
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        match self.flavour {
            Flavour::Sqlite => self.value(Value::Int(rows)),
            Flavour::Postgres => self.text(rows.to_string()).sql("::bigint"),
        }
    }

    /// Each of these, with this between.
    pub(crate) fn separated<T, E>(
        &mut self,
        between: &str,
        all: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> Result<(), E>,
    ) -> Result<(), E> {
        for (at, one) in all.into_iter().enumerate() {
            if at > 0 {
                self.sql(between);
            }
            write(self, one)?;
        }
        Ok(())
    }

    /// A name for a table within the statement, not used in it before.
    pub(crate) fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("~{}", self.aliases)
    }

    /// What was written.
    pub(crate) fn finish(self) -> (String, Vec<Value>) {
        (self.text, self.params)
    }
}
