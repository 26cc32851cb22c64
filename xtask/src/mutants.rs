//! `mutants`: changes one thing after the other in the code that holds the rules, and asks
//! whether a test notices (`cargo-mutants`). Survivors that are listed with their reason in
//! `xtask/mutants.toml` are accepted; any other is a test that is missing. It takes hours,
//! so it is no part of `test`.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

use crate::{Failure, process};

const FILE: &str = "xtask/mutants.toml";

/// What is mutated: a package, and which of its files.
struct Set {
    name: &'static str,
    package: &'static str,
    files: &'static [&'static str],
}

const SETS: &[Set] = &[
    Set {
        name: "decide",
        package: "doorward-identity",
        files: &["crates/identity/src/decide/**/*.rs"],
    },
    Set {
        name: "gate",
        package: "doorward-gate",
        files: &[
            "crates/gate/src/stage/**/*.rs",
            "crates/gate/src/path.rs",
            "crates/gate/src/path/*.rs",
            "crates/gate/src/policy/table.rs",
        ],
    },
    Set {
        name: "jose",
        package: "doorward-jose",
        files: &["crates/jose/src/**/*.rs"],
    },
    Set {
        name: "limit",
        package: "doorward-base",
        files: &["crates/base/src/limit/**/*.rs"],
    },
];

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    #[serde(default)]
    accept: Vec<Entry>,
}

/// A mutation that may survive, wherever in its file it stands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    path: String,
    mutation: String,
    reason: String,
}

/// Runs the sets of these names, or all.
pub(crate) fn run(root: &Path, names: &[String]) -> Result<(), Failure> {
    let sets = wanted(names)?;
    let text = std::fs::read_to_string(root.join(FILE));
    let text = text.map_err(|e| Failure::new(format!("{FILE}: {e}")))?;
    let accepted = Accepted::parse(&text)?;
    if !process::succeeds(&mut process::cargo(root, ["mutants", "--version"])) {
        return Err(Failure::with_fix(
            "cargo-mutants is not installed",
            "cargo install --locked cargo-mutants",
        ));
    }
    let mut survivors = Vec::new();
    for set in sets {
        survivors.extend(set.survivors(root)?);
    }
    let new: Vec<&String> = survivors
        .iter()
        .filter(|line| !accepted.accepts(line))
        .collect();
    for line in &new {
        println!("survives: {line}");
    }
    for entry in accepted.unused(&survivors, &sets_of_paths(names)) {
        println!(
            "does not survive, so needs no entry: {} {}",
            entry.path, entry.mutation
        );
    }
    println!("{} survivors, {} of them new", survivors.len(), new.len());
    match new.len() {
        0 => Ok(()),
        count => Err(Failure::with_fix(
            format!("{count} mutations that no test notices"),
            format!("a test of the right outcome, or an entry with its reason in {FILE}"),
        )),
    }
}

fn wanted(names: &[String]) -> Result<Vec<&'static Set>, Failure> {
    let known = |name: &String| SETS.iter().any(|set| set.name == name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        let sets: Vec<&str> = SETS.iter().map(|set| set.name).collect();
        let what = format!("no set {unknown:?}");
        return Err(Failure::with_fix(what, sets.join(", ")));
    }
    Ok(chosen(names).collect())
}

fn chosen(names: &[String]) -> impl Iterator<Item = &'static Set> {
    let named = |set: &&Set| names.is_empty() || names.iter().any(|name| name == set.name);
    SETS.iter().filter(named)
}

/// Where the files of the chosen sets begin, to know which entries were put to the test.
fn sets_of_paths(names: &[String]) -> BTreeSet<&'static str> {
    let files = chosen(names).flat_map(|set| set.files);
    files
        .filter_map(|glob| glob.split('*').next())
        .collect::<BTreeSet<_>>()
}

impl Set {
    /// One line for each mutation that its package's tests did not notice.
    fn survivors(&self, root: &Path) -> Result<Vec<String>, Failure> {
        let out = root.join("target/mutants").join(self.name);
        let made = std::fs::create_dir_all(&out);
        made.map_err(|e| Failure::new(format!("{}: {e}", out.display())))?;
        let mut command = process::cargo(root, ["mutants", "--package", self.package]);
        command.arg("--output").arg(&out);
        for file in self.files {
            command.args(["--file", file]);
        }
        // It exits with an error also when something survived; what it wrote says more.
        let ended = process::follow(&mut command, |_| {})?;
        let missed = out.join("mutants.out/missed.txt");
        match std::fs::read_to_string(&missed) {
            Ok(text) if ended || !text.trim().is_empty() => {
                Ok(text.lines().map(str::to_owned).collect())
            }
            Ok(_) | Err(_) => Err(Failure::with_fix(
                format!("the set {} did not run to its end", self.name),
                format!("see {}", out.display()),
            )),
        }
    }
}

impl Accepted {
    fn parse(text: &str) -> Result<Self, Failure> {
        let list: Self = toml::from_str(text).map_err(|e| Failure::new(format!("{FILE}: {e}")))?;
        match list.accept.iter().find(|e| e.reason.trim().is_empty()) {
            Some(entry) => Err(Failure::with_fix(
                format!("{FILE}: {} {}: no reason", entry.path, entry.mutation),
                "say why no test can or need notice it",
            )),
            None => Ok(list),
        }
    }

    /// Whether the survivor `PATH:LINE:COLUMN: MUTATION` is listed.
    fn accepts(&self, line: &str) -> bool {
        self.accept.iter().any(|entry| entry.is(line))
    }

    /// Entries below `paths` that no survivor needs.
    fn unused(&self, survivors: &[String], paths: &BTreeSet<&str>) -> Vec<&Entry> {
        let asked = |entry: &Entry| paths.iter().any(|path| entry.path.starts_with(path));
        let survives = |entry: &Entry| survivors.iter().any(|line| entry.is(line));
        let entries = self.accept.iter();
        entries
            .filter(|entry| asked(entry) && !survives(entry))
            .collect()
    }
}

impl Entry {
    fn is(&self, line: &str) -> bool {
        let mut parts = line.splitn(4, ':');
        let (path, mutation) = (parts.next(), parts.nth(2));
        path == Some(self.path.as_str()) && mutation.map(str::trim) == Some(self.mutation.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "[[accept]]\npath = \"crates/jose/src/jws.rs\"\n\
                        mutation = \"replace > with >= in A::b\"\nreason = \"the same\"\n";

    #[test]
    fn an_entry_accepts_its_mutation_on_any_line_of_its_file() {
        let list = Accepted::parse(LIST).unwrap();
        assert!(list.accepts("crates/jose/src/jws.rs:116:24: replace > with >= in A::b"));
        assert!(list.accepts("crates/jose/src/jws.rs:9:2: replace > with >= in A::b"));
        assert!(!list.accepts("crates/jose/src/jws.rs:9:2: replace > with == in A::b"));
        assert!(!list.accepts("crates/jose/src/jwt.rs:9:2: replace > with >= in A::b"));
        assert!(!list.accepts("crates/jose/src/jws.rs"));
    }

    #[test]
    fn an_entry_that_nothing_needs_is_named_when_its_set_ran() {
        let list = Accepted::parse(LIST).unwrap();
        let line = "crates/jose/src/jws.rs:1:1: replace > with >= in A::b".to_owned();
        let jose = || sets_of_paths(&["jose".to_owned()]);
        assert_eq!(list.unused(&[line], &jose()).len(), 0);
        assert_eq!(list.unused(&[], &jose()).len(), 1);
        assert_eq!(
            list.unused(&[], &sets_of_paths(&["gate".to_owned()])).len(),
            0
        );
    }

    #[test]
    fn a_blank_reason_and_an_unknown_set_are_errors() {
        assert!(Accepted::parse(&LIST.replace("the same", " ")).is_err());
        assert!(wanted(&["jose".to_owned(), "console".to_owned()]).is_err());
        assert_eq!(wanted(&[]).unwrap().len(), SETS.len());
    }

    #[test]
    fn the_list_and_the_sets_name_files_that_exist() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let text = std::fs::read_to_string(root.join(FILE)).unwrap();
        for entry in Accepted::parse(&text).unwrap().accept {
            assert!(root.join(&entry.path).is_file(), "{}", entry.path);
            let paths = sets_of_paths(&[]);
            let asked = paths.iter().any(|path| entry.path.starts_with(path));
            assert!(asked, "{} is in no set", entry.path);
        }
        for path in sets_of_paths(&[]) {
            assert!(root.join(path).exists(), "{path}");
        }
    }
}
