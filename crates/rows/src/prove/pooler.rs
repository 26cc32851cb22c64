//! What one connection carries from one tenant to the next, as a pooler makes them take
//! turns: a context that outlives its transaction, one that can be said again, rows for
//! nobody, plans made for another tenant. Not here: single statements (`interfere`).

use super::Proof;
use super::context::Context;
use super::stage::{Stage, State};
use crate::fault::Fault;
use crate::postgres::{ident, literal};

/// The settings that somebody speaks of: the context's SQL, policies, functions. PostgreSQL
/// lists none that it does not know.
const NAMES: &str = "
    WITH said (words) AS (
        SELECT @enter@
        UNION ALL SELECT concat(qual, with_check) FROM pg_policies
        UNION ALL SELECT prosrc FROM pg_proc WHERE pronamespace NOT IN
            ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)),
    names (name) AS (SELECT DISTINCT found[1] FROM said, regexp_matches(words,
        '''([A-Za-z_][A-Za-z0-9_]*(?:[.][A-Za-z_][A-Za-z0-9_]*)+)''', 'g') AS found)
    SELECT coalesce(string_agg(format('SELECT set_config(%L, %L, true)', name, @value@), '; '), '')
    FROM names WHERE current_setting(name, true) <> ''";

/// SQL that says again what the transaction's settings say now.
async fn said(stage: &Stage) -> Result<String, Fault> {
    settings(stage, "current_setting(name, true)").await
}

/// SQL that unsays it.
async fn unsaid(stage: &Stage) -> Result<String, Fault> {
    settings(stage, "''").await
}

async fn settings(stage: &Stage, value: &str) -> Result<String, Fault> {
    let enter = literal(&stage.context.enter(stage.other()));
    let sql = NAMES.replace("@value@", value).replace("@enter@", &enter);
    stage.value(&sql).await
}

/// Tries the turns.
pub(super) async fn run(stage: &Stage) -> Result<Vec<Proof>, Fault> {
    let mut findings = Vec::new();
    let context = captured(stage).await?;
    findings.extend(nobody(stage).await?);
    findings.extend(replayed(stage, &context).await?);
    findings.extend(plans(stage).await?);
    findings.extend(outlived(stage).await?);
    Ok(findings)
}

/// What the other tenant's context is made of, out of a transaction that is over.
async fn captured(stage: &Stage) -> Result<String, Fault> {
    stage.begin(State::With).await?;
    stage.enter(stage.other()).await?;
    let said = said(stage).await?;
    stage.end().await?;
    Ok(said)
}

/// Who has no context has no rows.
async fn nobody(stage: &Stage) -> Result<Vec<Proof>, Fault> {
    stage.begin(State::With).await?;
    let emptied = unsaid(stage).await?;
    stage.must(&emptied).await?;
    let seen = seen(stage).await;
    stage.end().await?;
    let proofs = seen.into_iter().map(|(table, count)| Proof {
        code: "nobody_reads".to_owned(),
        says: format!("a transaction without a tenant sees {count} rows"),
        sql: begun(stage, "", &table),
        object: table,
    });
    Ok(proofs.collect())
}

/// What was said in a transaction that is over says nothing in another.
async fn replayed(stage: &Stage, said: &str) -> Result<Vec<Proof>, Fault> {
    if said.is_empty() {
        return Ok(Vec::new());
    }
    stage.begin(State::With).await?;
    let emptied = unsaid(stage).await?;
    stage.must(&emptied).await?;
    stage.attempt(said).await;
    let seen = seen(stage).await;
    stage.end().await?;
    let proofs = seen.into_iter().map(|(table, count)| Proof {
        code: "context_replayed".to_owned(),
        says: format!("whoever may run SQL makes itself the other tenant, and sees {count} rows"),
        sql: begun(stage, said, &table),
        object: table,
    });
    Ok(proofs.collect())
}

/// A prepared plan serves whoever asks.
async fn plans(stage: &Stage) -> Result<Vec<Proof>, Fault> {
    stage.begin(State::With).await?;
    let mut findings = Vec::new();
    for (_, table) in stage.writable() {
        stage.enter(stage.own()).await?;
        let count = format!("SELECT count(*) FROM {table}");
        if stage
            .attempt(&format!("PREPARE prove AS {count}"))
            .await
            .is_error
        {
            continue;
        }
        for _ in 0..6 {
            stage.attempt("EXECUTE prove").await;
        }
        stage.enter(stage.other()).await?;
        let (planned, fresh) = (
            stage.attempt("EXECUTE prove").await,
            stage.attempt(&count).await,
        );
        stage.attempt("DEALLOCATE prove").await;
        if planned != fresh {
            findings.push(Proof {
                code: "plan_reused".to_owned(),
                says: "a plan that was made for one tenant answers another with its rows"
                    .to_owned(),
                sql: format!("PREPARE prove AS {count}; -- as one tenant, then EXECUTE as another"),
                object: table,
            });
        }
    }
    stage.end().await?;
    Ok(findings)
}

/// A context ends with its transaction. One of Doorward's needs a key that is never
/// committed here; what ends it is the same setting's scope.
async fn outlived(stage: &Stage) -> Result<Vec<Proof>, Fault> {
    let Context::Sql(_) = &stage.context else {
        return Ok(Vec::new());
    };
    let before = said(stage).await?;
    stage.must("BEGIN READ ONLY").await?;
    stage.enter(stage.other()).await?;
    stage.must("COMMIT").await?;
    let after = said(stage).await?;
    stage.must("RESET ALL").await?;
    let same = before == after;
    let proof = (!same).then(|| Proof {
        code: "context_outlives".to_owned(),
        object: stage.context.enter(stage.other()),
        says: "the context lasts beyond its transaction: the next one on the connection has it"
            .to_owned(),
        sql: format!(
            "BEGIN;\n{};\nCOMMIT;\n-- and now: {after}",
            stage.context.enter(stage.other())
        ),
    });
    Ok(proof.into_iter().collect())
}

/// The tables in which the role sees rows of either tenant now.
async fn seen(stage: &Stage) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (table, name) in stage.writable() {
        let Some(column) = table.columns.iter().find(|column| column.is_tenant) else {
            continue;
        };
        let sql = format!(
            "SELECT count(*)::text FROM {name} WHERE {}::text IN ({}, {})",
            ident(&column.name),
            literal(stage.own()),
            literal(stage.other())
        );
        let count = stage.look(&sql).await;
        if !matches!(count.as_str(), "" | "0") {
            all.push((name, count));
        }
    }
    all
}

fn begun(stage: &Stage, said: &str, table: &str) -> String {
    format!(
        "BEGIN;\nSET LOCAL ROLE {};\n{said}{}SELECT count(*) FROM {table};\nROLLBACK;",
        ident(&stage.role),
        if said.is_empty() { "" } else { ";\n" }
    )
}
