//! Processes that are not our children: found, signalled, and waited for until they are
//! gone. Not here: starting them (`daemon`).

use crate::wait::{self, PATIENCE};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;

/// The processes whose parent is `parent`.
pub(crate) fn children(parent: i32) -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        panic!("cannot list the processes: no /proc");
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&pid| stat(pid).is_some_and(|stat| stat.parent == parent))
        .collect()
}

/// Sends a signal. A process that is gone needs none.
pub(crate) fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = kill_process(pid, signal);
    }
}

/// Waits until none of them runs.
///
/// # Panics
/// When one goes on.
pub(crate) fn wait_until_gone(pids: &[i32]) {
    wait::until("processes to end", PATIENCE, || {
        pids.iter().all(|&pid| is_gone(pid)).then_some(())
    });
}

/// Whether it has ended; a zombie has, though nobody asked how yet.
pub(crate) fn is_gone(pid: i32) -> bool {
    stat(pid).is_none_or(|stat| matches!(stat.state, 'Z' | 'X'))
}

struct Stat {
    state: char,
    parent: i32,
}

/// Two fields of `/proc/PID/stat` (proc(5)). The command's name comes before them and
/// may hold anything, a parenthesis too.
fn stat(pid: i32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after) = text.rsplit_once(')')?;
    let mut fields = after.split_whitespace();
    Some(Stat {
        state: fields.next()?.chars().next()?,
        parent: fields.next()?.parse().ok()?,
    })
}
