//! Rule: every Rust file begins with a `//!` line that says what it is and what is not
//! in it. Whether it says so well is for a reviewer.

use super::finding::Finding;
use super::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.with_extension("rs")
        .filter(|file| !documented(&file.text))
        .map(|file| Finding {
            file: file.path.clone(),
            line: 1,
            what: "no module documentation".to_owned(),
            fix: "begin the file with `//!`: what it is, and what is not in it",
        })
        .collect()
}

fn documented(text: &str) -> bool {
    let first = text
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("//!"));
    first.is_some_and(|words| !words.trim().is_empty() && words.trim() != "placeholder")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_first_line_with_words_counts() {
        let tree = Tree::of(&[
            ("good.rs", "//! What it is.\n"),
            ("late.rs", "use std::fmt;\n//! Too late.\n"),
            ("bare.rs", "//!\nfn f() {}\n"),
            ("item.rs", "/// An item's.\nfn f() {}\n"),
            ("empty.rs", ""),
            ("placeholder.rs", "//! placeholder\n"),
            ("notes.md", "no Rust"),
        ]);
        let found: Vec<String> = check(&tree).into_iter().map(|f| f.file).collect();
        assert_eq!(
            found,
            [
                "late.rs",
                "bare.rs",
                "item.rs",
                "empty.rs",
                "placeholder.rs"
            ]
        );
    }
}
