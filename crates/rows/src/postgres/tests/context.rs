//! Who the caller is, as the database knows it: from Doorward alone, for one transaction.

use super::*;

/// What a caller reads of its own context, which is the most it can steal.
async fn stolen(bed: &Bed, tenant: &str) -> String {
    match bed
        .value(tenant, "SELECT current_setting('doorward.context')")
        .await
    {
        Value::Text(context) => context,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_functions_answer_who_the_caller_is() {
    let bed = fresh().await;
    let asked = "SELECT auth.tenant_id(), auth.user_id(), auth.role(), auth.jwt() ->> 'sub', \
                 auth.credential_id(), auth.credential_kind(), auth.in_tenant('acme'), \
                 auth.in_tenant('globex'), auth.has_role('editor'), auth.has_role('admin')";
    let answer = bed.read("acme", asked).await.unwrap();
    let expected = [
        text("acme"),
        text("ada"),
        text("editor"),
        text("ada"),
        Value::Null,
        Value::Null,
        Value::Bool(true),
        Value::Bool(false),
        Value::Bool(true),
        Value::Bool(false),
    ];
    assert_eq!(answer.rows, [expected]);
}

#[tokio::test]
async fn without_a_context_there_are_no_rows() {
    let bed = sample().await;
    let bare = bed.bare().await;
    let count: i64 = bare
        .query_one("SELECT count(*) FROM notes", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(count, 0);
    bare.batch_execute("SET default_transaction_read_only = off")
        .await
        .unwrap();
    let refused = bare
        .execute("INSERT INTO notes (id, body) VALUES (9, 'x')", &[])
        .await;
    assert!(refused.is_err());
    let answer = bare
        .query_one("SELECT auth.tenant_id()", &[])
        .await
        .unwrap();
    assert_eq!(answer.get::<_, Option<String>>(0), None);
}

#[tokio::test]
async fn a_context_that_somebody_made_is_refused() {
    let bed = sample().await;
    let claims = r#"{"tenant_id":"globex"}"#;
    let own = stolen(&bed, "acme").await;
    let (mac, rest) = own.split_at(64);
    let (until, own_claims) = rest.split_at(12);
    for forged in [
        claims.to_owned(),
        format!("{}{}{claims}", "0".repeat(64), until),
        format!("{mac}{}", rest.replace("acme", "globex")),
        format!("{mac}999999999999{own_claims}"),
        rest.to_owned(),
        "garbage".to_owned(),
    ] {
        // In a transaction of the caller's own, beside its true context.
        let set = format!("SELECT set_config('doorward.context', $forged${forged}$forged$, true)");
        let fault = bed
            .run("acme", vec![read(&set), read("SELECT * FROM notes")])
            .await
            .unwrap_err();
        assert_eq!(fault.state.unwrap().as_str(), "42501", "{forged}");
        // And in a session of its own.
        let bare = bed.bare().await;
        let set = set.replace("true)", "false)");
        bare.batch_execute(&set).await.unwrap();
        assert!(
            bare.query("SELECT * FROM notes", &[]).await.is_err(),
            "{forged}"
        );
    }
}

#[tokio::test]
async fn a_context_that_was_read_is_of_no_use_afterwards() {
    let bed = sample().await;
    // One connection, so that the process is the same.
    let mut one = settings(&bed.database, &format!("owner_{}", bed.database));
    one.pool_size = 1;
    let bed = Bed {
        rows: PostgresRows::open(one, &SEED).await.unwrap(),
        ..bed
    };
    let pid = bed.value("globex", "SELECT pg_backend_pid()").await;
    let context = stolen(&bed, "globex").await;
    assert_eq!(bed.value("acme", "SELECT pg_backend_pid()").await, pid);
    let set = format!("SELECT set_config('doorward.context', $x${context}$x$, true)");
    let fault = bed
        .run("acme", vec![read(&set), read("SELECT * FROM notes")])
        .await
        .unwrap_err();
    assert_eq!(fault.state.unwrap().as_str(), "42501");
    // Nor for a session to come, on the same connection or another.
    let keep = format!("SELECT set_config('doorward.context', $x${context}$x$, false)");
    bed.read("acme", &keep).await.unwrap();
    let seen = bed
        .read("acme", "SELECT body FROM notes ORDER BY 1")
        .await
        .unwrap();
    assert_eq!(seen.rows, [[text("acme one")], [text("acme two")]]);
    let bare = bed.bare().await;
    bare.batch_execute(&keep).await.unwrap();
    assert!(bare.query("SELECT * FROM notes", &[]).await.is_err());
}

#[tokio::test]
async fn a_proof_is_for_one_session_and_some_seconds() {
    let bed = sample().await;
    let bare = bed.bare().await;
    let pid: i32 = bare
        .query_one("SELECT pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0);
    let now: i64 = bare
        .query_one("SELECT extract(epoch FROM now())::int8", &[])
        .await
        .unwrap()
        .get(0);
    let claims = r#"{"tenant_id":"acme"}"#;
    let other = Secrets::derive(&[8; 32], &bed.database, "main");
    let prove = |secrets: &Secrets, pid, until| secrets.prove(claims, pid, until).to_vec();
    let begin = "SELECT auth.begin($1, $2, $3)";
    for (why, until, proof) in [
        (
            "of another session",
            now + 60,
            prove(&bed.rows.secrets, pid + 1, now + 60),
        ),
        (
            "of other seconds",
            now + 61,
            prove(&bed.rows.secrets, pid, now + 60),
        ),
        ("over", now - 60, prove(&bed.rows.secrets, pid, now - 60)),
        ("of another seed", now + 60, prove(&other, pid, now + 60)),
        ("none", now + 60, Vec::new()),
    ] {
        let refused = bare
            .execute(begin, &[&claims, &until, &proof])
            .await
            .unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "42501", "{why}");
    }
    let mut bare = bare;
    let proof = prove(&bed.rows.secrets, pid, now + 60);
    let transaction = bare.transaction().await.unwrap();
    transaction
        .execute(begin, &[&claims, &(now + 60), &proof])
        .await
        .unwrap();
    let tenant = transaction
        .query_one("SELECT auth.tenant_id()", &[])
        .await
        .unwrap();
    assert_eq!(tenant.get::<_, String>(0), "acme");
}

#[tokio::test]
async fn the_context_is_looked_at_once_for_each_table_of_a_statement() {
    let bed = sample().await;
    let plan = bed
        .read(
            "acme",
            "EXPLAIN (COSTS off) SELECT * FROM notes WHERE id = 1",
        )
        .await
        .unwrap();
    let plan = format!("{:?}", plan.rows);
    assert!(plan.contains("InitPlan"), "{plan}");
    assert!(
        plan.contains("Index Cond: ((tenant_id = $0) AND (id = 1))"),
        "{plan}"
    );
}
