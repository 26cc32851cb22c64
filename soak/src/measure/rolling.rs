//! Rolling restarts behind a load balancer, with keys rotated meanwhile: every request is
//! counted, and none may fail. Not here: the balancer (`balancer`).

use super::balancer::Balancer;
use super::desk::{exchange, make_token, send, sign_in, usage};
use crate::client::Ground;
use crate::history::{Part, SubjectFacts};
use crate::option::Options;
use crate::plant::{Plant, must};
use crate::site::{self, Size};
use doorward_testkit::http::Wire;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the balancer needs to notice that a node is back.
const NOTICE: Duration = Duration::from_millis(500);
/// One request in so many is an exchange, which gives the next requests their token.
const EXCHANGE_EVERY: usize = 20;

/// What the clients count together.
#[derive(Default)]
struct Tally {
    over: AtomicBool,
    sent: AtomicUsize,
    failed: Mutex<Vec<String>>,
}

/// Restarts one node after the other until all restarts and requests are done. The line
/// of figures, and whether nothing failed.
#[must_use]
pub fn rolling(options: &Options) -> (String, bool) {
    let mut plant = Plant::start("doorward-soak/rolling", &site::configuration(), options);
    let size = Size {
        people: 0,
        services: options.clients,
    };
    let ground = site::settle(&plant, size);
    let secrets = make_tokens(&plant, &ground);
    let balancer = Balancer::start(&plant);
    let tally = Tally::default();
    let begin = Instant::now();
    let mut rotated = BTreeMap::new();
    std::thread::scope(|scope| {
        for (realm, secret) in secrets.iter().take(options.clients) {
            let (tally, addr) = (&tally, balancer.addr());
            scope.spawn(move || load(tally, addr, *realm, secret));
        }
        for number in 0..options.restarts {
            let node = number.checked_rem(options.nodes).unwrap_or(0);
            plant.stop_node(node);
            let _ = plant.start_node(node);
            rotate(&plant, &ground, &mut rotated);
            pause(NOTICE + Duration::from_secs(options.pace));
        }
        while tally.sent.load(Ordering::Relaxed) < options.requests {
            pause(NOTICE);
        }
        tally.over.store(true, Ordering::Relaxed);
    });
    let failed = tally
        .failed
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let sent = tally.sent.load(Ordering::Relaxed);
    let seconds = begin.elapsed().as_secs_f64();
    let mut line = format!(
        "rolling: {} failed of {sent} requests over {} restarts of {} nodes in {seconds:.0} s; keys {rotated:?}",
        failed.len(),
        options.restarts,
        options.nodes,
    );
    for failure in failed.iter().take(10) {
        line.push_str("\n  ");
        line.push_str(failure);
    }
    (line, failed.is_empty() && sent >= options.requests)
}

/// A token of each service account: its realm and secret.
fn make_tokens(plant: &Plant, ground: &Ground) -> Vec<(usize, String)> {
    let addr = must(
        "find a node",
        plant.addrs().first().copied().ok_or("there is none"),
    );
    let mut wire = Wire::new(addr, PATIENCE);
    let mut tokens = Vec::new();
    let subjects = || ground.world.subjects.iter().zip(&ground.passwords);
    for (manager, password) in subjects().filter(|(subject, _)| subject.part == Part::Manager) {
        let password = password.as_deref().unwrap_or_default();
        let session = sign_in(&mut wire, manager.realm, &manager.email, password);
        let session = must("sign in", session);
        plant.remember(&session);
        let theirs = |subject: &SubjectFacts| {
            subject.part == Part::Service
                && (subject.realm, &subject.tenant) == (manager.realm, &manager.tenant)
        };
        for (owner, _) in subjects().filter(|(subject, _)| theirs(subject)) {
            let made = make_token(&mut wire, owner.realm, &session, &owner.id);
            let (_, secret) = must("make a token", made);
            plant.remember(&secret);
            tokens.push((owner.realm, secret));
        }
    }
    // Clients of both realms, whatever their number.
    tokens.sort_by_key(|(realm, _)| *realm);
    let (east, west): (Vec<_>, Vec<_>) = tokens.into_iter().partition(|(realm, _)| *realm == 0);
    east.into_iter()
        .zip(west)
        .flat_map(|(east, west)| [east, west])
        .collect()
}

/// One client: exchanges now and then, and uses the access token or the API token.
fn load(tally: &Tally, addr: SocketAddr, realm: usize, secret: &str) {
    let mut wire = Wire::new(addr, PATIENCE);
    let mut jwt: Option<String> = None;
    let mut number = 0;
    while !tally.over.load(Ordering::Relaxed) {
        let begin = Instant::now();
        let outcome = match &jwt {
            Some(jwt) if number % EXCHANGE_EVERY != 0 => {
                let credential = if number % 4 == 1 {
                    secret
                } else {
                    jwt.as_str()
                };
                send(&mut wire, &usage(realm, credential)).map(|_| None)
            }
            _ => exchange(&mut wire, realm, secret).map(Some),
        };
        tally.sent.fetch_add(1, Ordering::Relaxed);
        match outcome {
            Ok(Some(next)) => jwt = Some(next),
            Ok(None) => {}
            Err(what) => {
                let what = format!(
                    "realm {realm}, request {number}, {:?}: {what}",
                    begin.elapsed()
                );
                let mut failed = tally.failed.lock().unwrap_or_else(PoisonError::into_inner);
                failed.push(what);
            }
        }
        number += 1;
    }
}

/// Asks for the next step of key rotation in both realms, and counts what came of it.
fn rotate(plant: &Plant, ground: &Ground, rotated: &mut BTreeMap<&'static str, usize>) {
    for realm in &ground.world.realms {
        let arguments = ["--realm", realm.name.as_str(), "--json"];
        let outcome = plant.run(&["keys", "rotate"], &arguments, "").success();
        let step = outcome.json();
        let step = ["published", "waiting", "in_use"]
            .into_iter()
            .find(|member| step.get(member).is_some());
        *rotated.entry(step.unwrap_or("unknown")).or_default() += 1;
    }
}

fn pause(time: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < time {
        std::thread::park_timeout(time.saturating_sub(begin.elapsed()));
    }
}
