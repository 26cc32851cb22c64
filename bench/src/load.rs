//! The load on a server and what came of it. Each generator has a file; what its work
//! cost the server is the `meter`'s.

pub(crate) mod h2load;
pub(crate) mod pgbench;
pub(crate) mod single;
pub(crate) mod sqlite;
pub(crate) mod wrk;

use crate::failure::{Context as _, Failure};
use crate::site::{Site, write_lines};
use doorward_testkit::{Request, Response};
use std::net::SocketAddr;
use std::path::PathBuf;

/// What is sent, over and over, by clients that wait for each answer.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// Where to, with scheme, authority and path.
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    /// How many wait at the same time.
    pub(crate) clients: u32,
    pub(crate) kind: Kind,
}

/// Which requests.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// The same GET each time, over HTTP/1.1.
    Same,
    /// The same GET each time, over HTTP/2 with eight streams a connection.
    SameHttp2,
    /// A GET with an access token out of `tokens`: in the order of `order`, else each
    /// once.
    Bearer {
        /// Tokens, one a line.
        tokens: PathBuf,
        /// Line numbers.
        order: Option<PathBuf>,
    },
    /// A GET with each API token out of the file, by one client; each request is timed
    /// by itself, and it ends with the tokens.
    Single(PathBuf),
    /// The SQL of a script of `pgbench`, on the database whose URL this is.
    Sql(PathBuf),
    /// The SQL of a script of SQLite's program, on the file whose path this is.
    Sqlite(PathBuf),
    /// Refreshes of sessions, one for each client: `signed_in` has their first refresh tokens,
    /// one a line, and each answer gives the next.
    Refresh {
        /// The body that signs a person in.
        sign_in: PathBuf,
        /// The tokens; made by [`prepare`].
        signed_in: PathBuf,
    },
    /// A POST of a body out of `bodies`; a good answer has the member `member`.
    Post {
        /// Bodies, one a line, with a bearer token and a tab before it or without.
        bodies: PathBuf,
        member: &'static str,
        /// Whether each request says that it comes from another address.
        spread: bool,
    },
}

/// What came of it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Outcome {
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    /// Milliseconds; unknown to some generators.
    pub(crate) p50: Option<f64>,
    pub(crate) p99: Option<f64>,
    /// Answers that were none, not 2xx or 3xx, or had the wrong body.
    pub(crate) errors: u64,
    /// Requests beyond the tokens that there are: these were used before.
    pub(crate) repeated: u64,
}

/// Sends a probe: does a server do what is about to be measured?
pub(crate) fn ask(request: &Request) -> Result<Response, Failure> {
    request
        .try_send()
        .during(format!("asking {}", request.addr()))
}

/// Makes what a load uses up: a session for each client that refreshes.
pub(crate) fn prepare(load: &Load) -> Result<(), Failure> {
    let Kind::Refresh { sign_in, signed_in } = &load.kind else {
        return Ok(());
    };
    let body = std::fs::read_to_string(sign_in).during("the sign-in's body")?;
    let addr = load
        .url
        .split('/')
        .nth(2)
        .and_then(|addr| addr.parse().ok());
    let addr: SocketAddr = addr.during("the load's address")?;
    let mut tokens = Vec::new();
    for client in 0..load.clients {
        let request = Request::new(addr, "POST", "/me/v1/session")
            .header("Content-Type", "application/json")
            // Sign-ins are limited by address.
            .header("X-Forwarded-For", &format!("10.0.1.{client}"))
            .body(body.trim());
        let answer = ask(&request)?.text();
        let (_, rest) = answer
            .split_once("\"refresh_token\":\"")
            .during(format!("no refresh token: {answer}"))?;
        let token = rest.split('"').next().unwrap_or_default();
        tokens.push(token.to_owned());
    }
    write_lines(signed_in, tokens)
}

/// Puts the load on for `seconds`.
pub(crate) fn apply(load: &Load, site: &Site, seconds: u32) -> Result<Outcome, Failure> {
    match &load.kind {
        Kind::SameHttp2 => h2load::run(load, seconds),
        Kind::Single(tokens) => single::run(load, tokens, seconds),
        Kind::Sqlite(script) => sqlite::run(load, script, seconds),
        Kind::Sql(script) => pgbench::run(load, script, seconds),
        _ => wrk::run(load, site, seconds),
    }
}
