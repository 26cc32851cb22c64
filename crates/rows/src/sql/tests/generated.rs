//! Generated statements: what is allowed stays allowed when printed, and prints the same; on
//! SQLite it answers the same.

use super::allowed::{answer, said};
use super::*;
use proptest::prelude::*;
use proptest::strategy::Union;

type Text = BoxedStrategy<String>;

fn one_of(texts: &'static [&'static str]) -> Text {
    proptest::sample::select(texts)
        .prop_map(str::to_owned)
        .boxed()
}

fn literal() -> Text {
    let text = proptest::collection::vec(
        one_of(&["a", "''", "\\", "\"", "\u{e9}", "--", "/*", ";", "$$"]),
        0..5,
    );
    prop_oneof![
        one_of(&["0", "1", "-2", "3.5", "NULL", "true", "x'0a'"]),
        text.prop_map(|parts| format!("'{}'", parts.concat())),
    ]
    .boxed()
}

fn column() -> Text {
    one_of(&[
        "id",
        "customer",
        "TOTAL",
        "\"paid\"",
        "o.id",
        "o.customer",
        "\"o\".\"total\"",
    ])
}

fn expression(depth: u32) -> Text {
    let leaf = prop_oneof![literal(), column()].boxed();
    if depth == 0 {
        return leaf;
    }
    let inner = || expression(depth - 1);
    let binary = one_of(&[
        "+", "-", "*", "||", "=", "<>", "<", ">=", "AND", "OR", "IS NOT",
    ]);
    let unary = one_of(&["-", "+", "~", "NOT ", "- -", "NOT -"]);
    let postfix = one_of(&[
        "IS NULL",
        "IS NOT NULL",
        "IN (1, 2)",
        "NOT IN ('a')",
        "BETWEEN 1 AND 5",
        "LIKE 'a%'",
    ]);
    let function = one_of(&["abs", "LOWER", "\"coalesce\"", "length"]);
    prop_oneof![
        2 => leaf,
        2 => (inner(), binary, inner()).prop_map(|(a, op, b)| match op.as_str() {
            // PostgreSQL has `IS NOT` for few values only.
            "IS NOT" => format!("({a} {op} NULL AND {b} = 1)"),
            _ => format!("{a} {op} {b}"),
        }),
        1 => (unary, inner()).prop_map(|(op, a)| format!("{op}({a})")),
        1 => (one_of(&["- ", "~ ", "- - ", "~ - "]), inner()).prop_map(|(op, a)| format!("{op}{a}").replace("--", "- -")),
        1 => (inner(), postfix).prop_map(|(a, op)| match op.starts_with("LIKE") {
            // What follows would be the pattern's, which is a literal.
            true => format!("(({a}) {op})"),
            false => format!("({a}) {op}"),
        }),
        1 => (function, inner(), inner()).prop_map(|(f, a, b)| match f.contains("coalesce") {
            true => format!("{f}({a}, {b})"),
            false => format!("{f}({a})"),
        }),
        1 => (inner(), inner(), inner()).prop_map(|(a, b, c)| format!("CASE WHEN {a} THEN {b} ELSE {c} END")),
        1 => inner().prop_map(|a| format!("CAST({a} AS TEXT)")),
        1 => inner().prop_map(|a| format!("(SELECT max({a}) FROM orders AS o)")),
        1 => inner().prop_map(|a| format!("EXISTS (SELECT 1 FROM customers WHERE name = {a})")),
    ]
    .boxed()
}

fn query(depth: u32) -> Text {
    let source = |depth: u32| -> Text {
        let plain = one_of(&[
            "orders o",
            "orders AS o",
            "\"orders\" o JOIN customers c ON c.name = o.customer",
        ]);
        if depth == 0 {
            return plain;
        }
        prop_oneof![
            2 => plain,
            1 => query(depth - 1).prop_map(|q| format!("orders o, ({q}) AS sub")),
            1 => expression(1).prop_map(|e| format!("orders o LEFT JOIN customers c ON {e}")),
        ]
        .boxed()
    };
    let select = (
        one_of(&["", "DISTINCT "]),
        expression(2),
        source(depth),
        proptest::option::of(expression(2)),
    )
        .prop_map(|(distinct, item, from, filter)| {
            let filter = filter.map(|f| format!(" WHERE {f}")).unwrap_or_default();
            format!("SELECT {distinct}{item} AS x FROM {from}{filter}")
        });
    let select = select.boxed();
    if depth == 0 {
        return select;
    }
    Union::new_weighted(vec![
        (4, select.clone()),
        (
            1,
            (
                select.clone(),
                one_of(&["UNION", "UNION ALL", "INTERSECT", "EXCEPT"]),
                query(depth - 1),
            )
                .prop_map(|(a, op, b)| format!("{a} {op} SELECT x FROM ({b}) AS r"))
                .boxed(),
        ),
        (
            1,
            query(depth - 1)
                .prop_map(|q| format!("WITH w (x) AS ({q}) SELECT x FROM w ORDER BY 1"))
                .boxed(),
        ),
        (
            1,
            (query(depth - 1), query(depth - 1))
                .prop_map(|(a, b)| format!("SELECT x FROM ({a}) AS l WHERE x IN ({b}) LIMIT 3"))
                .boxed(),
        ),
        (
            1,
            select
                .prop_map(|q| format!("{q} -- {}\n", q.replace('\n', " ")))
                .boxed(),
        ),
    ])
    .boxed()
}

fn statement() -> Text {
    prop_oneof![
        4 => query(2),
        1 => expression(2).prop_map(|e| format!("UPDATE orders AS o SET body = {e} WHERE {e} RETURNING id, body")),
        1 => expression(1).prop_map(|e| format!("DELETE FROM orders AS o WHERE {e} RETURNING id")),
        1 => query(1).prop_map(|q| format!("INSERT INTO orders (body) {q} RETURNING body")),
        1 => literal().prop_map(|v| format!(
            "INSERT INTO orders (id, body) VALUES (1, {v}), (9, {v}) \
             ON CONFLICT (id) DO UPDATE SET body = excluded.body RETURNING id, body"
        )),
    ]
    .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_is_allowed_stays_allowed_when_printed_and_prints_the_same(text in statement()) {
        for flavour in BOTH {
            // Generated texts may be too deep for the parser; then both refuse them.
            if let Ok(checked) = read(&text, flavour, &Limits::default()) {
                let again = read(checked.text(), flavour, &Limits::default());
                prop_assert_eq!(again, Ok(checked), "of {}", text);
            } else {
                let fault = read(&text, flavour, &Limits::default()).unwrap_err();
                prop_assert_eq!(fault.kind, FaultKind::TooComplex, "{}: {:?}", text, fault);
            }
        }
    }

    #[test]
    fn sqlite_answers_a_printed_statement_as_it_answers_the_callers(text in statement()) {
        if let Ok(checked) = sqlite(&text) {
            match (answer(&text), answer(checked.text())) {
                (Ok(before), Ok(after)) => prop_assert_eq!(before, after, "{} and {}", text, checked.text()),
                (Err(before), Err(after)) => {
                    prop_assert_eq!(said(&before), said(&after), "{} and {}", text, checked.text());
                }
                (before, after) => prop_assert!(false, "{} gives {:?}, {} gives {:?}", text, before, checked.text(), after),
            }
        }
    }

    /// Whatever the bytes are, there is an answer.
    #[test]
    fn any_text_is_answered(parts in proptest::collection::vec(prop_oneof![
        one_of(&["SELECT", "FROM", "WHERE", "(", ")", "[", "]", ",", ";", "'", "\"", "`", "--", "/*", "*/", "$$",
            "$1", "?", ":a", "@", "::", "->", "E'", "U&'", "x'", "0x", "1e", "\u{feff}", "\u{0}", "\\", "{", "}",
            "CASE", "END", "NOT", "IN", "AS", "WITH", "UNION", "VALUES", "INSERT INTO t", "UPDATE t SET", "DELETE FROM t",
            "RETURNING", "OVER", "INTERVAL", "ARRAY", "EXTRACT(", "POSITION(", "a", "t.a", "*", "1", "\n", " "]),
        any::<String>(),
    ], 0..30), spaced in any::<bool>()) {
        let text = parts.join(if spaced { " " } else { "" });
        for flavour in BOTH {
            if let Ok(checked) = read(&text, flavour, &Limits::default()) {
                let again = read(checked.text(), flavour, &Limits::default());
                prop_assert_eq!(again, Ok(checked), "of {}", text);
            }
        }
    }
}
