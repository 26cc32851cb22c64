//! The attacks on SQL that the security catalogue numbers (S1 to S28), as far as a text alone
//! can hold one: refused, or run as what it is, a text about the caller's own tenant's rows.
//! Those about rows, plans, pools and settings are the engines' tests.

use super::*;

/// S1: a predicate of the caller's own is only a predicate; nothing is added to the text that
/// it could escape from.
#[test]
fn s1_a_tautology_is_printed_as_it_was_written() {
    let text = "SELECT * FROM orders WHERE tenant_id = 'other' OR NOT (1 <> 1)";
    assert_eq!(printed(text, Flavour::Sqlite), text);
}

/// S2: comments and quotations are gone from what runs.
#[test]
fn s2_comments_and_quotations_do_not_reach_the_engine() {
    for (text, expected) in [
        ("SELECT 1 -- ; DROP TABLE t", "SELECT 1"),
        ("SELECT/**/1/* ; DROP TABLE t */", "SELECT 1"),
        ("SELECT /*/* nested */ 2 */ 1", "SELECT 1"),
        ("SELECT /*+ SeqScan(t) */ 1", "SELECT 1"),
        (
            "SELECT $$'; DROP TABLE t; --$$",
            "SELECT '''; DROP TABLE t; --'",
        ),
        ("SELECT $a$ $$ $a$", "SELECT ' $$ '"),
        (
            "SELECT E'\\'; DROP TABLE t; --'",
            "SELECT '''; DROP TABLE t; --'",
        ),
        ("SELECT E'\\\\'", "SELECT E'\\\\'"),
        ("SELECT U&'d\\0061t\\+000061'", "SELECT 'data'"),
        ("SELECT 'a\\''b'", "SELECT E'a\\\\\\'b'"),
    ] {
        assert_eq!(printed(text, Flavour::Postgres), expected);
    }
    // SQLite does not nest comments: the same text means another thing there.
    assert_eq!(
        sqlite("SELECT /*/* nested */ 2 */ 1").unwrap_err().kind,
        FaultKind::SyntaxInvalid
    );
    assert_eq!(
        printed("SELECT 'a\\''b'", Flavour::Sqlite),
        "SELECT 'a\\''b'"
    );
    for text in ["SELECT $$x$$", "SELECT E'x\\''"] {
        assert!(sqlite(text).is_err(), "{text}");
    }
}

/// S3: one statement.
#[test]
fn s3_several_statements_are_refused() {
    for flavour in BOTH {
        for text in [
            "SELECT 1; SELECT 2",
            "SELECT 1;;SELECT 2",
            "SELECT 1; --\nDROP TABLE t",
        ] {
            refused(flavour, text, "More than one statement");
        }
        assert_eq!(printed("SELECT ';' ;;", flavour), "SELECT ';'");
    }
}

/// S6, S19: a change inside a WITH is a change.
#[test]
fn s6_a_change_in_a_with_query_needs_the_right_to_write() {
    let text = "WITH x AS (UPDATE t SET tenant_id = 'other' RETURNING 1) SELECT * FROM x";
    let reader = Rights {
        read: true,
        ..Rights::default()
    };
    let fault = postgres(text)
        .unwrap()
        .bind(Vec::new(), reader)
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::WriteForbidden);
    refused(
        Flavour::Postgres,
        "MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE",
        "MERGE",
    );
}

/// S9: a quoted name is compared as the engine compares it.
#[test]
fn s9_quotes_make_no_other_name() {
    for quoted in [
        "\"sqlite_master\"",
        "[sqlite_master]",
        "`sqlite_master`",
        "'sqlite_master'",
    ] {
        refused(
            Flavour::Sqlite,
            &format!("SELECT * FROM {quoted}"),
            "`sqlite_master`",
        );
    }
    for (text, expected) in [
        ("SELECT * FROM \"Users\"", "SELECT * FROM \"Users\""),
        ("SELECT * FROM [users]", "SELECT * FROM \"users\""),
        ("SELECT * FROM `users`", "SELECT * FROM \"users\""),
        ("SELECT * FROM 'users'", "SELECT * FROM \"users\""),
        (
            "SELECT \u{e9}t\u{e9} FROM users",
            "SELECT \"\u{e9}t\u{e9}\" FROM users",
        ),
    ] {
        assert_eq!(printed(text, Flavour::Sqlite), expected);
    }
    assert_eq!(
        printed("SELECT * FROM USERS, \"Users\"", Flavour::Postgres),
        "SELECT * FROM \"users\", \"Users\"",
    );
}

/// S10, S15: one schema, no catalogue.
#[test]
fn s10_schemas_and_catalogues_are_refused() {
    for (text, construct) in [
        ("SELECT * FROM temp.t", "`temp`"),
        ("SELECT * FROM Pg_Temp.t", "`Pg_Temp`"),
        ("SELECT * FROM other.t", "`other`"),
        (
            "SELECT * FROM INFORMATION_SCHEMA.tables",
            "`INFORMATION_SCHEMA`",
        ),
        ("SELECT other.t.a FROM t", "`other`"),
        ("SELECT other.t.* FROM t", "`other`"),
    ] {
        for flavour in BOTH {
            refused(flavour, text, construct);
        }
    }
    for name in [
        "sqlite_master",
        "SQLITE_SCHEMA",
        "sqlite_stat1",
        "sqlite_sequence",
        "dbstat",
    ] {
        refused(
            Flavour::Sqlite,
            &format!("SELECT * FROM {name}"),
            &name.to_ascii_lowercase(),
        );
    }
    for name in [
        "pg_class",
        "PG_STATS",
        "pg_stat_activity",
        "pg_authid",
        "pg_settings",
    ] {
        refused(
            Flavour::Postgres,
            &format!("SELECT * FROM {name}"),
            &name.to_ascii_lowercase(),
        );
    }
}

/// S11: the tables behind a virtual table are reached only by the functions that are listed.
#[test]
fn s11_full_text_tables_are_not_queried() {
    refused(
        Flavour::Sqlite,
        "SELECT * FROM docs WHERE docs MATCH 'x'",
        "MATCH",
    );
    refused(Flavour::Sqlite, "SELECT fts5_decode(1)", "`fts5_decode`");
}

/// S12, S13: functions are listed.
#[test]
fn s12_functions_that_reach_further_are_refused() {
    for name in [
        "load_extension",
        "readfile",
        "writefile",
        "fts3_tokenizer",
        "sqlite_compileoption_get",
    ] {
        refused(Flavour::Sqlite, &format!("SELECT {name}('x')"), name);
    }
    for name in [
        "pg_read_file",
        "lo_export",
        "lo_get",
        "dblink",
        "dblink_exec",
        "query_to_xml",
        "table_to_xml",
        "database_to_xml",
        "cursor_to_xml",
        "pg_sleep",
        "set_config",
        "current_setting",
        "pg_advisory_xact_lock",
        "pg_terminate_backend",
        "currval",
        "setval",
        "pg_logical_emit_message",
        "xpath",
        "ts_stat",
        "txid_current_snapshot",
    ] {
        refused(Flavour::Postgres, &format!("SELECT {name}('x')"), name);
        refused(
            Flavour::Postgres,
            &format!("SELECT * FROM {name}('x')"),
            name,
        );
        refused(
            Flavour::Postgres,
            &format!("SELECT pg_catalog.{name}('x')"),
            name,
        );
    }
    for name in [
        "pragma_table_info",
        "pragma_function_list",
        "generate_series",
        "fsdir",
        "zipfile",
    ] {
        refused(Flavour::Sqlite, &format!("SELECT * FROM {name}('x')"), name);
    }
}

/// S14, S16, S23: statements that callers do not have.
#[test]
fn s14_other_statements_are_refused() {
    for text in [
        "PRAGMA writable_schema = ON",
        "ATTACH 'x' AS y",
        "DETACH x",
        "VACUUM INTO 'x'",
        "CREATE TEMP TABLE x (a INT)",
        "CREATE TABLE x AS SELECT 1",
        "CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END",
        "DO $$ x $$",
        "CALL x()",
        "LOCK TABLE t",
        "COPY t FROM STDIN",
        "PREPARE x AS SELECT 1",
        "EXECUTE x",
        "DECLARE x CURSOR FOR SELECT 1",
        "LISTEN x",
        "NOTIFY x",
        "SET ROLE x",
        "SET row_security = off",
        "SET search_path = x",
        "RESET ALL",
        "SAVEPOINT x",
        "ROLLBACK TO x",
        "EXPLAIN SELECT 1",
    ] {
        let first = text.split(' ').next().unwrap();
        for flavour in BOTH {
            refused(flavour, text, first);
        }
    }
}

/// S18: what replaces rows by a key that another tenant may hold is SQLite's alone, where a
/// tenant is a file.
#[test]
fn s18_replacing_is_refused_where_tenants_share_a_table() {
    refused(
        Flavour::Postgres,
        "INSERT OR REPLACE INTO t VALUES (1)",
        "OR REPLACE",
    );
    refused(Flavour::Postgres, "REPLACE INTO t VALUES (1)", "REPLACE");
    assert!(sqlite("REPLACE INTO t VALUES (1)").unwrap().writes());
}

/// S24, S28: nothing sets or reads the tenant's variable; no operator is named by its schema.
#[test]
fn s24_settings_and_operators_of_schemas_are_refused() {
    for (text, construct) in [
        (
            "SELECT set_config('doorward.tenant', 'x', true)",
            "`set_config`",
        ),
        (
            "SELECT pg_catalog.set_config('doorward.tenant', 'x', true)",
            "set_config",
        ),
        (
            "SELECT current_setting('doorward.tenant')",
            "`current_setting`",
        ),
        ("SELECT 1 OPERATOR(public.===) 2", "OPERATOR"),
        ("SELECT a <<< b FROM t", "operator"),
    ] {
        refused(Flavour::Postgres, text, construct);
    }
}
