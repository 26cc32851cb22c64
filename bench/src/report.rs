//! The report in Markdown. Not here: any judgement (`budget`).

use crate::budget::Verdict;
use crate::data::Grown;
use crate::figure::Figures;
use crate::fill::Filled;
use crate::limit;
use crate::plan;
use crate::realms::Housed;
use crate::row::Measured;
use std::fmt::Write as _;

/// What the report says about the run itself.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) haproxy: String,
    pub(crate) rounds: usize,
    pub(crate) seconds: u32,
    pub(crate) tokens: usize,
    pub(crate) starts: usize,
    /// The machine's load averages before anything was started.
    pub(crate) load: String,
}

/// What was found. What no part measured is missing.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) rows: Vec<Measured>,
    pub(crate) figures: Option<Figures>,
    pub(crate) stores: Vec<Stored>,
    pub(crate) limits: Vec<limit::Error>,
    pub(crate) housed: Vec<Housed>,
    pub(crate) grown: Vec<Grown>,
}

/// What a store with many tokens costs a process that starts on it.
#[derive(Debug)]
pub(crate) struct Stored {
    engine: &'static str,
    size: usize,
    start: f64,
    idle: f64,
}

impl Stored {
    pub(crate) const fn of(filled: &Filled) -> Self {
        Self {
            engine: filled.installation.database.engine(),
            size: filled.size,
            start: filled.start,
            idle: filled.idle,
        }
    }
}

/// Writes it.
pub(crate) fn render(run: &Run, findings: &Findings, verdicts: &[Verdict]) -> String {
    let mut text = String::new();
    let Run {
        haproxy,
        rounds,
        seconds,
        tokens,
        starts,
        load,
    } = run;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let _ = writeln!(
        text,
        "# Bench\n\n\
         {cores} processors, shared by loader, server and upstream (nginx, one worker, 126 bytes \
         of JSON); loopback; everyone with two threads. {haproxy} runs beside us. Medians of \
         {rounds} rounds of {seconds} s, the rows in turn within a round; 64 clients that wait \
         for each answer, unless a row says otherwise; {tokens} tokens where there are many. \
         Load averages before the run: {load}; above 0.5, others worked here too and every µs \
         is dearer than on a quiet machine. Read ratios, not requests/s.\n"
    );
    table_of_rows(&mut text, &findings.rows);
    if let Some(figures) = &findings.figures {
        table_of_figures(&mut text, figures, *starts);
    }
    table_of_stores(&mut text, &findings.stores);
    table_of_realms(&mut text, &findings.housed);
    table_of_tenants(&mut text, &findings.grown);
    table_of_limits(&mut text, &findings.limits);
    table_of_budgets(&mut text, verdicts);
    notes(&mut text, &findings.rows);
    text
}

fn table_of_rows(text: &mut String, rows: &[Measured]) {
    let base = rows
        .iter()
        .find(|row| row.label == plan::PEER_PLAIN)
        .map(|row| row.rate);
    text.push_str(
        "| row | requests/s | ÷ HAProxy plain | CPU µs (min–max) | PostgreSQL CPU µs | user instr. (thousand) | p50 ms | p99 ms | errors |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for row in rows {
        let ratio = base.map(|base| row.rate / base);
        let (least, most) = row.micros_range;
        let _ = writeln!(
            text,
            "| {} | {:.0} | {} | {:.1} ({least:.1}–{most:.1}) | {} | {} | {} | {} | {} |",
            row.label,
            row.rate,
            optional(ratio),
            row.micros,
            optional(row.store_micros),
            optional(row.kilo_instructions),
            precise(row.p50),
            precise(row.p99),
            row.errors,
        );
    }
}

fn table_of_figures(text: &mut String, figures: &Figures, starts: usize) {
    let _ = writeln!(
        text,
        "\n| | doorward | HAProxy |\n|---|---:|---:|\n\
         | memory after start, MiB | {} | {:.1} |\n\
         | memory after all load, MiB | {} | {:.1} |\n\
         | memory with 1,000 realms, MiB | {} | |\n\
         | start to first answer, ms (median of {starts}) | {} | {:.1} |",
        optional(figures.idle),
        figures.haproxy_idle,
        optional(figures.loaded),
        figures.haproxy_loaded,
        optional(figures.idle_realms),
        optional(figures.start),
        figures.haproxy_start,
    );
}

fn table_of_stores(text: &mut String, stores: &[Stored]) {
    if stores.is_empty() {
        return;
    }
    text.push_str(
        "\n| API tokens in the store | engine | start until it answers, s | memory then, MiB |\n\
         |---:|---|---:|---:|\n",
    );
    for store in stores {
        let Stored {
            engine,
            size,
            start,
            idle,
        } = store;
        let _ = writeln!(text, "| {size} | {engine} | {start:.2} | {idle:.1} |");
    }
}

fn table_of_realms(text: &mut String, housed: &[Housed]) {
    if housed.is_empty() {
        return;
    }
    text.push_str(
        "\n| realms | routes of each | start to first answer, s | memory then, MiB |\n\
         |---:|---:|---:|---:|\n",
    );
    for one in housed {
        let Housed {
            realms,
            routes,
            start,
            idle,
        } = one;
        let _ = writeln!(text, "| {realms} | {routes} | {start:.2} | {idle:.1} |");
    }
}

fn table_of_tenants(text: &mut String, grown: &[Grown]) {
    if grown.is_empty() {
        return;
    }
    text.push_str(
        "\nRows on SQLite, look-ups over all tenants in turn by 16 clients:\n\n\
         | tenants | first statement of each, ms | start to rows, s | requests/s | p50 ms | p99 ms | errors | memory then, MiB |\n\
         |---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for one in grown {
        let Grown {
            tenants,
            first,
            memory,
            outcome,
            start,
        } = one;
        let _ = writeln!(
            text,
            "| {tenants} | {first:.2} | {start:.2} | {:.0} | {} | {} | {} | {memory:.1} |",
            outcome.rate(),
            precise(outcome.p50),
            precise(outcome.p99),
            outcome.errors,
        );
    }
}

fn table_of_limits(text: &mut String, limits: &[limit::Error]) {
    if limits.is_empty() {
        return;
    }
    text.push_str(
        "\nA limit of 200 a second, 200 at once, offered more for 10 s, beside one bucket:\n\n\
         | nodes | | offered/s | let through | one bucket | error % | most ahead | most behind |\n\
         |---:|---|---:|---:|---:|---:|---:|---:|\n",
    );
    for error in limits {
        let how = match error.simulated {
            true => "simulated",
            false => "over Redis",
        };
        let most = |of: fn((u64, u64)) -> u64| {
            let most = error.most.map(of);
            most.map_or_else(|| "–".to_owned(), |most| most.to_string())
        };
        let _ = writeln!(
            text,
            "| {} | {how} | {:.0} | {:.0} | {:.0} | {:+.2} | {} | {} |",
            error.nodes,
            error.offered,
            error.admitted,
            error.ideal,
            error.relative() * 100.0,
            most(|(ahead, _)| ahead),
            most(|(_, behind)| behind),
        );
    }
}

fn table_of_budgets(text: &mut String, verdicts: &[Verdict]) {
    text.push_str("\n| budget | bound | measured | |\n|---|---:|---:|---|\n");
    for verdict in verdicts {
        let outcome = match (verdict.figure, verdict.met) {
            (None, _) => "not measured",
            (_, true) => "met",
            (_, false) => "**missed**",
        };
        let Verdict {
            what,
            bound,
            figure,
            ..
        } = verdict;
        let _ = writeln!(
            text,
            "| {what} | {bound} | {} | {outcome} |",
            optional(*figure)
        );
    }
}

fn notes(text: &mut String, rows: &[Measured]) {
    let micros = |label: &str| {
        rows.iter()
            .find(|row| row.label == label)
            .map(|row| row.micros)
    };
    let above_plain = |label| Some(micros(label)? - micros(plan::PLAIN)?);
    if let Some(policy) = above_plain(plan::WARM) {
        let _ = writeln!(
            text,
            "\nThe whole policy, warm, costs {policy:.1} µs more than the public route: verification \
             from the cache, scope, tenant, limit and identity headers together (budget for the \
             first alone: 0.5)."
        );
    }
    if let Some(token) = above_plain(plan::KEY) {
        let _ = writeln!(
            text,
            "An API key instead costs {token:.1} µs more than the public route (budget for the \
             look-up alone: 1)."
        );
    }
    against_pgbench(text, rows);
    for row in rows.iter().filter(|row| row.repeated > 0.0) {
        let share = row.repeated * 100.0;
        let label = &row.label;
        let _ = writeln!(
            text,
            "{label}: tokens ran out; {share:.0} % of the requests used one again."
        );
    }
    if rows.iter().all(|row| row.kilo_instructions.is_none()) {
        text.push_str("This machine has no counter for instructions.\n");
    }
}

fn against_pgbench(text: &mut String, rows: &[Measured]) {
    let rate = |label: &str| {
        let row = rows.iter().find(|row| row.label == label);
        row.map(|row| row.rate)
    };
    for clients in [1, 16] {
        let pgbench = plan::pgbench_label(plan::LOOK_UP_AND_INSERT, clients);
        if let Some((ours, theirs)) = rate(&plan::postgres_label(clients)).zip(rate(&pgbench)) {
            let _ = writeln!(
                text,
                "An exchange on PostgreSQL with {clients} clients: {:.2} times pgbench's look-up \
                 and insert.",
                ours / theirs
            );
        }
    }
}

fn precise(figure: Option<f64>) -> String {
    figure.map_or_else(|| "–".to_owned(), |figure| format!("{figure:.3}"))
}

fn optional(figure: Option<f64>) -> String {
    figure.map_or_else(|| "–".to_owned(), |figure| format!("{figure:.2}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget;

    #[test]
    fn a_figure_that_is_missing_is_neither_met_nor_missed() {
        let figures = Figures {
            start: Some(41.0),
            ..Figures::default()
        };
        let mut text = String::new();
        table_of_budgets(&mut text, &budget::judge(&[], Some(&figures), &[]));
        assert!(text.contains("| start to first answer, ms | ≤ 40 | 41.00 | **missed** |"));
        assert!(text.contains("| idle memory, MiB | ≤ 20 | – | not measured |"));
    }
}
