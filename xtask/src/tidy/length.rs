//! Rule: a file has at most 400 production lines, a function at most 60. Test files and
//! generated code (marked `@generated` in the first lines) are exempt.

use super::allow::AllowList;
use super::finding::Finding;
use super::scan;
use super::tree::Tree;

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 60;

pub(crate) fn check(tree: &Tree, allow: &AllowList) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.with_extension("rs") {
        if is_test(&file.path) || is_generated(&file.text) {
            continue;
        }
        let production = scan::production(&file.text);
        if production.lines > FILE_LINES && !allow.excuses(&file.path, "file") {
            findings.push(Finding {
                file: file.path.clone(),
                line: 1,
                what: format!("{} production lines, over {FILE_LINES}", production.lines),
                fix: "split it by what it does, or give a reason in xtask/tidy.toml",
            });
        }
        for function in production.functions {
            if function.lines > FUNCTION_LINES && !allow.excuses(&file.path, &function.name) {
                findings.push(Finding {
                    file: file.path.clone(),
                    line: function.line,
                    what: format!(
                        "fn {} has {} lines, over {FUNCTION_LINES}",
                        function.name, function.lines
                    ),
                    fix: "extract a step with a name, or give a reason in xtask/tidy.toml",
                });
            }
        }
    }
    findings.extend(allow.unused(tree.text("xtask/tidy.toml").unwrap_or_default()));
    findings
}

/// Folders below `src` that are compiled for tests only.
const TEST_FOLDERS: [&str; 3] = ["tests", "conformance", "use_case"];

fn is_test(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    parts
        .next()
        .is_some_and(|file| file == "tests.rs" || file.ends_with("_tests.rs"))
        || parts.any(|folder| TEST_FOLDERS.contains(&folder))
}

fn is_generated(text: &str) -> bool {
    text.lines().take(5).any(|line| line.contains("@generated"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of `lines` lines, one function in it.
    fn function_of(lines: usize) -> String {
        format!("fn long() {{\n{}}}\n", "    step();\n".repeat(lines - 2))
    }

    fn found(path: &str, text: &str, allow: &str) -> Vec<(usize, String)> {
        let tree = Tree::of(&[(path, text), ("xtask/tidy.toml", allow)]);
        let found = check(&tree, &AllowList::parse(allow).unwrap());
        found.into_iter().map(|f| (f.line, f.what)).collect()
    }

    #[test]
    fn the_limits_are_inclusive() {
        assert_eq!(found("a.rs", &function_of(60), ""), []);
        let over = (1, "fn long has 61 lines, over 60".to_owned());
        assert_eq!(found("a.rs", &function_of(61), ""), [over]);
        assert_eq!(found("a.rs", &"\n".repeat(400), ""), []);
        let over = (1, "401 production lines, over 400".to_owned());
        assert_eq!(found("a.rs", &"\n".repeat(401), ""), [over]);
    }

    #[test]
    fn tests_and_generated_code_may_be_long() {
        let long = function_of(500);
        let inline = format!("fn short() {{}}\n#[cfg(test)]\nmod tests {{\n{long}}}\n");
        assert_eq!(found("src/a.rs", &inline, ""), []);
        assert_eq!(found("src/a/tests.rs", &long, ""), []);
        assert_eq!(found("tests/wb/exchange.rs", &long, ""), []);
        assert_eq!(
            found("src/a.rs", &format!("//! @generated\n{long}"), ""),
            []
        );
        assert_eq!(found("src/attests.rs", &long, "").len(), 2);
    }

    #[test]
    fn a_reason_excuses_one_item_and_not_the_other() {
        let allow = "[[allow]]\npath = \"a.rs\"\nitem = \"long\"\nreason = \"one table\"\n";
        let whats = found("a.rs", &function_of(500), allow);
        assert_eq!(whats, [(1, "500 production lines, over 400".to_owned())]);
        let whats = found("a.rs", &function_of(60), allow);
        assert_eq!(whats, [(2, "a.rs long needs no excuse".to_owned())]);
    }
}
