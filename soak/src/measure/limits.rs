//! One tenant's limit over several nodes against an ideal token bucket that sees every
//! request at the moment it was made; then the same with Redis killed and restarted in
//! the middle, where no answer may be an error. Not here: the limiter.

use super::desk::{call, exchange, make_token, sign_in};
use crate::client::Ground;
use crate::history::Part;
use crate::option::Options;
use crate::plant::{Plant, must};
use crate::site::{self, Size};
use doorward_testkit::http::{Call, Wire};
use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(15);
const REALM: usize = 0;
/// The limit: so many a second into a bucket of so many.
const RATE: u32 = 100;
const BURST: u32 = 200;
/// How many requests a second all clients make together.
const DEMAND: u32 = 400;
/// What the admitted may differ from the ideal.
const ERROR: f64 = 0.02;

/// One answer.
struct Seen {
    at: Duration,
    status: u16,
}

/// What one round came to.
struct Round {
    sent: usize,
    admitted: usize,
    ideal: usize,
    errors: usize,
}

/// Runs both rounds. The line of figures, and whether they are good enough.
#[must_use]
pub fn limits(options: &Options) -> (String, bool) {
    let mut plant = Plant::start("doorward-soak/limits", &configuration(), options);
    let size = Size {
        people: 0,
        services: options.clients,
    };
    let ground = site::settle(&plant, size);
    let time = Duration::from_secs(options.seconds);
    let quiet = Round::of(&drive(&prepare(&plant, &ground, "acme"), time, || ()));
    // Another tenant has a bucket of its own, which is full.
    let calls = prepare(&plant, &ground, "globex");
    let struck = Round::of(&drive(&calls, time, || {
        pause(time / 3);
        plant.kill_redis();
        pause(time / 3);
        plant.restart_redis();
    }));
    let error = quiet.error();
    let line = format!(
        "limits: {} clients of one tenant over {} nodes, {RATE}/s, burst {BURST}, {} s: {quiet}; \
         Redis killed and restarted in the middle: {struck}",
        options.clients, options.nodes, options.seconds,
    );
    let good = error.abs() <= ERROR && quiet.errors + struck.errors == 0;
    (line, good)
}

fn configuration() -> String {
    let limit = format!(
        r#"
[realm.east.limits.tenant]
key = "tenant"
rate = "{RATE}/1s"
burst = {BURST}
[[realm.east.route]]
path = "/limited/**"
upstream = "builtin:echo"
tenant = "required"
limits = ["tenant"]
"#
    );
    site::configuration() + &limit
}

/// A request of each service account of a tenant, and the node that it is for.
fn prepare(plant: &Plant, ground: &Ground, tenant: &str) -> Vec<(SocketAddr, Call)> {
    let addrs = plant.addrs();
    let first = must("find a node", addrs.first().copied().ok_or("there is none"));
    let mut wire = Wire::new(first, PATIENCE);
    let subjects = ground.world.subjects.iter().zip(&ground.passwords);
    let here = subjects.filter(|(subject, _)| subject.realm == REALM && subject.tenant == tenant);
    let (mut session, mut calls) = (String::new(), Vec::new());
    // The manager comes first among a tenant's subjects.
    for ((subject, password), addr) in here.zip(addrs.iter().cycle()) {
        if subject.part == Part::Manager {
            let password = password.as_deref().unwrap_or_default();
            let signed_in = sign_in(&mut wire, REALM, &subject.email, password);
            session = must("sign in", signed_in);
            plant.remember(&session);
            continue;
        }
        let made = make_token(&mut wire, REALM, &session, &subject.id);
        let (_, secret) = must("make a token", made);
        let jwt = must("exchange a token", exchange(&mut wire, REALM, &secret));
        plant.remember(&secret);
        plant.remember(&jwt);
        calls.push((*addr, call("GET", "/limited/it", REALM).bearer(&jwt)));
    }
    calls
}

/// Every client asks at its own times, all together [`DEMAND`] a second.
fn drive(calls: &[(SocketAddr, Call)], time: Duration, meanwhile: impl FnOnce()) -> Vec<Seen> {
    let clients = u32::try_from(calls.len()).unwrap_or(1).max(1);
    let step = Duration::from_secs(1) * clients / DEMAND;
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let asking: Vec<_> = calls
            .iter()
            .zip(0_u32..)
            .map(|((addr, call), number)| {
                let first = step * number / clients;
                scope.spawn(move || ask(*addr, call, begin, first, step, time))
            })
            .collect();
        meanwhile();
        let seen = asking.into_iter().filter_map(|each| each.join().ok());
        seen.flatten().collect()
    })
}

fn ask(
    addr: SocketAddr,
    call: &Call,
    begin: Instant,
    first: Duration,
    step: Duration,
    time: Duration,
) -> Vec<Seen> {
    let mut wire = Wire::new(addr, PATIENCE);
    let (mut seen, mut next) = (Vec::new(), first);
    while next < time {
        pause(next.saturating_sub(begin.elapsed()));
        let at = begin.elapsed();
        let status = wire.send(call).map_or(0, |answer| answer.status);
        seen.push(Seen { at, status });
        next += step;
    }
    seen
}

impl Round {
    fn of(seen: &[Seen]) -> Self {
        let with = |status: u16| seen.iter().filter(|each| each.status == status).count();
        let mut times: Vec<Duration> = seen.iter().map(|each| each.at).collect();
        times.sort_unstable();
        let (admitted, denied) = (with(200), with(429));
        Self {
            sent: seen.len(),
            admitted,
            ideal: ideal(&times),
            errors: seen.len() - admitted - denied,
        }
    }

    /// How far the admitted are from the ideal, as a part of it.
    fn error(&self) -> f64 {
        let count = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        (count(self.admitted) - count(self.ideal)) / count(self.ideal).max(1.0)
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} admitted, ideal {}, off by {:+.2} %, {} error answers",
            self.admitted,
            self.sent,
            self.ideal,
            self.error() * 100.0,
            self.errors
        )
    }
}

/// How many of the requests at these times one bucket admits.
fn ideal(times: &[Duration]) -> usize {
    let (mut level, mut before, mut admitted) = (f64::from(BURST), Duration::ZERO, 0);
    for &at in times {
        let refilled = at.saturating_sub(before).as_secs_f64() * f64::from(RATE);
        level = (level + refilled).min(f64::from(BURST));
        before = at;
        if level >= 1.0 {
            level -= 1.0;
            admitted += 1;
        }
    }
    admitted
}

fn pause(time: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < time {
        std::thread::park_timeout(time.saturating_sub(begin.elapsed()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ideal_bucket_admits_its_burst_and_then_its_rate() {
        let at_once = vec![Duration::ZERO; 1000];
        assert_eq!(ideal(&at_once), 200);
        let hundredth = |number: u64| Duration::from_millis(10 * number);
        let at_its_rate: Vec<Duration> = (0..1000).map(hundredth).collect();
        assert_eq!(ideal(&at_its_rate), 1000);
        let twice: Vec<Duration> = (0..2000).map(|number| hundredth(number) / 2).collect();
        assert!((1198..=1200).contains(&ideal(&twice)), "{}", ideal(&twice));
    }

    #[test]
    fn what_is_neither_admitted_nor_denied_is_an_error() {
        let seen = [200, 429, 503, 0].map(|status| Seen {
            at: Duration::ZERO,
            status,
        });
        let round = Round::of(&seen);
        assert_eq!((round.admitted, round.errors, round.sent), (1, 2, 4));
    }
}
