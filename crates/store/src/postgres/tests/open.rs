//! What is found wrong at the start, and said so that it can be mended.

use super::*;
use tokio::task::JoinSet;

async fn refusal(settings: &PostgresSettings) -> OpenError {
    PostgresStore::open(settings).await.err().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_nodes_that_start_at_once_makes_the_schema() {
    let database = database().await;
    let mut nodes = JoinSet::new();
    for _ in 0..8 {
        let settings = settings(&database);
        nodes.spawn(async move { PostgresStore::open(&settings).await.unwrap().created() });
    }
    let created = nodes.join_all().await;
    assert_eq!(created.iter().filter(|&&created| created).count(), 1);
}

#[tokio::test]
async fn a_role_without_rights_is_told_which_it_needs() {
    let database = database().await;
    let admin = admin(&database).await;
    let role = format!("limited_{database}");
    let made = format!("CREATE ROLE {role} LOGIN");
    admin.batch_execute(&made).await.unwrap();
    let settings = settings_as(&database, Some(&role));
    let error = refusal(&settings).await;
    let fix = format!("CREATE SCHEMA doorward AUTHORIZATION \"{role}\"");
    assert!(
        matches!(&error, OpenError::Rights { role: of, fix: known, .. } if *of == role && *known == fix),
        "{error}"
    );
    admin.batch_execute(&fix).await.unwrap();
    assert!(PostgresStore::open(&settings).await.unwrap().created());
    // A schema that another role made: the statement that is named is the one it takes.
    let other = format!("other_{database}");
    let made = format!("CREATE ROLE {other} LOGIN");
    admin.batch_execute(&made).await.unwrap();
    let settings = settings_as(&database, Some(&other));
    for _ in 0..2 {
        let error = refusal(&settings).await;
        let OpenError::Rights { fix, .. } = &error else {
            panic!("{error}");
        };
        admin.batch_execute(fix).await.unwrap();
        if PostgresStore::open(&settings).await.is_ok() {
            return;
        }
    }
    panic!("the statements that were named did not help");
}

#[tokio::test]
async fn a_newer_a_changed_and_a_foreign_schema_are_refused() {
    let (store, database) = fresh().await;
    store.engine().close().await;
    let admin = admin(&database).await;
    let table = "doorward.schema_migration";
    let newer = format!("INSERT INTO {table} VALUES (9999, 'later', '')");
    admin.batch_execute(&newer).await.unwrap();
    let error = refusal(&settings(&database)).await;
    assert!(
        matches!(
            error,
            OpenError::SchemaNewer {
                found: 9999,
                known: 1
            }
        ),
        "{error}"
    );
    let changed = format!(
        "DELETE FROM {table} WHERE version = 9999; UPDATE {table} SET sql = sql || ' ' WHERE version = 1"
    );
    admin.batch_execute(&changed).await.unwrap();
    let error = refusal(&settings(&database)).await;
    assert!(
        matches!(error, OpenError::SchemaDiffers { version: 1, .. }),
        "{error}"
    );
    let foreign = "DROP SCHEMA doorward CASCADE; CREATE SCHEMA doorward; \
         CREATE TABLE doorward.notes (text text)";
    admin.batch_execute(foreign).await.unwrap();
    assert_eq!(refusal(&settings(&database)).await, OpenError::NotAStore);
    let kept = admin.query("SELECT FROM doorward.notes", &[]).await;
    assert!(kept.is_ok());
}

#[tokio::test]
async fn who_cannot_be_reached_and_who_refuses_are_told_apart() {
    let mut elsewhere = settings("x");
    elsewhere.url = Secret::new("postgres://me:hunter2@127.0.0.1:1/x".to_owned());
    let error = refusal(&elsewhere).await;
    assert!(matches!(error, OpenError::Unreachable(_)), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
    let error = refusal(&settings("there_is_no_such_database")).await;
    assert!(matches!(error, OpenError::Refused(_)), "{error}");
    let (_, database) = fresh().await;
    let error = refusal(&settings_as(&database, Some("nobody_of_that_name"))).await;
    assert!(matches!(error, OpenError::Refused(_)), "{error}");
}

#[tokio::test]
async fn a_wrong_address_is_not_repeated() {
    for url in [
        "postgres://me:hunter2@",
        "hunter2",
        "postgres://me:hunter2@h:x/y",
    ] {
        let mut wrong = settings("x");
        wrong.url = Secret::new(url.to_owned());
        let error = refusal(&wrong).await;
        assert!(matches!(error, OpenError::Url(_)), "{error}");
        assert!(!format!("{error:?} {error}").contains("hunter2"), "{error}");
        assert!(!format!("{wrong:?}").contains("hunter2"));
    }
}

#[tokio::test]
async fn tls_is_demanded_of_other_machines() {
    use tokio_postgres::config::SslMode;
    let mode = |url: &str| {
        let settings = PostgresSettings {
            url: Secret::new(url.to_owned()),
            ..settings("x")
        };
        Connector::new(&settings).map(|connector| connector.config.get_ssl_mode())
    };
    assert_eq!(mode("postgres://me@127.0.0.1/x"), Ok(SslMode::Disable));
    assert_eq!(mode("postgres://me@localhost/x"), Ok(SslMode::Disable));
    let remote = "postgres://me@db.example.com/x";
    // On a machine without root certificates it is refused, never sent in clear.
    assert!(matches!(
        mode(remote),
        Ok(SslMode::Require) | Err(OpenError::Tls(_))
    ));
    assert_eq!(
        mode(&format!("{remote}?sslmode=disable")),
        Ok(SslMode::Disable)
    );
}
