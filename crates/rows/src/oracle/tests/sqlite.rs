//! The oracle on files.

use super::*;
use crate::sqlite::{Hole, SqliteRows, SqliteSettings};
use doorward_base::testing::FixedClock;
use tempfile::TempDir;

/// Two realms, each in a directory of its own.
pub(super) struct Realms {
    pub(super) world: World,
    pub(super) folders: [TempDir; 2],
}

pub(super) async fn realms() -> Realms {
    let folders = [(); 2].map(|()| folder());
    let world = World::fill(reopened(&folders, None)).await;
    Realms { world, folders }
}

impl Realms {
    /// Statements go for the other tenant's file too, which is there in both.
    pub(super) fn aim_at_files(&mut self) {
        let World { ground, files, .. } = &mut self.world;
        ground.reach = Reach::Catalogues;
        ground.other_file = Some(ELSEWHERE.to_owned());
        *files = self.folders.each_ref().map(|folder| {
            let path = folder.path().join("tenants/globex.db");
            assert!(path.exists());
            path.to_str().unwrap().to_owned()
        });
    }
}

/// A directory; in memory, where there is such a place: what is committed need not outlive a
/// loss of power here.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// The realms in these directories, with a hole in the engine.
pub(super) fn reopened(folders: &[TempDir; 2], hole: Option<Hole>) -> [Arc<dyn Engine>; 2] {
    let clock = Arc::new(FixedClock::at(Timestamp::from_seconds(1_900_000_000)));
    folders.each_ref().map(|folder| {
        let clock = Arc::<FixedClock>::clone(&clock);
        let settings = SqliteSettings {
            hole,
            ..SqliteSettings::default()
        };
        let rows = SqliteRows::open(folder.path(), settings, clock);
        Arc::new(rows.unwrap()) as Arc<dyn Engine>
    })
}

async fn explored(seed: u64, count: usize) {
    let realms = realms().await;
    let figures = realms.world.explore(seed, count, Check::On).await.unwrap();
    println!("{figures:?}");
    figures.assert_worth(Check::On);
}

/// HD-21, HD-36: nothing that is answered depends on another tenant's rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_statements_tell_nothing_of_another_tenant() {
    explored(1, 10_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_others_tell_nothing_either() {
    explored(2, 10_000).await;
}

/// What checks a caller's text fell: the file and the authorizer stand.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engine_alone_keeps_tenants_apart() {
    let mut realms = realms().await;
    // So that both have a file of it.
    drop(realms.world.watched().await);
    realms.aim_at_files();
    let figures = realms.world.explore(3, 3_000, Check::Off).await.unwrap();
    assert_eq!(figures.accepted, figures.asked);
    assert!(figures.answered * 100 >= figures.asked * 60, "{figures:?}");
}

/// `cargo xtask soak rows`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes as long as it is asked to: cargo xtask soak rows"]
async fn soak_sqlite() {
    let realms = realms().await;
    soak("sqlite", &realms.world).await;
}
