//! Rule: no file names a place of the machine it was written on: this checkout, a folder
//! beside it, or somebody's home. Such a path means nothing to the next reader.

use std::fs;
use std::path::Path;

use super::finding::Finding;
use super::tree::Tree;

pub(crate) fn check(tree: &Tree, places: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        for (index, line) in file.text.lines().enumerate() {
            if let Some(place) = places.iter().find(|place| names(line, place)) {
                findings.push(Finding {
                    file: file.path.clone(),
                    line: index + 1,
                    what: format!("`{place}` exists on one machine only"),
                    fix: "name a path inside the repository, or drop it",
                });
            }
        }
    }
    findings
}

/// The home folder, the checkout, and every neighbour of the checkout, the last both
/// absolute and as `../name`. A checkout directly under `/` has no neighbours of its own.
pub(crate) fn places(root: &Path, home: Option<&Path>) -> Vec<String> {
    let mut places: Vec<String> = home
        .iter()
        .map(|home| format!("{}", home.display()))
        .collect();
    places.push(root.display().to_string());
    let Some(parent) = root.parent().filter(|parent| parent.parent().is_some()) else {
        return places;
    };
    let Ok(entries) = fs::read_dir(parent) else {
        return places;
    };
    for entry in entries.flatten() {
        places.push(entry.path().display().to_string());
        // A folder of ours by the same name is what a relative path means.
        if !root.join(entry.file_name()).exists() {
            places.push(format!("../{}", entry.file_name().to_string_lossy()));
        }
    }
    places.retain(|place| place != "/");
    places
}

/// Whether the line holds the place as a whole path or the beginning of one.
fn names(line: &str, place: &str) -> bool {
    let inside_a_word = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    line.match_indices(place).any(|(at, _)| {
        let (before, rest) = line.split_at(at);
        let after = rest.strip_prefix(place).unwrap_or_default();
        let starts = !before.ends_with(|c: char| c == '/' || inside_a_word(c));
        // A full stop ends a sentence as well as it begins a suffix.
        let ends = after == "." || !after.starts_with(inside_a_word);
        starts && ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_found_in_both_spellings_and_look_alikes_are_not() {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join("checkout");
        fs::create_dir(&root).unwrap();
        fs::create_dir(parent.path().join("notes")).unwrap();
        let places = places(&root, Some(Path::new("/home/someone")));
        let found = |line: &str| !check(&Tree::of(&[("docs/a.md", line)]), &places).is_empty();
        let parent = parent.path().display();
        for line in [
            format!("see {parent}/notes/plan.md"),
            format!("run it in {parent}/checkout."),
            "see `../notes/plan.md`".to_owned(),
            "keys lie in /home/someone/.ssh".to_owned(),
        ] {
            assert!(found(&line), "{line}");
        }
        for line in [
            "include_str!(\"../notes.rs\")",
            "https://example.org/home/someone",
            "crates/base/../notesheet",
            "GET /home/someone-else",
        ] {
            assert!(!found(line), "{line}");
        }
    }
}
