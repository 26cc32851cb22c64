//! Rule: the crate graph has the edges listed here and no other. What crosses a missing
//! edge goes through a port: the consumer defines it, `server` adapts it.

use std::path::Path;

use super::finding::Finding;
use super::metadata::{Dependency, Metadata, Package};
use super::tree::Tree;

/// What a package may depend on, by folder name. A test (dev) edge is allowed wherever
/// the plain one is.
struct Allowed {
    from: &'static str,
    to: To,
    dev: &'static [&'static str],
}

enum To {
    These(&'static [&'static str]),
    EveryCrateBut(&'static [&'static str]),
}

const fn these(from: &'static str, to: &'static [&'static str]) -> Allowed {
    Allowed {
        from,
        to: To::These(to),
        dev: &[],
    }
}

const DIALECT: &[&str] = &["surface", "identity", "jose", "base"];

const ALLOWED: &[Allowed] = &[
    Allowed {
        from: "server",
        to: To::EveryCrateBut(&["testkit", "systems", "soak", "bench", "xtask"]),
        dev: &[],
    },
    these("supabase", DIALECT),
    these("nhost", DIALECT),
    these("oauth", DIALECT),
    these("console", DIALECT),
    these("rows", &["surface", "base"]),
    Allowed {
        from: "gate",
        to: To::These(&["surface", "jose", "base"]),
        dev: &["testkit"],
    },
    these("outbound", &["identity", "base"]),
    these("store", &["identity", "base"]),
    these("surface", &["base"]),
    these("identity", &["jose", "base"]),
    these("jose", &["base"]),
    these("base", &[]),
    these("testkit", &["server"]),
    Allowed {
        from: "systems",
        to: To::These(&[]),
        dev: &["testkit", "examples"],
    },
    these("examples", &[]),
    these("soak", &["testkit"]),
    // Benchmarks and fuzz targets may reach whatever they measure.
    Allowed {
        from: "bench",
        to: To::EveryCrateBut(&["systems", "soak", "xtask"]),
        dev: &[],
    },
    Allowed {
        from: "fuzz",
        to: To::EveryCrateBut(&["systems", "soak", "xtask", "bench"]),
        dev: &[],
    },
    these("xtask", &["testkit"]),
];

pub(crate) fn check(metadata: &Metadata, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &metadata.packages {
        let from = folder(&package.name);
        let Some(allowed) = ALLOWED.iter().find(|allowed| allowed.from == from) else {
            findings.push(Finding {
                file: manifest(package, tree),
                line: 1,
                what: format!("package `{}` is not in the list of crates", package.name),
                fix: "add it, with its edges, to xtask/src/tidy/edge.rs and docs/architecture.md",
            });
            continue;
        };
        for dependency in &package.dependencies {
            if metadata.has_package(&dependency.name) && !allowed.permits(dependency) {
                findings.push(forbidden(package, dependency, tree));
            }
        }
    }
    findings
}

impl Allowed {
    fn permits(&self, dependency: &Dependency) -> bool {
        let to = folder(&dependency.name);
        let plain = match self.to {
            To::These(crates) => crates.contains(&to),
            To::EveryCrateBut(crates) => !crates.contains(&to),
        };
        plain || (dependency.kind.as_deref() == Some("dev") && self.dev.contains(&to))
    }
}

fn forbidden(package: &Package, dependency: &Dependency, tree: &Tree) -> Finding {
    let file = manifest(package, tree);
    let line = tree.text(&file).map_or(1, |text| {
        let named = |line: &str| line.starts_with(dependency.name.as_str());
        text.lines().position(named).map_or(1, |index| index + 1)
    });
    let kind = dependency.kind.as_deref().unwrap_or("normal");
    Finding {
        file,
        line,
        what: format!(
            "{kind} edge {} → {} is not allowed",
            folder(&package.name),
            folder(&dependency.name)
        ),
        fix: "define a port in the crate that needs it and adapt it in `server`",
    }
}

fn folder(package: &str) -> &str {
    package.strip_prefix("doorward-").unwrap_or(package)
}

fn manifest(package: &Package, tree: &Tree) -> String {
    let path = Path::new(&package.manifest_path);
    let path = path.strip_prefix(&tree.root).unwrap_or(path);
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The findings for one package with one dependency of the given kind.
    fn edge(from: &str, to: &str, kind: &str) -> Vec<Finding> {
        let json = format!(
            r#"{{"packages": [
                {{"name": "doorward-{from}", "manifest_path": "crates/{from}/Cargo.toml",
                  "dependencies": [{{"name": "doorward-{to}", "kind": {kind}}},
                                   {{"name": "serde", "kind": null}}]}},
                {{"name": "doorward-{to}", "manifest_path": "x", "dependencies": []}}]}}"#
        );
        let manifest = format!("[dependencies]\nserde = \"1\"\ndoorward-{to}.workspace = true\n");
        let path = format!("crates/{from}/Cargo.toml");
        check(
            &Metadata::parse(&json).unwrap(),
            &Tree::of(&[(&path, &manifest)]),
        )
    }

    #[test]
    fn an_edge_outside_the_list_is_found_at_its_line() {
        let [finding] = edge("gate", "identity", "null").try_into().unwrap();
        assert_eq!(
            (finding.file.as_str(), finding.line),
            ("crates/gate/Cargo.toml", 3)
        );
        assert_eq!(finding.what, "normal edge gate → identity is not allowed");
    }

    #[test]
    fn listed_edges_pass_in_tests_too() {
        for (from, to, kind) in [
            ("gate", "jose", "null"),
            ("gate", "base", r#""dev""#),
            ("server", "store", "null"),
            ("bench", "gate", "null"),
            ("systems", "testkit", r#""dev""#),
            ("xtask", "testkit", "null"),
        ] {
            assert_eq!(edge(from, to, kind), [], "{from} → {to}");
        }
    }

    #[test]
    fn what_only_tests_may_use_is_refused_to_code_and_to_builds() {
        for (from, to, kind) in [
            ("systems", "testkit", "null"),
            ("systems", "testkit", r#""build""#),
            ("server", "testkit", "null"),
            ("identity", "store", r#""dev""#),
            ("oauth", "supabase", "null"),
            ("base", "jose", "null"),
        ] {
            assert_eq!(edge(from, to, kind).len(), 1, "{from} → {to}");
        }
    }

    #[test]
    fn a_package_nobody_listed_is_found() {
        let [finding] = edge("shared", "base", "null").try_into().unwrap();
        assert_eq!(
            finding.what,
            "package `doorward-shared` is not in the list of crates"
        );
    }
}
