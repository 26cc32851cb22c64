//! What is particular to this engine: the file, other processes, failing disks.

use super::*;
use crate::conformance::fixture::{
    all, at, event, group, people, realm, session_id, subject_id, token, token_id, user,
};
use crate::conformance::{conformance, reading, writing};
use crate::use_case::use_cases;
use doorward_identity::model::{AuditAction, Change, TokenState};
use doorward_identity::port::{AuditFilter, StoreHandle, TokenKey};
use rusqlite::Connection;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Barrier, Mutex};
use tempfile::TempDir;

async fn fresh() -> (StoreHandle, TempDir) {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    (StoreHandle::new(store), directory)
}

fn open(directory: &TempDir) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(&directory.path().join("store.db")).unwrap())
}

/// Runs SQL on the write connection.
async fn run_sql(store: &SqliteStore, sql: &'static str) {
    let run = move |conn: &mut Connection| {
        conn.execute_batch(sql)
            .map_err(|error| StoreError::Unavailable(error.to_string()))
    };
    store.writer.run(run).await.unwrap();
}

mod erasure;
mod fault;
mod file;
mod plans;
mod process;

conformance!(crate::sqlite::tests::fresh);
use_cases!(crate::sqlite::tests::fresh);

/// D2: whoever else the caller's thread serves does not wait for a listing.
#[tokio::test]
async fn a_listing_leaves_the_callers_thread() {
    let (store, _directory) = fresh().await;
    let a = realm(&store, "a").await;
    people(&store, a).await;
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let listing = store.read_as(a, Extent::Listing, move |tx| {
        let wait = wait.lock().unwrap();
        // In place, it would wait for what comes after it.
        wait.recv_timeout(Duration::from_secs(20)).unwrap();
        Box::pin(async move { tx.list_subjects(all()).await })
    });
    let other = async {
        let found = reading!(store, a, [], |tx| tx.find_subject(subject_id(1)).await);
        go.send(()).unwrap();
        found
    };
    let (listed, found) = tokio::join!(listing, other);
    assert_eq!(listed.unwrap().len(), 2);
    assert!(found.unwrap().is_some());
}

/// A look-up that writes nothing is served while the writer is busy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_up_does_not_wait_for_the_writer() {
    let directory = TempDir::new().unwrap();
    let engine = open(&directory);
    let store = StoreHandle::new(Arc::clone(&engine) as Arc<dyn Store>);
    let a = realm(&store, "a").await;
    people(&store, a).await;
    writing!(store, a, [], |tx| tx.insert_api_token(&token(1, 1)).await).unwrap();
    let (busy, is_busy) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let writing = tokio::spawn(async move {
        let hold = move |_: &mut Connection| {
            busy.send(()).unwrap();
            released.recv().unwrap();
            Ok(())
        };
        engine.writer.run(hold).await
    });
    tokio::task::spawn_blocking(move || is_busy.recv().unwrap())
        .await
        .unwrap();
    let look = store.write_as(a, Extent::OneLookUp, |tx| {
        Box::pin(async move { tx.find_token_dossier(&TokenKey::Id(token_id(1))).await })
    });
    let found = tokio::time::timeout(Duration::from_secs(20), look).await;
    assert_eq!(found.unwrap().unwrap().unwrap().token, token(1, 1).token);
    release.send(()).unwrap();
    assert_eq!(writing.await.unwrap(), Ok(()));
}
