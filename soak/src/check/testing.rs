//! A small world and short histories by hand, for the checker's own tests.

use super::{AuditRow, Kind, check};
use crate::history::{
    Action, Credential, Effect, Event, Micros, Name, Outcome, Owning, Part, Reach, RealmFacts,
    RealmNo, Revocation, Standing, SubjectFacts, SubjectNo, World,
};

pub(super) const SECOND: Micros = 1_000_000;
/// Manager and service account of acme in realm 0 (`immediate`, one token).
pub(super) const MANAGER: SubjectNo = 0;
pub(super) const OWNER: SubjectNo = 1;
/// The service account of globex in realm 0.
pub(super) const OTHER: SubjectNo = 2;
/// Manager and service account of acme in realm 1 (`expiry`, many tokens).
pub(super) const WEST_MANAGER: SubjectNo = 3;
pub(super) const WEST_OWNER: SubjectNo = 4;

pub(super) fn world() -> World {
    let realm = |name: &str, revocation, owning| RealmFacts {
        name: name.to_owned(),
        issuer: format!("http://{name}.test"),
        revocation,
        owning,
        reuse: if owning == Owning::One { 0 } else { 2 * SECOND },
    };
    let subject = |realm, tenant: &str, id: &str, part| SubjectFacts {
        realm,
        tenant: tenant.to_owned(),
        id: id.to_owned(),
        email: format!("{id}@example.com"),
        part,
    };
    World {
        realms: vec![
            realm("east", Revocation::Immediate, Owning::One),
            realm("west", Revocation::Expiry, Owning::Many),
        ],
        subjects: vec![
            subject(0, "acme", "manager", Part::Manager),
            subject(0, "acme", "owner", Part::Service),
            subject(0, "globex", "other", Part::Service),
            subject(1, "acme", "west-manager", Part::Manager),
            subject(1, "acme", "west-owner", Part::Service),
        ],
    }
}

/// A history in the making: each event ends 1 ms after it began, 1 s after the last one
/// began, unless it is told otherwise. Audit rows are written as they should be.
#[derive(Default)]
pub(super) struct Story {
    pub(super) events: Vec<Event>,
    pub(super) rows: Vec<AuditRow>,
    node: usize,
    realm: RealmNo,
    next: Option<Micros>,
}

pub(super) fn name(text: &str) -> Name {
    Name::from(text)
}

impl Story {
    /// Begins with the managers' sessions `s` and `w` and a token `t` of the owner.
    pub(super) fn begin() -> Self {
        let mut story = Self::default();
        story.tell(
            Action::SignIn { person: MANAGER },
            Outcome::Ok(Effect::SignedIn(name("s"))),
        );
        story.west().tell(
            Action::SignIn {
                person: WEST_MANAGER,
            },
            Outcome::Ok(Effect::SignedIn(name("w"))),
        );
        story.east().create("t");
        story
    }

    pub(super) fn at(&mut self, node: usize) -> &mut Self {
        self.node = node;
        self
    }

    pub(super) fn east(&mut self) -> &mut Self {
        self.realm = 0;
        self
    }

    pub(super) fn west(&mut self) -> &mut Self {
        self.realm = 1;
        self
    }

    /// The next event begins so long after the last one ended.
    pub(super) fn after(&mut self, micros: Micros) -> &mut Self {
        let last = self.events.last().map_or(0, |event| event.returned);
        self.next = Some(last + micros);
        self
    }

    /// The next event begins before the last one ended.
    pub(super) fn meanwhile(&mut self) -> &mut Self {
        let last = self.events.last().map_or(0, |event| event.invoked);
        self.next = Some(last + 1);
        self
    }

    pub(super) fn tell(&mut self, action: Action, outcome: Outcome) -> &mut Self {
        let last = self.events.last().map_or(0, |event| event.invoked);
        let invoked = self.next.take().unwrap_or(last + SECOND);
        let request = name(&format!("r{}", self.events.len()));
        if let (Some(action), true) = (
            super::audit::audited(&action),
            matches!(outcome, Outcome::Ok(_)),
        ) {
            self.rows.push(AuditRow {
                realm: self.realm,
                request: request.clone(),
                action: action.to_owned(),
                success: true,
                operator: false,
            });
        }
        self.events.push(Event {
            client: 0,
            node: self.node,
            realm: self.realm,
            action,
            invoked,
            returned: invoked + 1000,
            request: (!matches!(outcome, Outcome::Unknown(_))).then_some(request),
            outcome,
        });
        self
    }

    pub(super) fn create(&mut self, token: &str) -> &mut Self {
        let (by, owner) = match self.realm {
            0 => (name("s"), OWNER),
            _ => (name("w"), WEST_OWNER),
        };
        let minted = Outcome::Ok(Effect::Minted(name(token)));
        self.tell(Action::Create { by, owner }, minted)
    }

    pub(super) fn revoke(&mut self, token: &str, outcome: Outcome) -> &mut Self {
        let by = name(if self.realm == 0 { "s" } else { "w" });
        let token = name(token);
        self.tell(Action::Revoke { by, token }, outcome)
    }

    pub(super) fn exchange(&mut self, token: &str, outcome: Outcome) -> &mut Self {
        let (token, reach) = (name(token), Reach::Plain);
        self.tell(Action::Exchange { token, reach }, outcome)
    }

    /// A refresh of the manager's session of the realm.
    pub(super) fn refresh(&mut self, number: u32, outcome: Outcome) -> &mut Self {
        let session = name(if self.realm == 0 { "s" } else { "w" });
        self.tell(Action::Refresh { session, number }, outcome)
    }

    pub(super) fn sign_out(&mut self, outcome: Outcome) -> &mut Self {
        let session = name(if self.realm == 0 { "s" } else { "w" });
        self.tell(Action::SignOut { session }, outcome)
    }

    pub(super) fn use_it(&mut self, credential: Credential, outcome: Outcome) -> &mut Self {
        let reach = Reach::Plain;
        self.tell(Action::Use { credential, reach }, outcome)
    }

    pub(super) fn list(&mut self, tokens: &[(&str, Standing)]) -> &mut Self {
        let tokens = tokens
            .iter()
            .map(|(token, standing)| (name(token), *standing))
            .collect();
        let listed = Effect::Listed {
            tokens,
            whole: true,
        };
        let owner = if self.realm == 0 { OWNER } else { WEST_OWNER };
        self.tell(Action::List { by: None, owner }, Outcome::Ok(listed))
    }

    pub(super) fn grant(&mut self, outcome: Outcome) -> &mut Self {
        let (by, owner) = (name("s"), OWNER);
        self.tell(Action::AddGrant { by, owner }, outcome)
    }

    pub(super) fn take_away(&mut self, outcome: Outcome) -> &mut Self {
        let (by, owner) = (name("s"), OWNER);
        self.tell(Action::RemoveGrant { by, owner }, outcome)
    }

    /// What is wrong with it.
    pub(super) fn kinds(&self) -> Vec<Kind> {
        let found = check(&world(), &self.events, &self.rows);
        found.into_iter().map(|violation| violation.kind).collect()
    }
}

pub(super) fn done() -> Outcome {
    Outcome::Ok(Effect::Done)
}

pub(super) fn refused(status: u16) -> Outcome {
    Outcome::Refused(status, "code".to_owned())
}

pub(super) fn unknown() -> Outcome {
    Outcome::Unknown("reset".to_owned())
}

pub(super) fn exchanged(number: u64, realm: RealmNo) -> Outcome {
    let world = world();
    Outcome::Ok(Effect::Exchanged {
        number,
        issuer: world.realms[realm].issuer.clone(),
        subject: if realm == 0 { "owner" } else { "west-owner" }.to_owned(),
    })
}

pub(super) fn refreshed(next: u32) -> Outcome {
    Outcome::Ok(Effect::Refreshed(next))
}

pub(super) fn passed(subject: &str) -> Outcome {
    Outcome::Ok(Effect::Passed {
        subject: subject.to_owned(),
        tenant: "acme".to_owned(),
    })
}

pub(super) fn token(text: &str) -> Credential {
    Credential::Token(name(text))
}

pub(super) fn jwt(number: u64, of: &str) -> Credential {
    Credential::Jwt {
        number,
        token: name(of),
    }
}
