//! What callers have.

use super::*;

/// On both engines.
const EVERYWHERE: &[&str] = &[
    "SELECT 1",
    "SELECT * FROM orders",
    "select o.*, c.city from orders o left join customers as c on c.name = o.customer",
    "SELECT customer, count(*), sum(total) FROM orders GROUP BY customer HAVING count(*) > 1",
    "SELECT DISTINCT customer FROM orders ORDER BY customer DESC NULLS LAST LIMIT 10 OFFSET 1",
    "SELECT (SELECT max(total) FROM orders) AS most",
    "SELECT id FROM orders WHERE customer IN (SELECT name FROM customers WHERE city = 'Bern')",
    "SELECT id FROM orders o WHERE EXISTS (SELECT 1 FROM customers WHERE name = o.customer)",
    "SELECT id FROM orders WHERE NOT (total BETWEEN 1 AND 2) AND customer LIKE 'a%' ESCAPE '!'",
    "SELECT CASE WHEN total > 10 THEN 'much' ELSE 'little' END FROM orders",
    "SELECT CASE customer WHEN 'ada' THEN 1 END FROM orders",
    "SELECT CAST(total AS INTEGER), coalesce(total, 0), nullif(total, 1) FROM orders",
    "SELECT a.id, b.id FROM orders a, orders b WHERE a.id < b.id",
    "SELECT * FROM (SELECT id, total FROM orders) AS part WHERE part.total > 1",
    "SELECT * FROM orders NATURAL JOIN customers",
    "SELECT * FROM orders JOIN customers USING (name)",
    "SELECT * FROM (orders o JOIN customers c ON c.name = o.customer)",
    "WITH t AS (SELECT * FROM orders) SELECT * FROM t",
    "WITH t (a, b) AS (VALUES (1, 2), (3, 4)) SELECT a + b FROM t",
    "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i FROM n",
    "WITH t AS MATERIALIZED (SELECT * FROM orders) SELECT * FROM t",
    "WITH t (a) AS NOT MATERIALIZED (SELECT 1), u AS materialized (SELECT a FROM t) SELECT a FROM u",
    "SELECT 1 AS materialized",
    "SELECT id FROM orders UNION SELECT 1 EXCEPT SELECT 2",
    "SELECT id FROM orders INTERSECT SELECT 1 ORDER BY 1",
    "VALUES (1, 'a'), (2, 'b')",
    "SELECT id, rank() OVER (PARTITION BY customer ORDER BY total DESC) FROM orders",
    "SELECT sum(total) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM orders",
    "SELECT sum(total) OVER w FROM orders WINDOW w AS (PARTITION BY customer)",
    "SELECT count(*) FILTER (WHERE total > 1), count(DISTINCT customer) FROM orders",
    "SELECT lower(customer) || '-' || upper(customer), replace(customer, 'a', 'b') FROM orders",
    "SELECT trim(customer), substr(customer, 1, 2), round(total), abs(-total) FROM orders",
    "SELECT body -> 'a', body ->> 'a' FROM orders",
    "SELECT total IS NULL, total IS NOT NULL, total IS DISTINCT FROM 1 FROM orders",
    "SELECT current_timestamp, current_date",
    "SELECT x'0aff', 1.5e3, 0x1F, 1_000, NULL, 'it''s'",
    "SELECT - -1, -(-1), 1 - -1, - - - 1, ~ -1, NOT NOT 1 = 1, ~ - 2 * 3, - ~ 1 + 2, -2 * -3",
    "SELECT \"select\", \"a b\" FROM \"Odd name\"",
    "SELECT 1 AS \"customer's name\"",
    "SELECT 1 -- and a comment\n/* and another */ ;",
    "INSERT INTO orders (id, customer) VALUES (10, 'cat'), (11, 'dan')",
    "INSERT INTO orders DEFAULT VALUES",
    "INSERT INTO orders (customer) SELECT name FROM customers WHERE true",
    "INSERT INTO orders (id, customer) VALUES (12, 'cat') ON CONFLICT DO NOTHING",
    "INSERT INTO orders (id, total) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET total = \
         excluded.total WHERE orders.total <> excluded.total RETURNING id, total",
    "UPDATE orders SET total = total * 2, paid = 1 WHERE id = 1 RETURNING *",
    "UPDATE orders SET (total, paid) = (1, 0) WHERE id = 2",
    "UPDATE orders SET total = c.parent FROM customers c WHERE c.name = orders.customer",
    "DELETE FROM orders WHERE id = 3 RETURNING id",
    "WITH old AS (SELECT id FROM orders) DELETE FROM orders WHERE id IN (SELECT id FROM old)",
    "WITH a AS (SELECT 1 AS x) INSERT INTO orders (id) SELECT x + 20 FROM a",
    "WITH a AS (SELECT 1 AS x) UPDATE orders SET paid = (SELECT x FROM a)",
];

/// On SQLite only.
const SQLITE: &[&str] = &[
    "SELECT [select], `a b` FROM [Odd name]",
    "SELECT rowid, id FROM orders",
    "SELECT * FROM main.orders",
    "SELECT main.orders.id FROM main.orders",
    "SELECT name FROM 'customers'",
    "SELECT value FROM orders, json_each(orders.body, '$.a')",
    "SELECT id FROM orders WHERE customer GLOB 'a*'",
    "SELECT id FROM orders LIMIT 1, 2",
    "SELECT id FROM orders WHERE id IN ()",
    "SELECT group_concat(customer, ', '), strftime('%Y', placed), iif(paid, 1, 0) FROM orders",
    "SELECT 'a\\''b; DROP TABLE orders; --'",
    "SELECT '\\'",
    "SELECT id FROM orders WHERE total IS paid OR total IS NOT 1 AND customer IS NOT NULL",
    "INSERT OR REPLACE INTO orders (id, total) VALUES (1, 1)",
    "INSERT OR IGNORE INTO orders (id, total) VALUES (1, 1)",
    "REPLACE INTO orders (id, total) VALUES (1, 1)",
    "UPDATE OR IGNORE orders SET id = 2 WHERE id = 1",
];

/// On PostgreSQL only.
pub(super) const POSTGRES: &[&str] = &[
    "SELECT DISTINCT ON (customer) customer, id FROM orders ORDER BY customer, id",
    "SELECT * FROM public.orders",
    "SELECT public.orders.id FROM public.orders",
    "SELECT id::text, total::numeric(10, 2), ARRAY[1, 2]::int[], '{1}'::int[] FROM orders",
    "SELECT * FROM orders o CROSS JOIN LATERAL (SELECT o.total + 1 AS more) m",
    "SELECT * FROM generate_series(1, 3) AS n(i)",
    "SELECT * FROM orders, unnest(ARRAY[1, 2]) WITH ORDINALITY AS u(x, n)",
    "SELECT * FROM jsonb_to_recordset('[{\"a\":1}]'::jsonb) AS x(a int, b text)",
    "SELECT * FROM jsonb_each('{}'::jsonb)",
    "SELECT id FROM orders WHERE id = ANY(ARRAY[1, 2]) OR id > ALL(SELECT 1)",
    "SELECT id FROM orders WHERE customer ILIKE 'A%' AND customer ~* '^a' AND customer !~ 'b$'",
    "SELECT id FROM orders WHERE customer SIMILAR TO 'a|b'",
    "SELECT extract(year FROM now()), date_trunc('day', now()), now() AT TIME ZONE 'UTC'",
    "SELECT now() - INTERVAL '1 day', DATE '2026-01-01', TIMESTAMP '2026-01-01 00:00:00'",
    "SELECT position('a' IN customer), substring(customer FROM 1 FOR 2) FROM orders",
    "SELECT overlay(customer PLACING 'x' FROM 1 FOR 1), trim(BOTH 'x' FROM customer) FROM orders",
    "SELECT array_agg(id ORDER BY id DESC), string_agg(customer, ',') FROM orders",
    "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total) FROM orders",
    "SELECT customer, sum(total) FROM orders GROUP BY GROUPING SETS ((customer), ())",
    "SELECT customer, sum(total) FROM orders GROUP BY ROLLUP (customer)",
    "SELECT (ARRAY[1, 2, 3])[1], (ARRAY[1, 2, 3])[1:2]",
    "SELECT '{\"a\":1}'::jsonb @> '{}'::jsonb, '{}'::jsonb ? 'a', '{}'::jsonb #> '{a}'",
    "SELECT to_tsvector('a b') @@ to_tsquery('a')",
    "SELECT row_to_json(orders) FROM orders",
    "SELECT orders FROM orders",
    "SELECT E'a\\'b\\\\c\\n', $$it's$$, $q$x$q$, U&'\\0041', B'101'",
    "SELECT 'a\\''b; DROP TABLE orders; --'",
    "SELECT @ -5, @ -5 * 2, ~ - 1 + 2, -2 ^ 2, -2::int, |/ 4, 2 ^ 3, 5 # 3, 1 << 2",
    "SELECT make_interval(days => 5)",
    "SELECT ARRAY(SELECT id FROM orders)",
    "SELECT row(1, 2), (1, 2) = (1, 2), coalesce(1, 2), greatest(1, 2)",
    "SELECT auth.user_id(), auth.tenant_id(), auth.role(), auth.jwt() ->> 'sub'",
    "SELECT \"auth\".\"user_id\"(), LOWER('A'), \"lower\"('A')",
    "SELECT id FROM orders WHERE auth.has_role('admin') AND auth.in_tenant('x')",
    "SELECT id FROM orders ORDER BY id FETCH FIRST 2 ROWS WITH TIES",
    "INSERT INTO orders (id) VALUES (DEFAULT) ON CONFLICT ON CONSTRAINT orders_pkey DO NOTHING",
    "INSERT INTO orders AS o (id, total) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET total = o.total",
    "UPDATE orders SET total = DEFAULT WHERE id = 1",
    "DELETE FROM orders USING customers WHERE customers.name = orders.customer",
    "WITH gone AS (DELETE FROM orders WHERE id = 1 RETURNING *) SELECT * FROM gone",
    "WITH made AS (INSERT INTO orders (id) VALUES (9) RETURNING id), \
         moved AS (UPDATE orders SET paid = 1 RETURNING id) SELECT * FROM made, moved",
    "SELECT 'x'::mood, 'x'::public.mood, '1.2.3.4'::inet, CAST('a' AS varchar(3))",
];

fn texts(flavour: Flavour) -> impl Iterator<Item = &'static str> {
    let own = match flavour {
        Flavour::Sqlite => SQLITE,
        Flavour::Postgres => POSTGRES,
    };
    EVERYWHERE.iter().chain(own).copied()
}

#[test]
fn what_callers_have_is_allowed_and_prints_the_same_when_read_again() {
    for flavour in BOTH {
        for text in texts(flavour) {
            let once = printed(text, flavour);
            assert_eq!(printed(&once, flavour), once, "of {text}");
        }
    }
}

#[test]
fn sqlite_answers_the_printed_text_as_it_answers_the_callers() {
    for text in texts(Flavour::Sqlite) {
        let answer = |text: &str| match answer(text) {
            Ok(rows) => format!("{rows:?}"),
            Err(error) => said(&error),
        };
        let print = printed(text, Flavour::Sqlite);
        assert_eq!(answer(&print), answer(text), "{text} became {print}");
        assert!(!answer(&print).contains("syntax error"), "{print}");
    }
}

/// What SQLite says, without the text that it says it of.
pub(super) fn said(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}

/// All rows, on a fresh database.
pub(super) fn answer(text: &str) -> rusqlite::Result<Vec<Vec<String>>> {
    let db = database();
    let mut statement = db.prepare(text)?;
    let width = statement.column_count();
    let rows = statement.query_map([], |row| {
        (0..width)
            .map(|at| Ok(format!("{:?}", row.get_ref(at)?)))
            .collect()
    })?;
    rows.collect()
}

#[test]
fn a_column_is_called_what_the_caller_called_it() {
    let db = database();
    let print = printed(
        "SELECT ID, o.Total, [Odd name].[select], count(*) AS Many \
        FROM orders o, [Odd name]",
        Flavour::Sqlite,
    );
    let statement = db.prepare(&print).unwrap();
    let names: Vec<_> = statement.column_names().collect();
    let raw = db
        .prepare(
            "SELECT ID, o.Total, [Odd name].[select], count(*) AS Many FROM orders o, [Odd name]",
        )
        .unwrap();
    assert_eq!(names, raw.column_names().collect::<Vec<_>>());
}

#[test]
fn what_writes_is_told_from_what_reads() {
    let kinds = |text: &str| {
        let checked = postgres(text).unwrap();
        (checked.reads(), checked.writes())
    };
    for (text, expected) in [
        ("SELECT 1", (false, false)),
        ("SELECT * FROM t", (true, false)),
        ("INSERT INTO t VALUES (1)", (false, true)),
        ("INSERT INTO t SELECT * FROM u", (true, true)),
        ("INSERT INTO t VALUES ((SELECT a FROM u))", (true, true)),
        ("INSERT INTO t VALUES (1) RETURNING a", (true, true)),
        ("UPDATE t SET a = 1", (false, true)),
        ("DELETE FROM t USING u", (true, true)),
        ("UPDATE t SET a = DEFAULT", (false, true)),
        ("UPDATE t SET a = a + 1", (true, true)),
        ("UPDATE t SET a = 1 WHERE b = 'x'", (true, true)),
        ("DELETE FROM t WHERE t.b = 1 / (t.c - 1)", (true, true)),
        ("DELETE FROM t", (false, true)),
        (
            "INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET b = excluded.b",
            (false, true),
        ),
        (
            "INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET b = t.b",
            (true, true),
        ),
        (
            "WITH x AS (DELETE FROM t RETURNING *) SELECT 1",
            (true, true),
        ),
        (
            "SELECT * FROM (WITH x AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM x) y",
            (true, true),
        ),
    ] {
        assert_eq!(kinds(text), expected, "{text}");
    }
}

/// HD-36: a key that may only read may not write, and the refusal names the right.
#[test]
fn a_right_that_is_missing_is_named() {
    let reader = Rights {
        read: true,
        ..Rights::default()
    };
    let writer = Rights {
        write: true,
        ..Rights::default()
    };
    let fault = |text: &str, rights| {
        postgres(text)
            .unwrap()
            .bind(Vec::new(), rights)
            .unwrap_err()
    };
    for text in [
        "INSERT INTO t VALUES (1)",
        "UPDATE t SET a = 1",
        "DELETE FROM t",
        "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
    ] {
        let fault = fault(text, reader);
        assert_eq!(fault.kind, FaultKind::WriteForbidden);
        assert!(fault.message.contains("`write`"), "{}", fault.message);
    }
    for text in [
        "SELECT 1",
        "SELECT * FROM t",
        "INSERT INTO t VALUES (1) RETURNING a",
    ] {
        let fault = fault(text, writer);
        assert_eq!(fault.kind, FaultKind::ReadForbidden);
        assert!(fault.message.contains("`read`"), "{}", fault.message);
    }
    let blind = postgres("UPDATE t SET a = 1")
        .unwrap()
        .bind(Vec::new(), writer);
    assert!(blind.unwrap().writes());
}

#[test]
fn the_tables_that_a_text_names_are_known() {
    let tables = |text: &str, flavour| {
        let checked = read(text, flavour, &Limits::default()).unwrap();
        checked
            .tables()
            .iter()
            .cloned()
            .collect::<Vec<_>>()
            .join(" ")
    };
    for (text, expected) in [
        (
            "SELECT (SELECT 1 FROM a) FROM b JOIN public.c ON EXISTS (SELECT 1 FROM d)",
            "a b c d",
        ),
        ("WITH x AS (SELECT * FROM a) SELECT * FROM x", "a"),
        ("WITH a AS (SELECT * FROM a) SELECT * FROM a", "a"),
        ("WITH x AS (SELECT 1) SELECT * FROM public.x", "x"),
        (
            "WITH RECURSIVE x AS (SELECT 1 UNION SELECT * FROM x) SELECT * FROM x",
            "",
        ),
        (
            "SELECT * FROM (WITH x AS (SELECT 1) SELECT * FROM x) y, x",
            "x",
        ),
        ("INSERT INTO A SELECT * FROM \"B\"", "B a"),
        ("SELECT * FROM generate_series(1, 2)", ""),
    ] {
        assert_eq!(tables(text, Flavour::Postgres), expected, "{text}");
    }
    assert_eq!(
        tables("SELECT * FROM [Odd Name], A", Flavour::Sqlite),
        "a odd name"
    );
}
