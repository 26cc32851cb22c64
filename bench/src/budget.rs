//! The budgets and whether they are met. The numbers are promises: a missed one is
//! reported, and only a decision changes them. Not here: measuring (`row`).

use crate::farm::exchange_label;
use crate::figure::Figures;
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

/// Holds the figures against every budget.
pub(crate) fn judge(rows: &[Measured], figures: &Figures) -> Vec<Verdict> {
    let of = |label: &str| rows.iter().find(|row| row.label == label);
    let plain = of("HAProxy plain");
    let policy = of("HAProxy policy");
    let warm = of("doorward policy, warm");
    let zipf = of("doorward policy, many tokens by Zipf");
    let tls = of("doorward policy, warm, TLS");
    let http2 = of("doorward policy, warm, TLS and HTTP/2");
    let cold = of("doorward policy, cold (each token once)");
    let exchange = of(&exchange_label("ES256", 16));
    let micros = |row: Option<&Measured>| row.map(|row| row.micros);
    use Bound::{AtLeast, AtMost};
    [
        (
            "policy warm ÷ HAProxy plain, requests/s",
            AtLeast(0.9),
            ratio(warm, plain),
        ),
        (
            "policy warm ÷ HAProxy policy, requests/s",
            AtLeast(3.0),
            ratio(warm, policy),
        ),
        (
            "many tokens by Zipf ÷ HAProxy plain",
            AtLeast(0.9),
            ratio(zipf, plain),
        ),
        (
            "policy warm ÷ HAProxy plain, TLS",
            AtLeast(0.9),
            ratio(tls, of("HAProxy plain, TLS")),
        ),
        (
            "policy warm ÷ HAProxy plain, TLS and HTTP/2",
            AtLeast(0.9),
            ratio(http2, of("HAProxy plain, TLS and HTTP/2")),
        ),
        ("policy warm, µs a request", AtMost(12.0), micros(warm)),
        (
            "many tokens by Zipf, µs a request",
            AtMost(12.0),
            micros(zipf),
        ),
        (
            "policy warm, thousand user instructions a request",
            AtMost(45.0),
            warm.and_then(|row| row.kilo_instructions),
        ),
        (
            "policy cold (RS256), µs a request",
            AtMost(28.0),
            micros(cold),
        ),
        (
            "exchange to ES256 on SQLite, µs (16 clients)",
            AtMost(40.0),
            micros(exchange),
        ),
        ("idle memory, MiB", AtMost(20.0), figures.idle),
        (
            "idle memory with 1,000 realms, MiB",
            AtMost(90.0),
            figures.idle_realms,
        ),
        ("start to first answer, ms", AtMost(40.0), figures.start),
    ]
    .into_iter()
    .map(|(what, bound, figure)| verdict(what, bound, figure))
    .collect()
}

fn ratio(ours: Option<&Measured>, theirs: Option<&Measured>) -> Option<f64> {
    Some(ours?.rate / theirs?.rate)
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
