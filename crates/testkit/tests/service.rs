//! The services that tests run on: what a fault does to them, and that it ends.
#![cfg(test)]

use doorward_testkit::service::{Affected, Database, Postgres, Proxy, Redis};
use doorward_testkit::wait::{self, PATIENCE};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

#[test]
fn what_was_committed_survives_the_death_of_every_process() {
    let dir = tempfile::tempdir().unwrap();
    let mut postgres = Postgres::start(dir.path());
    let database = Database::create(&postgres.url("postgres"));
    let _ = database.query("CREATE TABLE t (n int)");
    for round in 0..3 {
        let _ = database.query(&format!("INSERT INTO t VALUES ({round})"));
        postgres.kill();
        assert!(TcpStream::connect(postgres.addr()).is_err());
        postgres.restart();
    }
    assert_eq!(database.query("SELECT n FROM t ORDER BY n"), "0\n1\n2");
    postgres.stop();
    postgres.restart();
    assert_eq!(database.query("SELECT count(*) FROM t"), "3");
    assert_eq!(database.query("SHOW fsync"), "on");
}

#[test]
fn a_dump_shows_letters_in_columns_of_bytes_and_a_dropped_database_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let postgres = Postgres::start(dir.path());
    let database = Database::create(&postgres.url("postgres"));
    let _ = database.query("CREATE TABLE t (b bytea); INSERT INTO t VALUES ('wbat-secret')");
    let file = dir.path().join("dump.sql");
    database.dump(&file);
    assert!(
        std::fs::read_to_string(file)
            .unwrap()
            .contains("wbat-secret")
    );
    let other = postgres.create_database();
    assert_ne!(other, database.url());
    let all = "SELECT count(*) FROM pg_database WHERE datname LIKE 'test%'";
    let server = database.clone();
    assert_eq!(server.query(all), "2");
    database.remove();
    let again = Database::create(&postgres.url("postgres"));
    assert_eq!(again.query(all), "2");
}

#[test]
fn a_locked_database_waits_and_a_closed_one_refuses() {
    let dir = tempfile::tempdir().unwrap();
    let postgres = Postgres::start(dir.path());
    let database = Database::at(&postgres.create_database());
    assert_eq!(database.tables(), Vec::<String>::new());
    let _ = database.query("CREATE TABLE t (n int); CREATE TABLE \"T\" (n int)");
    assert_eq!(database.tables(), ["public.\"T\"", "public.t"]);
    database.check();
    let read = || psql(database.url(), "SET lock_timeout = 100; SELECT n FROM t");
    let held = database.lock();
    assert!(!read().wait_with_output().unwrap().status.success());
    drop(held);
    assert!(read().wait_with_output().unwrap().status.success());
    let sleeper = psql(database.url(), "SELECT pg_sleep(60)");
    database.close();
    assert!(!sleeper.wait_with_output().unwrap().status.success());
    assert!(!read().wait_with_output().unwrap().status.success());
    database.open();
    assert!(read().wait_with_output().unwrap().status.success());
}

#[test]
fn a_frozen_cluster_answers_when_it_is_resumed_and_can_be_dropped_frozen() {
    let dir = tempfile::tempdir().unwrap();
    let postgres = Postgres::start(dir.path());
    let database = Database::create(&postgres.url("postgres"));
    postgres.pause();
    let asked = std::thread::spawn(move || database.query("SELECT 1"));
    assert_eq!(
        wait::within(Duration::from_millis(500), || asked
            .is_finished()
            .then_some(())),
        None
    );
    postgres.resume();
    assert_eq!(asked.join().unwrap(), "1");
    postgres.pause();
    let addr = postgres.addr();
    drop(postgres);
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn redis_comes_back_empty_at_its_address() {
    let dir = tempfile::tempdir().unwrap();
    let mut redis = Redis::start(dir.path());
    assert_eq!(say(redis.addr(), "SET k v\r\n"), "+OK\r\n");
    redis.kill();
    assert!(TcpStream::connect(redis.addr()).is_err());
    redis.restart();
    assert_eq!(say(redis.addr(), "GET k\r\n"), "$-1\r\n");
    redis.pause();
    redis.resume();
    assert_eq!(say(redis.addr(), "PING\r\n"), "+PONG\r\n");
}

#[test]
fn a_cut_closes_a_stall_holds_and_mending_delivers() {
    let dir = tempfile::tempdir().unwrap();
    let redis = Redis::start(dir.path());
    let proxy = Proxy::start(redis.addr());
    let mut open = connect(proxy.addr());
    assert_eq!(ask(&mut open, "PING\r\n"), "+PONG\r\n");

    proxy.stall(Affected::All);
    open.write_all(b"PING\r\n").unwrap();
    open.set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let nothing = open.read(&mut [0; 16]).unwrap_err();
    assert!(matches!(
        nothing.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut
    ));
    proxy.mend();
    open.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(hear(&mut open), "+PONG\r\n");

    proxy.cut(Affected::All);
    assert_eq!(hear(&mut open), "");
    assert_eq!(say(proxy.addr(), "PING\r\n"), "");
    proxy.mend();
    assert_eq!(say(proxy.addr(), "PING\r\n"), "+PONG\r\n");
}

#[test]
fn only_the_named_client_of_postgres_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let postgres = Postgres::start(dir.path());
    let proxy = Proxy::start(postgres.addr());
    let server = proxy.url(&postgres.url("postgres"));
    let feed = Affected::Application("doorward-feed".to_owned());
    let named = format!("{server}?application_name=doorward-feed");
    let listening = psql(&named, "SELECT pg_sleep(60)");
    wait::until("the feed", PATIENCE, || {
        (proxy.connections(&feed) == 1).then_some(())
    });
    proxy.cut(feed.clone());
    assert!(!listening.wait_with_output().unwrap().status.success());
    assert!(
        !psql(&named, "SELECT 1")
            .wait_with_output()
            .unwrap()
            .status
            .success()
    );
    assert!(
        psql(&server, "SELECT 1")
            .wait_with_output()
            .unwrap()
            .status
            .success()
    );
    assert_eq!(proxy.connections(&feed), 0);
    proxy.mend();
    assert!(
        psql(&named, "SELECT 1")
            .wait_with_output()
            .unwrap()
            .status
            .success()
    );
}

#[test]
fn nothing_outlives_a_process_that_was_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut owner = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "owner", "--nocapture"])
        .env("DOORWARD_TEST_OWNER", dir.path())
        .spawn()
        .unwrap();
    let (said, patience) = (dir.path().join("addresses"), PATIENCE);
    let addresses = wait::until("the services of another process", patience, || {
        std::fs::read_to_string(&said).ok()
    });
    owner.kill().unwrap();
    owner.wait().unwrap();
    for addr in addresses.lines() {
        let addr: SocketAddr = addr.parse().unwrap();
        wait::until("the end of a service", patience, || {
            TcpStream::connect(addr).err()
        });
    }
    assert_eq!(addresses.lines().count(), 2);
}

/// The other process of [`nothing_outlives_a_process_that_was_killed`]; in a run of its
/// own it has nothing to do.
#[test]
fn owner() {
    let Some(dir) = std::env::var_os("DOORWARD_TEST_OWNER") else {
        return;
    };
    let dir = Path::new(&dir);
    let (postgres, redis) = (Postgres::start(dir), Redis::start(dir));
    let next = dir.join("addresses.next");
    std::fs::write(&next, format!("{}\n{}\n", postgres.addr(), redis.addr())).unwrap();
    std::fs::rename(next, dir.join("addresses")).unwrap();
    loop {
        std::thread::park();
    }
}

fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// One request and one short answer; nothing if the peer closes.
fn ask(stream: &mut TcpStream, words: &str) -> String {
    let _ = stream.write_all(words.as_bytes());
    hear(stream)
}

fn hear(stream: &mut TcpStream) -> String {
    let mut part = [0; 64];
    let count = stream.read(&mut part).unwrap_or(0);
    String::from_utf8_lossy(&part[..count]).into_owned()
}

fn say(addr: SocketAddr, words: &str) -> String {
    ask(&mut connect(addr), words)
}

fn psql(url: &str, sql: &str) -> std::process::Child {
    std::process::Command::new("psql")
        .args(["-X", "-c", sql, url])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap()
}
