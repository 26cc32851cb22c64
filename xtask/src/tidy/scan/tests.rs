//! The scanner over source made to mislead it.

use super::*;

/// (name, first line, lines) of each function.
fn functions_of(source: &str) -> Vec<(String, usize, usize)> {
    let found = production(source).functions;
    found
        .into_iter()
        .map(|f| (f.name, f.line, f.lines))
        .collect()
}

fn one(name: &str, line: usize, lines: usize) -> Vec<(String, usize, usize)> {
    vec![(name.to_owned(), line, lines)]
}

#[test]
fn braces_and_keywords_in_literals_and_comments_do_not_count() {
    for middle in [
        r#"let s = "}";"#,
        r#"let s = "\"}";"#,
        r#"let s = "fn g() {";"#,
        r##"let s = r"\"; let t = "}";"##,
        r###"let s = r#"}"fn g() { "#;"###,
        r###"let s = br##"}"# "##;"###,
        r#"let s = b"}";"#,
        "let c = '}';",
        "let c = b'}';",
        r"let c = '\'';",
        r"let c = '\u{7d}';",
        "let c = '\"';",
        "// } fn g() {",
        "/* } /* } */ } fn g() { */",
        "let r#fn = 1; let y = r#fn;",
        "let f: fn(u8) -> u8 = g;",
        "'outer: loop { break 'outer; }",
    ] {
        let source = format!("fn f<'a>(x: &'a str) {{\n    {middle}\n}}\nfn last() {{}}\n");
        let expected = [one("f", 1, 3), one("last", 4, 1)].concat();
        assert_eq!(functions_of(&source), expected, "{middle}");
    }
}

#[test]
fn strings_over_several_lines_keep_the_line_numbers() {
    let source = "const S: &str = \"a\n{\\\n\";\n/*\n*/\nfn f() {\n    r#\"\n\n\"#;\n}\n";
    assert_eq!(functions_of(source), one("f", 6, 5));
}

#[test]
fn a_head_with_brackets_and_a_where_clause_belongs_to_the_function() {
    let source =
        "fn f<const N: usize>(\n    a: [u8; 4],\n) -> [u8; 2]\nwhere\n    T: Fn(u8) -> u8,\n{\n}\n";
    assert_eq!(functions_of(source), one("f", 1, 7));
}

#[test]
fn declarations_without_a_body_are_not_functions_and_swallow_nothing() {
    let source = "trait T {\n    fn a(&self) -> [u8; 3];\n    fn b(&self) {\n    }\n}\n";
    assert_eq!(functions_of(source), one("b", 3, 2));
}

#[test]
fn nested_functions_are_measured_by_themselves_and_within_the_outer() {
    let source = "fn outer() {\n    fn inner() {\n    }\n}\n";
    assert_eq!(
        functions_of(source),
        [one("outer", 1, 4), one("inner", 2, 2)].concat()
    );
}

#[test]
fn test_items_are_cut_out_and_code_after_them_still_counts() {
    let source = "\
#[cfg(test)]
use a::b;

fn before() {}

#[cfg(test)]
#[path = \"x.rs\"]
mod tests {
    fn hidden() {}
}

fn after() {}
";
    let production = production(source);
    let names: Vec<&str> = production
        .functions
        .iter()
        .map(|f| f.name.as_str())
        .collect();
    assert_eq!((production.lines, names), (5, vec!["before", "after"]));
}

#[test]
fn only_the_attribute_itself_cuts() {
    let source =
        "// #[cfg(test)]\n#[cfg(not(test))]\nfn kept() {}\n#[cfg(any(test, unix))]\nfn too() {}\n";
    let production = production(source);
    assert_eq!((production.lines, production.functions.len()), (5, 2));
}

#[test]
fn a_file_that_is_a_test_as_a_whole_has_no_production_lines() {
    let production = production("//! Tests.\n#![cfg(test)]\nfn f() {}\n");
    assert_eq!((production.lines, production.functions), (0, vec![]));
}

#[test]
fn unfinished_source_gives_an_answer() {
    for source in [
        "fn f() {",
        "fn",
        "#[cfg(test)]",
        "\"",
        "r#\"",
        "'",
        "/*",
        "'\\",
        "",
    ] {
        let lines = production(source).lines;
        assert!(lines <= 1, "{source}: {lines}");
    }
}
