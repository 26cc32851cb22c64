//! Settings of the process that hold for all realms. Not here: those of one listener
//! (`listener`).

use crate::body::Pace;
use crate::denials::DenialRoom;
use ipnet::IpNet;
use std::time::Duration;

/// Settings that hold for all realms.
#[derive(Clone, Debug)]
pub struct GateOptions {
    /// Peers whose `X-Forwarded-*` is believed. None by default.
    pub trusted_proxies: Vec<IpNet>,
    /// The largest request body, bytes, where a route says nothing else.
    pub max_body: u64,
    /// How slow a request body may be.
    pub body_pace: Pace,
    /// The longest pause within the body of an upstream's answer.
    pub response_idle: Duration,
    /// The same for an answer of type `text/event-stream`, which is silent by nature.
    pub event_stream_idle: Duration,
    /// How long a WebSocket may be open without a byte in either direction.
    pub websocket_idle: Duration,
    /// How much room verified tokens take, bytes.
    pub token_cache: u64,
    /// How many denials are kept.
    pub denials: DenialRoom,
}

impl Default for GateOptions {
    /// No trusted proxies, 16 MiB bodies, pauses of 30 s and 256 bytes a second in
    /// requests, pauses of 60 s in answers, 5 minutes of silence in event streams and
    /// WebSockets, 128 MiB of tokens.
    fn default() -> Self {
        Self {
            trusted_proxies: Vec::new(),
            max_body: 16 * 1024 * 1024,
            body_pace: Pace {
                idle: Duration::from_secs(30),
                rate: 256,
            },
            response_idle: Duration::from_secs(60),
            event_stream_idle: Duration::from_secs(300),
            websocket_idle: Duration::from_secs(300),
            token_cache: 128 << 20,
            denials: DenialRoom::default(),
        }
    }
}
