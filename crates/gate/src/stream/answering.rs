//! A request that is answered in this process: as long as its body is still coming it ends
//! with its credential, like any upload. What has all that it asked for is finished, whatever
//! became of its caller meanwhile: it may be what ended the credential. Not here: requests of
//! upstreams (`proxy`).

use super::{Bond, Ended, Watch, YOUNG};
use crate::body::Course;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Why there is no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Broken {
    /// It took too long.
    Late,
    /// Its credential ended within the upload.
    Ended(Ended),
}

/// `answering`, within `limit`; `course` is that of the body that it reads.
pub(crate) async fn while_it_stands<T>(
    answering: impl Future<Output = T>,
    limit: Duration,
    course: &Course,
    bond: Option<Bond>,
) -> Result<T, Broken> {
    let mut answering = pin!(answering);
    // Most are over by then, and pay for one timer.
    let young = limit.min(YOUNG);
    if let Ok(answer) = timeout(young, &mut answering).await {
        return Ok(answer);
    }
    let mut watch = Watch::new(bond.map(Bond::past_exp));
    watch.open();
    let ended = async {
        let ended = watch.ended().await;
        // Looked at whenever the answer was, which is what reads the body.
        poll_fn(|_| {
            if course.is_waiting() && !course.has_ended() {
                Poll::Ready(ended)
            } else {
                Poll::Pending
            }
        })
        .await
    };
    tokio::select! {
        biased;
        answer = &mut answering => Ok(answer),
        ended = ended => Err(Broken::Ended(ended)),
        () = sleep(limit - young) => Err(Broken::Late),
    }
}
