//! What one caller leaves in a session is gone before the next, although its SQL was checked
//! by nobody.

use super::*;

/// Rows over a single connection.
async fn single() -> Bed {
    let bed = sample().await;
    let mut one = settings(&bed.database, &format!("owner_{}", bed.database));
    one.pool_size = 1;
    one.own_database = false;
    let rows = PostgresRows::open(one, &SEED).await.unwrap();
    let database = &bed.database;
    let temp = format!("GRANT TEMPORARY ON DATABASE {database} TO PUBLIC");
    bed.admin.batch_execute(&temp).await.unwrap();
    Bed { rows, ..bed }
}

#[tokio::test]
async fn nothing_of_a_caller_is_seen_by_the_next() {
    let bed = single().await;
    for (leave, look) in [
        (
            "CREATE TEMP TABLE left_behind AS SELECT * FROM notes",
            "SELECT count(*) FROM pg_class WHERE relname = 'left_behind'",
        ),
        (
            "PREPARE left_behind AS SELECT 'acme secret'",
            "SELECT count(*) FROM pg_prepared_statements WHERE from_sql",
        ),
        (
            "DECLARE left_behind CURSOR WITH HOLD FOR SELECT * FROM notes",
            "SELECT count(*) FROM pg_cursors WHERE name = 'left_behind'",
        ),
        (
            "SELECT set_config('left.behind', 'acme secret', false)",
            "SELECT (coalesce(current_setting('left.behind', true), '') <> '')::int",
        ),
        (
            "SET SESSION search_path = pg_temp, pg_catalog",
            "SELECT (current_setting('search_path') <> 'public, pg_temp')::int",
        ),
        (
            "SET SESSION row_security = off",
            "SELECT (current_setting('row_security') <> 'on')::int",
        ),
        (
            "SELECT pg_advisory_lock(4711)",
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'",
        ),
        (
            "LISTEN left_behind",
            "SELECT count(*) FROM pg_listening_channels()",
        ),
        (
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            "SELECT (current_setting('default_transaction_isolation') <> 'read committed')::int",
        ),
    ] {
        bed.write("acme", leave).await.unwrap();
        let looked = read(look);
        let seen = bed.run("globex", vec![looked]).await.unwrap();
        let seen = format!("{:?}", seen[0].rows);
        assert_eq!(seen, "[[Int(0)]]", "{leave}");
    }
}

#[tokio::test]
async fn leaving_the_transaction_leaves_the_context() {
    let bed = single().await;
    for leave in ["COMMIT", "ROLLBACK"] {
        let seen = bed
            .run("acme", vec![read(leave), read("SELECT * FROM notes")])
            .await
            .unwrap();
        assert_eq!(seen[1].rows.len(), 0, "{leave}");
        // Outside, the role's own default is to read only.
        let written = bed
            .run(
                "acme",
                vec![
                    write(leave),
                    write("INSERT INTO notes (id, body) VALUES (9, 'x')"),
                ],
            )
            .await;
        assert!(written.is_err(), "{leave}");
    }
    assert_eq!(
        bed.value("acme", "SELECT count(*) FROM notes").await,
        Value::Int(2)
    );
}

#[tokio::test]
async fn a_statement_that_fails_leaves_the_connection_for_the_next() {
    let bed = single().await;
    let pid = bed.value("acme", "SELECT pg_backend_pid()").await;
    for wrong in [
        "SELEC 1",
        "SELECT 1 / 0",
        "SELECT * FROM nothing",
        "SELECT 'x'::int",
    ] {
        assert!(bed.read("acme", wrong).await.is_err(), "{wrong}");
    }
    assert!(
        bed.write("acme", "INSERT INTO authors (name) VALUES ('ada')")
            .await
            .is_err()
    );
    assert_eq!(bed.value("globex", "SELECT pg_backend_pid()").await, pid);
}

#[tokio::test]
async fn a_call_that_is_given_up_ends_at_the_server() {
    let bed = single().await;
    let who = caller("acme");
    let slow = bed
        .rows
        .run(&who, Work::one(read("SELECT pg_sleep(600)")), BOUNDS);
    let watch = async {
        let running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' \
                       AND usename LIKE 'doorward_rows%' AND datname = current_database()";
        loop {
            let row = bed.admin.query_one(running, &[]).await.unwrap();
            if row.get::<_, i64>(0) > 0 {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        done = slow => panic!("{done:?}"),
        () = watch => {}
    }
    // The pool has one connection, and it is free again; the other ends by itself.
    assert_eq!(bed.value("globex", "SELECT 1").await, Value::Int(1));
    let gone = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' \
                AND state = 'active' AND pid <> pg_backend_pid() AND datname = current_database()";
    let patience = Instant::now();
    loop {
        let row = bed.admin.query_one(gone, &[]).await.unwrap();
        if row.get::<_, i64>(0) == 0 {
            break;
        }
        assert!(patience.elapsed() < Duration::from_secs(30));
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn connections_that_the_server_ended_are_replaced_unnoticed() {
    let bed = sample().await;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE usename = (SELECT role FROM doorward.rows_key) \
               AND datname = current_database()";
    for _ in 0..3 {
        assert!(bed.admin.execute(end, &[]).await.unwrap() > 0);
        let count = bed.value("acme", "SELECT count(*) FROM notes").await;
        assert_eq!(count, Value::Int(2));
        assert!(bed.admin.execute(end, &[]).await.unwrap() > 0);
        bed.write("acme", "UPDATE notes SET stars = stars + 1")
            .await
            .unwrap();
    }
    let stars = bed.value("acme", "SELECT max(stars) FROM notes").await;
    assert_eq!(stars, Value::Int(3));
}
