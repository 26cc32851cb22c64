//! The functions that a realm lets its callers call: PostgreSQL's own, listed by name.
//! Not here: a call of one.

use crate::schema::{Routine, Schema};
use doorward_base::Scope;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A function that callers may call by REST (`/rpc/NAME`).
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// Its name, in the schema that the tables are in. There is one of this name, and it runs
    /// with its caller's rights.
    pub name: String,
    /// The arguments that callers may give, and their types as PostgreSQL names them, for
    /// example `{ since = "date" }`. Default: none.
    #[serde(default)]
    pub arguments: BTreeMap<String, String>,
    /// Whether it changes rows: it is called by POST alone, by who may change rows. Without
    /// it a call that changes anything is refused. Default: false.
    #[serde(default)]
    pub volatile: bool,
    /// A scope that a call needs beside the one that lets read or change rows. Default: none.
    #[serde(default)]
    pub scope: Option<String>,
}

/// Every function of a realm, by name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Functions(BTreeMap<String, Listed>);

/// One of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// The arguments' names and types.
    pub arguments: BTreeMap<String, String>,
    /// Whether it changes rows.
    pub volatile: bool,
    /// The scope that a call needs.
    pub scope: Option<Scope>,
}

impl Functions {
    /// Of these.
    ///
    /// # Errors
    /// What is wrong with one, in words.
    pub fn new(all: &[Function]) -> Result<Self, String> {
        let mut listed = BTreeMap::new();
        for function in all {
            let name = &function.name;
            let one = Listed::of(function).map_err(|wrong| format!("{name:?}: {wrong}"))?;
            if listed.insert(name.clone(), one).is_some() {
                return Err(format!("{name:?} is there twice"));
            }
        }
        Ok(Self(listed))
    }

    /// The one of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<(&str, &Listed)> {
        let found = self.0.get_key_value(name);
        found.map(|(name, listed)| (name.as_str(), listed))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that a call of is refused, whoever calls, with the reason.
    #[must_use]
    pub fn amiss(&self, schema: &Schema) -> Vec<(&str, &'static str)> {
        let all = self.all().filter_map(|(name, listed)| {
            let why = listed.amiss(schema.routine(name))?;
            Some((name, why))
        });
        all.collect()
    }

    /// All of them, by name.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Listed)> {
        let all = self.0.iter();
        all.map(|(name, listed)| (name.as_str(), listed))
    }
}

impl Listed {
    fn amiss(&self, routine: Option<&Routine>) -> Option<&'static str> {
        let Some(routine) = routine else {
            return Some("the schema has no such function");
        };
        let named = |name: &String| routine.arguments.contains(name);
        let required = routine.arguments.len().saturating_sub(routine.defaults);
        let mut required = routine.arguments.iter().take(required);
        if routine.is_definer {
            Some("it runs with its owner's rights (SECURITY DEFINER)")
        } else if routine.is_overloaded {
            Some("there are several of its name")
        } else if !self.arguments.keys().all(named) {
            Some("it has other arguments")
        } else if !required.all(|name| self.arguments.contains_key(name)) {
            Some("it needs an argument that is not listed")
        } else {
            None
        }
    }

    fn of(function: &Function) -> Result<Self, String> {
        let Function {
            name,
            arguments,
            volatile,
            scope,
        } = function;
        if !is_name(name) {
            return Err("is no function's name".to_owned());
        }
        for (argument, kind) in arguments {
            if !is_name(argument) {
                return Err(format!("{argument:?} is no argument's name"));
            }
            if !is_type(kind) {
                return Err(format!(
                    "{kind:?} is not a type such as \"integer\" or \"text[]\""
                ));
            }
        }
        let scope = scope.as_deref().map(Scope::new).transpose();
        Ok(Self {
            arguments: arguments.clone(),
            volatile: *volatile,
            scope: scope.map_err(|error| error.to_string())?,
        })
    }
}

/// Whether PostgreSQL may call something so, in quotes.
fn is_name(name: &str) -> bool {
    (1..=63).contains(&name.len()) && !name.chars().any(char::is_control)
}

/// Whether it is a type's name and nothing else: words, a length, brackets.
fn is_type(text: &str) -> bool {
    let bare = text.trim_end_matches("[]");
    let (words, length) = match bare.split_once('(') {
        None => (bare, Some("1")),
        Some((words, rest)) => (words, rest.strip_suffix(')')),
    };
    let plain = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let is_word = |word: &str| {
        word.starts_with(|letter: char| letter.is_ascii_lowercase())
            && word.bytes().all(|letter| plain(letter) || letter == b'_')
    };
    let is_number = |number: &str| {
        (1..=4).contains(&number.len()) && number.bytes().all(|digit| digit.is_ascii_digit())
    };
    text.len() <= 63
        && words.split(' ').all(is_word)
        && length.is_some_and(|length| length.split(',').all(is_number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_words_a_length_and_brackets() {
        for (text, expected) in [
            ("integer", true),
            ("timestamp with time zone", true),
            ("character varying(20)", true),
            ("numeric(10,2)", true),
            ("text[]", true),
            ("int4[][]", true),
            ("", false),
            ("Integer", false),
            ("\"odd\"", false),
            ("int4; DROP TABLE x", false),
            ("text) FROM x --", false),
            ("int  4", false),
            ("[]", false),
            ("public.mood", false),
            ("numeric(", false),
            ("numeric(10)x", false),
        ] {
            assert_eq!(is_type(text), expected, "{text}");
        }
    }

    #[test]
    fn what_will_not_be_called_is_said_with_its_reason() {
        use crate::schema::Returns;
        let routine = |name: &str| Routine {
            schema: "public".to_owned(),
            name: name.to_owned(),
            arguments: vec!["a".to_owned(), "b".to_owned()],
            defaults: 1,
            is_definer: name == "definer",
            is_overloaded: name == "several",
            is_set: false,
            returns: Returns::Nothing,
        };
        let listed = |name: &str, arguments: &[&str]| Function {
            name: name.to_owned(),
            arguments: arguments
                .iter()
                .map(|&name| (name.to_owned(), "text".to_owned()))
                .collect(),
            volatile: false,
            scope: None,
        };
        let schema = Schema {
            routines: ["definer", "good", "lacking", "other", "several"]
                .map(routine)
                .into(),
            ..Schema::default()
        };
        let functions = Functions::new(&[
            listed("good", &["a"]),
            listed("definer", &["a"]),
            listed("several", &["a"]),
            listed("other", &["a", "c"]),
            listed("lacking", &["b"]),
            listed("absent", &[]),
        ]);
        let functions = functions.unwrap();
        let amiss: Vec<&str> = functions
            .amiss(&schema)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(amiss, ["absent", "definer", "lacking", "other", "several"]);
    }

    #[test]
    fn a_function_is_listed_once_with_names_and_types() {
        let function = |name: &str, argument: &str, kind: &str| Function {
            name: name.to_owned(),
            arguments: [(argument.to_owned(), kind.to_owned())].into(),
            volatile: false,
            scope: None,
        };
        let all = [function("f", "a b", "integer"), function("F", "A", "date")];
        let listed = Functions::new(&all).unwrap();
        assert_eq!(listed.all().count(), 2);
        assert_eq!(listed.named("f").unwrap().1.arguments["a b"], "integer");
        for wrong in [
            vec![function("f", "a", "date"), function("f", "a", "date")],
            vec![function("", "a", "date")],
            vec![function("f", "a\0", "date")],
            vec![function("f", "a", "date'")],
        ] {
            assert!(Functions::new(&wrong).is_err(), "{wrong:?}");
        }
    }
}
