//! Holes in files, planted in the files themselves.

use super::super::sqlite::{Realms, realms, reopened};
use super::super::*;
use super::STATEMENTS;
use crate::sqlite::Hole;

/// The oracle's first find after the files were changed, with nobody at them.
async fn found(change: impl Fn(&std::path::Path)) -> Option<Found> {
    let Realms { world, folders } = realms().await;
    let ground = world.ground.clone();
    drop(world);
    for folder in &folders {
        change(&folder.path().join("tenants"));
    }
    let world = World {
        sides: reopened(&folders, None),
        ground,
        files: [const { String::new() }; 2],
    };
    world.explore(1, STATEMENTS, Check::On).await.err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_left_alone_tell_nothing() {
    assert!(found(|_| {}).await.is_none());
}

/// A name that leads two tenants to one file: the file says whose it is.
#[tokio::test]
async fn a_tenant_is_not_served_from_another_tenants_file() {
    let Realms { world, folders } = realms().await;
    drop(world);
    let tenants = folders[1].path().join("tenants");
    std::fs::remove_file(tenants.join("globex.db")).unwrap();
    std::os::unix::fs::symlink(tenants.join("acme.db"), tenants.join("globex.db")).unwrap();
    let [_, side] = reopened(&folders, None);
    let read = Statement::new("SELECT * FROM notes", Vec::new(), false);
    let work = Work::one(read);
    assert!(side.run(&caller(OWN), work.clone(), BOUNDS).await.is_ok());
    let refused = side.run(&caller(OTHER), work, BOUNDS).await.unwrap_err();
    assert_eq!(refused.kind, crate::FaultKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_takes_rows_of_another_tenant_is_found() {
    let planted = found(|tenants| {
        let file = rusqlite::Connection::open(tenants.join("acme.db")).unwrap();
        file.execute_batch("PRAGMA writable_schema = ON").unwrap();
        let open = "UPDATE sqlite_schema SET sql = replace(sql, '= ''acme''', 'IS NOT NULL')
            WHERE instr(sql, '= ''acme''')";
        assert_eq!(file.execute(open, []).unwrap(), TABLES.len());
    });
    assert!(planted.await.is_some());
}

/// The oracle's first find with a hole in the engine, where nothing checks texts.
async fn found_with(hole: Hole) -> Option<Found> {
    let mut realms = realms().await;
    drop(realms.world.watched().await);
    realms.world.sides = reopened(&realms.folders, Some(hole));
    realms.aim_at_files();
    realms.world.explore(1, STATEMENTS, Check::Off).await.err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_lent_on_to_another_tenant_is_found() {
    assert!(found_with(Hole::LentOn).await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_tenants_file_that_may_be_attached_is_found() {
    let found = found_with(Hole::Attach).await.unwrap();
    assert!(found.texts[0].starts_with("ATTACH"), "{found:?}");
}
