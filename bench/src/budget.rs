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

/// Holds the figures against every budget.
pub(crate) fn judge(
    rows: &[Measured],
    figures: Option<&Figures>,
    errors: &[limit::Error],
) -> Vec<Verdict> {
    let of = |label: &str| rows.iter().find(|row| row.label == label);
    let rate = |label: &str| of(label).map(|row| row.rate);
    let micros = |label: &str| of(label).map(|row| row.micros);
    let ratios = RATIOS.iter().map(|(what, ours, theirs, least)| {
        let ratio = rate(ours)
            .zip(rate(theirs))
            .map(|(ours, theirs)| ours / theirs);
        verdict(what, Bound::AtLeast(*least), ratio)
    });
    // hasura-auth's sign-in by PAT reached 1,488/s where this pgbench reached 12,400/s;
    // ten times that is 1.2 times pgbench.
    let pgbench = plan::pgbench_label(plan::LOOK_UP_AND_INSERT, 16);
    let on_postgres = rate(&plan::postgres_label(16)).zip(rate(&pgbench));
    let on_postgres = verdict(
        "exchange on PostgreSQL, 16 clients ÷ pgbench look-up and insert",
        Bound::AtLeast(1.2),
        on_postgres.map(|(ours, theirs)| ours / theirs),
    );
    let limits = [
        ("limit of several nodes, simulated: error %", true),
        ("limit of two nodes over Redis: error %", false),
    ];
    let limits = limits.map(|(what, simulated)| {
        let errors = errors.iter().filter(|error| error.simulated == simulated);
        let errors = errors.map(|error| error.relative().abs() * 100.0);
        verdict(what, Bound::AtMost(2.0), errors.reduce(f64::max))
    });
    let instructions = of(plan::WARM).and_then(|row| row.kilo_instructions);
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
        ("idle memory, MiB", 20.0, figures.and_then(|f| f.idle)),
        (
            "idle memory with 1,000 realms, MiB",
            90.0,
            figures.and_then(|f| f.idle_realms),
        ),
        (
            "start to first answer, ms",
            40.0,
            figures.and_then(|f| f.start),
        ),
    ];
    let amounts = amounts.map(|(what, most, amount)| verdict(what, Bound::AtMost(most), amount));
    let ratios = ratios.chain([on_postgres]);
    ratios.chain(amounts).chain(limits).collect()
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
