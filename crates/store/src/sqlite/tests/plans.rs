//! How statements are answered, which must not grow with a realm.

use super::*;
use crate::area::api_token::{COUNT_ACTIVE, NTH_NEWEST};
use crate::area::audit::listing;
use crate::area::challenge::COUNT_OF;
use crate::area::subject::BY_EMAIL;
use crate::conformance::fixture::audit_filters;
use crate::sqlite::dossier;

const ACTIVE: &str = "api_token_active (realm=? AND owner=? AND class=? AND <expr>=?";
const NEWEST: &str = "api_token_newest (realm=? AND owner=? AND class=? AND <expr>=?";

async fn plan(store: &SqliteStore, sql: String) -> Vec<String> {
    let explain = move |conn: &mut Connection| {
        let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let mut rows = statement.raw_query();
        let mut steps: Vec<String> = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            steps.push(row.get("detail").unwrap());
        }
        Ok(steps)
    };
    store.writer.run(explain).await.unwrap()
}

#[tokio::test]
async fn an_audit_listing_reads_by_its_filter() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    for (filter, index) in audit_filters() {
        let (sql, _) = listing(&filter, all());
        let steps = plan(&store, sql).await;
        let reads = format!("SEARCH audit USING INDEX {index} (");
        let mut of_audit = steps.iter().filter(|step| step.contains(" audit"));
        let by_index = of_audit.next().is_some_and(|step| step.starts_with(&reads));
        assert!(by_index, "{filter:?}: {steps:?}");
        // What a bounded search looks at further is what that found.
        assert_eq!(of_audit.next(), None, "{filter:?}: {steps:?}");
    }
}

/// What is counted for each token or invitation that is made is found in an index that tells
/// the tenants apart, and read as far as the limit.
#[tokio::test]
async fn what_counts_against_a_limit_is_found_by_an_index() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    for (sql, searches) in [
        (COUNT_ACTIVE, ACTIVE),
        (NTH_NEWEST, NEWEST),
        (
            COUNT_OF,
            "challenge_by_maker (realm=? AND made_by=? AND <expr>=?",
        ),
    ] {
        let steps = plan(&store, sql.to_owned()).await;
        assert!(
            steps.iter().any(|step| step.contains(searches)),
            "{sql}: {steps:?}"
        );
        // Nothing is sorted, and no table is read through; what an index gave is counted.
        let counted = |step: &String| step.ends_with(" active") || step.ends_with(" theirs");
        let slow = |step: &&String| step.contains("B-TREE") || step.starts_with("SCAN");
        let mut slow = steps.iter().filter(slow);
        assert!(slow.all(counted), "{sql}: {steps:?}");
    }
}

/// Whoever signs in does not pay for the tenants that have somebody of its address.
#[tokio::test]
async fn an_address_is_found_in_two_places_of_an_index() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    let steps = plan(&store, BY_EMAIL.to_owned()).await;
    let search = "subject_by_email (realm=? AND email=? AND kind=? AND <expr>=?)";
    assert!(steps.iter().any(|step| step.contains(search)), "{steps:?}");
}

#[tokio::test]
async fn a_dossier_is_found_by_key() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    for sql in dossier::STATEMENTS {
        let steps = plan(&store, sql.to_owned()).await;
        let reads = steps.iter().filter(|step| step.starts_with("SEARCH"));
        let keyed = reads.filter(|step| step.contains("(realm=? AND "));
        assert!(keyed.count() >= 2, "{sql}: {steps:?}");
        assert!(
            !steps.iter().any(|step| step.starts_with("SCAN")),
            "{sql}: {steps:?}"
        );
    }
}
