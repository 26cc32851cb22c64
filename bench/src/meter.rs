//! What a process costs, from /proc and, where the machine allows it, from the
//! processor's counters. Not here: how much work it did for that (`load`).

use crate::failure::{Context as _, Failure};
use crate::process::Running;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Nanoseconds on a processor so far, over all threads. `/proc/PID/stat` is sampled by
/// ticks and up to twice wrong; `schedstat` is exact. A thread that ends takes its time
/// along: keep the span of a measurement free of starts and ends.
pub(crate) fn cpu_nanos(pid: u32) -> Result<u64, Failure> {
    let tasks = format!("/proc/{pid}/task");
    let entries = fs::read_dir(&tasks).during(&tasks)?;
    Ok(entries
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
        .sum())
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
    fn this_process_has_a_cost() {
        let pid = std::process::id();
        assert!(cpu_nanos(pid).unwrap() > 0);
        assert!(resident_mib(pid).unwrap() > 0.1);
        assert!(cpu_nanos(0).is_err());
    }
}
