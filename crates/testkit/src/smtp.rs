//! A real SMTP server (aiosmtpd) that keeps what it is given. Not here: what sends.

use crate::artifact::must;
use crate::binary;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

/// The authority of the server's certificate, PEM.
pub const CA: &str = include_str!("../../outbound/tests/fixture/ca.pem");
const CHAIN: &str = include_str!("../../outbound/tests/fixture/idp.pem");
const KEY: &str = include_str!("../../outbound/tests/fixture/idp-key.pem");
/// A certificate for `localhost` that signed itself, PEM.
pub const SELF_SIGNED: &str = include_str!("../../outbound/tests/fixture/self.pem");
const OWN_KEY: &str = include_str!("../../outbound/tests/fixture/self-key.pem");

/// How the server speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wire {
    /// Without TLS.
    Plain,
    /// Offering STARTTLS.
    StartTls,
    /// By TLS from the first byte.
    Tls,
    /// Without TLS, and it knows no recipient.
    Refusing,
}

/// A running server. It is ended with the test.
#[derive(Debug)]
pub struct Sink {
    child: Child,
    port: u16,
    wire: Wire,
    mails: Receiver<Value>,
    seen: Arc<AtomicUsize>,
    _certificate: tempfile::TempDir,
}

const PROGRAM: &str = r#"
import asyncio, json, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult

wire, password, chain, key = sys.argv[1:5]

class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if wire == "Refusing":
            return "550 no such user " + address
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "data": envelope.content.decode("utf-8", "replace"),
            "tls": session.ssl is not None or wire == "Tls",
            "user": session.auth_data,
        }
        print(json.dumps(mail), flush=True)
        return "250 OK"

def authenticate(server, session, envelope, mechanism, data):
    good = data.password == password.encode()
    return AuthResult(success=good, handled=good, auth_data=data.login.decode())

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(chain, key)
options = {"hostname": "sink.test", "enable_SMTPUTF8": True}
if wire == "StartTls":
    options.update(tls_context=context, require_starttls=True)
if password:
    options.update(authenticator=authenticate, auth_required=True)

async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Handler(), loop=loop, **options),
        "127.0.0.1", 0, ssl=context if wire == "Tls" else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"#;

impl Sink {
    /// Starts one; with a password, it wants to be told that.
    ///
    /// # Panics
    /// When Python or aiosmtpd is missing.
    #[must_use]
    pub fn start(wire: Wire, password: Option<&str>) -> Self {
        Self::showing((CHAIN, KEY), wire, password)
    }

    /// Starts one that shows [`SELF_SIGNED`].
    #[must_use]
    pub fn self_signed(wire: Wire) -> Self {
        Self::showing((SELF_SIGNED, OWN_KEY), wire, None)
    }

    fn showing((shown, own): (&str, &str), wire: Wire, password: Option<&str>) -> Self {
        let certificate = must("make a folder", tempfile::tempdir());
        let (chain, key) = (
            certificate.path().join("c.pem"),
            certificate.path().join("k.pem"),
        );
        must("write the certificate", std::fs::write(&chain, shown));
        must("write the key", std::fs::write(&key, own));
        let mut command = Command::new(binary::python());
        command
            .arg("-")
            .args([&format!("{wire:?}"), password.unwrap_or_default()])
            .args([&chain, &key])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = must("run python (try `cargo xtask setup`)", command.spawn());
        if let Some(mut stdin) = child.stdin.take() {
            must("hand the program over", stdin.write_all(PROGRAM.as_bytes()));
        }
        let Some(output) = child.stdout.take() else {
            panic!("python has an output");
        };
        let mut lines = BufReader::new(output).lines();
        let Some(Ok(port)) = lines.next() else {
            panic!("no mail server (is aiosmtpd there? try `cargo xtask setup`)");
        };
        let port = must("read the port", port.parse());
        let (told, mails) = mpsc::channel();
        let seen = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&seen);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = told.send(must("read a mail", serde_json::from_str(&line)));
            }
        });
        Self {
            child,
            port,
            wire,
            mails,
            seen,
            _certificate: certificate,
        }
    }

    /// Where it listens, for `[server.mail] url`.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_as("localhost")
    }

    /// The same by another name of this machine.
    #[must_use]
    pub fn url_as(&self, host: &str) -> String {
        let scheme = if self.wire == Wire::Tls {
            "smtps"
        } else {
            "smtp"
        };
        format!("{scheme}://{host}:{}", self.port)
    }

    /// The next mail: `from`, `to`, `data`, `tls`, `user`.
    ///
    /// # Panics
    /// When none comes for ten seconds.
    #[must_use]
    pub fn next(&self) -> Value {
        match self.mails.recv_timeout(Duration::from_secs(10)) {
            Ok(mail) => mail,
            Err(error) => panic!("no mail came: {error}"),
        }
    }

    /// How many mails came so far.
    #[must_use]
    pub fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
