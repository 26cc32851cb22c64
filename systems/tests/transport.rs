//! The way to real web servers and back: what they ask of a request's framing, TLS
//! towards them, and our own certificate while it is renewed.
#![cfg(test)]

use doorward_testkit::service::{Program, free_port};
use doorward_testkit::wait::{self, PATIENCE};
use doorward_testkit::{App, Setup, raw, site};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Where what is made for one test lies: certificates, pages, configurations of others.
fn workshop() -> TempDir {
    TempDir::new().unwrap()
}

fn free_addr() -> SocketAddr {
    format!("127.0.0.1:{}", free_port()).parse().unwrap()
}

/// A web server of Debian, with the configuration in the file.
fn web_server(program: &str, config: &str, addr: SocketAddr, dir: &Path) -> Program {
    let file = dir.join(format!("{program}.conf"));
    fs::write(&file, config).unwrap();
    let (file, dir) = (file.display().to_string(), dir.display().to_string());
    let words: &[&str] = match program {
        "nginx" => &["nginx", "-p", &dir, "-c", &file],
        _ => &["lighttpd", "-D", "-f", &file],
    };
    Program::start(words, addr, &Path::new(&dir).join(format!("{program}.log")))
}

/// Routes that anyone may call, one for each path, besides further keys of each.
fn realm(site: &str, routes: &[(&str, String)]) -> Setup {
    let routes: Vec<String> = routes
        .iter()
        .map(|(path, keys)| format!("{{ path = \"{path}\", public = true, {keys} }}"))
        .collect();
    let text = format!(
        "[realm.web]\nhosts = [\"*\"]\nissuer = \"http://web.test\"\nroute = [\n{}\n]\n",
        routes.join(",\n")
    );
    Setup::new(site, &text)
}

#[test]
fn an_empty_post_is_no_411_at_lighttpd() {
    let dir = workshop();
    let addr = free_addr();
    fs::write(dir.path().join("a.txt"), "here\n").unwrap();
    let config = format!(
        "server.document-root = \"{}\"\nserver.bind = \"127.0.0.1\"\nserver.port = {}\n",
        dir.path().display(),
        addr.port()
    );
    let _lighttpd = web_server("lighttpd", &config, addr, dir.path());
    // Without a length it answers 411 to whoever asks.
    let bare = "POST /a.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_eq!(raw::status(&raw::exchange(addr, bare.as_bytes())), 411);
    let upstream = format!("upstream = \"http://{addr}\"");
    let app = realm(site!(), &[("/**", upstream)]).start();
    assert_eq!(
        raw::status(&raw::exchange(app.addr(), bare.as_bytes())),
        200
    );
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        for method in ["POST", "PUT", "PATCH"] {
            let ask = |url: &str| curl(&["-d", "", version, "-X", method, url]);
            let answer = ask(&app.url("/a.txt"));
            // It takes POST for a file, and knows no other.
            let wanted = if method == "POST" { "200" } else { "501" };
            assert_eq!(answer, wanted, "{version} {method}");
        }
    }
}

/// The status of what curl is told to ask.
fn curl(arguments: &[&str]) -> String {
    let output = Command::new("curl")
        .args(["-sS", "-o", "/dev/null", "-w", "%{http_code}", "-m", "10"])
        .args(arguments)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn openssl(dir: &Path, before: &[&str], arguments: &[&str]) {
    let words: Vec<&str> = before.iter().chain(&["openssl"]).copied().collect();
    let (program, rest) = words.split_first().unwrap();
    let output = Command::new(program)
        .args(rest)
        .args(arguments)
        .current_dir(dir)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {told}");
}

const EC: [&str; 5] = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
];

/// An authority: `NAME.pem` and `NAME.key`.
fn authority(dir: &Path, name: &str) {
    let (key, pem, subject) = files(name);
    let arguments = [
        "req", "-x509", "-days", "30", "-keyout", &key, "-out", &pem, "-subj", &subject,
    ];
    openssl(dir, &[], &[&arguments[..], &EC[..]].concat());
}

/// A certificate that signs itself, as openssl makes it when it is asked for nothing
/// else: an authority of one.
fn self_signed(dir: &Path, name: &str, names: &str) {
    let (key, pem, subject) = files(name);
    let names = format!("subjectAltName={names}");
    let arguments = [
        "req", "-x509", "-days", "5", "-keyout", &key, "-out", &pem, "-subj", &subject, "-addext",
        &names,
    ];
    openssl(dir, &[], &[&arguments[..], &EC[..]].concat());
}

/// A certificate of the authority `ca` for these names: `NAME.pem` and `NAME.key`.
fn certificate(dir: &Path, name: &str, names: &str, before: &[&str]) {
    let (key, pem, subject) = files(name);
    let request = [
        "req",
        "-keyout",
        &key,
        "-out",
        "request.csr",
        "-subj",
        &subject,
        "-new",
    ];
    openssl(dir, &[], &[&request[..], &EC[..]].concat());
    fs::write(dir.join("names"), format!("subjectAltName={names}")).unwrap();
    let sign = [
        "x509",
        "-req",
        "-in",
        "request.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        "5",
        "-extfile",
        "names",
        "-out",
        &pem,
    ];
    openssl(dir, before, &sign);
}

fn files(name: &str) -> (String, String, String) {
    (
        format!("{name}.key"),
        format!("{name}.pem"),
        format!("/CN={name}"),
    )
}

/// One nginx with a TLS server for each name of a certificate, the last of which asks
/// for the client's.
fn nginx(dir: &Path, names: &[&str]) -> (Program, Vec<SocketAddr>) {
    let addrs: Vec<SocketAddr> = names.iter().map(|_| free_addr()).collect();
    let servers: Vec<String> = names
        .iter()
        .zip(&addrs)
        .map(|(name, addr)| {
            let client = if *name == "guarded" {
                "ssl_verify_client on; ssl_client_certificate ca.pem;"
            } else {
                ""
            };
            format!(
                "server {{ listen {addr} ssl; ssl_certificate {name}.pem; ssl_certificate_key {name}.key; {client} location / {{ return 200 'tls $ssl_server_name $request_uri'; }} }}"
            )
        })
        .collect();
    let at = dir.display();
    let config = format!(
        "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;\nevents {{ }}\nhttp {{ access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;\n{}\n}}\n",
        servers.join("\n")
    );
    (web_server("nginx", &config, addrs[0], dir), addrs)
}

fn log(app: &App) -> String {
    fs::read_to_string(app.artifacts().path("server.log")).unwrap()
}

#[test]
fn an_https_upstream_is_verified_or_the_answer_is_502_and_the_log_says_tls() {
    let workshop = workshop();
    let dir = workshop.path();
    for name in ["ca", "other"] {
        authority(dir, name);
    }
    certificate(dir, "right", "IP:127.0.0.1", &[]);
    certificate(dir, "named", "DNS:up.test", &[]);
    certificate(dir, "expired", "IP:127.0.0.1", &["faketime", "-f", "-20d"]);
    certificate(dir, "guarded", "IP:127.0.0.1", &[]);
    certificate(dir, "client", "DNS:doorward", &[]);
    self_signed(dir, "alone", "IP:127.0.0.1");
    let (_nginx, addrs) = nginx(dir, &["right", "named", "expired", "guarded", "alone"]);
    let [right, named, expired, guarded, alone] = addrs[..] else {
        panic!("five servers")
    };
    let file = |name: &str| format!("file:{}", dir.join(name).display());
    let ca = |name: &str, more: &str| format!("upstream_tls = {{ ca = \"{}\"{more} }}", file(name));
    let shown = format!(
        ", cert = \"{}\", key = \"{}\"",
        file("client.pem"),
        file("client.key")
    );
    let app = realm(
        site!(),
        &[
            ("/right", format!("upstream = \"https://{right}\"")),
            ("/wrong-name", format!("upstream = \"https://{named}\"")),
            (
                "/named",
                format!(
                    "upstream = \"https://{named}\", {}",
                    ca("ca.pem", ", server_name = \"up.test\"")
                ),
            ),
            (
                "/unknown",
                format!("upstream = \"https://{right}\", {}", ca("other.pem", "")),
            ),
            ("/expired", format!("upstream = \"https://{expired}\"")),
            (
                "/alone",
                format!("upstream = \"https://{alone}\", {}", ca("alone.pem", "")),
            ),
            (
                "/alone-misnamed",
                format!(
                    "upstream = \"https://{alone}\", {}",
                    ca("alone.pem", ", server_name = \"up.test\"")
                ),
            ),
            ("/alone-unnamed", format!("upstream = \"https://{alone}\"")),
            ("/bare", format!("upstream = \"https://{guarded}\"")),
            (
                "/shown",
                format!("upstream = \"https://{guarded}\", {}", ca("ca.pem", &shown)),
            ),
        ],
    )
    .set("realm.web.upstream_tls.ca", file("ca.pem"))
    .start();
    assert_eq!(app.get("/right").expect(200).text(), "tls  /right");
    assert_eq!(app.get("/named").expect(200).text(), "tls up.test /named");
    app.get("/shown").expect(200);
    app.get("/alone").expect(200);
    app.get("/bare").expect(400);
    for (path, check) in [
        ("/wrong-name", "tls_name"),
        ("/unknown", "tls_unknown_authority"),
        ("/expired", "tls_expired"),
        ("/alone-misnamed", "tls_name"),
        ("/alone-unnamed", "tls_certificate"),
    ] {
        assert_eq!(app.get(path).expect(502).code(), "upstream_failed");
        // The log is copied by another thread.
        wait::until(&format!("{check} in the log"), PATIENCE, || {
            let log = log(&app);
            let mut lines = log.lines();
            lines
                .any(|line| line.contains("TLS to an upstream failed") && line.contains(check))
                .then_some(())
        });
    }
    app.get("/right").expect(200);
}

/// The subject of the certificate that a server shows to a new connection.
fn subject(addr: SocketAddr) -> String {
    let script = format!(
        "openssl s_client -connect {addr} </dev/null 2>/dev/null | openssl x509 -noout -subject"
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn renew(dir: &Path, from: &str) {
    for kind in ["pem", "key"] {
        let (from, to) = (
            dir.join(format!("{from}.{kind}")),
            dir.join(format!("live.{kind}")),
        );
        fs::copy(from, to).unwrap();
    }
}

#[test]
fn a_renewed_certificate_is_shown_without_a_dropped_connection_and_a_broken_one_is_not() {
    let workshop = workshop();
    let dir = workshop.path();
    authority(dir, "ca");
    for name in ["first", "second", "third"] {
        certificate(dir, name, "IP:127.0.0.1", &[]);
    }
    renew(dir, "first");
    let file = |name: &str| format!("file:{}", dir.join(name).display());
    let app = realm(
        site!(),
        &[("/**", "upstream = \"builtin:echo\"".to_owned())],
    )
    .set("server.tls.cert", file("live.pem"))
    .set("server.tls.key", file("live.key"))
    .start();
    assert!(subject(app.addr()).ends_with("first"));
    let mut open = Talk::open(app.addr());
    assert!(open.ask().contains("200 OK"));
    renew(dir, "second");
    wait::until("the second certificate", PATIENCE, || {
        subject(app.addr()).ends_with("second").then_some(())
    });
    assert!(open.ask().contains("200 OK"), "the open connection goes on");
    // The key of another certificate, and one whose line breaks are lost.
    let key = fs::read_to_string(dir.join("second.key")).unwrap();
    let secret = app.remembered(key.lines().nth(1).unwrap().to_owned());
    for (broken, says) in [
        (
            fs::read_to_string(dir.join("first.key")).unwrap(),
            "does not belong",
        ),
        (key.replace('\n', " "), "no private key"),
    ] {
        fs::write(dir.join("live.key"), broken).unwrap();
        app.server().signal("HUP");
        wait::until("the refusal of a broken key", PATIENCE, || {
            log(&app).contains(says).then_some(())
        });
        assert!(subject(app.addr()).ends_with("second"));
        assert!(open.ask().contains("200 OK"));
    }
    renew(dir, "third");
    app.server().signal("HUP");
    wait::until("the third certificate", PATIENCE, || {
        subject(app.addr()).ends_with("third").then_some(())
    });
    assert!(open.ask().contains("200 OK"));
    let log = log(&app);
    let bytes = format!("{:?}", &secret.as_bytes()[..4]);
    assert!(!log.contains(&secret) && !log.contains(bytes.trim_matches(['[', ']'])));
}

/// One TLS connection that stays open: openssl speaks it.
struct Talk {
    child: std::process::Child,
}

impl Talk {
    fn open(addr: SocketAddr) -> Self {
        let child = Command::new("openssl")
            .args(["s_client", "-quiet", "-connect", &addr.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child }
    }

    /// Asks on the connection; the answer up to the end of its JSON body.
    fn ask(&mut self) -> String {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin
            .write_all(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        let stdout = self.child.stdout.as_mut().unwrap();
        let mut seen = Vec::new();
        let mut byte = [0];
        while !seen.ends_with(b"}") || !seen.windows(4).any(|four| four == b"\r\n\r\n") {
            stdout.read_exact(&mut byte).unwrap();
            seen.extend(byte);
        }
        String::from_utf8_lossy(&seen).into_owned()
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
