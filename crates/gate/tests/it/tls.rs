//! HTTP/2, TLS, and the keys it is spoken with.

use super::support::{
    Answer, ISSUER, Running, request_h2, request_h2_over, soon, start_listener, until_closed,
};
use bytes::Bytes;
use doorward_gate::{Certificate, Pair, TlsError, tls_config};
use http::Request;
use http_body_util::Empty;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const CHAIN: &[u8] = include_bytes!("../fixture/localhost.pem");
const KEY: &[u8] = include_bytes!("../fixture/localhost-key.pem");

/// A request with headers that a client may not choose, and with two cookies.
fn get(uri: &str, authorization: &str) -> Request<Empty<Bytes>> {
    Request::get(uri)
        .header("authorization", authorization)
        .header("x-user-id", "forged")
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .body(Empty::new())
        .unwrap()
}

#[tokio::test]
async fn http2_by_prior_knowledge_runs_the_same_stages() {
    let gate = start_listener(|_| {}).await;
    let jwt = gate.world.bearer(|_| {});
    let ask = async |uri: &str, authorization: &str| -> Answer {
        request_h2(gate.addr, get(uri, authorization)).await
    };
    let answer = ask("http://gate.test/api/x", &jwt).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = &answer.body;
    assert!(
        body.contains("a=1; b=2") && !body.contains("forged") && body.contains(ISSUER),
        "{body}"
    );
    let answer = ask("http://gate.test/api/x", "Bearer junk").await;
    assert_eq!(answer.status, 401);
    let answer = ask("http://gate.test/up/x", &jwt).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body.contains("GET /up/x HTTP/1.1"), "{answer:?}");
}

async fn tls_connect(gate: &Running, alpn: &[&[u8]]) -> tokio_rustls::client::TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(CHAIN).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = TcpStream::connect(gate.addr).await.unwrap();
    connector
        .connect(ServerName::try_from("localhost").unwrap(), stream)
        .await
        .unwrap()
}

#[tokio::test]
async fn tls_speaks_http2_and_http1_by_alpn() {
    let gate = start_listener(|options| options.tls = Some(fixture_tls())).await;
    let jwt = gate.world.bearer(|_| {});
    let stream = tls_connect(&gate, &[b"h2"]).await;
    let answer = request_h2_over(stream, get("https://localhost/api/x", &jwt)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let https = "\"x-forwarded-proto\":\"https\"";
    assert!(answer.body.contains(https), "{answer:?}");
    let mut stream = tls_connect(&gate, &[b"http/1.1"]).await;
    stream
        .write_all(b"GET /open/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut text = Vec::new();
    let _ = soon(stream.read_to_end(&mut text)).await;
    assert!(text.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_not_waited_for() {
    let gate = start_listener(|options| {
        options.tls = Some(fixture_tls());
        options.handshake_timeout = Duration::from_millis(200);
    })
    .await;
    let stream = TcpStream::connect(gate.addr).await.unwrap();
    assert!(until_closed(stream).await.is_empty());
}

fn fixture_tls() -> Arc<rustls::ServerConfig> {
    tls_config(&Certificate::new(&Pair::read(CHAIN, KEY).unwrap()))
}

#[test]
fn what_is_wrong_with_a_key_is_said_without_the_key() {
    let key = std::str::from_utf8(KEY).unwrap();
    let (_, secret) = key.split_once("-----\n").unwrap();
    let secret = secret.split('\n').next().unwrap();
    let bytes = format!("{:?}", &secret.as_bytes()[..4]);
    for broken in [
        key.replace('\n', " "),
        key.replace('\n', ""),
        key.replace('\n', "\\n"),
        key.replace("-----END", "-----ENDE"),
        key.replacen(secret, "", 1),
        key.replace("PRIVATE", "SECRET"),
        secret.to_owned(),
    ] {
        let error = Pair::read(CHAIN, broken.as_bytes()).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains(secret.get(..8).unwrap()), "{text}");
        assert!(!text.contains(bytes.trim_matches(['[', ']'])), "{text}");
        let as_chain = Pair::read(broken.as_bytes(), KEY).unwrap_err();
        assert!(as_chain.is_of_certificate(), "{as_chain}");
    }
    let other = b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
    assert_eq!(Pair::read(CHAIN, other).unwrap_err(), TlsError::Mismatch);
}
