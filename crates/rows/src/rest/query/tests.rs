//! What query strings mean, and what becomes of those that mean nothing.

use super::*;
use crate::plan::request::{Among, Comparison, Field, Step, Test, Truth};
use proptest::prelude::*;

fn read(query: &str) -> Query {
    Query::read(query).unwrap_or_else(|error| panic!("{query}: {error}"))
}

fn equal(column: &str, value: &str) -> Condition {
    let test = Test::Compare(Comparison::Equal, Among::One(value.to_owned()));
    Condition::Test(Field::column(column), test)
}

fn filters(query: &str) -> Vec<Condition> {
    read(query).read.filters
}

#[test]
fn a_single_value_is_the_whole_text_and_one_among_others_ends_at_a_comma() {
    for (query, value) in [
        ("a=eq.1", "1"),
        ("a=eq.", ""),
        ("a=eq.\"b\"", "\"b\""),
        ("a=eq.b.c,d)e", "b.c,d)e"),
        ("a=eq.b+c", "b c"),
    ] {
        assert_eq!(
            filters(&query.replace('"', "%22")),
            [equal("a", value)],
            "{query}"
        );
    }
    for (query, value) in [
        ("or=(a.eq.1)", "1"),
        ("or=(a.eq.)", ""),
        ("or=(a.eq.\"b,c)\\\"\")", "b,c)\""),
        ("or=(a.eq.\"b\"c)", "\"b\"c"),
        ("or=(a.eq.b.c)", "b.c"),
        ("or=(a.eq.{1,2})", "{1,2}"),
        ("or=(a.eq.{\"}\",2})", "{\"}\",2}"),
    ] {
        let found = filters(&query.replace('"', "%22"));
        assert_eq!(found, [Condition::Any(vec![equal("a", value)])], "{query}");
    }
}

#[test]
fn a_key_says_whose_it_is_and_what() {
    let query = read(
        "select=id,b(c(*))&b.x=eq.1&b.c.or=(y.eq.2)&b.c.not.and=(z.eq.3)&b.limit=4&b.c.offset=5\
         &b.order=q&not.or=(w.eq.6)&%22order%22=eq.7&%22v.u%22=eq.8",
    );
    let [Item::Field { .. }, Item::Embed(b)] = query.read.select.as_slice() else {
        panic!("{query:?}");
    };
    let [Item::Embed(c)] = b.read.select.as_slice() else {
        panic!("{b:?}");
    };
    assert_eq!(b.read.filters, [equal("x", "1")]);
    assert_eq!((b.read.limit, c.read.offset), (Some(4), 5));
    assert_eq!(b.read.order.len(), 1);
    assert_eq!(
        c.read.filters,
        [
            Condition::Any(vec![equal("y", "2")]),
            Condition::Not(Box::new(Condition::All(vec![equal("z", "3")]))),
        ]
    );
    assert_eq!(
        query.read.filters,
        [
            Condition::Not(Box::new(Condition::Any(vec![equal("w", "6")]))),
            equal("order", "7"),
            equal("v.u", "8"),
        ]
    );
    assert!(!query.arranged);
    assert!(read("limit=1").arranged);
}

#[test]
fn a_way_into_a_document_has_members_and_elements() {
    for (key, path, as_text) in [
        ("a->b", vec![Step::Member("b".to_owned())], false),
        ("a->>b-c", vec![Step::Member("b-c".to_owned())], true),
        ("a->0->>-1", vec![Step::Element(0), Step::Element(-1)], true),
        (
            "a->\"0\"->>\"b.c\"",
            vec![Step::Member("0".to_owned()), Step::Member("b.c".to_owned())],
            true,
        ),
    ] {
        let query = format!("{}=is.null", key.replace('"', "%22").replace('>', "%3E"));
        let field = Field {
            column: "a".to_owned(),
            path,
            as_text,
        };
        assert_eq!(
            filters(&query),
            [Condition::Test(field, Test::Is(Truth::Null))],
            "{key}"
        );
    }
}

#[test]
fn a_selection_is_read_with_its_parts() {
    let query = read(
        "select=*,a:b::text,x!inner(y),...z!k(w),p:q!left!h(),j-%3Ek,count(),\
         n:a::int.avg()::text,w(count),...v(b.sum())",
    );
    let shown: Vec<String> = query
        .read
        .select
        .iter()
        .map(|item| match item {
            Item::All => "*".to_owned(),
            Item::Aggregate {
                function,
                of,
                taken_as,
                alias,
                cast,
            } => format!(
                "{alias:?} {}({:?} {taken_as:?}) {cast:?}",
                function.name(),
                of.as_ref().map(|field| &*field.column)
            ),
            Item::Field { field, alias, cast } => {
                format!("{alias:?} {} {} {cast:?}", field.column, field.path.len())
            }
            Item::Embed(embed) => format!(
                "{} {:?} {:?} {} {} {}",
                embed.target,
                embed.alias,
                embed.hint,
                embed.inner,
                embed.spread,
                embed.read.select.len()
            ),
        })
        .collect();
    assert_eq!(
        shown,
        [
            "*",
            "Some(\"a\") b 0 Some(\"text\")",
            "x None None true false 1",
            "z None Some(\"k\") false true 1",
            "q Some(\"p\") Some(\"h\") false false 0",
            "None j 1 None",
            "None count(None None) None",
            "Some(\"n\") avg(Some(\"a\") Some(\"int\")) Some(\"text\")",
            "w None None false false 1",
            "v None None false true 1",
        ]
    );
    for text in ["a.total()", "a.sum", "a.sum(", "a.sum(b)", "a.", "count()x"] {
        assert!(Query::read(&format!("select={text}")).is_err(), "{text}");
    }
    assert_eq!(read("select=").read.select, [Item::All]);
    assert_eq!(read("").read.select, [Item::All]);
    let query = read("columns=a,%22b,c%22,a&on_conflict=d,e");
    assert_eq!(query.columns, Some(vec!["a".to_owned(), "b,c".to_owned()]));
    assert_eq!(query.on_conflict, ["d", "e"]);
}

#[test]
fn an_order_is_read_with_its_directions() {
    let query = read("order=a.desc.nullslast,b,r(c).asc.nullsfirst,d-%3E%3Ee.nullsfirst");
    let shown: Vec<String> = query
        .read
        .order
        .iter()
        .map(|term| {
            let relation = term.relation.as_deref().unwrap_or_default();
            let column = &term.field.column;
            format!(
                "{relation}/{column} {} {:?}",
                term.descending, term.nulls_first
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "/a true Some(false)",
            "/b false None",
            "r/c false Some(true)",
            "/d false Some(true)",
        ]
    );
}

#[test]
fn a_refusal_says_where_and_what_was_expected() {
    let error = Query::read("or=(a.eq.1,b.foo.2)").unwrap_err();
    assert_eq!(
        error,
        QueryError::Syntax {
            what: "logic tree",
            text: "(a.eq.1,b.foo.2)".to_owned(),
            at: 11,
            expected: "an operator (eq, gt, …)",
        }
    );
    assert_eq!(Query::read("limit=-1"), Err(QueryError::NegativeLimit));
    assert_eq!(Query::read("a=%zz"), Err(QueryError::Encoding));
    let nowhere = Query::read("x.a=eq.1").unwrap_err();
    assert_eq!(
        nowhere,
        QueryError::Plan(PlanRefusal::NotEmbedded("x".to_owned()))
    );
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}", key in "[a-z.()\"\\->,:!*&=]{0,30}") {
        for query in [&text, &key, &format!("select={key}"), &format!("or={key}"), &format!("a={key}")] {
            let _ = Query::read(query);
        }
    }

    #[test]
    fn a_quoted_value_comes_through_as_it_was(value in "[^\u{0}]{0,30}") {
        let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
        let text = format!("(a.eq.\"{quoted}\",b.eq.1)");
        let encoded = percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC);
        prop_assert_eq!(
            filters(&format!("or={encoded}")),
            [Condition::Any(vec![equal("a", &value), equal("b", "1")])]
        );
    }
}
