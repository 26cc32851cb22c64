//! A Redis of its own for each test, and nodes that share it.

use doorward_base::limit::Quota;
use doorward_base::{Clock, Secret, Timestamp};
use doorward_outbound::limit::{SharedLimits, SharedSettings};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, sleep, timeout};

/// A `redis-server` on a free port of the loopback, which keeps nothing on disk.
pub(crate) struct Redis {
    port: u16,
    dir: tempfile::TempDir,
    child: Option<Child>,
}

impl Redis {
    pub(crate) async fn start() -> Self {
        let mut redis = Self::absent();
        redis.run().await;
        redis
    }

    /// A port on which nobody answers yet.
    pub(crate) fn absent() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        Self {
            port: socket.local_addr().unwrap().port(),
            dir: tempfile::tempdir().unwrap(),
            child: None,
        }
    }

    pub(crate) async fn run(&mut self) {
        let child = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(self.dir.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is missing: run `cargo xtask setup`");
        self.child = Some(child);
        until("Redis answers", || async {
            self.try_command(&["PING"]).await.is_ok()
        })
        .await;
    }

    /// As by kill -9.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub(crate) async fn command(&self, words: &[&str]) -> redis::Value {
        self.try_command(words).await.unwrap()
    }

    async fn try_command(&self, words: &[&str]) -> redis::RedisResult<redis::Value> {
        let client = redis::Client::open(self.url())?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(*word);
        }
        command.query_async(&mut connection).await
    }

    /// A node that shares limits here; connected, if there is somebody to connect to.
    pub(crate) async fn node(&self) -> Arc<SharedLimits> {
        let settings = SharedSettings {
            url: Secret::new(self.url()),
            merge_every: SharedSettings::MERGE_EVERY,
            max_keys: 1000,
        };
        let node = SharedLimits::start(&settings, Arc::new(WallClock)).unwrap();
        if self.child.is_some() {
            until("a node connects", || async { node.health().connected }).await;
        }
        node
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) struct WallClock;

impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "the tests' shell")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Timestamp::from_micros(since.unwrap().as_micros().try_into().unwrap())
    }
}

pub(crate) fn now() -> Timestamp {
    WallClock.now()
}

pub(crate) fn quota(count: u32, per: u64, burst: u32) -> Quota {
    Quota::new(count, Duration::from_secs(per), burst).unwrap()
}

/// Looks again and again until it is so; ten seconds at most.
pub(crate) async fn until<L: Future<Output = bool>>(what: &str, mut look: impl FnMut() -> L) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if timeout(Duration::from_secs(1), look()).await == Ok(true) {
            return;
        }
        assert!(Instant::now() < deadline, "not within ten seconds: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}
