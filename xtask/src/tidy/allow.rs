//! The allow-list `xtask/tidy.toml`: what may be longer than the limits, and why.
//! What it is an exception from is decided by the rule that asks.

use std::cell::Cell;

use serde::Deserialize;

use super::finding::Finding;
use crate::Failure;

const FILE: &str = "xtask/tidy.toml";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AllowList {
    #[serde(default)]
    allow: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    path: toml::Spanned<String>,
    /// `file`, or a function's name.
    item: String,
    reason: String,
    #[serde(skip)]
    used: Cell<bool>,
}

impl AllowList {
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let list: Self = toml::from_str(text).map_err(|e| Failure::new(format!("{FILE}: {e}")))?;
        match list.allow.iter().find(|e| e.reason.trim().is_empty()) {
            Some(entry) => Err(Failure::with_fix(
                format!("{FILE}: {} {}: no reason", entry.path.get_ref(), entry.item),
                "say why this item reads better long",
            )),
            None => Ok(list),
        }
    }

    /// Whether the item is excused; notes that its entry is of use.
    pub(crate) fn excuses(&self, path: &str, item: &str) -> bool {
        let entry = self
            .allow
            .iter()
            .find(|entry| entry.path.get_ref() == path && entry.item == item);
        if let Some(entry) = entry {
            entry.used.set(true);
        }
        entry.is_some()
    }

    /// The entries that excused nothing. `text` is the list's own, for the line numbers.
    pub(crate) fn unused(&self, text: &str) -> Vec<Finding> {
        let unused = self.allow.iter().filter(|entry| !entry.used.get());
        unused
            .map(|entry| {
                let before = text.as_bytes().iter().take(entry.path.span().start);
                Finding {
                    file: FILE.to_owned(),
                    line: 1 + before.filter(|byte| **byte == b'\n').count(),
                    what: format!("{} {} needs no excuse", entry.path.get_ref(), entry.item),
                    fix: "remove the entry",
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "# long ones\n[[allow]]\npath = \"a.rs\"\nitem = \"file\"\nreason = \"a table\"\n\
                        [[allow]]\npath = \"b.rs\"\nitem = \"f\"\nreason = \"a state machine\"\n";

    #[test]
    fn an_entry_excuses_its_own_item_only_and_must_be_used() {
        let list = AllowList::parse(LIST).unwrap();
        assert!(list.excuses("a.rs", "file"));
        assert!(!list.excuses("b.rs", "file"));
        assert!(!list.excuses("b.rs", "g"));
        let [unused] = list.unused(LIST).try_into().unwrap();
        assert_eq!(
            (unused.line, unused.what.as_str()),
            (7, "b.rs f needs no excuse")
        );
        assert!(list.excuses("b.rs", "f"));
        assert_eq!(list.unused(LIST), []);
    }

    #[test]
    fn a_blank_reason_and_an_unknown_key_are_errors() {
        assert!(AllowList::parse(&LIST.replace("a table", " ")).is_err());
        assert!(AllowList::parse(&LIST.replace("reason", "because")).is_err());
        assert!(AllowList::parse("").unwrap().unused("").is_empty());
    }
}
