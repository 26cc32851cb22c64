//! The report in Markdown. Not here: any judgement (`budget`).

use crate::budget::Verdict;
use crate::figure::Figures;
use crate::plan;
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

/// Writes it.
pub(crate) fn render(
    run: &Run,
    rows: &[Measured],
    figures: &Figures,
    verdicts: &[Verdict],
) -> String {
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
    table_of_rows(&mut text, rows);
    table_of_figures(&mut text, figures, *starts);
    table_of_budgets(&mut text, verdicts);
    notes(&mut text, rows);
    text
}

fn table_of_rows(text: &mut String, rows: &[Measured]) {
    let base = rows
        .iter()
        .find(|row| row.label == plan::PEER_PLAIN)
        .map(|row| row.rate);
    text.push_str(
        "| row | requests/s | ÷ HAProxy plain | CPU µs (min–max) | user instr. (thousand) | p50 ms | p99 ms | errors |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for row in rows {
        let ratio = base.map(|base| row.rate / base);
        let (least, most) = row.micros_range;
        let _ = writeln!(
            text,
            "| {} | {:.0} | {} | {:.1} ({least:.1}–{most:.1}) | {} | {} | {} | {} |",
            row.label,
            row.rate,
            optional(ratio),
            row.micros,
            optional(row.kilo_instructions),
            optional(row.p50),
            optional(row.p99),
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
        table_of_budgets(&mut text, &budget::judge(&[], &figures));
        assert!(text.contains("| start to first answer, ms | ≤ 40 | 41.00 | **missed** |"));
        assert!(text.contains("| idle memory, MiB | ≤ 20 | – | not measured |"));
    }
}
