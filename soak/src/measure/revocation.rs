//! How long a node goes on accepting what another one has revoked, under load. The load
//! is the random operations of the soak, and their history is checked too. Not here: the
//! promise itself (`check`).

use super::desk::{exchange, make_token, revoke, send, sign_in, usage};
use super::times::Times;
use crate::check::{Report, check};
use crate::client::{Client, Ground};
use crate::dice::Dice;
use crate::history::{Part, SubjectFacts};
use crate::option::Options;
use crate::plant::{Plant, must};
use crate::site::{self, Size};
use doorward_testkit::http::{Call, Wire};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(15);
/// How many revoke at once.
const PROBERS: usize = 2;
/// The promises: 99 of 100 revocations, and every one.
const P99: Duration = Duration::from_millis(250);
const WORST: Duration = Duration::from_secs(1);
/// The `immediate` realm.
const REALM: usize = 0;

/// What one prober measured, from the acknowledgement to the first refusal.
#[derive(Default)]
struct Measured {
    jwt: Vec<Duration>,
    token: Vec<Duration>,
    /// Accepts by the node that acknowledged.
    at_home: usize,
}

/// Revokes so many tokens. The line of figures, and whether the promises were kept.
#[must_use]
pub fn revocation(options: &Options) -> (String, bool) {
    let plant = Plant::start("doorward-soak/revocation", &site::configuration(), options);
    let size = Size {
        people: 2,
        services: 4,
    };
    let ground = site::settle(&plant, size);
    let probers = owners(&plant);
    let (left, over) = (AtomicUsize::new(options.count), AtomicBool::new(false));
    let measured: Vec<Measured> = std::thread::scope(|scope| {
        for number in 0..options.clients {
            let (over, ground) = (&over, &ground);
            scope.spawn(move || {
                let mut client = Client::new(ground, number, &Dice::new(options.seed));
                while !over.load(Ordering::Relaxed) {
                    client.step();
                }
            });
        }
        let measuring: Vec<_> = probers
            .iter()
            .map(|owner| {
                let (ground, left, plant) = (&ground, &left, &plant);
                scope.spawn(move || probe_all(plant, ground, owner, left))
            })
            .collect();
        let measured = measuring.into_iter().filter_map(|each| each.join().ok());
        let measured = measured.collect();
        over.store(true, Ordering::Relaxed);
        measured
    });
    summarise(&plant, &ground, options, &measured)
}

fn summarise(
    plant: &Plant,
    ground: &Ground,
    options: &Options,
    measured: &[Measured],
) -> (String, bool) {
    let all = |pick: fn(&Measured) -> &Vec<Duration>| {
        Times::of(
            measured
                .iter()
                .flat_map(|each| pick(each).iter().copied())
                .collect(),
        )
    };
    let (jwt, token) = (all(|each| &each.jwt), all(|each| &each.token));
    let count: usize = measured.iter().map(|each| each.jwt.len()).sum();
    let at_home: usize = measured.iter().map(|each| each.at_home).sum();
    let rows = site::look(plant, ground);
    for secret in ground.book.take_secrets() {
        plant.remember(&secret);
    }
    let events = ground.log.events();
    // The probers' own requests are in the audit and not in the history.
    let mut found = check(&ground.world, &events, &rows);
    found.retain(|violation| violation.kind != crate::check::Kind::AuditUnexplained);
    let mut line = format!(
        "revocation: {count} revocations on one of {} nodes under load ({} operations); access token refused on another after {jwt}; API token after {token}; {at_home} accepts on the same node; {} violations",
        options.nodes,
        events.len(),
        found.len(),
    );
    for violation in found.iter().take(3) {
        let events = &events;
        line.push('\n');
        line.push_str(&Report { violation, events }.to_string());
    }
    let kept = |times: &Times| times.quantile(990) <= P99 && times.worst() <= WORST;
    let good = count >= options.count && kept(&jwt) && kept(&token) && at_home == 0;
    (line, good && found.is_empty())
}

/// A service account for each prober, which nobody else handles.
fn owners(plant: &Plant) -> Vec<String> {
    let make = |number: usize| {
        let email = format!("prober{number}@acme.example");
        let arguments = [
            "--realm", "east", "--email", &email, "--tenant", "acme", "--json",
        ];
        let made = plant.run(&["service-account", "create"], &arguments, "");
        let made = made.success().json();
        crate::client::text(&made, "/id")
            .unwrap_or_default()
            .to_owned()
    };
    (0..PROBERS).map(make).collect()
}

fn probe_all(plant: &Plant, ground: &Ground, owner: &str, left: &AtomicUsize) -> Measured {
    let manages = |subject: &SubjectFacts| {
        subject.part == Part::Manager && subject.realm == REALM && subject.tenant == "acme"
    };
    let subjects = ground.world.subjects.iter().zip(&ground.passwords);
    let manager = subjects.clone().find(|(subject, _)| manages(subject));
    let (manager, password) = must("find a manager", manager.ok_or("there is none"));
    let addrs = plant.addrs();
    let ends = addrs.first().copied().zip(addrs.last().copied());
    let (home, elsewhere) = must("find two nodes", ends.ok_or("there is none"));
    let mut wires = Wires::new(home, elsewhere);
    let password = password.as_deref().unwrap_or_default();
    let session = sign_in(&mut wires.home, REALM, &manager.email, password);
    let session = must("sign in", session);
    plant.remember(&session);
    let mut measured = Measured::default();
    let take = |left: usize| left.checked_sub(1);
    while left
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
        .is_ok()
    {
        let secrets = must("revoke", wires.probe(&session, owner, &mut measured));
        secrets.iter().for_each(|secret| plant.remember(secret));
    }
    measured
}

/// The connections of one prober: where it revokes, and where it watches.
struct Wires {
    home: Wire,
    jwt: Wire,
    token: Wire,
}

impl Wires {
    const fn new(home: SocketAddr, elsewhere: SocketAddr) -> Self {
        Self {
            home: Wire::new(home, PATIENCE),
            jwt: Wire::new(elsewhere, PATIENCE),
            token: Wire::new(elsewhere, PATIENCE),
        }
    }

    /// One revocation: made and warmed up, revoked, and watched until it is refused.
    fn probe(
        &mut self,
        session: &str,
        owner: &str,
        measured: &mut Measured,
    ) -> Result<[String; 2], String> {
        let (id, secret) = make_token(&mut self.home, REALM, session, owner)?;
        let jwt = exchange(&mut self.jwt, REALM, &secret)?;
        let (by_jwt, by_token) = (usage(REALM, &jwt), usage(REALM, &secret));
        for call in [&by_jwt, &by_token] {
            let _ = send(&mut self.jwt, call)?;
            let _ = send(&mut self.home, call)?;
        }
        revoke(&mut self.home, REALM, session, &id)?;
        let acknowledged = Instant::now();
        let (mut jwt_after, mut token_after) = (None, None);
        while jwt_after.is_none() || token_after.is_none() {
            if jwt_after.is_none() {
                jwt_after = refused(&mut self.jwt, &by_jwt, acknowledged)?;
            }
            if token_after.is_none() {
                token_after = refused(&mut self.token, &by_token, acknowledged)?;
            }
            if acknowledged.elapsed() > PATIENCE {
                return Err("it is accepted for ever".to_owned());
            }
        }
        measured.jwt.extend(jwt_after);
        measured.token.extend(token_after);
        for call in [&by_jwt, &by_token] {
            measured.at_home += usize::from(send(&mut self.home, call).is_ok());
        }
        Ok([secret, jwt])
    }
}

/// When it was refused, if it was.
fn refused(
    wire: &mut Wire,
    call: &Call,
    acknowledged: Instant,
) -> Result<Option<Duration>, String> {
    let answer = wire.send(call).map_err(|error| error.to_string())?;
    match answer.status {
        401 => Ok(Some(acknowledged.elapsed())),
        200 => Ok(None),
        status => Err(format!("{status} {}", answer.text())),
    }
}
