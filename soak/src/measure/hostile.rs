//! A thousand clients of each sort that make no progress, from one address and from as
//! many as there are: how long another client's requests take meanwhile, and when the last
//! of them was ended. Not here: the clients (`testkit`).

use super::times::Times;
use crate::option::Options;
use crate::plant::must;
use doorward_testkit::hostile::{Hostile, Sort, Target};
use doorward_testkit::http::Request;
use doorward_testkit::{App, EXCHANGE, Setup, streaming};
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What the other client's requests may take.
const P99: Duration = Duration::from_millis(50);
/// By when each must be ended: its bound is ten seconds.
const BOUND: Duration = Duration::from_secs(60);
/// For how long the other client asks at least.
const LEAST: Duration = Duration::from_secs(5);
/// How often it asks.
const PACE: Duration = Duration::from_millis(5);

/// From where they come.
#[derive(Clone, Copy, Debug)]
enum From {
    One,
    Many,
}

impl From {
    fn address(self, number: usize) -> Ipv4Addr {
        let [.., high, low] = number.to_be_bytes();
        match self {
            Self::One => Ipv4Addr::new(127, 0, 0, 9),
            Self::Many => Ipv4Addr::new(127, 1, high, low),
        }
    }
}

/// Every sort from everywhere. The line of figures, and whether they are good enough.
#[must_use]
pub fn hostile(options: &Options) -> (String, bool) {
    let app = Setup::new("doorward-soak/hostile", &configuration())
        .under(&["prlimit", "--nofile=20000:20000"])
        .start();
    let (mut line, mut good) = (format!("hostile: {} of each sort", options.count), true);
    let quiet = ask_while(&app, |_| pause(LEAST));
    let _ = write!(line, "\n  nobody: {}", quiet.0);
    let mut sorts = Sort::AT_THE_DOOR.to_vec();
    sorts.push(Sort::DeafOperator);
    for sort in sorts {
        for from in [From::One, From::Many] {
            let (report, kept) = round(&app, options.count, sort, from);
            let _ = write!(line, "\n  {sort:?} from {from:?}: {report}");
            good &= kept;
        }
    }
    (line, good)
}

fn configuration() -> String {
    let upstream = streaming::start();
    format!(
        r#"
[server]
header_timeout = "10s"
idle_timeout = "10s"
answer_idle = "10s"
body_idle = "10s"
[realm.web]
hosts = ["*"]
issuer = "http://web.test"
dialects = ["oauth"]
api_tokens.access = {{ kinds = ["service"], prefix = "web_" }}
exchange = {{ path = "{EXCHANGE}" }}
route = [
    {{ path = "/public/**", upstream = "builtin:echo", public = true }},
    {{ path = "/stream/**", upstream = "{upstream}", public = true }},
]
"#
    )
}

fn round(app: &App, count: usize, sort: Sort, from: From) -> (String, bool) {
    let target = Target {
        door: app.addr(),
        ops: app.ops(),
        endless: "/stream/endless",
        pushing: "/stream/pushing",
        own: EXCHANGE,
    };
    let mut ended = Duration::ZERO;
    let mut left = 0;
    let (times, failed) = ask_while(app, |begin| {
        let open = |number| {
            must(
                "connect",
                Hostile::open(sort, &target, from.address(number)),
            )
        };
        let mut all: Vec<Hostile> = (0..count).map(open).collect();
        while !all.is_empty() && begin.elapsed() < BOUND {
            all.retain_mut(|one| !one.is_ended());
            if all.is_empty() {
                ended = begin.elapsed();
            }
            pause(Duration::from_millis(20));
        }
        left = all.len();
        pause(LEAST.saturating_sub(begin.elapsed()));
    });
    let report = format!(
        "another client {times}, {failed} failures; the last ended after {:.1} s, {left} were not",
        ended.as_secs_f64()
    );
    let kept = times.quantile(990) < P99 && failed == 0 && left == 0;
    (report, kept)
}

/// The times of another client's requests, each on a connection of its own, while
/// something goes on; and how many failed.
fn ask_while(app: &App, going_on: impl FnOnce(Instant)) -> (Times, usize) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let (mut times, mut failed) = (Vec::new(), 0);
            while !over.load(Ordering::Relaxed) {
                let begin = Instant::now();
                let answer = Request::new(app.addr(), "GET", "/public/x").try_send();
                times.push(begin.elapsed());
                failed += usize::from(!answer.is_ok_and(|answer| answer.status == 200));
                pause(PACE);
            }
            (Times::of(times), failed)
        });
        going_on(Instant::now());
        over.store(true, Ordering::Relaxed);
        asking.join().unwrap_or_default()
    })
}

fn pause(time: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < time {
        std::thread::park_timeout(time.saturating_sub(begin.elapsed()));
    }
}
