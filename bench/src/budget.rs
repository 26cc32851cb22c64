//! The budgets and whether they are met. The numbers are promises: a missed one is
//! reported, and only a decision changes them. Not here: measuring (`row`).

use crate::figure::Figures;
use crate::limit;
use crate::plan;
use crate::row::Measured;

/// A budget and what came of it.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) what: &'static str,
    /// The bound as text, with its direction.
    pub(crate) bound: String,
    /// What was measured, if it was.
    pub(crate) figure: Option<f64>,
    pub(crate) met: bool,
}

#[derive(Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// What must be at least so many times as fast: ours, theirs, the factor.
const RATIOS: [(&str, &str, &str, f64); 6] = [
    ("warm ÷ HAProxy plain", plan::WARM, plan::PEER_PLAIN, 0.9),
    ("warm ÷ HAProxy policy", plan::WARM, plan::PEER_POLICY, 3.0),
    ("by Zipf ÷ HAProxy plain", plan::ZIPF, plan::PEER_PLAIN, 0.9),
    ("TLS ÷ HAProxy plain, TLS", plan::TLS, plan::PEER_TLS, 0.9),
    (
        "HTTP/2 ÷ HAProxy plain, HTTP/2",
        plan::HTTP2,
        plan::PEER_HTTP2,
        0.9,
    ),
    (
        "warm while passwords are hashed ÷ warm",
        plan::SIGN_INS,
        plan::WARM,
        0.8,
    ),
];

/// The sign-in by PAT of hasura-auth reached 1,488/s where `pgbench` reached 12,400/s with
/// a look-up and an insert in one statement, both with 16 clients. Ten times that sign-in
/// is this many times what `pgbench` reaches here.
const TIMES_PGBENCH: f64 = 10.0 * 1488.0 / 12_400.0;

/// Holds the figures against every budget.
pub(crate) fn judge(
    rows: &[Measured],
    figures: Option<&Figures>,
    limits: &[limit::Error],
) -> Vec<Verdict> {
    let mut verdicts = judge_ratios(rows);
    verdicts.extend(judge_amounts(rows, figures));
    for (what, simulated) in [
        ("limit of several nodes, simulated: error %", true),
        ("limit of two nodes over Redis: error %", false),
    ] {
        let errors = limits.iter().filter(|error| error.simulated == simulated);
        let errors = errors.map(|error| error.relative().abs() * 100.0);
        verdicts.push(verdict(what, Bound::AtMost(2.0), errors.reduce(f64::max)));
    }
    verdicts
}

fn judge_ratios(rows: &[Measured]) -> Vec<Verdict> {
    let ratio = |ours: &str, theirs: &str| {
        let rate = |label: &str| {
            let row = rows.iter().find(|row| row.label == label);
            row.map(|row| row.rate)
        };
        Some(rate(ours)? / rate(theirs)?)
    };
    let mut verdicts: Vec<Verdict> = RATIOS
        .iter()
        .map(|(what, ours, theirs, least)| {
            verdict(what, Bound::AtLeast(*least), ratio(ours, theirs))
        })
        .collect();
    let pgbench = plan::pgbench_label(plan::LOOK_UP_AND_INSERT, 16);
    verdicts.push(verdict(
        "exchange on PostgreSQL, 16 clients ÷ pgbench look-up and insert",
        Bound::AtLeast(TIMES_PGBENCH),
        ratio(&plan::postgres_label(16), &pgbench),
    ));
    verdicts
}

fn judge_amounts(rows: &[Measured], figures: Option<&Figures>) -> Vec<Verdict> {
    let of = |label: &str| rows.iter().find(|row| row.label == label);
    let micros = |label: &str| of(label).map(|row| row.micros);
    let instructions = of(plan::WARM).and_then(|row| row.kilo_instructions);
    let figure = |of: fn(&Figures) -> Option<f64>| figures.and_then(of);
    let amounts = [
        ("warm, CPU µs", 12.0, micros(plan::WARM)),
        ("by Zipf, CPU µs", 12.0, micros(plan::ZIPF)),
        ("warm, thousand user instructions", 45.0, instructions),
        ("cold RS256, CPU µs", 28.0, micros(plan::COLD)),
        (
            "exchange to ES256 on SQLite, CPU µs",
            40.0,
            micros(&plan::exchange_label("ES256", 16)),
        ),
        ("idle memory, MiB", 20.0, figure(|f| f.idle)),
        (
            "idle memory with 1,000 realms, MiB",
            90.0,
            figure(|f| f.idle_realms),
        ),
        ("start to first answer, ms", 40.0, figure(|f| f.start)),
    ];
    let judge = |(what, most, amount)| verdict(what, Bound::AtMost(most), amount);
    amounts.into_iter().map(judge).collect()
}

fn verdict(what: &'static str, bound: Bound, figure: Option<f64>) -> Verdict {
    let met = figure.is_some_and(|figure| match bound {
        Bound::AtLeast(least) => figure >= least,
        Bound::AtMost(most) => figure <= most,
    });
    let bound = match bound {
        Bound::AtLeast(least) => format!("≥ {least}"),
        Bound::AtMost(most) => format!("≤ {most}"),
    };
    Verdict {
        what,
        bound,
        figure,
        met,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_kept_on_its_own_side() {
        let met = |bound, figure| verdict("x", bound, figure).met;
        assert!(met(Bound::AtLeast(0.9), Some(0.9)));
        assert!(!met(Bound::AtLeast(0.9), Some(0.89)));
        assert!(met(Bound::AtMost(12.0), Some(12.0)));
        assert!(!met(Bound::AtMost(12.0), Some(12.1)));
        assert!(!met(Bound::AtMost(12.0), Some(f64::NAN)));
        assert!(!met(Bound::AtMost(12.0), None));
    }
}
