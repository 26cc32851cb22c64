//! Rule: code that the documentation quotes from a file still stands in that file. A
//! fenced block whose info string names a file after the language is such a quotation;
//! a line of `…` alone leaves lines out. Indentation does not count. Not here: whether
//! the file exists (`named_path` reads code spans; here it is part of the finding).

use super::finding::Finding;
use super::tree::{SourceFile, Tree};

/// What stands for lines that were left out.
const GAP: &str = "…";

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.with_extension("md")
        .flat_map(|file| check_file(file, tree))
        .collect()
}

fn check_file(document: &SourceFile, tree: &Tree) -> Vec<Finding> {
    quotations(&document.text)
        .into_iter()
        .filter(|quotation| {
            let quoted = tree.text(&quotation.file);
            !quoted.is_some_and(|text| occurs(&quotation.lines, text))
        })
        .map(|quotation| Finding {
            file: document.path.clone(),
            line: quotation.line,
            what: format!("`{}` does not read so", quotation.file),
            fix: "quote the file as it is, or leave its name out",
        })
        .collect()
}

struct Quotation {
    /// Of the fence, from 1.
    line: usize,
    file: String,
    lines: Vec<String>,
}

fn quotations(text: &str) -> Vec<Quotation> {
    let mut found = Vec::new();
    let mut open: Option<Quotation> = None;
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if let Some(info) = line.trim_start().strip_prefix("```") {
            found.extend(open.take());
            fenced = !fenced;
            let file = info.split_whitespace().nth(1);
            open = file.filter(|_| fenced).map(|file| Quotation {
                line: index + 1,
                file: file.to_owned(),
                lines: Vec::new(),
            });
        } else if let Some(open) = &mut open {
            open.lines.push(line.trim().to_owned());
        }
    }
    found
}

/// Whether the lines stand in the text in this order, without others between them
/// except where the quotation has a gap.
fn occurs(quoted: &[String], text: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut rest = lines.as_slice();
    quoted
        .split(|line| line == GAP)
        .filter(|part| !part.is_empty())
        .all(|part| {
            let at = rest.windows(part.len()).position(|window| window == part);
            let Some(after) = at.and_then(|at| rest.get(at + part.len()..)) else {
                return false;
            };
            rest = after;
            true
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "fn one() {\n    first();\n    second();\n}\n\nfn two() {}\n";

    fn findings(document: &str) -> Vec<usize> {
        let tree = Tree::of(&[("docs/a.md", document), ("src/a.rs", CODE)]);
        check(&tree).into_iter().map(|found| found.line).collect()
    }

    #[test]
    fn what_stands_there_passes() {
        for document in [
            "```rust src/a.rs\nfn one() {\n    first();\n```\n",
            "```rust src/a.rs\nfirst();\nsecond();\n```\n",
            "```rust src/a.rs\nfn one() {\n…\n}\n…\nfn two() {}\n```\n",
            "```rust\nfn anything() {}\n```\n",
            "prose\n",
        ] {
            assert_eq!(findings(document), Vec::<usize>::new(), "{document}");
        }
    }

    #[test]
    fn what_does_not_is_found_at_its_fence() {
        for document in [
            "\n```rust src/a.rs\nthird();\n```\n",
            "\n```rust src/a.rs\nfn one() {\nsecond();\n```\n",
            "\n```rust src/a.rs\nfn two() {}\n…\nfn one() {\n```\n",
            "\n```rust src/gone.rs\nfn one() {\n```\n",
        ] {
            assert_eq!(findings(document), [2], "{document}");
        }
    }
}
