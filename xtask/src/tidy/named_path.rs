//! Rule: every repository path and every crate that the documentation names exists.
//! Read are docs/**/*.md and README.md: code spans, fenced blocks, and relative links.

use std::path::{Component, Path, PathBuf};

use super::finding::Finding;
use super::metadata::Metadata;
use super::tree::{SourceFile, Tree};

/// A word that begins with one of these and a `/` is taken for a path from the root.
const FOLDERS: &[&str] = &[
    ".cargo", ".ci", "bench", "crates", "docs", "examples", "fuzz", "sdk", "spec", "systems",
    "xtask",
];

pub(crate) fn check(tree: &Tree, metadata: &Metadata) -> Vec<Finding> {
    let exists = |path: &Path| tree.root.join(path).exists();
    tree.with_extension("md")
        .filter(|file| file.path == "README.md" || file.path.starts_with("docs/"))
        .flat_map(|file| check_file(file, &exists, &|name| metadata.has_package(name)))
        .collect()
}

fn check_file(
    file: &SourceFile,
    exists: &dyn Fn(&Path) -> bool,
    is_package: &dyn Fn(&str) -> bool,
) -> Vec<Finding> {
    let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
    let mut findings = Vec::new();
    for (line, named) in named(&file.text) {
        let (found, fix) = match &named {
            Named::FromRoot(path) => (exists(Path::new(path)), "correct the path"),
            Named::FromHere(path) => (
                within(folder, path).is_some_and(|path| exists(&path)),
                "name a file of this repository, from where the document lies",
            ),
            Named::Package(name) => (is_package(name), "name a package of this workspace"),
        };
        if !found {
            let (Named::FromRoot(name) | Named::FromHere(name) | Named::Package(name)) = named;
            findings.push(Finding {
                file: file.path.clone(),
                line,
                what: format!("`{name}` does not exist"),
                fix,
            });
        }
    }
    findings
}

#[derive(Debug, PartialEq, Eq)]
enum Named {
    FromRoot(String),
    FromHere(String),
    Package(String),
}

/// What a document names, with line numbers from 1.
fn named(text: &str) -> Vec<(usize, Named)> {
    let mut all = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        let mut add = |named: Option<Named>| all.extend(named.map(|named| (index + 1, named)));
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            line.split_whitespace().for_each(|word| add(of_word(word)));
        } else {
            for (nth, part) in line.split('`').enumerate() {
                if nth % 2 == 1 {
                    part.split_whitespace().for_each(|word| add(of_word(word)));
                } else {
                    link_targets(part).for_each(|target| add(of_link(target)));
                }
            }
        }
    }
    all
}

fn link_targets(prose: &str) -> impl Iterator<Item = &str> {
    prose
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}

fn of_link(target: &str) -> Option<Named> {
    let path = target.split('#').next().unwrap_or_default();
    let elsewhere = path.is_empty() || path.contains("://") || path.starts_with("mailto:");
    (!elsewhere).then(|| Named::FromHere(path.to_owned()))
}

fn of_word(word: &str) -> Option<Named> {
    let word = word
        .trim_matches(|c: char| "\"'(),;:".contains(c))
        .trim_end_matches('.');
    if let Some(rest) = word.strip_prefix("doorward-") {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_name = !rest.is_empty() && rest.chars().all(plain);
        return is_name.then(|| Named::Package(word.to_owned()));
    }
    let word = word.split(['#', ':']).next().unwrap_or_default();
    if word.starts_with("../") {
        return Some(Named::FromHere(word.to_owned()));
    }
    let (first, _) = word.split_once('/')?;
    FOLDERS.contains(&first).then(|| {
        // Of `crates/<name>/src` and `docs/*.md`, what comes before the placeholder.
        let known = word.split(['<', '*', '{', '…']).next().unwrap_or_default();
        let known = if known == word {
            word
        } else {
            known.rsplit_once('/').map_or(first, |(folder, _)| folder)
        };
        Named::FromRoot(known.trim_end_matches('/').to_owned())
    })
}

/// The path seen from the root, unless it leaves the repository.
fn within(folder: &Path, path: &str) -> Option<PathBuf> {
    let mut seen = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            Component::Normal(name) => seen.push(name),
            Component::ParentDir if !seen.pop() => return None,
            Component::ParentDir | Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a document at docs/guide/a.md names in vain; these four paths exist.
    fn missing(text: &str) -> Vec<(usize, String)> {
        let existing = ["crates/base", "docs/guide", "docs/style.md", "README.md"];
        let file = SourceFile {
            path: "docs/guide/a.md".to_owned(),
            text: text.to_owned(),
        };
        let found = check_file(
            &file,
            &|path| existing.iter().any(|known| Path::new(known) == path),
            &|name| name == "doorward-base",
        );
        found.into_iter().map(|f| (f.line, f.what)).collect()
    }

    #[test]
    fn what_exists_passes_in_every_form() {
        let text = "\
`crates/base/`, `crates/base:12`, (`docs/style.md#files`), `docs/guide/*.md`, `doorward-base`
`cargo check -p doorward-base` and [style](../style.md#top), [`style`](../style.md), [up](../../README.md)
[web](https://example.org/a) [here](#here) `crates/base/<file>.rs` needs nothing more
```
cat docs/style.md
```
Not code: crates/never, doorward-never. `doorward-<folder>` `doorward.toml` `/docs/x` `a/crates/x`
";
        let names = missing(text);
        assert_eq!(names, []);
    }

    #[test]
    fn what_is_missing_is_found_in_every_form() {
        for text in [
            "`crates/gone`",
            "`crates/gone/src/*.rs`",
            "see `systems/gone.toml`.",
            "`cargo run -- --config systems/gone.toml`",
            "`doorward-gone`",
            "```\ncat docs/gone.md\n```",
            "[text](gone.md)",
            "[`text`](gone.md)",
            "`../gone.md`",
            // Both leave the repository.
            "`../../../neighbour/plan.md`",
            "[text](../../../README.md)",
            "[text](/README.md)",
        ] {
            assert_eq!(missing(text).len(), 1, "{text}");
        }
    }

    #[test]
    fn the_line_and_the_name_are_told() {
        let found = missing("`crates/base`\n\nthen `crates/gone/src`\n");
        assert_eq!(found, [(3, "`crates/gone/src` does not exist".to_owned())]);
    }
}
