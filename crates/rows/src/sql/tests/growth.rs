//! Long texts out of short ones.

use super::*;

#[test]
fn how_long_a_text_becomes_is_written_out_on_postgres() {
    for text in [
        "SELECT repeat('-', 80), repeat(name, 3), lpad(id::text, (5), '0') FROM t",
        "SELECT rpad(name, 65536) FROM t",
        "SELECT format('%s: %-20s %I', a, b, c) FROM t",
    ] {
        assert!(postgres(text).is_ok(), "{text}: {:?}", postgres(text));
    }
    for text in [
        "SELECT repeat('x', 1000000000)",
        "SELECT repeat('x', 100001)",
        "SELECT repeat('x', n) FROM t",
        "SELECT repeat('x', '1000000000')",
        "SELECT repeat('x', $1)",
        "SELECT repeat('x', 10 * 100000000)",
        "SELECT repeat('x', 1e9)",
        "SELECT REPEAT(upper(repeat('x', 100000)), 100000)",
        "SELECT \"repeat\"((\"repeat\"('x', 100000)), 2)",
        "SELECT lpad('x', 1000000000)",
        "SELECT rpad('x', n, 'y') FROM t",
        "SELECT rpad('x', $1::int)",
        "SELECT format('%1000000000s', 'x')",
        "SELECT format('%*s', 1000000000, 'x')",
        "SELECT format($1, 'x')",
        "SELECT format('%' || '1000000000s', 'x')",
    ] {
        let fault = postgres(text).unwrap_err();
        assert_eq!(
            fault.kind,
            FaultKind::StatementForbidden,
            "{text}: {fault:?}"
        );
    }
    // SQLite has bounds of its own.
    assert!(sqlite("SELECT printf('%*s', 10, 'x')").is_ok());
}

#[test]
fn what_sqlite_keeps_for_each_row_or_path_is_written_out() {
    for text in [
        "SELECT group_concat(name), group_concat(name, ', '), string_agg(name, ($1)) FROM t",
        "SELECT json_extract(data, '$.a', '$.b') FROM t",
    ] {
        assert!(sqlite(text).is_ok(), "{text}: {:?}", sqlite(text));
    }
    for text in [
        "SELECT group_concat('', CASE id WHEN 1 THEN 'x' ELSE '' END) FROM t",
        "SELECT string_agg('', name) OVER (ORDER BY id) FROM t",
        "SELECT json_extract(data, '$', '$', '$') FROM t",
    ] {
        let fault = sqlite(text).unwrap_err();
        assert_eq!(
            fault.kind,
            FaultKind::StatementForbidden,
            "{text}: {fault:?}"
        );
    }
}
