//! That no table holds anything of who was deleted.

use super::*;
use crate::use_case::erase::somebody;

/// Every row of every table, as text.
async fn dump(database: &str) -> String {
    let client = admin(database).await;
    let tables = client
        .query(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables \
             WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
            &[],
        )
        .await
        .unwrap();
    assert!(tables.len() > 10, "{} tables", tables.len());
    let mut dump = String::new();
    for table in tables {
        let name: String = table.get(0);
        let sql = format!("SELECT (whole.*)::text FROM {name} AS whole");
        for row in client.query(&sql, &[]).await.unwrap() {
            dump.push_str(row.get(0));
            dump.push('\n');
        }
    }
    dump
}

/// As text, or as bytes are shown.
fn holds(dump: &str, text: &str) -> bool {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    dump.contains(text) || dump.contains(&hex)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_table_holds_anything_of_who_was_deleted() {
    let (store, database) = fresh().await;
    let person = somebody(store).await;
    let before = dump(&database).await;
    for text in &person.personal {
        assert!(holds(&before, text), "{text}: the search would find it");
    }
    person.delete().await;
    let after = dump(&database).await;
    for text in &person.personal {
        assert!(!holds(&after, text), "{text}");
    }
    let id = person.id.to_string();
    assert!(after.contains(&id), "the audit log names it");
}
