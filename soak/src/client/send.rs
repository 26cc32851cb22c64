//! Sending an operation to some node, and reading off its answer how it ended. Not here:
//! what is sent (`operation`).

use super::operation::Ending;
use super::{Client, PATIENCE};
use crate::history::{Action, Effect, Event, Name, Outcome, RealmNo, Standing};
use doorward_testkit::http::{Call, Response, Wire};
use serde_json::Value;
use std::io::ErrorKind;
use std::time::Duration;

/// What an acknowledgement means; an answer that cannot be read means nothing.
type Meaning<'m> = &'m mut dyn FnMut(&Value) -> Option<Effect>;

impl Client<'_> {
    /// Sends it to the node, or to any that is up, and writes down how it ended.
    pub(super) fn perform(
        &mut self,
        realm: RealmNo,
        action: Action,
        call: &Call,
        node: Option<usize>,
        meaning: Meaning<'_>,
    ) -> Ending {
        let Some((node, mut wire)) = self.wire(node) else {
            // Every node is down: a moment later one is not.
            std::thread::park_timeout(Duration::from_millis(5));
            return (None, Outcome::Unknown("no node is up".to_owned()));
        };
        let invoked = self.ground.log.now();
        let answer = wire.send(call);
        let returned = self.ground.log.now();
        if let Err(error) = &answer
            && error.kind() == ErrorKind::ConnectionRefused
        {
            // It was never sent. The node is down, and is soon marked as such.
            std::thread::park_timeout(Duration::from_millis(5));
            return (None, Outcome::Unknown(error.to_string()));
        }
        let request = answer.as_ref().ok().and_then(request_id);
        let outcome = match &answer {
            Ok(answer) => outcome(&action, answer, meaning),
            Err(error) => Outcome::Unknown(error.to_string()),
        };
        if matches!(outcome, Outcome::Unknown(_)) {
            // Something is down. Asking again and again would only keep it from coming up.
            std::thread::park_timeout(Duration::from_millis(20));
        }
        if let Some(place) = self.wires.get_mut(node) {
            *place = Some(wire);
        }
        self.ground.log.note(Event {
            client: self.number,
            node,
            realm,
            action,
            invoked,
            returned,
            outcome: outcome.clone(),
            request,
        });
        (Some(node), outcome)
    }

    /// A connection to the node, or to any that is up.
    fn wire(&mut self, wanted: Option<usize>) -> Option<(usize, Wire)> {
        let nodes = &self.ground.nodes;
        let up = |node: &usize| nodes.addr(*node).is_some();
        let any: Vec<usize> = (0..nodes.count()).filter(up).collect();
        let node = match wanted.filter(|node| any.contains(node)) {
            Some(node) => node,
            None => *self.dice.pick(&any)?,
        };
        let addr = nodes.addr(node)?;
        let kept = self.wires.get_mut(node)?.take();
        let kept = kept.filter(|wire| wire.addr() == addr);
        Some((node, kept.unwrap_or_else(|| Wire::new(addr, PATIENCE))))
    }
}

fn outcome(action: &Action, answer: &Response, meaning: Meaning<'_>) -> Outcome {
    match (answer.status, action) {
        // What was to be so was so before.
        (200, Action::AddGrant { .. }) | (404, Action::RemoveGrant { .. }) => {
            Outcome::Ok(Effect::Unchanged)
        }
        (200..=299, _) => {
            let body = serde_json::from_slice(&answer.body).unwrap_or_default();
            let unread = || Outcome::Unknown(format!("{} that says nothing", answer.status));
            meaning(&body).map_or_else(unread, Outcome::Ok)
        }
        (400..=499, _) => Outcome::Refused(answer.status, answer.code()),
        (status, _) => Outcome::Unknown(format!("{status} {}", answer.code())),
    }
}

fn request_id(answer: &Response) -> Option<Name> {
    answer.header("x-request-id").map(Name::from)
}

/// The text at a JSON pointer.
pub(crate) fn text<'v>(body: &'v Value, place: &str) -> Option<&'v str> {
    body.pointer(place)?.as_str()
}

/// A page of tokens.
pub(super) fn listed(body: &Value) -> Option<Effect> {
    let items = body.get("items")?.as_array()?;
    let tokens: Option<Vec<(Name, Standing)>> = items.iter().map(standing).collect();
    Some(Effect::Listed {
        tokens: tokens?,
        whole: body.get("next").is_none_or(Value::is_null),
    })
}

/// A token of a listing.
pub(crate) fn standing(token: &Value) -> Option<(Name, Standing)> {
    let standing = match text(token, "/state")? {
        "active" => Standing::Active,
        _ => Standing::Ended,
    };
    Some((Name::from(text(token, "/id")?), standing))
}
