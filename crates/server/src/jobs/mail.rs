//! Sending what waits, and counting it. Not here: how a mail is sent (`identity`,
//! `outbound`).

use crate::compose::Composed;
use crate::system::SystemClock;
use doorward_base::Clock as _;
use doorward_identity::act::mail;
use doorward_identity::port::StoreError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long one run goes on taking mails.
const WHILE: Duration = Duration::from_secs(60);

/// How many mails there are, as last counted.
#[derive(Debug, Default)]
pub(crate) struct MailGauge {
    waiting: AtomicU64,
    dead: AtomicU64,
}

impl MailGauge {
    /// Mails that wait.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Mails that were given up.
    pub(crate) fn dead(&self) -> u64 {
        self.dead.load(Ordering::Relaxed)
    }
}

pub(super) async fn send_due(composed: &Composed) -> Result<u64, StoreError> {
    let Some(mailer) = &composed.mailer else {
        return Ok(0);
    };
    let (mut sent, began) = (0, Instant::now());
    loop {
        let now = SystemClock.now();
        let delivered = mail::deliver(&composed.identity, &**mailer, now).await?;
        sent += delivered.sent;
        if delivered.claimed == 0 || began.elapsed() > WHILE {
            return Ok(sent);
        }
    }
}

pub(super) async fn count(composed: &Composed) -> Result<u64, StoreError> {
    let count = composed.identity.store.engine().count_mail().await?;
    let gauge = &composed.mail_count;
    gauge.waiting.store(count.waiting, Ordering::Relaxed);
    gauge.dead.store(count.dead, Ordering::Relaxed);
    Ok(count.waiting + count.dead)
}
