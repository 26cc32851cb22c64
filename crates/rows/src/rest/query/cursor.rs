//! A text being read from left to right, and the words that all of the language is made of.

use super::QueryError;
use crate::plan::request::{Field, Step};
use std::iter::Peekable;
use std::str::CharIndices;

/// The most of a text that a refusal repeats, in characters.
const MAX_SHOWN: usize = 120;

/// How many steps a way into a document may have.
const MAX_STEPS: usize = 16;

/// What ends a name that is not quoted.
const RESERVED: &str = ",.:()!\"&";

/// A text and how much of it was read.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    what: &'static str,
    text: &'a str,
    rest: Peekable<CharIndices<'a>>,
}

impl<'a> Cursor<'a> {
    /// At the beginning of this text, which is called so in a refusal.
    pub(super) fn new(what: &'static str, text: &'a str) -> Self {
        Self {
            what,
            text,
            rest: text.char_indices().peekable(),
        }
    }

    /// The next character.
    pub(super) fn peek(&mut self) -> Option<char> {
        self.rest.peek().map(|&(_, letter)| letter)
    }

    /// Takes the next character.
    pub(super) fn next(&mut self) -> Option<char> {
        self.rest.next().map(|(_, letter)| letter)
    }

    /// What is left.
    pub(super) fn rest(&mut self) -> &'a str {
        let at = self.rest.peek().map_or(self.text.len(), |&(at, _)| at);
        self.text.get(at..).unwrap_or_default()
    }

    /// Takes this text if it is next.
    pub(super) fn take(&mut self, wanted: &str) -> bool {
        if !self.rest().starts_with(wanted) {
            return false;
        }
        for _ in wanted.chars() {
            self.rest.next();
        }
        true
    }

    /// Takes this text.
    pub(super) fn need(&mut self, wanted: &'static str) -> Result<(), QueryError> {
        if self.take(wanted) {
            Ok(())
        } else {
            Err(self.refusal(wanted))
        }
    }

    /// Nothing is left.
    pub(super) fn end(&mut self) -> Result<(), QueryError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.refusal("the end")),
        }
    }

    /// Takes characters as long as they are such.
    pub(super) fn while_in(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some((_, letter)) = self.rest.next_if(|&(_, letter)| wanted(letter)) {
            taken.push(letter);
        }
        taken
    }

    /// That something else was expected here.
    pub(super) fn refusal(&mut self, expected: &'static str) -> QueryError {
        let left = self.rest().chars().count();
        QueryError::Syntax {
            what: self.what,
            text: self.text.chars().take(MAX_SHOWN).collect(),
            at: self.text.chars().count() - left + 1,
            expected,
        }
    }

    /// A quoted text, if one begins here: with `\` before a quote and a backslash of its own.
    pub(super) fn quoted(&mut self) -> Result<Option<String>, QueryError> {
        if !self.take("\"") {
            return Ok(None);
        }
        let mut text = String::new();
        loop {
            match self.next() {
                Some('"') => return Ok(Some(text)),
                Some('\\') => text.extend(self.next()),
                Some(letter) => text.push(letter),
                None => return Err(self.refusal("a closing quote")),
            }
        }
    }

    /// A name, quoted or not. An arrow ends it, a hyphen does not.
    pub(super) fn name(&mut self) -> Result<String, QueryError> {
        let name = match self.quoted()? {
            Some(name) => name,
            None => {
                let mut name = String::new();
                while let Some(letter) = self.peek() {
                    if RESERVED.contains(letter) || self.rest().starts_with("->") {
                        break;
                    }
                    name.push(letter);
                    self.next();
                }
                name.trim().to_owned()
            }
        };
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(self.refusal("a name"));
        }
        Ok(name)
    }

    /// A column and the way into its document.
    pub(super) fn field(&mut self) -> Result<Field, QueryError> {
        let column = self.name()?;
        self.path(column)
    }

    /// The way into this column's document.
    pub(super) fn path(&mut self, column: String) -> Result<Field, QueryError> {
        let mut field = Field::column(column);
        while !field.as_text && self.take("->") {
            field.as_text = self.take(">");
            if field.path.len() == MAX_STEPS {
                return Err(QueryError::TooComplex("steps into a document"));
            }
            let quoted = self.peek() == Some('"');
            let name = self.name()?;
            field.path.push(match name.parse() {
                Ok(number) if !quoted => Step::Element(number),
                _ => Step::Member(name),
            });
        }
        Ok(field)
    }
}
