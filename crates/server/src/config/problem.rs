//! What is wrong with a configuration: where, what, and what to do. Not here: the
//! rules themselves (`decode`, `lower`).

use super::document::Document;
use std::fmt;
use std::path::{Path, PathBuf};

/// One step of a path into the configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// A member of a table.
    Key(String),
    /// An element of a list, from 0.
    Index(usize),
}

/// Where a value lies in the configuration, for example `realm.acme.route[1].path`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KeyPath(Vec<Step>);

impl KeyPath {
    /// The path of these keys from the top.
    #[must_use]
    pub fn of(keys: &[&str]) -> Self {
        Self(
            keys.iter()
                .map(|key| Step::Key((*key).to_owned()))
                .collect(),
        )
    }

    /// This path and one more key.
    #[must_use]
    pub fn key(&self, key: impl Into<String>) -> Self {
        let mut longer = self.clone();
        longer.0.push(Step::Key(key.into()));
        longer
    }

    /// This path and one more index, from 0.
    #[must_use]
    pub fn index(&self, at: usize) -> Self {
        let mut longer = self.clone();
        longer.0.push(Step::Index(at));
        longer
    }

    /// The steps from the top.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    pub(crate) fn prepend(&mut self, step: Step) {
        self.0.insert(0, step);
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => {
                    let dot = if at == 0 { "" } else { "." };
                    let bare = !key.is_empty()
                        && key
                            .bytes()
                            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
                    if bare {
                        write!(f, "{dot}{key}")?;
                    } else {
                        write!(f, "{dot}{key:?}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// One problem, shown as `file:line: path: what is wrong and what to do`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The file, as it was named.
    pub file: PathBuf,
    /// The line, from 1; `None` when the file could not be read or the problem is not
    /// in it.
    pub line: Option<usize>,
    /// The key; empty for a problem of syntax.
    pub path: KeyPath,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.path.steps().is_empty() {
            write!(f, ": {}", self.path)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Collects the problems of one file.
#[derive(Debug)]
pub(crate) struct Problems<'a> {
    file: &'a Path,
    document: &'a Document,
    found: Vec<Problem>,
}

impl<'a> Problems<'a> {
    pub(crate) fn new(file: &'a Path, document: &'a Document) -> Self {
        Self {
            file,
            document,
            found: Vec::new(),
        }
    }

    /// Notes a problem with the value at `path`, on the line of the longest part of the
    /// path that is in the file.
    pub(crate) fn add(&mut self, path: &KeyPath, message: impl Into<String>) {
        self.found.push(Problem {
            file: self.file.to_owned(),
            line: self.document.line_of(path),
            path: path.clone(),
            message: message.into(),
        });
    }

    /// Notes the problem of a failed parse and goes on without the value.
    pub(crate) fn take<T, E: fmt::Display>(
        &mut self,
        path: &KeyPath,
        parsed: Result<T, E>,
    ) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(error) => {
                self.add(path, error.to_string());
                None
            }
        }
    }

    /// Whether nothing was found.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// What was found, by line.
    pub(crate) fn into_list(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|problem| problem.line);
        self.found
    }
}

/// The known word nearest to `word`, if one is near enough to be meant.
pub(crate) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), *candidate))
        .filter(|(likeness, _)| *likeness >= 0.7)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, candidate)| candidate)
}

/// `unknown WHAT "word"; did you mean "x"? Known: …`
pub(crate) fn unknown(what: &str, word: &str, known: &[&str]) -> String {
    let mut sorted = known.to_vec();
    sorted.sort_unstable();
    let list = if sorted.is_empty() {
        "none".to_owned()
    } else {
        sorted.join(", ")
    };
    match nearest(word, known) {
        Some(near) => format!("unknown {what} {word:?}; did you mean {near:?}? Known: {list}"),
        None => format!("unknown {what} {word:?}. Known: {list}"),
    }
}
