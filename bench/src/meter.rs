//! What a process costs, from /proc and, where the machine allows it, from the
//! processor's counters. Not here: how much work it did for that (`load`).

use crate::failure::{Context as _, Failure};
use crate::process::Running;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Nanoseconds of a tick, which Linux counts in hundredths of a second for everyone.
const TICK: u64 = 10_000_000;

/// Nanoseconds on a processor so far, by thread. `/proc/PID/stat` would have the sum,
/// but is sampled by ticks and up to twice wrong; `schedstat` is exact.
#[derive(Debug)]
pub(crate) struct CpuTime(HashMap<OsString, u64>);

impl CpuTime {
    /// Reads it.
    pub(crate) fn of(pid: u32) -> Result<Self, Failure> {
        let tasks = format!("/proc/{pid}/task");
        let entries = fs::read_dir(&tasks).during(&tasks)?;
        let nanos = |path: PathBuf| -> Option<u64> {
            let text = fs::read_to_string(path.join("schedstat")).ok()?;
            text.split(' ').next()?.parse().ok()
        };
        let threads = entries.flatten();
        Ok(Self(
            threads
                .filter_map(|task| Some((task.file_name(), nanos(task.path())?)))
                .collect(),
        ))
    }

    /// What was spent from `before` until now. A thread that began since counts whole;
    /// one that ended takes its share along, which is nothing for a pool's thread that
    /// ended because it had nothing to do.
    pub(crate) fn since(&self, before: &Self) -> u64 {
        let of = |(thread, now): (&OsString, &u64)| {
            now.saturating_sub(before.0.get(thread).copied().unwrap_or(0))
        };
        self.0.iter().map(of).sum()
    }
}

/// Nanoseconds on a processor so far of a PostgreSQL cluster: its first process, those
/// of its children that live, and those that ended.
pub(crate) fn cluster_nanos(pid: u32) -> Result<u64, Failure> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let children = fs::read_to_string(&path).during(&path)?;
    let own = |pid: &str| -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
        text.split(' ').next()?.parse().ok()
    };
    // One that ends between the two readings is among the ended.
    let living: u64 = children.split_ascii_whitespace().filter_map(own).sum();
    let stat = stat(pid)?;
    let ticks = |place: usize| stat.get(place).and_then(|text| text.parse::<u64>().ok());
    let ended = ticks(13).zip(ticks(14)).map(|(user, kernel)| user + kernel);
    let ended = ended.during("a cluster's time")? * TICK;
    Ok(living + ended + own(&pid.to_string()).unwrap_or(0))
}

/// Nanoseconds on a processor of the programs that this one ran to their end.
pub(crate) fn ended_nanos() -> Result<u64, Failure> {
    let stat = stat(std::process::id())?;
    let ticks = |place: usize| stat.get(place).and_then(|text| text.parse::<u64>().ok());
    let ended = ticks(13).zip(ticks(14)).map(|(user, kernel)| user + kernel);
    Ok(ended.during("the time of programs that ended")? * TICK)
}

/// The process that started a process.
pub(crate) fn parent(pid: u32) -> Result<u32, Failure> {
    let parent = stat(pid)?.get(1).and_then(|text| text.parse().ok());
    parent.during("a process's parent")
}

/// What `/proc/PID/stat` says after the program's name, proc(5).
fn stat(pid: u32) -> Result<Vec<String>, Failure> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).during(&path)?;
    let (_, rest) = text.rsplit_once(") ").during(&path)?;
    Ok(rest.split(' ').map(str::to_owned).collect())
}

/// How many tasks wanted to run in the last 1, 5 and 15 minutes.
pub(crate) fn load_averages() -> Result<String, Failure> {
    let text = fs::read_to_string("/proc/loadavg").during("/proc/loadavg")?;
    Ok(text.split(' ').take(3).collect::<Vec<_>>().join(", "))
}

/// Resident memory, MiB.
pub(crate) fn resident_mib(pid: u32) -> Result<f64, Failure> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).during(&path)?;
    resident(&text).during(format!("{path} has no VmRSS"))
}

fn resident(status: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u32 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(f64::from(kib) / 1024.0)
}

/// Counts the instructions that a process runs in user space.
#[derive(Debug)]
pub(crate) struct Instructions {
    perf: Running,
    report: PathBuf,
}

impl Instructions {
    /// Whether this machine has the tool and the counter. Virtual ones often do not.
    pub(crate) fn available() -> bool {
        let probe = Command::new("perf")
            .args(["stat", "-x,", "-e", "instructions:u", "true"])
            .stdin(Stdio::null())
            .output();
        probe.is_ok_and(|probe| counted(&String::from_utf8_lossy(&probe.stderr)).is_some())
    }

    /// Counts from now on.
    pub(crate) fn of(pid: u32, dir: &Path) -> Result<Self, Failure> {
        let report = dir.join("perf.csv");
        let mut command = Command::new("perf");
        command
            .args(["stat", "-x,", "-e", "instructions:u", "-o"])
            .arg(&report)
            .args(["-p", &pid.to_string()]);
        let perf = Running::start(command, &dir.join("perf.log"))?;
        Ok(Self { perf, report })
    }

    /// Stops and tells the count.
    pub(crate) fn finish(self) -> Result<u64, Failure> {
        self.perf.interrupt()?;
        let text = fs::read_to_string(&self.report).during("what perf counted")?;
        counted(&text).during("perf counted nothing")
    }
}

fn counted(report: &str) -> Option<u64> {
    let line = report.lines().find(|line| line.contains("instructions"))?;
    line.split(',').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_in_mib() {
        assert_eq!(
            resident("Name:\tx\nVmRSS:\t    2048 kB\nThreads:\t1\n"),
            Some(2.0)
        );
        assert_eq!(resident("Name:\tx\n"), None);
    }

    #[test]
    fn a_counter_that_is_not_supported_is_not_a_count() {
        assert_eq!(
            counted("# started\n\n1234,,instructions:u,99,100.00,,\n"),
            Some(1234)
        );
        assert_eq!(
            counted("<not supported>,,instructions:u,0,100.00,,\n"),
            None
        );
    }

    #[test]
    fn a_thread_that_ended_takes_nothing_from_the_others() {
        let times = |times: &[(&str, u64)]| {
            CpuTime(
                times
                    .iter()
                    .map(|(thread, nanos)| (OsString::from(thread), *nanos))
                    .collect(),
            )
        };
        let before = times(&[("1", 100), ("2", 9000)]);
        let after = times(&[("1", 150), ("3", 7)]);
        assert_eq!(after.since(&before), 57);
    }

    #[test]
    fn this_process_has_a_cost() {
        let pid = std::process::id();
        let nothing = CpuTime(HashMap::new());
        assert!(CpuTime::of(pid).unwrap().since(&nothing) > 0);
        assert!(resident_mib(pid).unwrap() > 0.1);
        assert!(CpuTime::of(0).is_err());
    }
}
