//! The connection to an upstream between the head of an answer and the end of both sides:
//! mostly the request is over by then, sometimes it is still being uploaded. Not here: the
//! bodies (`body`), and connections that wait (`pool`).

use super::pool::Lease;
use crate::body::Course;
use crate::stream::Watch;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::sleep;

/// How long an upload goes on after its answer is whole. What was on its way arrives, and
/// both connections serve the next request; whoever sends on is broken off
/// (RFC 9112 §9.3, RFC 9113 §8.1).
const PATIENCE: Duration = Duration::from_secs(2);

/// Who has the connection while the answer is read. Dropped before the answer is whole, it
/// closes the connection.
#[derive(Debug)]
pub(crate) enum Hold {
    /// The request is over.
    Own(Lease),
    /// An upload goes on, and is attended to elsewhere.
    Attended(oneshot::Sender<()>),
}

impl Hold {
    /// Of a connection whose answer has begun. An upload that goes on ends with `watch`.
    pub(super) fn new(lease: Lease, course: Arc<Course>, watch: Watch) -> Self {
        if course.has_ended() {
            return Self::Own(lease);
        }
        let (told, whole) = oneshot::channel();
        tokio::spawn(attend(lease, course, watch, whole));
        Self::Attended(told)
    }

    /// The answer is whole.
    pub(crate) fn give_back(self) {
        match self {
            Self::Own(lease) => lease.give_back(),
            // Whoever attended to it may have broken it off.
            Self::Attended(told) => drop(told.send(())),
        }
    }
}

/// Waits until both the upload and its answer are over. Returns early, which closes the
/// connection, when the answer was given up, when it is whole and the upload takes its
/// time, and when the credential of the upload ended.
async fn attend(
    lease: Lease,
    course: Arc<Course>,
    mut watch: Watch,
    mut whole: oneshot::Receiver<()>,
) {
    tokio::select! {
        biased;
        () = course.ended() => {
            if whole.await.is_ok() {
                lease.give_back();
            }
            return;
        }
        answered = &mut whole => if answered.is_err() { return },
        _ = watch.ended() => return,
    }
    tokio::select! {
        biased;
        () = course.ended() => lease.give_back(),
        _ = watch.ended() => {}
        () = sleep(PATIENCE) => tracing::debug!("an upload was broken off after its answer"),
    }
}
