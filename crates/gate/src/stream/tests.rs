//! The registry alone: who is told, and that nothing is left.

use super::registry::{Mark, Registered, Streams};
use doorward_base::principal::CredentialId;
use doorward_base::{SessionId, SubjectId, TenantId};
use std::sync::Arc;
use std::task::{Context, Waker};

const MANY: u32 = 10_000;

fn id(number: u32) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    bytes
}

fn session(number: u32) -> Mark {
    Mark::Credential(CredentialId::Session(SessionId::from_bytes(id(number))))
}

fn subject(number: u32) -> Mark {
    Mark::Subject(SubjectId::from_bytes(id(number)))
}

fn tenant(name: &str) -> Mark {
    Mark::Tenant(TenantId::new(name).unwrap())
}

/// Ten streams of each subject, half of them in a tenant.
fn open(streams: &Arc<Streams>) -> Vec<Registered> {
    let one = |number: u32| {
        let mut marks = vec![session(number), subject(number / 10)];
        if number.is_multiple_of(2) {
            marks.push(tenant("acme"));
        }
        Streams::register(streams, marks)
    };
    (0..MANY).map(one).collect()
}

/// Which were told since this was asked last.
fn told(all: &[Registered]) -> Vec<u32> {
    let cx = Context::from_waker(Waker::noop());
    let numbered = (0..).zip(all);
    numbered
        .filter_map(|(number, one)| one.is_told(&cx).then_some(number))
        .collect()
}

#[test]
fn of_ten_thousand_those_are_told_that_a_change_concerns() {
    let streams = Arc::new(Streams::default());
    let all = open(&streams);
    assert_eq!(told(&all).len(), 10_000, "each looks once");
    assert!(told(&all).is_empty());
    streams.look_again([session(4711)]);
    assert_eq!(told(&all), [4711]);
    streams.look_again([subject(42), session(7)]);
    let mut concerned: Vec<u32> = (420..430).collect();
    concerned.insert(0, 7);
    assert_eq!(told(&all), concerned);
    streams.look_again([tenant("acme")]);
    assert_eq!(told(&all).len(), 5000);
    streams.look_again([session(MANY), subject(MANY), tenant("globex")]);
    assert!(told(&all).is_empty());
    streams.all_look_again();
    assert_eq!(told(&all).len(), 10_000);
}

#[test]
fn nothing_is_kept_of_a_stream_that_is_over() {
    let streams = Arc::new(Streams::default());
    let mut all = open(&streams);
    assert_eq!(streams.open(), 10_000);
    let last = all.pop();
    drop(all);
    assert_eq!(streams.open(), 1);
    streams.look_again([subject(0), tenant("acme")]);
    drop(last);
    assert_eq!(streams.open(), 0);
    assert!(streams.is_empty());
}
