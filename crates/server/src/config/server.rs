//! `[server]`: where the process listens and keeps its data. Everything has a default.

use super::address::{Database, LimitStore};
use super::mail::Mail;
use super::text::Text;
use super::value::{SecretRef, Size, Span};
use schemars::JsonSchema;
use serde::Deserialize;
use std::net::SocketAddr;

/// Where the process listens and keeps its data.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// The public addresses. Default: ["127.0.0.1:8080"].
    pub listen: Option<Vec<Text<SocketAddr>>>,
    /// The address of metrics and of readiness in detail; it is never public. Default:
    /// none.
    pub ops_listen: Option<Text<SocketAddr>>,
    /// Where the control data is kept; a path is relative to this file. An address with
    /// a password comes from the environment or a file. Default: "sqlite:doorward.db".
    pub database: Option<Text<Database>>,
    /// How a PostgreSQL database is used.
    pub postgres: Postgres,
    /// Where the counters of limits are kept. Several processes share them through Redis
    /// or Valkey. Default: "memory".
    pub limits: Option<Text<LimitStore>>,
    /// How often counters are merged with the shared ones. Default: "250ms".
    pub limits_merge: Option<Text<Span>>,
    /// The key under which keys are sealed in the store. Default: "file:doorward.key",
    /// made by the first command that needs it.
    pub master_key: Option<Text<SecretRef>>,
    /// TLS on the public addresses. Default: none.
    pub tls: Option<Tls>,
    /// Addresses and networks whose `X-Forwarded-*` headers are believed. Default: none.
    pub trusted_proxies: Vec<Text<ipnet::IpNet>>,
    /// Networks beside the public ones that requests of the process's own may reach, for
    /// example where an issuer publishes its keys. Default: none.
    pub egress_allow: Vec<Text<ipnet::IpNet>>,
    /// Authorities, PEM, that such requests trust beside the system's. Default: none.
    pub egress_ca: Option<Text<SecretRef>>,
    /// How many connections are open at most; a request of an HTTP/2 connection that has
    /// another one open counts like a connection. Default: 16384.
    pub max_connections: Option<u32>,
    /// How many of them one address may have, or one IPv6 network of /56; trusted proxies
    /// may have all. Default: a quarter of them.
    pub max_per_address: Option<u32>,
    /// How long a request's header section may take to arrive. Default: "10s".
    pub header_timeout: Option<Text<Span>>,
    /// How long a connection may be without a request. Longer than a load balancer in
    /// front keeps its own. Default: "75s".
    pub idle_timeout: Option<Text<Span>>,
    /// How long a client may take nothing of an answer that is there. Default: "60s".
    pub answer_idle: Option<Text<Span>>,
    /// The longest pause within a request's body. Default: "30s".
    pub body_idle: Option<Text<Span>>,
    /// How much of a request's body must arrive in a second at least, on an average of
    /// the time that was waited beyond `body_idle`; "0B" is no such rule. Default: "256B".
    pub body_rate: Option<Text<Size>>,
    /// How long the process goes on accepting after it was told to stop, not ready and
    /// answering `Connection: close`, so that load balancers notice. Default: "0s".
    pub drain_delay: Option<Text<Span>>,
    /// How long open requests are waited for when the process stops. Default: "30s".
    pub drain_timeout: Option<Text<Span>>,
    /// The largest request body, unless a route has its own. Default: "10MiB".
    pub max_body: Option<Text<Size>>,
    /// How much memory verified tokens may take, so that they need not be verified or
    /// looked up again. Default: "128MiB".
    pub token_cache: Option<Text<Size>>,
    /// Mail. Default: none is sent.
    #[serde(deserialize_with = "super::mail::table")]
    pub mail: Option<Mail>,
    /// The log.
    pub log: Log,
}

/// How a PostgreSQL database is used.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Postgres {
    /// How many connections are open at most. Default: 16.
    pub pool_size: Option<u32>,
    /// How long a request waits for a connection at most. Default: "2s".
    pub pool_wait: Option<Text<Span>>,
    /// How long the server may work on one statement. Default: "5s".
    pub statement_timeout: Option<Text<Span>>,
    /// How long a start waits for a server that cannot be reached, and for other
    /// processes of the same database that contradict this one. Default: "30s".
    pub start_wait: Option<Text<Span>>,
    /// The certificates, PEM, that the server's must be or descend from. Default: the
    /// system's.
    pub root_cert: Option<Text<SecretRef>>,
}

/// TLS on the public addresses. The files are read again when they change.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate chain, PEM.
    pub cert: Text<SecretRef>,
    /// Its private key, PEM.
    pub key: Text<SecretRef>,
}

/// The log, on standard error.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// The quietest level that is written. Default: "info".
    pub level: LogLevel,
    /// The form of a line. Default: "text".
    pub format: LogFormat,
}

/// The quietest level that is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Defects and outages.
    Error,
    /// What somebody should look at.
    Warn,
    /// What happened.
    #[default]
    Info,
    /// Every request.
    Debug,
    /// Everything.
    Trace,
}

/// The form of a log line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}
