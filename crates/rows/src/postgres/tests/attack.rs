//! Issue 10, point 4: what a caller's SQL tries, run as the caller role although no check of
//! its text has passed it. Either the server refuses, or nothing of the other tenant shows.

use super::*;

/// What the other tenant has and nobody else may read.
const THEIRS: &str = "globex";

/// Runs an attack as one tenant and returns everything it got, words of the refusal included.
async fn attack(bed: &Bed, statements: &[&str]) -> Result<String, String> {
    let all = statements.iter().map(|sql| write(sql)).collect();
    match bed.run("acme", all).await {
        Ok(results) => Ok(format!("{results:?}")),
        Err(fault) => {
            let state = fault.state.map(|state| state.as_str().to_owned());
            Err(format!("{state:?} {fault:?}"))
        }
    }
}

#[tokio::test]
async fn becoming_somebody_else_is_refused() {
    let bed = sample().await;
    let owner = format!("owner_{}", bed.database);
    for sql in [
        format!("SET ROLE {owner}"),
        "SET ROLE postgres".to_owned(),
        format!("SET SESSION AUTHORIZATION {owner}"),
        format!("SELECT set_config('role', '{owner}', false)"),
        format!("SELECT set_config('session_authorization', '{owner}', false)"),
        format!("GRANT {owner} TO CURRENT_USER"),
        "CREATE ROLE other SUPERUSER".to_owned(),
        "ALTER ROLE CURRENT_USER BYPASSRLS".to_owned(),
        "ALTER TABLE notes DISABLE ROW LEVEL SECURITY".to_owned(),
        "ALTER TABLE notes NO FORCE ROW LEVEL SECURITY".to_owned(),
        "DROP POLICY doorward_tenant ON notes".to_owned(),
        "CREATE POLICY mine ON notes USING (true)".to_owned(),
        "CREATE TABLE public.mine (id int)".to_owned(),
        "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'".to_owned(),
        "CREATE VIEW public.mine AS SELECT * FROM notes".to_owned(),
        "CREATE EXTENSION dblink".to_owned(),
        "SELECT * FROM doorward.rows_key".to_owned(),
        "SELECT * FROM doorward.rows_step".to_owned(),
        "INSERT INTO doorward.rows_key SELECT * FROM doorward.rows_key".to_owned(),
        "CREATE OR REPLACE FUNCTION auth.context() RETURNS jsonb LANGUAGE sql AS \
             $$SELECT '{}'::jsonb$$"
            .to_owned(),
        "TRUNCATE notes".to_owned(),
    ] {
        let outcome = attack(&bed, &[&sql, "SELECT * FROM notes"]).await;
        let refused = outcome.expect_err(&sql);
        assert!(!refused.contains(THEIRS), "{sql}: {refused}");
    }
    assert_eq!(
        bed.value(THEIRS, "SELECT count(*) FROM notes").await,
        Value::Int(2)
    );
}

#[tokio::test]
async fn files_and_programs_are_out_of_reach() {
    let bed = sample().await;
    for sql in [
        "COPY notes TO PROGRAM 'cat'",
        "COPY notes FROM PROGRAM 'echo 1'",
        "COPY notes TO '/tmp/notes'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_ls_dir('/')",
        "SELECT lo_import('/etc/passwd')",
        "SELECT lo_export(1, '/tmp/x')",
        "DO LANGUAGE plpython3u $$ import os $$",
        "CREATE TABLESPACE mine LOCATION '/tmp'",
        "ALTER SYSTEM SET log_statement = 'all'",
        "LOAD 'auto_explain'",
    ] {
        let outcome = attack(&bed, &[sql]).await;
        assert!(outcome.is_err(), "{sql}: {outcome:?}");
    }
}

#[tokio::test]
async fn what_runs_shows_nothing_of_the_other_tenant() {
    let bed = sample().await;
    let temp = format!("GRANT TEMPORARY ON DATABASE {} TO PUBLIC", bed.database);
    bed.admin.batch_execute(&temp).await.unwrap();
    for statements in [
        &["RESET ALL", "SELECT * FROM notes"][..],
        &["SET row_security = off", "SELECT * FROM notes"],
        &[
            "SET LOCAL session_replication_role = replica",
            "SELECT * FROM notes",
        ],
        &["SET enable_seqscan = off", "SELECT * FROM notes"],
        &[
            "LOCK TABLE notes IN ACCESS EXCLUSIVE MODE",
            "SELECT * FROM notes",
        ],
        &[
            "DO $$ BEGIN PERFORM set_config('doorward.context', '', true); END $$",
            "SELECT * FROM notes",
        ],
        &[
            "DO $$ DECLARE n record; BEGIN FOR n IN SELECT * FROM notes LOOP \
             RAISE EXCEPTION '%', n.body; END LOOP; END $$",
        ],
        &[
            "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM notes",
            "FETCH ALL FROM c",
        ],
        &["PREPARE p AS SELECT * FROM notes", "EXECUTE p"],
        &[
            "CREATE TEMP VIEW v AS SELECT * FROM notes",
            "SELECT * FROM v",
        ],
        &[
            "CREATE FUNCTION pg_temp.f(text) RETURNS bool COST 0.01 LANGUAGE plpgsql AS \
             $$ BEGIN RAISE WARNING '%', $1; RETURN true; END $$",
            "SELECT * FROM notes WHERE pg_temp.f(body)",
        ],
        &["SELECT * FROM notes WHERE 1 / (length(body) - length('globex one')) > -5"],
        &["SELECT * FROM pg_stats WHERE tablename = 'notes'"],
        &["SELECT * FROM pg_statistic"],
        &["SELECT stavalues1::text FROM pg_statistic"],
        &["SELECT table_to_xml('notes', true, false, '')::text"],
        &["SELECT * FROM pg_prepared_statements"],
        &["SELECT * FROM pg_cursors"],
        &["SELECT prosrc FROM pg_proc WHERE proname = 'context'"],
        &["SELECT ctid::text, xmin::text, body FROM notes"],
        &["EXPLAIN (ANALYZE, BUFFERS off, TIMING off, COSTS off) SELECT * FROM notes"],
        &["SELECT pg_notify('x', (SELECT string_agg(body, ',') FROM notes))::text"],
        &["LISTEN x", "NOTIFY x, 'y'"],
        &["SELECT pg_advisory_lock(1), body FROM notes"],
        &["SELECT * FROM notes, pg_export_snapshot() WHERE true"],
    ] {
        // The server's own numbers are gathered beforehand, so that there is something to see.
        bed.admin.batch_execute("ANALYZE").await.unwrap();
        let seen = match attack(&bed, statements).await {
            Ok(seen) | Err(seen) => seen,
        };
        assert!(
            !seen.contains("globex o") && !seen.contains("globex t"),
            "{statements:?}: {seen}"
        );
    }
}

#[tokio::test]
async fn what_callers_have_no_use_for_is_nobodys_in_a_database_of_ours() {
    let database = database().await;
    let user = server().get_user().unwrap().to_owned();
    let rows = PostgresRows::open(settings(&database, &user), &SEED).await;
    // The superuser may take from everybody what everybody has.
    let bed = Bed {
        rows: rows.unwrap(),
        admin: superuser(&database).await,
        database,
    };
    for sql in [
        "SELECT lo_create(4711)",
        "SELECT lo_creat(-1)",
        "SELECT lo_from_bytea(4711, 'x')",
        "SELECT lo_get(4711)",
        "CREATE TEMP TABLE mine (id int)",
        "SELECT ts_stat('SELECT to_tsvector(current_user)')::text",
        "SELECT ('SELECT to_tsvector(current_user)'::text).ts_stat::text",
        "SELECT query_to_xml('SELECT 1', true, false, '')::text",
        "SELECT pg_terminate_backend(1)",
        "SELECT pg_cancel_backend(1)",
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_try_advisory_xact_lock_shared(1)",
        "SELECT pg_sleep(0)",
    ] {
        let refused = attack(&bed, &[sql]).await.expect_err(sql);
        assert!(refused.contains("42501"), "{sql}: {refused}");
    }
}

#[tokio::test]
async fn what_others_run_is_hidden_where_the_owner_can_hide_it() {
    let database = database().await;
    let user = server().get_user().unwrap().to_owned();
    let rows = PostgresRows::open(settings(&database, &user), &SEED).await;
    let bed = Bed {
        rows: rows.unwrap(),
        admin: superuser(&database).await,
        database,
    };
    let other = bed.bare().await;
    other.query("SELECT 'globex secret'", &[]).await.unwrap();
    let seen = attack(&bed, &["SELECT pid, query FROM pg_stat_activity"])
        .await
        .unwrap();
    assert!(!seen.contains("globex secret"), "{seen}");
    let on = attack(&bed, &["SET track_activities = on"]).await;
    assert!(on.unwrap_err().contains("42501"));
    // Where it cannot, a lint says so.
    let found = bed.rows.lint().await.unwrap();
    assert!(
        !found
            .iter()
            .any(|finding| finding.lint == Lint::ActivityVisible)
    );
    let plain = fresh().await;
    let found = plain.rows.lint().await.unwrap();
    assert!(
        found
            .iter()
            .any(|finding| finding.lint == Lint::ActivityVisible)
    );
}
