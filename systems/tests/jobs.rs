//! Background jobs of the running binary: each runs, and says so; of two processes, one
//! does what is one's.
#![cfg(test)]

use doorward_testkit::{App, Cable, Request, Setup, site, wait};
use std::time::{Duration, Instant};

const REALM: &str = "[realm.main]\nhosts = [\"*\"]\nissuer = \"http://127.0.0.1:8080\"";
const PATIENCE: Duration = Duration::from_secs(30);
const JOBS: [&str; 10] = [
    "refusals",
    "last_used",
    "forget",
    "change_log",
    "sweep",
    "retention",
    "mail",
    "mail_count",
    "notices",
    "webhooks",
];

/// How often a job was done, as the process tells.
fn done(app: &App, job: &str) -> u64 {
    let metrics = Request::new(app.ops(), "GET", "/metrics").send().text();
    let start = format!("doorward_job_runs_total{{job=\"{job}\",outcome=\"done\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&start));
    line.map_or(0, |count| count.parse().unwrap())
}

#[test]
fn every_job_runs_soon_after_the_start() {
    let app = Setup::new(site!(), REALM).start();
    for job in JOBS {
        wait::until(job, PATIENCE, || (done(&app, job) > 0).then_some(()));
    }
    let metrics = Request::new(app.ops(), "GET", "/metrics").send().text();
    for name in [
        "doorward_job_rows_total{job=\"mail\"}",
        "doorward_job_seconds_total{job=\"forget\"}",
        "doorward_job_last_success_seconds{job=\"change_log\"}",
        "doorward_mail_waiting 0",
        "doorward_egress_total{outcome=\"answered\"} 0",
    ] {
        assert!(metrics.contains(name), "{name} in {metrics}");
    }
}

#[test]
fn of_two_processes_one_does_what_is_ones() {
    let began = Instant::now();
    let mut cluster = Setup::new(site!(), REALM).cluster(2, Cable::Direct);
    cluster.start();
    let counts = |job| cluster.nodes().iter().map(move |node| done(node, job));
    wait::until("each process's own job", PATIENCE, || {
        counts("forget").all(|count| count > 0).then_some(())
    });
    wait::until("the one's job", PATIENCE, || {
        (counts("change_log").sum::<u64>() > 0).then_some(())
    });
    // Each tries within five seconds; the lease rests for 24.
    wait::until("both to have tried", PATIENCE, || {
        (began.elapsed() > Duration::from_secs(6)).then_some(())
    });
    let runs = counts("change_log").sum::<u64>();
    assert!(runs <= 1 + began.elapsed().as_secs() / 24, "{runs} runs");
}
