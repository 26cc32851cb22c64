//! Two tenants in the same tables: every kind of statement sees and changes its own rows,
//! and each lock holds with the other off.

use super::*;

#[tokio::test]
async fn every_statement_kind_stays_in_its_tenant() {
    let bed = sample().await;
    let before = bed
        .read("globex", "SELECT * FROM notes ORDER BY id")
        .await
        .unwrap();
    for (sql, affected) in [
        ("INSERT INTO notes (body) VALUES ('three')", 1),
        ("INSERT INTO notes (body) VALUES ('four'), ('five')", 2),
        ("INSERT INTO notes (body) SELECT body FROM notes", 5),
        ("UPDATE notes SET stars = stars + 1", 10),
        (
            "UPDATE notes SET stars = 7 FROM authors a WHERE a.id = author",
            2,
        ),
        (
            "INSERT INTO notes (id, body) VALUES (1, 'again') ON CONFLICT (tenant_id, id) \
             DO UPDATE SET body = excluded.body",
            1,
        ),
        (
            "INSERT INTO notes (id, body) VALUES (2, 'never') ON CONFLICT DO NOTHING",
            0,
        ),
        (
            "MERGE INTO notes n USING (SELECT generate_series(1, 3)) AS s (id) ON n.id = s.id \
             WHEN MATCHED THEN UPDATE SET stars = 9 WHEN NOT MATCHED THEN \
             INSERT (body) VALUES ('merged')",
            3,
        ),
        (
            "WITH gone AS (DELETE FROM notes WHERE id > 2 RETURNING id) \
             INSERT INTO authors (name) SELECT 'gone ' || id FROM gone",
            8,
        ),
        (
            "DELETE FROM notes USING authors a WHERE a.id = author AND a.id = 2",
            1,
        ),
        ("DELETE FROM notes", 1),
    ] {
        let done = bed.write("acme", sql).await;
        assert_eq!(done.map(|done| done.affected), Ok(affected), "{sql}");
    }
    let after = bed
        .read("globex", "SELECT * FROM notes ORDER BY id")
        .await
        .unwrap();
    assert_eq!(before, after);
    assert_eq!(before.rows.len(), 2);
}

#[tokio::test]
async fn every_read_sees_its_tenant_alone() {
    let bed = sample().await;
    for sql in [
        "SELECT body FROM notes",
        "SELECT body FROM notes WHERE tenant_id = 'globex' OR 1 = 1",
        "SELECT body FROM notes WHERE tenant_id <> 'acme' OR true",
        "SELECT n.body FROM notes n FULL JOIN authors a ON a.id = n.author",
        "SELECT n.body FROM authors a, LATERAL (SELECT * FROM notes n WHERE n.author = a.id) n",
        "SELECT body FROM notes UNION SELECT body FROM notes",
        "WITH RECURSIVE notes AS (SELECT body FROM public.notes UNION SELECT body FROM notes) \
             SELECT body FROM notes",
        "SELECT (SELECT body FROM notes WHERE id = a.id) FROM authors a",
        "SELECT max(body) OVER () FROM notes",
        "SELECT (x).body FROM (SELECT n AS x FROM notes n) s",
        "SELECT body FROM notes TABLESAMPLE SYSTEM (100)",
        "SELECT body FROM notes ORDER BY (SELECT count(*) FROM notes m WHERE m.id < notes.id)",
        "SELECT query_to_xml('SELECT body FROM notes', true, false, '')::text",
        "SELECT body FROM ONLY notes FOR KEY SHARE",
        "TABLE notes",
    ] {
        let statement = if sql.contains("FOR KEY") {
            write(sql)
        } else {
            read(sql)
        };
        let seen = bed.run("acme", vec![statement]).await.unwrap();
        let seen = format!("{seen:?}");
        assert!(seen.contains("acme"), "{sql}: {seen}");
        assert!(!seen.contains("globex"), "{sql}: {seen}");
    }
    assert_eq!(
        bed.value("acme", "SELECT count(*) FROM notes").await,
        Value::Int(2)
    );
}

#[tokio::test]
async fn a_foreign_tenant_is_refused_wherever_it_is_written() {
    let bed = sample().await;
    for sql in [
        "INSERT INTO notes (tenant_id, body) VALUES ('globex', 'x')",
        "INSERT INTO notes (tenant_id, body) VALUES ('acme', 'x'), ('globex', 'y')",
        "INSERT INTO notes (tenant_id, body) SELECT 'globex', body FROM notes",
        "UPDATE notes SET tenant_id = 'globex'",
        "INSERT INTO notes (id, body) VALUES (1, 'x') ON CONFLICT (tenant_id, id) \
             DO UPDATE SET tenant_id = 'globex'",
    ] {
        let fault = bed.write("acme", sql).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::PolicyViolated, "{sql}: {fault:?}");
    }
    // NULL is no tenant either.
    let fault = bed
        .write(
            "acme",
            "INSERT INTO notes (tenant_id, body) VALUES (NULL, 'x')",
        )
        .await;
    assert!(matches!(
        fault.unwrap_err().kind,
        FaultKind::PolicyViolated | FaultKind::ConstraintViolated
    ));
    assert_eq!(
        bed.value("globex", "SELECT count(*) FROM notes").await,
        Value::Int(2)
    );
}

#[tokio::test]
async fn keys_and_references_know_only_the_own_tenant() {
    let bed = sample().await;
    bed.write(
        "globex",
        "INSERT INTO authors (id, name) VALUES (77, 'theirs')",
    )
    .await
    .unwrap();
    // The same key and the same unique name are free here.
    bed.write("acme", "INSERT INTO authors (name) VALUES ('globex only')")
        .await
        .unwrap();
    // A row that is another tenant's is not there to refer to.
    let fault = bed
        .write("acme", "INSERT INTO notes (author, body) VALUES (77, 'x')")
        .await;
    let fault = fault.unwrap_err();
    assert_eq!(fault.kind, FaultKind::ConstraintViolated);
    assert_eq!(fault.state.unwrap().as_str(), "23503");
    // Deleting what is referred to leaves the tenant's column alone.
    bed.write("acme", "DELETE FROM authors WHERE id = 1")
        .await
        .unwrap();
    let orphan = bed
        .read("acme", "SELECT author, tenant_id FROM notes WHERE id = 1")
        .await
        .unwrap();
    assert_eq!(orphan.rows, [[Value::Null, text("acme")]]);
    let own = bed
        .read("globex", "SELECT author FROM notes WHERE id = 1")
        .await
        .unwrap();
    assert_eq!(own.rows, [[Value::Int(1)]]);
}

#[tokio::test]
async fn numbers_given_by_the_engine_tell_nothing_of_others() {
    let bed = sample().await;
    for _ in 0..5 {
        bed.write("globex", "INSERT INTO notes (body) VALUES ('more')")
            .await
            .unwrap();
    }
    let made = "INSERT INTO notes (body) VALUES ('a'), ('b') RETURNING id";
    let made = bed.write("acme", made).await.unwrap();
    assert_eq!(made.rows, [[Value::Int(3)], [Value::Int(4)]]);
}

#[tokio::test]
async fn a_read_does_not_write_whatever_its_text_says() {
    let bed = sample().await;
    for sql in [
        "INSERT INTO notes (body) VALUES ('x')",
        "WITH x AS (DELETE FROM notes RETURNING 1) SELECT * FROM x",
        "SELECT * FROM notes FOR UPDATE",
    ] {
        let fault = bed.read("acme", sql).await.unwrap_err();
        assert_eq!(fault.state.unwrap().as_str(), "25006", "{sql}");
    }
    let only = caller_with("acme", &["read"]);
    let work = Work::one(write("DELETE FROM notes"));
    let fault = bed.rows.run(&only, work, BOUNDS).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::WriteForbidden);
    let only = caller_with("acme", &["write"]);
    let work = Work::one(read("SELECT 1"));
    let fault = bed.rows.run(&only, work, BOUNDS).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::ReadForbidden);
    assert_eq!(
        bed.value("acme", "SELECT count(*) FROM notes").await,
        Value::Int(2)
    );
}
