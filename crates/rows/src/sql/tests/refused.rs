//! What callers do not have, and how it is called in the refusal.

use super::*;

/// On both engines.
const EVERYWHERE: &[(&str, &str)] = &[
    ("CREATE TABLE t (a int)", "CREATE TABLE"),
    ("create temp table t (a int)", "CREATE TEMP"),
    ("CREATE TABLE t AS SELECT 1", "CREATE TABLE"),
    ("CREATE INDEX i ON t (a)", "CREATE INDEX"),
    (
        "CREATE TRIGGER t AFTER INSERT ON t BEGIN SELECT 1; END",
        "CREATE TRIGGER",
    ),
    (
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'select 1'",
        "CREATE FUNCTION",
    ),
    ("DROP TABLE t", "DROP TABLE"),
    ("ALTER TABLE t ADD COLUMN a int", "ALTER TABLE"),
    ("COMMENT ON TABLE t IS 'x'", "COMMENT ON"),
    ("TRUNCATE t", "TRUNCATE"),
    ("BEGIN", "BEGIN"),
    ("START TRANSACTION", "START"),
    ("COMMIT", "COMMIT"),
    ("END", "END"),
    ("ROLLBACK", "ROLLBACK"),
    ("SAVEPOINT a", "SAVEPOINT"),
    ("RELEASE a", "RELEASE"),
    ("SET ROLE postgres", "SET"),
    ("SET LOCAL row_security = off", "SET"),
    ("SHOW search_path", "SHOW"),
    ("RESET ALL", "RESET"),
    ("DISCARD ALL", "DISCARD"),
    ("PRAGMA table_info(t)", "PRAGMA"),
    ("ATTACH DATABASE 'x' AS y", "ATTACH"),
    ("DETACH y", "DETACH"),
    ("VACUUM", "VACUUM"),
    ("VACUUM INTO '/tmp/x'", "VACUUM"),
    ("REINDEX t", "REINDEX"),
    ("ANALYZE t", "ANALYZE"),
    ("COPY t TO PROGRAM 'sh'", "COPY"),
    ("DO $$ BEGIN END $$", "DO"),
    ("CALL f()", "CALL"),
    ("LISTEN x", "LISTEN"),
    ("NOTIFY x", "NOTIFY"),
    ("UNLISTEN *", "UNLISTEN"),
    ("PREPARE p AS SELECT 1", "PREPARE"),
    ("EXECUTE p", "EXECUTE"),
    ("DEALLOCATE p", "DEALLOCATE"),
    ("DECLARE c CURSOR WITH HOLD FOR SELECT 1", "DECLARE"),
    ("FETCH ALL FROM c", "FETCH"),
    ("MOVE c", "MOVE"),
    ("CLOSE c", "CLOSE"),
    ("LOCK TABLE t", "LOCK"),
    ("GRANT ALL ON t TO public", "GRANT"),
    ("REVOKE ALL ON t FROM public", "REVOKE"),
    ("EXPLAIN SELECT 1", "EXPLAIN"),
    ("explain analyze select 1", "EXPLAIN"),
    (
        "MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE",
        "MERGE",
    ),
    ("LOAD 'x'", "LOAD"),
    ("CHECKPOINT", "CHECKPOINT"),
    ("CLUSTER t", "CLUSTER"),
    ("IMPORT FOREIGN SCHEMA a FROM SERVER b INTO c", "IMPORT"),
    ("TABLE t", "TABLE"),
    ("SECURITY LABEL ON TABLE t IS 'x'", "SECURITY"),
    ("/* c */ DROP TABLE t", "DROP TABLE"),
    ("SELECT 1; SELECT 2", "More than one statement"),
    ("SELECT 1; DROP TABLE t", "More than one statement"),
    ("SELECT 1;;;SELECT 2", "More than one statement"),
    ("SELECT * INTO u FROM t", "SELECT INTO"),
    ("SELECT * FROM t FOR UPDATE", "FOR UPDATE"),
    ("SELECT * FROM t FOR SHARE", "FOR SHARE"),
    ("SELECT * FROM doorward_meta", "`doorward_meta`"),
    (
        "SELECT * FROM information_schema.tables",
        "`information_schema`",
    ),
    (
        "SELECT * FROM \"information_schema\".\"tables\"",
        "`information_schema`",
    ),
    ("SELECT * FROM temp.t", "`temp`"),
    ("SELECT * FROM other.t", "`other`"),
    ("SELECT * FROM a.b.c", "more than two parts"),
    ("INSERT INTO other.t VALUES (1)", "`other`"),
    ("UPDATE other.t SET a = 1", "`other`"),
    ("DELETE FROM other.t", "`other`"),
    ("SELECT secret_function(1)", "`secret_function`"),
    ("SELECT public.lower('a')", "`public.lower`"),
    ("SELECT * FROM secret_function(1)", "`secret_function`"),
    ("SELECT * FROM lower('a')", "`lower` in FROM"),
    (
        "SELECT * FROM JSON_TABLE('{}', '$' COLUMNS (NESTED PATH '$' COLUMNS (a int)))",
        "JSON_TABLE",
    ),
    (
        "SELECT * FROM t MATCH_RECOGNIZE (PATTERN (a) DEFINE a AS true)",
        "MATCH_RECOGNIZE",
    ),
    ("SELECT * FROM t TABLESAMPLE SYSTEM (1)", "TABLESAMPLE"),
    ("SELECT a FROM t GROUP BY ALL", "GROUP BY ALL"),
    ("SELECT TRY_CAST(1 AS int)", "cast"),
    ("SELECT lag(a) IGNORE NULLS OVER () FROM t", "IGNORE NULLS"),
    (
        "WITH x AS (MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE) SELECT 1",
        "MERGE",
    ),
    ("SELECT a FROM t QUALIFY 1", "QUALIFY"),
    ("SELECT 1 AS \"a\"\"b\"", "quote"),
];

const SQLITE: &[(&str, &str)] = &[
    ("SELECT * FROM sqlite_master", "`sqlite_master`"),
    ("SELECT * FROM SQLITE_SCHEMA", "`sqlite_schema`"),
    ("SELECT * FROM \"sqlite_master\"", "`sqlite_master`"),
    ("SELECT * FROM [sqlite_temp_master]", "`sqlite_temp_master`"),
    ("SELECT * FROM `sqlite_stat1`", "`sqlite_stat1`"),
    ("SELECT * FROM 'sqlite_master'", "`sqlite_master`"),
    ("SELECT * FROM main.sqlite_master", "`sqlite_master`"),
    (
        "SELECT * FROM pragma_table_info('t')",
        "`pragma_table_info`",
    ),
    (
        "SELECT * FROM pragma_database_list",
        "`pragma_database_list`",
    ),
    (
        "SELECT * FROM \"pragma_database_list\"",
        "`pragma_database_list`",
    ),
    ("SELECT * FROM dbstat", "`dbstat`"),
    ("SELECT * FROM generate_series(1, 2)", "`generate_series`"),
    ("SELECT load_extension('x')", "`load_extension`"),
    ("SELECT LOAD_EXTENSION('x')", "`LOAD_EXTENSION`"),
    ("SELECT \"load_extension\"('x')", "load_extension"),
    ("SELECT readfile('/etc/passwd')", "`readfile`"),
    ("SELECT writefile('x', 'y')", "`writefile`"),
    ("SELECT edit('x')", "`edit`"),
    ("SELECT fts3_tokenizer('x')", "`fts3_tokenizer`"),
    ("SELECT sqlite_version()", "`sqlite_version`"),
    ("SELECT changes()", "`changes`"),
    ("SELECT auth.user_id()", "`auth.user_id`"),
    ("SELECT * FROM t WHERE t MATCH 'x'", "MATCH"),
    ("INSERT OR ROLLBACK INTO t VALUES (1)", "INSERT OR ROLLBACK"),
    ("SELECT a::int FROM t", "cast"),
    ("SELECT DISTINCT ON (a) a FROM t", "DISTINCT ON"),
    ("SELECT * FROM t, LATERAL (SELECT 1)", "LATERAL"),
    ("SELECT * FROM pg.t", "`pg`"),
    ("SELECT :name", "named parameter"),
    ("SELECT @name", "named parameter"),
    ("SELECT $name", "named parameter"),
];

const POSTGRES: &[(&str, &str)] = &[
    ("SELECT * FROM pg_class", "`pg_class`"),
    ("SELECT * FROM PG_Class", "`pg_class`"),
    ("SELECT * FROM \"pg_class\"", "`pg_class`"),
    ("SELECT * FROM pg_catalog.pg_class", "`pg_catalog`"),
    ("SELECT * FROM \"pg_catalog\".\"pg_class\"", "`pg_catalog`"),
    ("SELECT * FROM pg_stat_activity", "`pg_stat_activity`"),
    ("SELECT * FROM pg_temp.t", "`pg_temp`"),
    ("SELECT * FROM auth.users", "`auth`"),
    ("SELECT pg_class.relname FROM t AS x", "`pg_class`"),
    ("SELECT t.pg_sleep FROM t", "`pg_sleep`"),
    ("SELECT pg_sleep(10)", "`pg_sleep`"),
    ("SELECT pg_catalog.pg_sleep(10)", "`pg_catalog.pg_sleep`"),
    ("SELECT \"pg_sleep\"(10)", "pg_sleep"),
    ("SELECT \"PG_SLEEP\"(10)", "PG_SLEEP"),
    ("SELECT \"Lower\"('A')", "Lower"),
    ("SELECT set_config('a.b', 'c', false)", "`set_config`"),
    ("SELECT current_setting('a.b')", "`current_setting`"),
    ("SELECT pg_read_file('/etc/passwd')", "`pg_read_file`"),
    ("SELECT pg_ls_dir('.')", "`pg_ls_dir`"),
    ("SELECT lo_export(1, '/tmp/x')", "`lo_export`"),
    ("SELECT lo_import('/etc/passwd')", "`lo_import`"),
    ("SELECT dblink('x', 'y')", "`dblink`"),
    (
        "SELECT query_to_xml('select 1', true, false, '')",
        "`query_to_xml`",
    ),
    ("SELECT ts_stat('select 1')", "`ts_stat`"),
    (
        "SELECT ts_rewrite('a'::tsquery, 'select 1')",
        "`ts_rewrite`",
    ),
    ("SELECT nextval('s')", "`nextval`"),
    ("SELECT pg_advisory_lock(1)", "`pg_advisory_lock`"),
    ("SELECT pg_notify('a', 'b')", "`pg_notify`"),
    ("SELECT txid_current()", "`txid_current`"),
    ("SELECT version()", "`version`"),
    ("SELECT inet_server_addr()", "`inet_server_addr`"),
    (
        "SELECT has_table_privilege('t', 'select')",
        "`has_table_privilege`",
    ),
    ("SELECT pg_catalog.lower('A')", "`pg_catalog.lower`"),
    ("SELECT auth.set_context('x')", "`auth.set_context`"),
    ("SELECT other.user_id()", "`other.user_id`"),
    ("SELECT current_user", "current_user"),
    ("SELECT CURRENT_USER", "CURRENT_USER"),
    ("SELECT session_user", "session_user"),
    ("SELECT user", "user"),
    ("SELECT current_catalog", "current_catalog"),
    ("SELECT current_schema", "CURRENT_SCHEMA"),
    ("SELECT current_schema()", "`current_schema`"),
    ("SELECT current_role", "CURRENT_ROLE"),
    ("SELECT system_user", "SYSTEM_USER"),
    ("SELECT ctid FROM t", "`ctid`"),
    ("SELECT t.XMIN FROM t", "`xmin`"),
    ("SELECT \"tableoid\" FROM t", "`tableoid`"),
    ("SELECT 'pg_class'::regclass", "regclass"),
    ("SELECT CAST('pg_class' AS regclass)", "regclass"),
    ("SELECT regclass 'pg_class'", "regclass"),
    ("SELECT 'x'::regproc", "regproc"),
    ("SELECT 'x'::pg_catalog.regtype", "regtype"),
    ("SELECT '{x}'::regclass[]", "regclass"),
    ("SELECT '{x}'::_regclass", "_regclass"),
    ("SELECT 1::oid", "`oid`"),
    ("SELECT '<a/>'::xml", "xml"),
    (
        "SELECT * FROM jsonb_to_record('{}') AS x(a regclass)",
        "regclass",
    ),
    ("SELECT 1 OPERATOR(pg_catalog.+) 2", "OPERATOR"),
    ("SELECT 1 &&& 2", "operator"),
    ("SELECT * FROM t ORDER BY a USING <", "USING"),
    ("INSERT OR REPLACE INTO t VALUES (1)", "INSERT OR REPLACE"),
    ("INSERT OR IGNORE INTO t VALUES (1)", "INSERT OR IGNORE"),
    ("REPLACE INTO t VALUES (1)", "REPLACE"),
    ("SELECT :name", "named parameter"),
    ("SELECT f(a) FROM t", "`f`"),
    (
        "WITH pg_class AS (SELECT 1) SELECT * FROM pg_class",
        "`pg_class`",
    ),
    (
        "SELECT * FROM XMLTABLE('/a' PASSING '<a/>' COLUMNS b text)",
        "XMLTABLE",
    ),
];

#[test]
fn what_callers_do_not_have_is_refused_by_its_name() {
    for flavour in BOTH {
        let own = match flavour {
            Flavour::Sqlite => SQLITE,
            Flavour::Postgres => POSTGRES,
        };
        for (text, construct) in EVERYWHERE.iter().chain(own) {
            refused(flavour, text, construct);
        }
    }
}

/// One text that has a forbidden call at each place where an expression can stand.
#[test]
fn a_function_is_refused_wherever_it_stands() {
    for text in [
        "SELECT bad()",
        "SELECT 1 FROM t WHERE bad()",
        "SELECT 1 FROM t JOIN u ON bad()",
        "SELECT 1 FROM t JOIN (SELECT bad()) AS v ON true",
        "SELECT 1 FROM t GROUP BY bad()",
        "SELECT 1 FROM t HAVING bad()",
        "SELECT 1 FROM t ORDER BY bad()",
        "SELECT 1 LIMIT bad()",
        "SELECT 1 OFFSET bad()",
        "SELECT max(bad())",
        "SELECT max(a) FILTER (WHERE bad()) FROM t",
        "SELECT max(a) OVER (PARTITION BY bad()) FROM t",
        "SELECT max(a) OVER (ORDER BY bad()) FROM t",
        "SELECT max(a) OVER w FROM t WINDOW w AS (ORDER BY bad())",
        "SELECT CASE WHEN bad() THEN 1 END",
        "SELECT CASE bad() WHEN 1 THEN 1 END",
        "SELECT CASE WHEN true THEN bad() ELSE 1 END",
        "SELECT CASE WHEN true THEN 1 ELSE bad() END",
        "SELECT (SELECT bad())",
        "SELECT EXISTS (SELECT bad())",
        "SELECT a IN (bad()) FROM t",
        "SELECT a IN (SELECT bad()) FROM t",
        "SELECT bad() IN (1)",
        "SELECT a BETWEEN bad() AND 2 FROM t",
        "SELECT a BETWEEN 1 AND bad() FROM t",
        "SELECT bad() BETWEEN 1 AND 2",
        "SELECT a LIKE bad() FROM t",
        "SELECT bad() LIKE 'a'",
        "SELECT a LIKE 'b' ESCAPE bad() FROM t",
        "SELECT CAST(bad() AS int)",
        "SELECT -bad()",
        "SELECT NOT bad()",
        "SELECT 1 + bad()",
        "SELECT bad() + 1",
        "SELECT bad() IS NULL",
        "SELECT 1 IS DISTINCT FROM bad()",
        "SELECT trim(bad())",
        "SELECT substr(bad(), 1)",
        "SELECT substr('a', bad())",
        "SELECT ceil(bad())",
        "SELECT 1 UNION SELECT bad()",
        "SELECT bad() UNION SELECT 1",
        "VALUES (bad())",
        "WITH x AS (SELECT bad()) SELECT 1",
        "WITH x AS (SELECT 1) SELECT bad()",
        "INSERT INTO t VALUES (bad())",
        "INSERT INTO t SELECT bad()",
        "INSERT INTO t VALUES (1) RETURNING bad()",
        "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = bad()",
        "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 1 WHERE bad()",
        "UPDATE t SET a = bad()",
        "UPDATE t SET a = 1 FROM (SELECT bad()) AS x",
        "UPDATE t SET a = 1 WHERE bad()",
        "UPDATE t SET a = 1 RETURNING bad()",
        "DELETE FROM t WHERE bad()",
        "DELETE FROM t RETURNING bad()",
    ] {
        for flavour in BOTH {
            refused(flavour, text, "`bad`");
        }
    }
    for text in [
        "SELECT DISTINCT ON (bad()) 1",
        "SELECT 1 FROM t, LATERAL (SELECT bad()) AS x",
        "SELECT 1 FROM generate_series(1, bad())",
        "SELECT 1 FROM unnest(bad())",
        "SELECT ARRAY[bad()]",
        "SELECT ARRAY(SELECT bad())",
        "SELECT (ARRAY[1])[bad()]",
        "SELECT (ARRAY[1])[1:bad()]",
        "SELECT 1 = ANY(bad())",
        "SELECT bad() = ALL(ARRAY[1])",
        "SELECT bad()::int",
        "SELECT row(bad())",
        "SELECT (1, bad()) = (1, 2)",
        "SELECT extract(year FROM bad())",
        "SELECT now() AT TIME ZONE bad()",
        "SELECT bad() AT TIME ZONE 'UTC'",
        "SELECT position(bad() IN 'a')",
        "SELECT position('a' IN bad())",
        "SELECT overlay('a' PLACING bad() FROM 1)",
        "SELECT 'a' ILIKE bad()",
        "SELECT 'a' SIMILAR TO bad()",
        "SELECT array_agg(a ORDER BY bad()) FROM t",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY bad()) FROM t",
        "SELECT make_interval(days => bad())",
        "SELECT 1 FROM t GROUP BY ROLLUP (bad())",
        "SELECT 1 FROM t GROUP BY GROUPING SETS ((bad()), ())",
        "SELECT (bad())[1]",
        "DELETE FROM t USING (SELECT bad()) AS x",
        "WITH x AS (DELETE FROM t WHERE bad() RETURNING 1) SELECT 1",
        "SELECT interval '1 day' * bad()",
    ] {
        refused(Flavour::Postgres, text, "`bad`");
    }
}

#[test]
fn a_name_cannot_be_smuggled_by_how_it_is_written() {
    // U+FEFF is white space to SQLite and a letter to the parser.
    for name in ["\u{feff}sqlite_master", "\u{a0}t", "t\u{e9}"] {
        let print = printed(&format!("SELECT {name} FROM {name}"), Flavour::Sqlite);
        assert_eq!(print, format!("SELECT \"{name}\" FROM \"{name}\""));
    }
    let print = printed(
        "SELECT current_role AS a, \"current_user\" FROM \"Users\", Users",
        Flavour::Sqlite,
    );
    assert_eq!(
        print,
        "SELECT current_role AS a, \"current_user\" FROM \"Users\", Users"
    );
    let print = printed(
        "SELECT \"current_user\", Localtime_X FROM \"Users\", Users",
        Flavour::Postgres,
    );
    assert_eq!(
        print,
        "SELECT \"current_user\", \"localtime_x\" FROM \"Users\", \"users\""
    );
    let long = format!("SELECT * FROM {}", "x".repeat(64));
    assert_eq!(postgres(&long).unwrap_err().kind, FaultKind::SyntaxInvalid);
}

#[test]
fn what_is_not_sql_is_told_with_its_place() {
    let place = |text: &str| {
        let fault = postgres(text).unwrap_err();
        assert_eq!(fault.kind, FaultKind::SyntaxInvalid, "{text}: {fault:?}");
        assert_eq!(fault.state.unwrap().as_str(), "42601");
        assert!(!fault.message.contains(" at Line"), "{}", fault.message);
        fault.position
    };
    for (text, at) in [
        ("", 1),
        ("   ", 1),
        ("-- nothing", 1),
        ("SELECT 1 FROM (", 16),
        ("SELEKT 1", 1),
        ("SELECT 'ä', FROM\n  (1", 22),
        ("SELECT 1 +", 11),
        ("SELECT 'unterminated", 8),
        ("SELECT '\u{1f980}' 1", 12),
        ("SELECT \u{0}1", 8),
        ("SELECT {fn x()}", 8),
        ("SELECT 1L", 8),
        ("SELECT N'x'", 8),
        ("42", 1),
    ] {
        assert_eq!(place(text), Some(at), "{text:?}");
    }
}
