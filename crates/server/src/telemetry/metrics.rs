//! Metrics in the Prometheus text form. Labels are codes of a closed set, never what a
//! client sent.

use crate::jobs::{MailGauge, Record};
use crate::vitals::Vitals;
use doorward_gate::Gate;
use doorward_outbound::egress::EgressCounters;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, text::encode};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The process's metrics.
pub(crate) struct Metrics(Registry);

impl Metrics {
    /// The `Content-Type` of [`Metrics::render`].
    pub(crate) const CONTENT_TYPE: &'static str =
        "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// Reads from these when asked.
    pub(crate) fn new(sources: Sources) -> Self {
        let mut registry = Registry::with_prefix("doorward");
        registry.register_collector(Box::new(Reader(sources)));
        Self(registry)
    }

    /// The text form.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.0) {
            Ok(()) => text,
            Err(_) => "# EOF\n".to_owned(),
        }
    }
}

/// Where the figures come from.
pub(crate) struct Sources {
    pub(crate) gate: Arc<Gate>,
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) egress: Arc<EgressCounters>,
    pub(crate) jobs: Vec<(&'static str, Arc<Record>)>,
    pub(crate) mail: Arc<MailGauge>,
}

struct Reader(Sources);

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader")
    }
}

impl Reader {
    /// The plain counters: name, help, value.
    fn counters(&self) -> [(&'static str, &'static str, u64); 9] {
        let counters = self.0.gate.counters();
        let load = |value: &AtomicU64| value.load(Ordering::Relaxed);
        [
            (
                "permitted",
                "Requests let through",
                load(&counters.permitted),
            ),
            (
                "panics",
                "Requests in which something panicked",
                load(&counters.panics),
            ),
            (
                "token_cache_hits",
                "Access tokens found in the cache",
                load(&counters.cache_hits),
            ),
            (
                "token_cache_misses",
                "Access tokens that had to be verified",
                load(&counters.cache_misses),
            ),
            (
                "token_lookups",
                "API tokens presented whose shape is right, and that were looked up",
                load(&counters.token_lookups),
            ),
            (
                "connections",
                "Connections accepted",
                load(&counters.connections),
            ),
            (
                "connections_refused",
                "Connections closed because of the cap",
                load(&counters.connections_refused),
            ),
            (
                "connections_failed",
                "Connections that ended before a whole request",
                load(&counters.connections_failed),
            ),
            (
                "streams_ended",
                "Open streams that ended with their credential",
                self.0.gate.streams().ended(),
            ),
        ]
    }

    /// What is so now: name, help, value; 1 is yes.
    fn gauges(&self) -> [(&'static str, &'static str, f64); 9] {
        let vitals = &self.0.vitals;
        let flag = |truth: bool| if truth { 1.0 } else { 0.0 };
        let open = &self.0.gate.counters().connections_open;
        let open = u32::try_from(open.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        [
            ("connections_open", "Connections open now", f64::from(open)),
            (
                "streams_open",
                "Streams of callers open now: WebSockets, event streams, long answers",
                f64::from(u32::try_from(self.0.gate.streams().open()).unwrap_or(u32::MAX)),
            ),
            (
                "store_silence_seconds",
                "How long ago the store last answered",
                vitals.feed.silence().as_secs_f64(),
            ),
            (
                "announced",
                "Whether the other processes of the store know of this one",
                flag(vitals.membership.is_heard()),
            ),
            (
                "limits_connected",
                "Whether limits are counted where the configuration says",
                flag(vitals.limits.is_connected()),
            ),
            (
                "issuers_without_keys",
                "External issuers whose tokens cannot be verified now",
                f64::from(u32::try_from(vitals.issuers.health().without_keys).unwrap_or(u32::MAX)),
            ),
            (
                "mail_waiting",
                "Mails that wait to be sent",
                wide(self.0.mail.waiting()),
            ),
            (
                "mail_dead",
                "Mails that could not be sent and are not tried any more",
                wide(self.0.mail.dead()),
            ),
            (
                "ready",
                "Whether requests should be sent here",
                flag(vitals.is_ready()),
            ),
        ]
    }
}

impl Reader {
    /// Limits that were reached, by realm and name: both are the configuration's.
    fn limits(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let kind = ConstCounter::new(0u64).metric_type();
        let help = "Requests beyond a limit: refused, or only observed";
        let mut reached = encoder.encode_descriptor("limit_reached", help, None, kind)?;
        for ((realm, limit), count) in self.0.gate.counters().limits.reached() {
            for (outcome, number) in [("refused", count.refused), ("observed", count.observed)] {
                let labels = [
                    ("realm", realm.as_str()),
                    ("limit", &*limit),
                    ("outcome", outcome),
                ];
                ConstCounter::new(number).encode(reached.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    /// The runs of each job.
    fn jobs(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let (count, gauge) = (
            ConstCounter::new(0u64).metric_type(),
            ConstGauge::new(0.0).metric_type(),
        );
        let mut runs =
            encoder.encode_descriptor("job_runs", "Runs of jobs, by outcome", None, count)?;
        for (job, record) in &self.0.jobs {
            for (outcome, number) in record.outcomes() {
                let labels = [("job", *job), ("outcome", outcome.as_str())];
                ConstCounter::new(number).encode(runs.encode_family(&labels)?)?;
            }
        }
        let help = "What jobs dealt with: rows, mails";
        let mut rows = encoder.encode_descriptor("job_rows", help, None, count)?;
        for (job, record) in &self.0.jobs {
            let labels = [("job", *job)];
            ConstCounter::new(record.rows()).encode(rows.encode_family(&labels)?)?;
        }
        let mut took =
            encoder.encode_descriptor("job_seconds", "How long jobs took", None, count)?;
        for (job, record) in &self.0.jobs {
            let labels = [("job", *job)];
            let seconds = record.took().as_secs_f64();
            ConstCounter::new(seconds).encode(took.encode_family(&labels)?)?;
        }
        let help = "When a job last succeeded in this process, seconds since 1970";
        let mut last = encoder.encode_descriptor("job_last_success_seconds", help, None, gauge)?;
        for (job, record) in &self.0.jobs {
            if let Some(at) = record.last_done() {
                let labels = [("job", *job)];
                ConstGauge::new(at.as_seconds()).encode(last.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

/// As metrics have it; beyond 2^32 nobody counts.
fn wide(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

impl Collector for Reader {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (name, help, value) in self.counters() {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(
                name,
                help,
                None,
                counter.metric_type(),
            )?)?;
        }
        let kind = ConstCounter::new(0u64).metric_type();
        let mut refused =
            encoder.encode_descriptor("refused", "Requests refused, by code", None, kind)?;
        for (code, count) in self.0.gate.counters().refused() {
            ConstCounter::new(count).encode(refused.encode_family(&[("code", code.as_str())])?)?;
        }
        self.limits(&mut encoder)?;
        let mut sent =
            encoder.encode_descriptor("egress", "Outgoing requests, by outcome", None, kind)?;
        for (outcome, count) in self.0.egress.outcomes() {
            ConstCounter::new(count).encode(sent.encode_family(&[("outcome", outcome)])?)?;
        }
        let took = ConstCounter::new(self.0.egress.took().as_secs_f64());
        took.encode(encoder.encode_descriptor(
            "egress_seconds",
            "How long outgoing requests took, together",
            None,
            took.metric_type(),
        )?)?;
        self.jobs(&mut encoder)?;
        for (name, help, value) in self.gauges() {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}
