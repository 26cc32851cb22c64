//! The control socket: a Unix socket of mode 0600 beside the store's file or
//! the configuration, by which a command
//! on the same machine asks the running server. One JSON line in, one out. Not here:
//! anything that changes the store; commands write to the store themselves.

use crate::accept::{self, Few};
use crate::compose::Composed;
use doorward_base::RequestId;
use serde_json::{Value, json};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

const MAX_LINE: u64 = 64 * 1024;
const TIMEOUT: Duration = Duration::from_secs(5);
/// Most connections served at once.
const MAX_CONNECTIONS: usize = 32;

/// A bound control socket, removed when dropped.
pub(crate) struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    /// Binds the socket, replacing one that a killed process left behind; one that is
    /// answered at stays with its process.
    pub(crate) fn bind(path: PathBuf) -> io::Result<Self> {
        if std::os::unix::net::UnixStream::connect(&path).is_ok() {
            return Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                "another server answers there",
            ));
        }
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }

    /// Answers for ever. The caller ends it by dropping the future.
    pub(crate) async fn serve(self, composed: Arc<Composed>) {
        let mut few = Few::new(MAX_CONNECTIONS);
        loop {
            let (stream, _) = accept::next("control", || self.listener.accept()).await;
            let composed = Arc::clone(&composed);
            few.serve(async move {
                let answered = tokio::time::timeout(TIMEOUT, answer(stream, &composed)).await;
                if let Ok(Err(error)) = answered {
                    tracing::debug!(%error, "a control connection broke off");
                }
            });
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // Left behind, it would only be replaced by the next start.
        drop(std::fs::remove_file(&self.path));
    }
}

async fn answer(stream: UnixStream, composed: &Composed) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    BufReader::new(read.take(MAX_LINE))
        .read_line(&mut line)
        .await?;
    let wanted = serde_json::from_str::<Value>(&line)
        .ok()
        .and_then(|question| question.get("explain")?.as_str()?.parse::<RequestId>().ok());
    let answer = match wanted {
        None => json!({"error": "expected {\"explain\": request id}"}),
        Some(request) => json!({"denial": composed.find_denial(request)}),
    };
    write.write_all(format!("{answer}\n").as_bytes()).await
}

/// Asks the running server for the trace of a denial.
pub(crate) async fn ask_denial(path: &Path, request: RequestId) -> io::Result<Option<Value>> {
    let asked = async {
        let mut stream = UnixStream::connect(path).await?;
        stream
            .write_all(format!("{}\n", json!({"explain": request.to_string()})).as_bytes())
            .await?;
        let mut line = String::new();
        BufReader::new(stream.take(MAX_LINE))
            .read_line(&mut line)
            .await?;
        let answer: Value = serde_json::from_str(&line).map_err(io::Error::other)?;
        Ok(answer
            .get("denial")
            .filter(|denial| !denial.is_null())
            .cloned())
    };
    tokio::time::timeout(TIMEOUT, asked)
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}
