//! The installation under soak: two realms that differ in what they promise, the same
//! tenants in both, people and service accounts; and what its store says in the end.
//! Not here: operations (`client`), faults (`fault`).

use crate::check::AuditRow;
use crate::client::{Ground, Nodes, standing, text};
use crate::history::{
    Action, Effect, Event, Log, NO_NODE, Name, Outcome, Owning, Part, RealmFacts, RealmNo,
    Revocation, Standing, SubjectFacts, SubjectNo, World,
};
use crate::plant::Plant;
use doorward_testkit::EXCHANGE;
use doorward_testkit::http::random_secret;
use serde_json::Value;
use std::fmt::Write as _;

/// The permission that a run grants and takes away.
pub(crate) const PERMISSION: &str = "records:write";
const TENANTS: [&str; 2] = ["acme", "globex"];
const REALMS: [(&str, Revocation, Owning); 2] = [
    ("east", Revocation::Immediate, Owning::One),
    ("west", Revocation::Expiry, Owning::Many),
];
/// For how long a refresh token that was used up gives the same answer again, seconds.
const REUSE: [u64; 2] = [0, 2];
/// What it takes to make a token for another.
const MAKING: &str = "platform.users.service-accounts.access-tokens.edit";
/// What a manager may. It must hold what it grants and what tokens carry.
const MANAGEMENT: [&str; 4] = [
    "platform.users.read",
    MAKING,
    "platform.grants.edit",
    PERMISSION,
];

/// The host that picks a realm.
pub(crate) fn host(realm: RealmNo) -> String {
    let name = REALMS.get(realm).map_or("nowhere", |(name, ..)| name);
    format!("{name}.soak.test")
}

/// The configuration. Clients come from many addresses, as they say themselves.
#[must_use]
pub fn configuration() -> String {
    let mut text = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n".to_owned();
    for (number, (name, revocation, owning)) in REALMS.iter().enumerate() {
        let host = host(number);
        let revocation = match revocation {
            Revocation::Immediate => "immediate",
            Revocation::Expiry => "expiry",
        };
        let reuse = REUSE.get(number).copied().unwrap_or_default();
        let max_active = match owning {
            Owning::One => "max_active = 1, max_hourly = 1000000, ",
            Owning::Many => "max_active = 1000000, max_hourly = 1000000, ",
        };
        let _ = write!(
            text,
            r#"
[realm.{name}]
hosts = ["{host}"]
issuer = "http://{host}"
dialects = ["oauth"]
errors = "plain"
require_https = "off"
failed_credentials = {{ rate = "1000000/1m", burst = 1000000 }}
tokens = {{ algorithm = "ES256", access_ttl = "1h", revocation = "{revocation}", claims = {{ scope = "{{scope}}", tenant = "{{tenant}}", permissions = "{{permissions}}" }} }}
api_tokens.access = {{ kinds = ["personal", "service"], prefix = "soak_", {max_active}create_permission = "{MAKING}", presentations = ["exchange", "bearer"] }}
exchange = {{ path = "{EXCHANGE}", answer_field = "jwt" }}
identity = {{ headers = true }}
sessions = {{ refresh = "rotate", reuse_interval = "{reuse}s" }}
[[realm.{name}.route]]
path = "/use/**"
upstream = "builtin:echo"
tenant = "required"
[[realm.{name}.route]]
path = "/write/**"
upstream = "builtin:echo"
tenant = "required"
permissions = ["{PERMISSION}"]
"#
        );
    }
    text
}

/// How many people and service accounts a tenant has.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// People with tokens of their own.
    pub people: usize,
    /// Service accounts.
    pub services: usize,
}

/// Makes tenants and subjects on a running installation.
pub(crate) fn settle(plant: &Plant, size: Size) -> Ground {
    let mut settling = Settling {
        plant,
        world: World::default(),
        passwords: Vec::new(),
    };
    for (number, (name, revocation, owning)) in REALMS.iter().enumerate() {
        settling.world.realms.push(RealmFacts {
            name: (*name).to_owned(),
            issuer: format!("http://{}", host(number)),
            revocation: *revocation,
            owning: *owning,
            reuse: REUSE.get(number).copied().unwrap_or_default() * 1_000_000,
        });
        for tenant in TENANTS {
            let _ = plant
                .run(&["tenant", "create"], &["--realm", name, tenant], "")
                .success();
            settling.add(number, tenant, Part::Manager, 0);
            (0..size.people).for_each(|each| settling.add(number, tenant, Part::Person, each));
            (0..size.services).for_each(|each| settling.add(number, tenant, Part::Service, each));
        }
    }
    Ground {
        world: settling.world,
        passwords: settling.passwords,
        nodes: Nodes::new(&plant.addrs()),
        log: Log::default(),
        book: crate::book::Book::default(),
    }
}

struct Settling<'a> {
    plant: &'a Plant,
    world: World,
    passwords: Vec<Option<String>>,
}

impl Settling<'_> {
    fn add(&mut self, realm: RealmNo, tenant: &str, part: Part, number: usize) {
        let what = match part {
            Part::Manager => "manager",
            Part::Person => "person",
            Part::Service => "service",
        };
        // The same addresses in both realms: a mix-up must show.
        let email = format!("{what}{number}@{tenant}.example");
        let name = REALMS.get(realm).map_or("", |(name, ..)| *name);
        let mut arguments = vec![
            "--realm", name, "--email", &email, "--tenant", tenant, "--json",
        ];
        if part == Part::Manager {
            let grants = MANAGEMENT.iter().flat_map(|grant| ["--permission", grant]);
            arguments.extend(grants);
        }
        let (words, password) = match part {
            Part::Service => (["service-account", "create"], None),
            Part::Manager | Part::Person => {
                arguments.push("--password-stdin");
                (["user", "create"], Some(random_secret()))
            }
        };
        let input = password.as_deref().unwrap_or_default();
        let made = self.plant.run(&words, &arguments, input).success().json();
        if let Some(password) = &password {
            self.plant.remember(password);
        }
        self.world.subjects.push(SubjectFacts {
            realm,
            tenant: tenant.to_owned(),
            id: text(&made, "/id").unwrap_or_default().to_owned(),
            email,
            part,
        });
        self.passwords.push(password);
    }
}

/// What the store says when everything has ended: each owner's tokens, who has the
/// permission, and the audit.
pub(crate) fn look(plant: &Plant, ground: &Ground) -> Vec<AuditRow> {
    let mut rows = Vec::new();
    for (realm, facts) in ground.world.realms.iter().enumerate() {
        let arguments = ["--realm", facts.name.as_str(), "--json"];
        let listed = plant
            .run(&["token", "list"], &arguments, "")
            .success()
            .json();
        for (number, subject) in ground.world.subjects.iter().enumerate() {
            if subject.realm == realm {
                note(ground, realm, tokens_of(number, subject, &listed));
                if subject.part == Part::Service {
                    let held = holds(plant, facts, subject);
                    let action = Action::ReadGrant { owner: number };
                    note(ground, realm, (action, Effect::Held(held)));
                }
            }
        }
        let all = ["--realm", facts.name.as_str(), "--json", "--limit", "0"];
        let audit = plant.run(&["audit"], &all, "").success().json();
        let audit = audit.as_array().map(Vec::as_slice).unwrap_or_default();
        rows.extend(audit.iter().filter_map(|row| audit_row(realm, row)));
    }
    rows
}

fn note(ground: &Ground, realm: RealmNo, (action, effect): (Action, Effect)) {
    let now = ground.log.now();
    ground.log.note(Event {
        client: 0,
        node: NO_NODE,
        realm,
        action,
        invoked: now,
        returned: now,
        outcome: Outcome::Ok(effect),
        request: None,
    });
}

fn tokens_of(owner: SubjectNo, subject: &SubjectFacts, listed: &Value) -> (Action, Effect) {
    let all = listed.as_array().map(Vec::as_slice).unwrap_or_default();
    let own = |token: &&Value| text(token, "/owner") == Some(subject.id.as_str());
    let tokens: Vec<(Name, Standing)> = all.iter().filter(own).filter_map(standing).collect();
    let listed = Effect::Listed {
        tokens,
        whole: true,
    };
    (Action::List { by: None, owner }, listed)
}

fn holds(plant: &Plant, realm: &RealmFacts, subject: &SubjectFacts) -> bool {
    let arguments = ["--realm", &realm.name, "--email", &subject.email, "--json"];
    let grants = plant
        .run(&["grant", "list"], &arguments, "")
        .success()
        .json();
    let grants = grants.as_array().map(Vec::as_slice).unwrap_or_default();
    grants
        .iter()
        .any(|grant| text(grant, "/permission") == Some(PERMISSION))
}

fn audit_row(realm: RealmNo, row: &Value) -> Option<AuditRow> {
    Some(AuditRow {
        realm,
        request: Name::from(text(row, "/request_id")?),
        action: text(row, "/action")?.to_owned(),
        success: text(row, "/outcome")? == "success",
        operator: text(row, "/actor")? == "operator",
    })
}
