//! HAProxy: as a plain proxy, over TLS, and with the policy that the measured route of
//! the binary has (RS256, issuer, audience, expiry, scope, limit by tenant, identity
//! headers).

use crate::failure::Failure;
use crate::process::{Running, capture, free_address};
use crate::site::Site;
use crate::token::{AUDIENCE, ISSUER, SCOPE};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

/// A running HAProxy.
#[derive(Debug)]
pub(crate) struct Haproxy {
    pub(crate) plain: SocketAddr,
    pub(crate) policy: SocketAddr,
    pub(crate) tls: SocketAddr,
    pub(crate) process: Running,
}

/// Its version, as it tells it.
pub(crate) fn version() -> Result<String, Failure> {
    let text = capture(Command::new("haproxy").arg("-v"))?;
    let version = text.split(' ').nth(2).unwrap_or("?");
    Ok(format!("HAProxy {version}"))
}

/// Starts it with two threads.
pub(crate) fn start(site: &Site, upstream: SocketAddr) -> Result<Haproxy, Failure> {
    let (plain, policy, tls) = (free_address()?, free_address()?, free_address()?);
    let config = site.write("haproxy.cfg", &config(site, upstream, [plain, policy, tls]))?;
    let process = Running::start_listening(command(&config), &site.file("haproxy.log"), plain)?;
    Ok(Haproxy {
        plain,
        policy,
        tls,
        process,
    })
}

/// Runs it in the foreground as one process.
pub(crate) fn command(config: &Path) -> Command {
    let mut command = Command::new("haproxy");
    command.arg("-db").arg("-f").arg(config);
    command
}

/// `jwt_verify` checks only the signature; everything else is compared by hand.
fn config(site: &Site, upstream: SocketAddr, [plain, policy, tls]: [SocketAddr; 3]) -> String {
    let pem = site.file("issuer.pem").display().to_string();
    let both = site.file("tls.both.pem").display().to_string();
    format!(
        "global
  nbthread 2
  maxconn 8192
defaults
  mode http
  timeout client 60s
  timeout connect 5s
  timeout server 60s
frontend plain
  bind {plain}
  default_backend upstream
frontend tls
  bind {tls} ssl crt {both} alpn h2,http/1.1
  default_backend upstream
frontend policy
  bind {policy}
  http-request del-header X-Auth- -m beg
  http-request set-var(txn.jwt) http_auth_bearer
  http-request set-var(txn.alg) var(txn.jwt),jwt_header_query('$.alg')
  http-request deny deny_status 401 unless {{ var(txn.alg) -m str RS256 }}
  http-request deny deny_status 401 unless {{ var(txn.jwt),jwt_verify(txn.alg,\"{pem}\") 1 }}
  http-request set-var(txn.iss) var(txn.jwt),jwt_payload_query('$.iss')
  http-request deny deny_status 401 unless {{ var(txn.iss) -m str {ISSUER} }}
  http-request set-var(txn.aud) var(txn.jwt),jwt_payload_query('$.aud')
  http-request deny deny_status 401 unless {{ var(txn.aud) -m str {AUDIENCE} }}
  http-request set-var(txn.now) date()
  http-request set-var(txn.left) var(txn.jwt),jwt_payload_query('$.exp','int'),sub(txn.now)
  http-request deny deny_status 401 unless {{ var(txn.left) -m int gt 0 }}
  http-request set-var(txn.scope) var(txn.jwt),jwt_payload_query('$.scope')
  http-request deny deny_status 403 unless {{ var(txn.scope) -m sub {SCOPE} }}
  http-request set-var(txn.tenant) var(txn.jwt),jwt_payload_query('$.tenant')
  http-request deny deny_status 403 unless {{ var(txn.tenant) -m found }}
  http-request track-sc0 var(txn.tenant) table limits
  http-request deny deny_status 429 if {{ sc_http_req_rate(0,limits) gt 1000000 }}
  http-request set-header X-Auth-Subject %[var(txn.jwt),jwt_payload_query('$.sub')]
  http-request set-header X-Auth-Tenant %[var(txn.tenant)]
  http-request set-header X-Auth-Scope %[var(txn.scope)]
  default_backend upstream
backend limits
  stick-table type string len 64 size 100k expire 60s store http_req_rate(1s)
backend upstream
  http-reuse always
  server upstream {upstream}
"
    )
}
