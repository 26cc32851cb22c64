//! Non-interference: two worlds that differ in the other tenant's rows alone answer every
//! generated statement byte for byte the same, and no statement changes the other's rows.
//! The seed is printed with what is found and repeats the run.

mod hole;
mod postgres;
mod sqlite;

pub(crate) use postgres::{database as test_database, sample as test_rows};

use super::*;
use crate::caller::{Caller, RightScopes};
use crate::engine::{Bounds, Engine, Flavour, ResultSet, Statement, Work};
use crate::fault::Fault;
use crate::sql::{self, Limits};
use doorward_base::principal::{CredentialId, Epoch, Principal, PrincipalParts, SubjectKind};
use doorward_base::{RoleName, Scope, TenantId, Timestamp};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

const BOUNDS: Bounds = Bounds {
    rows: 2_000,
    bytes: 1 << 20,
    row: 0,
    time: Duration::from_secs(30),
};
const OWN: &str = "acme";
const OTHER: &str = "globex";
/// How many statements stay, of a hundred that write and do not speak of the other tenant.
const STAY: usize = 35;
/// After how many that stayed the caller's rows are made anew.
const RENEW: usize = 12;

/// Every kind of key and reference, a view, and names that the other tenant's rows may hold.
const SCHEMA: &str = "
    CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
        rank INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE notes (id INTEGER PRIMARY KEY,
        author INTEGER REFERENCES authors (id) ON DELETE SET NULL,
        body TEXT NOT NULL, stars INTEGER NOT NULL DEFAULT 0, open BOOLEAN NOT NULL DEFAULT true);
    CREATE TABLE tags (note INTEGER NOT NULL REFERENCES notes (id) ON DELETE CASCADE,
        word TEXT NOT NULL, PRIMARY KEY (note, word));
    CREATE VIEW busy AS SELECT author, count(*) AS number FROM notes GROUP BY author;";

/// The caller's rows.
const OWN_ROWS: [&str; 3] = [
    "INSERT INTO authors (id, name, rank) VALUES (1, 'ada', 3), (2, 'bob', 1), (3, 'cyd', 1)",
    "INSERT INTO notes (id, author, body, stars, open) VALUES (1, 1, 'one', 5, true),
        (2, 1, 'two', 0, false), (3, 2, 'three', 2, true), (4, NULL, 'four', 2, true)",
    "INSERT INTO tags (note, word) VALUES (1, 'red'), (1, 'blue'), (3, 'red')",
];

/// The other tenant's rows in one world; in the other it has none.
const OTHERS_ROWS: [&str; 3] = [
    "INSERT INTO authors (id, name, rank) VALUES (11, 'zoe', 2), (12, 'xia', 8), (13, 'wim', 8),
        (14, 'vera', 0)",
    "INSERT INTO notes (id, author, body, stars, open) VALUES (1, 12, 'hidden', 70, false),
        (2, 12, 'secret', 71, true), (5, 13, 'quiet', 72, true), (6, NULL, 'still', 73, true),
        (21, 14, 'mute', 74, false), (22, 14, 'hush', 75, true)",
    "INSERT INTO tags (note, word) VALUES (5, 'black'), (6, 'black'), (21, 'grey')",
];

/// Everything that a tenant has.
const OTHERS: &str = "
    SELECT 'tags' AS what, CAST(note AS text) AS a, word AS b, tenant_id AS c, NULL AS d, NULL AS e,
        NULL AS f FROM tags
    UNION ALL SELECT 'notes', CAST(id AS text), body, tenant_id, CAST(author AS text),
        CAST(stars AS text), CAST(open AS text) FROM notes
    UNION ALL SELECT 'authors', CAST(id AS text), name, tenant_id, CAST(rank AS text), NULL, NULL
        FROM authors
    ORDER BY 1, 2, 3";

/// Emptied in this order.
const TABLES: [&str; 3] = ["tags", "notes", "authors"];

/// Whether a caller's text is checked before it runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Check {
    On,
    /// The engine stands alone.
    Off,
}

/// Two states of the data.
struct World {
    sides: [Arc<dyn Engine>; 2],
    ground: Ground,
    /// Where the other tenant's rows are in each; statements say [`ELSEWHERE`] for it.
    files: [String; 2],
}

/// For the other tenant's file, which each world has for itself.
const ELSEWHERE: &str = "/elsewhere.db";

/// What a run came to.
#[derive(Clone, Default, Debug)]
struct Figures {
    asked: usize,
    /// The check of the text let it run.
    accepted: usize,
    /// It was answered without a fault.
    answered: usize,
    /// With rows.
    with_rows: usize,
    stayed: usize,
    unclear: usize,
    /// What was said of the others.
    faults: BTreeMap<String, usize>,
}

/// What gave the other tenant away.
struct Found {
    seed: u64,
    at: usize,
    texts: Vec<String>,
    answers: [String; 2],
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed,
            at,
            texts,
            answers: [left, right],
        } = self;
        let text = texts.join(";\n");
        writeln!(
            f,
            "seed {seed}, statement {at}:\n{text}\n-- here\n{left}\n-- there\n{right}"
        )
    }
}

impl World {
    /// Makes the tables and fills them.
    async fn fill(sides: [Arc<dyn Engine>; 2]) -> Self {
        for side in &sides {
            side.amend(SCHEMA).await.unwrap();
            write(&**side, OWN, &OWN_ROWS).await;
        }
        write(&*sides[1], OTHER, &OTHERS_ROWS).await;
        let text = |text: &str| text.to_owned();
        let ground = Ground {
            schema: sides[0].schema().await.unwrap(),
            flavour: sides[0].flavour(),
            own: OWN.to_owned(),
            other: OTHER.to_owned(),
            texts: [
                "ada", "bob", "one", "two", "red", "zoe", "xia", "secret", "hidden", "black",
            ]
            .map(text)
            .to_vec(),
            numbers: vec![1, 2, 3, 4, 5, 7, 11, 12, 13, 21, 72],
            reach: Reach::Tables,
            other_file: None,
        };
        Self {
            sides,
            ground,
            files: [const { String::new() }; 2],
        }
    }

    /// Runs so many statements of a seed, or up to the first that gives something away.
    async fn explore(&self, seed: u64, count: usize, check: Check) -> Result<Figures, Found> {
        let mut generator = Generator::new(self.ground.clone(), seed);
        let mut dice = Dice::new(!seed);
        let mut figures = Figures::default();
        let before = self.watched().await;
        for at in 0..count {
            let generated = generator.statement();
            // What speaks of the other tenant is what could reach it.
            let speaks = generated.texts.iter().any(|text| text.contains(OTHER));
            let stays = generated.writes && (speaks || dice.chance(STAY));
            figures.asked += 1;
            let statements = match self.admitted(&generated, check) {
                Ok(statements) => statements,
                Err(fault) => {
                    figures.note("text", &fault);
                    continue;
                }
            };
            figures.accepted += 1;
            let work = Work {
                statements,
                rollback: generated.writes && !stays,
                max_affected: None,
                checked: false,
            };
            let (left, right) = tokio::join!(self.run(0, &work), self.run(1, &work));
            let found = |answers| Found {
                seed,
                at,
                texts: generated.texts.clone(),
                answers,
            };
            match verdict([&left, &right], self.ground.flavour, generated.exact) {
                Verdict::Same => {}
                Verdict::Unclear => figures.unclear += 1,
                Verdict::Differs => {
                    let say = |outcome| answer(outcome, self.ground.flavour, generated.exact);
                    return Err(found([say(&left), say(&right)]));
                }
            }
            if let Err(fault) = &left {
                figures.note("engine", fault);
            }
            if let Ok(results) = &left {
                figures.answered += 1;
                figures.with_rows += usize::from(results.iter().any(|each| !each.rows.is_empty()));
            }
            if stays && left.is_ok() {
                figures.stayed += 1;
                let after = self.watched().await;
                if after != before {
                    return Err(found([format!("{before:?}"), format!("{after:?}")]));
                }
                if figures.stayed % RENEW == 0 {
                    self.renew().await;
                }
            }
        }
        Ok(figures)
    }

    /// The statements, if what checks them lets them run; it knows nothing of the data.
    fn admitted(&self, generated: &Generated, check: Check) -> Result<Vec<Statement>, Fault> {
        let texts = generated.texts.iter();
        let statements = texts.map(|text| match check {
            Check::Off => Ok(Statement::new(text.as_str(), Vec::new(), generated.writes)),
            Check::On => {
                let rights = caller(OWN).rights();
                let limits = Limits::default();
                sql::check(text, Vec::new(), self.ground.flavour, rights, &limits)
            }
        });
        statements.collect()
    }

    async fn run(&self, side: usize, work: &Work) -> Result<Vec<ResultSet>, Fault> {
        let mut work = work.clone();
        for statement in &mut work.statements {
            if statement.text().contains(ELSEWHERE) {
                let text = statement.text().replace(ELSEWHERE, &self.files[side]);
                *statement = Statement::new(text, Vec::new(), statement.writes());
            }
        }
        self.sides[side].run(&caller(OWN), work, BOUNDS).await
    }

    /// All rows of the other tenant in both worlds, as the other tenant has them, and how many
    /// of the caller's rows say that they are the other tenant's.
    async fn watched(&self) -> [String; 4] {
        let (own, other) = (caller(OWN), caller(OTHER));
        let read = |text: &str| Work::one(Statement::new(text, Vec::new(), false));
        let strays = TABLES.map(|table| {
            format!("(SELECT count(*) FROM {table} WHERE tenant_id <> '{OWN}') AS {table}")
        });
        let strays = format!("SELECT {}", strays.join(", "));
        let [left, right] = &self.sides;
        let (a, b, c, d) = tokio::join!(
            left.run(&other, read(OTHERS), BOUNDS),
            right.run(&other, read(OTHERS), BOUNDS),
            left.run(&own, read(&strays), BOUNDS),
            right.run(&own, read(&strays), BOUNDS)
        );
        [a, b, c, d].map(|rows| answer(&Ok(rows.unwrap()), self.ground.flavour, true))
    }

    /// Gives the caller its first rows again.
    async fn renew(&self) {
        let empty = TABLES.map(|table| format!("DELETE FROM {table}"));
        for side in &self.sides {
            write(&**side, OWN, &empty.each_ref().map(String::as_str)).await;
            write(&**side, OWN, &OWN_ROWS).await;
        }
    }
}

impl Figures {
    fn note(&mut self, by: &str, fault: &Fault) {
        let said = format!("{by}: {:?} {}", fault.kind, fault.message);
        let said = said.chars().take(160).filter(|c| !c.is_ascii_digit());
        *self.faults.entry(said.collect()).or_default() += 1;
    }

    fn add(&mut self, other: Self) {
        self.asked += other.asked;
        self.accepted += other.accepted;
        self.answered += other.answered;
        self.with_rows += other.with_rows;
        self.stayed += other.stayed;
        self.unclear += other.unclear;
        for (fault, count) in other.faults {
            *self.faults.entry(fault).or_default() += count;
        }
    }

    /// A run that was refused or that failed would prove nothing.
    fn assert_worth(&self, check: Check) {
        let share = |part: usize| part * 100 / self.asked;
        assert!(share(self.accepted) >= 95, "{check:?}: {self:?}");
        assert!(share(self.answered) >= 70, "{check:?}: {self:?}");
        assert!(share(self.with_rows) >= 30, "{check:?}: {self:?}");
        assert!(self.unclear * 1000 <= self.asked, "{check:?}: {self:?}");
        assert!(self.stayed > self.asked / 100, "{check:?}: {self:?}");
    }
}

/// Runs statements that must succeed.
async fn write(engine: &dyn Engine, tenant: &str, texts: &[&str]) {
    let statements = texts.iter();
    let statements = statements.map(|text| Statement::new(*text, Vec::new(), true));
    let work = Work {
        statements: statements.collect(),
        rollback: false,
        max_affected: None,
        checked: false,
    };
    engine.run(&caller(tenant), work, BOUNDS).await.unwrap();
}

/// How many statements of one seed a long run has, between two lines of progress.
const STRETCH: usize = 10_000;

/// A long run, seed after seed.
async fn soak(name: &str, world: &World) {
    let count = asked_for();
    let begun = std::time::Instant::now();
    let mut figures = Figures::default();
    for seed in 7.. {
        let left = count - figures.asked;
        if left == 0 {
            break;
        }
        let explored = world.explore(seed, left.min(STRETCH), Check::On).await;
        figures.add(explored.unwrap());
        let (asked, took) = (figures.asked, begun.elapsed().as_secs());
        println!("{name}: {asked} of {count} statements, {took} s");
    }
    println!("{name}: {figures:?}");
    figures.assert_worth(Check::On);
}

/// How many statements the long run has.
#[expect(clippy::disallowed_methods, reason = "the tests' shell")]
fn asked_for() -> usize {
    let asked = std::env::var("DOORWARD_ORACLE_STATEMENTS");
    asked.map_or(1_000_000, |asked| asked.parse().unwrap())
}

/// A caller who may read and write.
fn caller(tenant: &str) -> Caller {
    let scope = |name: &str| Scope::new(name).unwrap();
    let claims = serde_json::json!({"sub": "ada", "tenant_id": tenant, "role": "editor"});
    let principal = Principal::new(PrincipalParts {
        sub: "ada".into(),
        subject: None,
        kind: SubjectKind::User,
        tenant: Some(TenantId::new(tenant).unwrap()),
        permissions: vec![],
        roles: vec![],
        role: Some(RoleName::new("editor").unwrap()),
        scopes: vec![scope("read"), scope("write")],
        lost_role: None,
        crosses: false,
        credential: CredentialId::Foreign,
        client: None,
        actors: vec![],
        environment: None,
        issuer: "https://here.test".into(),
        audience: vec![],
        expires_at: Timestamp::MAX,
        epoch: Epoch(0),
        claims: Arc::new(claims.as_object().unwrap().clone()),
    });
    let scopes = RightScopes {
        read: scope("read"),
        write: scope("write"),
        schema: scope("admin"),
    };
    Caller::of(&principal, &scopes).unwrap()
}

/// The engine fell: what checks texts refuses everything that goes for another identity,
/// another file or the catalogues.
#[test]
fn no_hostile_text_passes_the_check() {
    for flavour in [Flavour::Sqlite, Flavour::Postgres] {
        let ground = Ground {
            flavour,
            reach: Reach::Catalogues,
            other_file: Some("/var/lib/doorward/rows/globex.db".to_owned()),
            ..ground()
        };
        let mut generator = Generator::new(ground, 5);
        let hostile = std::iter::repeat_with(|| generator.statement())
            .filter(|generated| generated.is_hostile)
            .take(200);
        for generated in hostile {
            let first = &generated.texts[0];
            let rights = caller(OWN).rights();
            let checked = sql::check(first, Vec::new(), flavour, rights, &Limits::default());
            assert!(checked.is_err(), "{first}");
        }
    }
}

fn ground() -> Ground {
    Ground {
        schema: Arc::default(),
        flavour: Flavour::Postgres,
        own: OWN.to_owned(),
        other: OTHER.to_owned(),
        texts: vec![],
        numbers: vec![],
        reach: Reach::Catalogues,
        other_file: None,
    }
}

#[test]
fn a_seed_writes_the_same_statements_again() {
    let texts = |seed| {
        let mut generator = Generator::new(ground(), seed);
        (0..50).map(|_| generator.statement()).collect::<Vec<_>>()
    };
    assert_eq!(texts(3), texts(3));
    assert_ne!(texts(3), texts(4));
}
