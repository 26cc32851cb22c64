//! The connection to an upstream between the head of an answer and the end of both sides:
//! mostly the request is over by then, sometimes it is still being uploaded; and whether the
//! upstream has read it. Not here: the bodies (`body`), and connections that wait (`pool`).

use super::pool::Lease;
use crate::body::Course;
use crate::stream::Watch;
use http::{Method, StatusCode};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::sleep;

/// How long an upload goes on after its answer is whole. What was on its way arrives, and
/// both connections serve the next request; whoever sends on is broken off
/// (RFC 9112 §9.3, RFC 9113 §8.1).
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether an upstream that answers has left some of the request's body unread. What it left
/// it takes for the next request of the connection, in which a client can have written
/// anything: such as the beginning of a request that the next caller's completes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unread {
    Hardly,
    /// It may have, and may read it yet.
    Perhaps,
    /// It may have, and has no use for it.
    Likely,
}

impl Unread {
    /// By how a request that has a body was answered.
    pub(super) fn of(method: &Method, status: StatusCode, course: &Course) -> Self {
        if !status.is_success() {
            // Refusals and redirections are answered by the head alone.
            return Self::Likely;
        }
        // A body has no meaning there (RFC 9110 §9.3.1).
        let is_seldom_read = matches!(
            *method,
            Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS
        );
        if is_seldom_read || !course.has_ended() {
            return Self::Perhaps;
        }
        Self::Hardly
    }

    /// Whom the connection serves.
    pub(super) fn tell(self, lease: &mut Lease) {
        match self {
            Self::Hardly => {}
            Self::Perhaps => lease.keep_to_itself(),
            Self::Likely => lease.end_at_once(),
        }
    }
}

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
