//! Statements by dice in two states that differ in the other tenant's rows alone. Not here:
//! what is generated (`oracle`).

use super::answer::{Answer, ask};
use super::stage::{Stage, State};
use super::{Proof, ProveSettings};
use crate::fault::Fault;
use crate::oracle::{Generated, Generator, Ground};
use crate::postgres::ident;
use std::collections::BTreeSet;

/// How many statements share a transaction.
const BATCH: usize = 100;
/// How many findings are enough.
const ENOUGH: usize = 10;

/// What came of it.
pub(super) struct Tried {
    pub(super) statements: usize,
    pub(super) answered: usize,
    pub(super) unclear: usize,
    pub(super) findings: Vec<Proof>,
    /// By which errors something was told already.
    told: BTreeSet<String>,
}

impl Tried {
    /// One finding for each error that tells, and each that none does.
    fn add(&mut self, proof: Proof, error: &str) {
        if error.is_empty() || self.told.insert(error.to_owned()) {
            self.findings.push(proof);
        }
    }
}

/// The first line of an error that only one of them got.
fn error_of(seen: [&Seen; 2]) -> &str {
    let error = seen.into_iter().find(|seen| seen.answer.is_error);
    let line = error.and_then(|seen| seen.answer.text.lines().next());
    line.unwrap_or_default()
}

/// What one statement did in one state.
struct Seen {
    answer: Answer,
    /// Whether the other tenant's rows were others afterwards.
    changed: bool,
}

/// Runs them.
pub(super) async fn run(
    stage: &Stage,
    ground: Ground,
    settings: &ProveSettings,
) -> Result<Tried, Fault> {
    let mut generator = Generator::new(ground, settings.seed);
    let mut tried = Tried {
        statements: 0,
        answered: 0,
        unclear: 0,
        findings: Vec::new(),
        told: BTreeSet::new(),
    };
    while tried.statements < settings.statements && tried.findings.len() < ENOUGH {
        let left = settings.statements - tried.statements;
        let batch: Vec<Generated> = (0..left.min(BATCH))
            .map(|_| generator.statement())
            .collect();
        let without = all(stage, &batch, State::Without).await?;
        let with = all(stage, &batch, State::With).await?;
        for (statement, (without, with)) in batch.iter().zip(without.iter().zip(&with)) {
            tried.statements += 1;
            tried.answered += usize::from(!with.answer.is_error);
            let number = tried.statements;
            if with.changed {
                tried.add(foreign(stage, statement, number), "");
            } else if without.answer.is_cut || with.answer.is_cut {
                tried.unclear += 1;
            } else if without.answer != with.answer {
                match again(stage, statement).await? {
                    true => {
                        let proof = differs(stage, statement, number, without, with);
                        tried.add(proof, error_of([with, without]));
                    }
                    false => tried.unclear += 1,
                }
            }
        }
    }
    Ok(tried)
}

async fn all(stage: &Stage, batch: &[Generated], state: State) -> Result<Vec<Seen>, Fault> {
    stage.begin(state).await?;
    let before = digest(stage).await;
    let mut seen = Vec::with_capacity(batch.len());
    for statement in batch {
        stage.must("SAVEPOINT one").await?;
        let answer = ask(&stage.client, &text(statement), statement.exact).await;
        let changed = match statement.writes && !answer.is_error {
            true => digest(stage).await != before,
            false => false,
        };
        seen.push(Seen { answer, changed });
        stage.must("ROLLBACK TO one; RELEASE one").await?;
    }
    stage.end().await?;
    Ok(seen)
}

/// Whether the two states differ once more, and each agrees with itself: an answer that
/// changes by itself says nothing.
async fn again(stage: &Stage, statement: &Generated) -> Result<bool, Fault> {
    let one = std::slice::from_ref(statement);
    let mut answers = Vec::new();
    for state in [State::Without, State::With, State::Without, State::With] {
        let seen = all(stage, one, state).await?;
        answers.extend(seen.into_iter().map(|seen| seen.answer.text));
    }
    match answers.as_slice() {
        [without, with, without_again, with_again] => {
            Ok(without == without_again && with == with_again && without != with)
        }
        _ => Ok(false),
    }
}

/// The other tenant's rows, all of them, as it has them.
async fn digest(stage: &Stage) -> Vec<String> {
    let mut all = Vec::new();
    let _ = stage.must("SAVEPOINT look").await;
    let _ = stage.enter(stage.other()).await;
    for (_, table) in stage.writable() {
        let sql = format!("SELECT t::text FROM {table} AS t");
        all.push(stage.attempt(&sql).await.text);
    }
    let _ = stage.must("ROLLBACK TO look; RELEASE look").await;
    all
}

fn text(statement: &Generated) -> String {
    statement.texts.join(";\n")
}

fn differs(
    stage: &Stage,
    statement: &Generated,
    number: usize,
    without: &Seen,
    with: &Seen,
) -> Proof {
    Proof {
        code: "interference".to_owned(),
        object: format!("statement {number}"),
        says: format!(
            "the answer depends on rows of another tenant; without them:\n{}\nwith them:\n{}",
            short(&without.answer.text),
            short(&with.answer.text)
        ),
        sql: shown(stage, statement),
    }
}

fn foreign(stage: &Stage, statement: &Generated, number: usize) -> Proof {
    Proof {
        code: "foreign_write".to_owned(),
        object: format!("statement {number}"),
        says: "the statement changes rows that another tenant has afterwards".to_owned(),
        sql: shown(stage, statement),
    }
}

/// As somebody would type it who is not this program.
fn shown(stage: &Stage, statement: &Generated) -> String {
    format!(
        "BEGIN;\nSET LOCAL ROLE {};\n{};\n{};\nROLLBACK;",
        ident(&stage.role),
        stage.context.enter(stage.own()),
        text(statement)
    )
}

fn short(text: &str) -> String {
    const MOST: usize = 600;
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
