//! Opening: what it makes, what it refuses.

use super::*;

#[tokio::test]
async fn opening_again_changes_nothing() {
    let bed = sample().await;
    let seen = "SELECT xmin::text FROM pg_proc WHERE proname = 'context' UNION ALL \
                SELECT xmin::text FROM doorward.rows_key UNION ALL \
                SELECT xmin::text FROM pg_authid WHERE rolname = (SELECT role FROM doorward.rows_key)";
    let before: Vec<String> = bed
        .admin
        .query(seen, &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    let again = settings(&bed.database, &format!("owner_{}", bed.database));
    let rows = PostgresRows::open(again, &SEED).await.unwrap();
    let after: Vec<String> = bed
        .admin
        .query(seen, &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(before, after);
    let bed = Bed { rows, ..bed };
    assert_eq!(
        bed.value("acme", "SELECT count(*) FROM notes").await,
        Value::Int(2)
    );
}

#[tokio::test]
async fn a_role_that_no_policy_binds_serves_nobody() {
    let bed = sample().await;
    for (give, take) in [
        (
            "ALTER ROLE @role@ BYPASSRLS",
            "ALTER ROLE @role@ NOBYPASSRLS",
        ),
        (
            "GRANT pg_read_all_data TO @role@",
            "REVOKE pg_read_all_data FROM @role@",
        ),
    ] {
        let role = bed.rows.role();
        bed.admin
            .batch_execute(&give.replace("@role@", role))
            .await
            .unwrap();
        let again = settings(&bed.database, &format!("owner_{}", bed.database));
        let fault = PostgresRows::open(again, &SEED).await.err().unwrap();
        assert!(fault.hint.is_some(), "{fault:?}");
        bed.admin
            .batch_execute(&take.replace("@role@", role))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn somebody_else_s_schema_auth_is_left_alone() {
    let database = database().await;
    let admin = superuser(&database).await;
    admin
        .batch_execute("CREATE SCHEMA auth; CREATE FUNCTION auth.role() RETURNS text LANGUAGE sql AS $$SELECT 'x'$$")
        .await
        .unwrap();
    let again = settings(&database, &format!("owner_{database}"));
    let fault = PostgresRows::open(again, &SEED).await.err().unwrap();
    assert!(fault.message.contains("schema auth"), "{fault:?}");
    let row = admin.query_one("SELECT auth.role()", &[]).await.unwrap();
    assert_eq!(row.get::<_, String>(0), "x");
}

#[tokio::test]
async fn an_owner_who_may_not_make_roles_is_told_what_to_run() {
    let database = database().await;
    let admin = superuser(&database).await;
    let owner = format!("owner_{database}");
    admin
        .batch_execute(&format!("ALTER ROLE {owner} NOCREATEROLE"))
        .await
        .unwrap();
    let fault = PostgresRows::open(settings(&database, &owner), &SEED)
        .await
        .err()
        .unwrap();
    let hint = fault.hint.unwrap();
    let (_, sql) = hint.split_once(": ").unwrap();
    admin.batch_execute(sql).await.unwrap();
    // The rights on it are the owner's to give.
    let fault = PostgresRows::open(settings(&database, &owner), &SEED)
        .await
        .err();
    assert!(fault.is_none_or(|fault| fault.state.is_some_and(|state| state.as_str() == "42501")));
}

#[tokio::test]
async fn an_address_that_leads_nowhere_names_no_password() {
    let mut nowhere = settings("nothing", "nobody");
    nowhere.url = Secret::new("postgres://nobody:hunter2@127.0.0.1:1/nothing".to_owned());
    let fault = PostgresRows::open(nowhere.clone(), &SEED)
        .await
        .err()
        .unwrap();
    assert_eq!(fault.kind, FaultKind::Unavailable);
    nowhere.url = Secret::new("hunter2 is no address".to_owned());
    let other = PostgresRows::open(nowhere, &SEED).await.err().unwrap();
    assert!(!format!("{fault:?}{other:?}").contains("hunter2"));
}
