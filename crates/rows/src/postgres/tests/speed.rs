//! A point SELECT by key through the engine beside the bare one; `--ignored --nocapture`.

use super::*;

const ROUNDS: u32 = 5000;

/// What a process of this machine has used of a processor.
fn used(pid: i32) -> Duration {
    let path = format!("/proc/{pid}/schedstat");
    let text = std::fs::read_to_string(path).unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

#[tokio::test]
#[ignore = "a measurement"]
async fn a_point_select_beside_the_bare_one() {
    let bed = sample().await;
    let who = caller("acme");
    let by_key = || {
        Statement::new(
            "SELECT id, body FROM notes WHERE id = $1",
            vec![Value::Int(1)],
            false,
        )
    };
    for _ in 0..500 {
        bed.rows
            .run(&who, Work::one(by_key()), BOUNDS)
            .await
            .unwrap();
    }
    let pid = match bed.value("acme", "SELECT pg_backend_pid()").await {
        Value::Int(pid) => i32::try_from(pid).unwrap(),
        other => panic!("{other:?}"),
    };
    let server_before = used(pid);
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        let done = bed
            .rows
            .run(&who, Work::one(by_key()), BOUNDS)
            .await
            .unwrap();
        assert_eq!(done[0].rows.len(), 1);
    }
    let through = begun.elapsed() / ROUNDS;
    let server_through = (used(pid) - server_before) / ROUNDS;
    let config = {
        let mut config = server();
        config.dbname(&bed.database);
        config
    };
    let (bare, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    let prepared = bare
        .prepare("SELECT id, body FROM notes WHERE tenant_id = $1 AND id = $2")
        .await
        .unwrap();
    for _ in 0..500 {
        bare.query(&prepared, &[&"acme", &1_i64]).await.unwrap();
    }
    let pid: i32 = bare
        .query_one("SELECT pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0);
    let server_before = used(pid);
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        let row = bare.query(&prepared, &[&"acme", &1_i64]).await.unwrap();
        assert_eq!(row.len(), 1);
    }
    let direct = begun.elapsed() / ROUNDS;
    let server_direct = (used(pid) - server_before) / ROUNDS;
    println!("through {through:?}, bare prepared {direct:?}");
    println!("the server's processor: {server_through:?}, bare {server_direct:?}");
}
