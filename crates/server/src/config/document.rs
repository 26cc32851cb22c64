//! A TOML text as a tree that remembers where everything was written. Not here: what
//! the keys mean.

use super::problem::{KeyPath, Step};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A parsed text.
#[derive(Debug)]
pub(crate) struct Document {
    root: Node,
    /// The byte offset at which each line after the first begins.
    line_starts: Vec<usize>,
}

/// A value and where it stands.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) value: Value,
    /// Set when the value was found wrong and is to be passed over.
    pub(crate) masked: bool,
    /// The byte offset of its key, or of itself in a list.
    offset: usize,
}

/// A TOML value.
#[derive(Debug)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Bool(bool),
    List(Vec<Node>),
    Table(Vec<(String, Node)>),
    /// A value that no key takes, with the reason.
    Unfit(&'static str),
}

#[derive(Debug)]
pub(crate) struct SyntaxFault {
    pub(crate) line: Option<usize>,
    pub(crate) message: String,
}

impl Document {
    /// Nothing of a text.
    pub(crate) const fn empty() -> Self {
        Self {
            root: Node {
                value: Value::Table(Vec::new()),
                masked: false,
                offset: 0,
            },
            line_starts: Vec::new(),
        }
    }

    /// Parses the text; the first fault of syntax otherwise, because those that follow
    /// are mostly its consequences.
    pub(crate) fn parse(text: &str) -> Result<Self, SyntaxFault> {
        let line_starts = text
            .bytes()
            .enumerate()
            .filter(|(_, byte)| *byte == b'\n')
            .map(|(at, _)| at + 1)
            .collect();
        let (table, errors) = DeTable::parse_recoverable(text);
        let root = Node {
            value: table_of(table.into_inner()),
            masked: false,
            offset: 0,
        };
        let document = Self { root, line_starts };
        match errors.first() {
            None => Ok(document),
            Some(error) => Err(SyntaxFault {
                line: error.span().map(|span| document.line_at(span.start)),
                message: format!("not valid TOML: {}", error.message()),
            }),
        }
    }

    pub(crate) fn root(&self) -> &Node {
        &self.root
    }

    /// Has the value at `path` passed over from now on. False if it is not there or
    /// was passed over before.
    pub(crate) fn mask(&mut self, path: &KeyPath) -> bool {
        let mut node = &mut self.root;
        for step in path.steps() {
            let Some(child) = node.child_mut(step) else {
                return false;
            };
            node = child;
        }
        !std::mem::replace(&mut node.masked, true)
    }

    /// Whether something was found wrong with the value at `path` before.
    pub(crate) fn is_masked(&self, path: &KeyPath) -> bool {
        let (node, depth) = self.deepest(path);
        depth == path.steps().len() && node.masked
    }

    /// The line, from 1, of the longest part of `path` that was written.
    pub(crate) fn line_of(&self, path: &KeyPath) -> Option<usize> {
        let (node, depth) = self.deepest(path);
        (depth > 0).then(|| self.line_at(node.offset))
    }

    fn deepest(&self, path: &KeyPath) -> (&Node, usize) {
        let mut node = &self.root;
        for (depth, step) in path.steps().iter().enumerate() {
            match node.child(step) {
                Some(child) => node = child,
                None => return (node, depth),
            }
        }
        (node, path.steps().len())
    }

    fn line_at(&self, offset: usize) -> usize {
        1 + self.line_starts.partition_point(|start| *start <= offset)
    }
}

impl Node {
    fn new(key: Option<Range<usize>>, value: Spanned<DeValue<'_>>) -> Self {
        let offset = key.unwrap_or_else(|| value.span()).start;
        let value = match value.into_inner() {
            DeValue::String(text) => Value::Text(text.into_owned()),
            DeValue::Integer(integer) => {
                match i64::from_str_radix(integer.as_str(), integer.radix()) {
                    Ok(number) => Value::Integer(number),
                    Err(_) => Value::Unfit("the number is too large"),
                }
            }
            DeValue::Float(float) => match float.as_str().parse::<f64>() {
                Ok(number) if number.is_finite() => Value::Float(number),
                _ => Value::Unfit("the number is not finite"),
            },
            DeValue::Boolean(truth) => Value::Bool(truth),
            DeValue::Datetime(_) => Value::Unfit("a bare date or time; no key takes one"),
            DeValue::Array(elements) => Value::List(
                elements
                    .into_iter()
                    .map(|element| Self::new(None, element))
                    .collect(),
            ),
            DeValue::Table(table) => table_of(table),
        };
        Self {
            value,
            masked: false,
            offset,
        }
    }

    /// What kind of value it is, for messages.
    pub(crate) const fn kind(&self) -> &'static str {
        match self.value {
            Value::Text(_) => "text",
            Value::Integer(_) | Value::Float(_) => "a number",
            Value::Bool(_) => "true or false",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
            Value::Unfit(reason) => reason,
        }
    }

    fn child(&self, step: &Step) -> Option<&Self> {
        match (&self.value, step) {
            (Value::List(elements), Step::Index(at)) => elements.get(*at),
            (Value::Table(members), Step::Key(key)) => members
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, node)| node),
            _ => None,
        }
    }

    fn child_mut(&mut self, step: &Step) -> Option<&mut Self> {
        match (&mut self.value, step) {
            (Value::List(elements), Step::Index(at)) => elements.get_mut(*at),
            (Value::Table(members), Step::Key(key)) => members
                .iter_mut()
                .find(|(name, _)| name == key)
                .map(|(_, node)| node),
            _ => None,
        }
    }
}

fn table_of(table: DeTable<'_>) -> Value {
    let mut members: Vec<(String, Node)> = table
        .into_iter()
        .map(|(key, value)| {
            let span = key.span();
            (key.into_inner().into_owned(), Node::new(Some(span), value))
        })
        .collect();
    members.sort_by_key(|(_, node)| node.offset);
    Value::Table(members)
}
