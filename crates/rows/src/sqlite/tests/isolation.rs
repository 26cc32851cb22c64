//! Two tenants, every kind of statement: each sees and changes its own rows, and no count,
//! error or conflict tells of the other's.

use super::*;

/// HD-21: as if every statement said `WHERE tenant_id = …`, without saying it.
#[tokio::test]
async fn every_statement_is_of_its_callers_rows_alone() {
    let fixture = Fixture::orders().await;
    for tenant in ["acme", "globex"] {
        for (sql, changed) in [
            (
                "INSERT INTO orders (id, item, code) VALUES (1, 'a', 'x'), (2, 'b', 'y')",
                2,
            ),
            (
                "INSERT INTO orders (id, item) SELECT id + 10, item FROM orders",
                2,
            ),
            (
                "INSERT INTO orders (id, item, code) VALUES (1, 'c', 'z') \
                 ON CONFLICT (id) DO UPDATE SET item = excluded.item",
                1,
            ),
            (
                "INSERT OR REPLACE INTO orders (id, item, code) VALUES (3, 'r', 'y')",
                1,
            ),
            ("INSERT OR IGNORE INTO orders (id, item) VALUES (1, 'i')", 0),
            ("UPDATE orders SET amount = amount + 1", 4),
            (
                "UPDATE orders SET amount = 9 FROM orders AS o WHERE o.id = orders.id + 2",
                1,
            ),
            ("DELETE FROM orders WHERE id = 12", 1),
        ] {
            let result = fixture.write(tenant, sql).await.unwrap();
            assert_eq!(result.affected, changed, "{tenant}: {sql}");
        }
        let returned = fixture
            .write(
                tenant,
                "UPDATE orders SET item = 'u' WHERE id = 1 RETURNING tenant_id, item",
            )
            .await
            .unwrap();
        assert_eq!(returned.rows, [[text(tenant), text("u")]]);
        let rows = fixture
            .read(
                tenant,
                "SELECT id, item, amount, tenant_id FROM orders ORDER BY id",
            )
            .await
            .unwrap();
        let own =
            |id, item, amount| vec![Value::Int(id), text(item), Value::Int(amount), text(tenant)];
        assert_eq!(rows, [own(1, "u", 9), own(3, "r", 2), own(11, "a", 2)]);
    }
    fixture.write("globex", "DELETE FROM orders").await.unwrap();
    let count = fixture.read("acme", "SELECT count(*) FROM orders").await;
    assert_eq!(count.unwrap(), [[Value::Int(3)]]);
}

#[tokio::test]
async fn a_row_of_another_tenant_cannot_be_written() {
    let fixture = Fixture::orders().await;
    fixture
        .write("acme", "INSERT INTO orders (id, item) VALUES (1, 'a')")
        .await
        .unwrap();
    let refused = Some((FaultKind::PolicyViolated, Some("42501".to_owned())));
    for sql in [
        "INSERT INTO orders (id, item, tenant_id) VALUES (2, 'b', 'globex')",
        "INSERT INTO orders (id, item, tenant_id) VALUES (2, 'b', 'acme'), (3, 'c', 'globex')",
        "INSERT INTO orders (id, item, tenant_id) SELECT 2, 'b', 'globex'",
        "INSERT INTO orders (id, item, tenant_id) VALUES (2, 'b', NULL)",
        "INSERT INTO orders (id, item, tenant_id) VALUES (2, 'b', 'ACME')",
        "INSERT OR REPLACE INTO orders (id, item, tenant_id) VALUES (1, 'b', 'globex')",
        "INSERT INTO orders (id, item) VALUES (1, 'b') \
         ON CONFLICT (id) DO UPDATE SET tenant_id = 'globex'",
        "UPDATE orders SET tenant_id = 'globex'",
        "UPDATE OR REPLACE orders SET tenant_id = 'globex'",
    ] {
        assert_eq!(refusal(fixture.write("acme", sql).await), refused, "{sql}");
    }
    let own = "INSERT INTO orders (id, item, tenant_id) VALUES (2, 'b', 'acme')";
    assert_eq!(fixture.write("acme", own).await.unwrap().affected, 1);
    let rows = fixture.read("acme", "SELECT id, item FROM orders").await;
    let expected = [[Value::Int(1), text("a")], [Value::Int(2), text("b")]];
    assert_eq!(rows.unwrap(), expected);
}

#[tokio::test]
async fn a_key_that_another_tenant_has_is_free() {
    let fixture = Fixture::orders().await;
    let sql = "INSERT INTO orders (id, item, code) VALUES (7, 'a', 'same')";
    fixture.write("acme", sql).await.unwrap();
    fixture.write("globex", sql).await.unwrap();
    let again = refusal(fixture.write("globex", sql).await);
    let unique = (FaultKind::ConstraintViolated, Some("23505".to_owned()));
    assert_eq!(again, Some(unique));
    let child = "INSERT INTO orders (item, parent) VALUES ('c', 7)";
    fixture.write("globex", "DELETE FROM orders").await.unwrap();
    let foreign = (FaultKind::ConstraintViolated, Some("23503".to_owned()));
    assert_eq!(refusal(fixture.write("globex", child).await), Some(foreign));
    fixture.write("acme", child).await.unwrap();
}

#[tokio::test]
async fn tenants_that_differ_in_case_alone_are_two() {
    let fixture = Fixture::orders().await;
    let sql = "INSERT INTO orders (id, item) VALUES (1, 'a') RETURNING tenant_id";
    for tenant in ["acme", "Acme", "ACME"] {
        let result = fixture.write(tenant, sql).await.unwrap();
        assert_eq!(result.rows, [[text(tenant)]]);
    }
    let names = fixture.rows.tenants().await.unwrap();
    let names: Vec<_> = names.iter().map(TenantId::as_str).collect();
    assert_eq!(names, ["ACME", "Acme", "acme"]);
}

#[tokio::test]
async fn an_erased_tenant_has_nothing_and_the_others_have_all() {
    let fixture = Fixture::orders().await;
    let sql = "INSERT INTO orders (id, item) VALUES (1, 'a')";
    fixture.write("acme", sql).await.unwrap();
    fixture.write("globex", sql).await.unwrap();
    let export = fixture.directory.path().join("acme-export.db");
    let acme = TenantId::new("acme").unwrap();
    fixture.rows.export(&acme, &export).await.unwrap();
    fixture.rows.erase(&acme).await.unwrap();
    fixture.rows.erase(&acme).await.unwrap();
    let left: Vec<_> = fixture.rows.tenants().await.unwrap();
    assert_eq!(left, [TenantId::new("globex").unwrap()]);
    assert!(!fixture.file("acme").with_extension("db-wal").exists());
    let count = "SELECT count(*) FROM orders";
    assert_eq!(
        fixture.read("acme", count).await.unwrap(),
        [[Value::Int(0)]]
    );
    assert_eq!(
        fixture.read("globex", count).await.unwrap(),
        [[Value::Int(1)]]
    );
    let exported = rusqlite::Connection::open(&export).unwrap();
    let rows: i64 = exported.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1);
}

/// Another process erases, and this one has the file open.
#[tokio::test]
async fn what_is_erased_elsewhere_is_not_written_to() {
    let fixture = Fixture::orders().await;
    let sql = "INSERT INTO orders (id, item) VALUES (1, 'a')";
    fixture.write("acme", sql).await.unwrap();
    let other = fixture.again();
    other.erase(&TenantId::new("acme").unwrap()).await.unwrap();
    assert_eq!(fixture.write("acme", sql).await.unwrap().affected, 1);
    let (acme, select) = (caller("acme"), read("SELECT id FROM orders"));
    let seen = other.run(&acme, Work::one(select), BOUNDS);
    assert_eq!(only(seen.await.unwrap()).rows, [[Value::Int(1)]]);
}
