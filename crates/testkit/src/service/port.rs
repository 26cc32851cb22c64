//! Ports for what must come back at the same address after it was killed. Not here:
//! listeners that may live anywhere; those let the kernel choose.

use crate::artifact::must;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

/// The first port considered.
const LOWEST: u16 = 10_000;

/// A free port on 127.0.0.1 below those the kernel hands out by itself. In that range
/// an outgoing connection could take the port while its owner is down, or connect to
/// itself.
///
/// # Panics
/// When none is free.
#[must_use]
pub fn free() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    // Other test processes look for ports at the same time: each begins elsewhere, and goes on
    // from there, for what it gave is not listened on yet.
    static BEGIN: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(LOWEST));
    let count = first_ephemeral().saturating_sub(LOWEST).max(1);
    let begin = u16::try_from(*BEGIN % u64::from(count)).unwrap_or_default();
    let candidates = (0..count).map(|_| {
        let step = TAKEN.fetch_add(1, Ordering::Relaxed);
        LOWEST + begin.wrapping_add(step) % count
    });
    let mut free =
        candidates.filter(|&port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok());
    match free.next() {
        Some(port) => port,
        None => panic!("no port is free between {LOWEST} and {}", LOWEST + count),
    }
}

/// Where the kernel's own range begins.
fn first_ephemeral() -> u16 {
    let range = must(
        "read the range of ephemeral ports",
        fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range"),
    );
    let first = range.split_whitespace().next();
    first.and_then(|first| first.parse().ok()).unwrap_or(32_768)
}
