//! Metrics in the Prometheus text form. Labels are codes of a closed set, never what a
//! client sent.

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
}

struct Reader(Sources);

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader")
    }
}

impl Reader {
    /// The plain counters: name, help, value.
    fn counters(&self) -> [(&'static str, &'static str, u64); 7] {
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
        ]
    }

    /// What is so now: name, help, value; 1 is yes.
    fn gauges(&self) -> [(&'static str, &'static str, f64); 6] {
        let vitals = &self.0.vitals;
        let flag = |truth: bool| if truth { 1.0 } else { 0.0 };
        let open = &self.0.gate.counters().connections_open;
        let open = u32::try_from(open.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        [
            ("connections_open", "Connections open now", f64::from(open)),
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
                "ready",
                "Whether requests should be sent here",
                flag(vitals.is_ready()),
            ),
        ]
    }
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
        for (name, help, value) in self.gauges() {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}
