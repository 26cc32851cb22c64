//! Framing, authorities, methods, sizes: what is refused before anything is asked.

use super::support::{Answer, ask, handshake, say, start};

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or(answer)
}

/// How many answers came back on the connection.
fn answers(text: &str) -> usize {
    text.matches("HTTP/1.1 ").count()
}

#[tokio::test]
async fn g12_two_framings_are_400_and_the_connection_ends() {
    let gate = start(|_| {}).await;
    let smuggled = "GET /open/smuggled HTTP/1.1\r\nHost: gate.test\r\n\r\n";
    for framing in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "transfer-encoding: chunked\r\nCONTENT-LENGTH: 0",
        "Content-Length: 4\r\nContent-Length: 4",
        "Content-Length: 4\r\nContent-Length: 5",
        "Content-Length: 4, 4",
        "Content-Length: ",
        "Content-Length: +4",
        "Content-Length: 0x4",
        "Content-Length: -1",
        "Content-Length: 4_0",
        "Content-Length: 99999999999999999999",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding : chunked",
        "Content-Length : 4",
    ] {
        let wire = format!(
            "POST /open/x HTTP/1.1\r\nHost: gate.test\r\n{framing}\r\n\r\n0\r\n\r\n{smuggled}"
        );
        let text = say(gate.addr, wire.as_bytes()).await;
        assert_eq!(status(&text), "400", "{framing}: {text}");
        assert_eq!(answers(&text), 1, "{framing}: {text}");
        assert!(!text.contains("smuggled"), "{framing}: {text}");
    }
}

#[tokio::test]
async fn g12_the_second_request_of_a_connection_is_no_different() {
    let gate = start(|_| {}).await;
    let good = "POST /open/one HTTP/1.1\r\nHost: gate.test\r\nContent-Length: 3\r\n\r\nabc";
    let bad = "POST /open/two HTTP/1.1\r\nHost: gate.test\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let text = say(gate.addr, format!("{good}{bad}{good}").as_bytes()).await;
    assert_eq!(answers(&text), 2, "{text}");
    assert!(
        text.contains("/open/one") && text.contains("framing_ambiguous"),
        "{text}"
    );
    assert!(
        text.to_ascii_lowercase().contains("connection: close"),
        "{text}"
    );
}

#[tokio::test]
async fn g12_a_long_chunk_size_hides_nothing_of_what_follows() {
    let gate = start(|_| {}).await;
    let zeros = "0".repeat(80);
    let first = format!(
        "POST /open/one HTTP/1.1\r\nHost: gate.test\r\nTransfer-Encoding: chunked\r\n\r\n{zeros}6\r\na\r\n\r\nb\r\n0\r\n\r\n"
    );
    for second in [
        "POST /open/two HTTP/1.1\r\nHost: gate.test\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /open/two HTTP/1.1\r\nHost: gate.test\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "GET /open/two HTTP/1.1\nHost: gate.test\n\n",
    ] {
        let text = say(gate.addr, format!("{first}{second}").as_bytes()).await;
        assert!(text.contains("/open/one"), "{text}");
        assert!(!text.contains("/open/two"), "{text}");
        assert!(text.contains("framing_ambiguous"), "{text}");
    }
}

#[tokio::test]
async fn g13_g14_malformed_lines_are_400() {
    let gate = start(|_| {}).await;
    for wire in [
        "GET /open/x HTTP/1.1\r\nHost: gate.test\r\nX: a\0b\r\n\r\n",
        "GET /open/x HTTP/1.1\r\nHost: gate.test\r\nX: a\r\n folded\r\n\r\n",
        "GET /open/x HTTP/1.1\r\nHost: gate.test\r\nX : a\r\n\r\n",
        "GET /open/x HTTP/1.1\r\nHost: gate.test\r\nno colon\r\n\r\n",
        "GET /open/x HTTP/1.1\r\nHost: gate.test\r\n: x\r\n\r\n",
        "GET /open/x HTTP/9.9\r\nHost: gate.test\r\n\r\n",
        "GET  /open/x HTTP/1.1\r\nHost: gate.test\r\n\r\n",
        "GET /open/x\r\n\r\n",
    ] {
        let text = say(gate.addr, wire.as_bytes()).await;
        assert_eq!(status(&text), "400", "{wire:?}: {text}");
    }
}

#[tokio::test]
async fn g13_a_bare_line_feed_is_400_and_the_connection_ends() {
    let gate = start(|_| {}).await;
    let next = "GET /open/next HTTP/1.1\r\nHost: gate.test\r\n\r\n";
    for wire in [
        "GET /open/x HTTP/1.1\nHost: gate.test\r\n\r\n",
        "GET /open/x HTTP/1.1\r\nHost: gate.test\nX: y\r\n\r\n",
        "GET /open/x HTTP/1.1\r\nHost: gate.test\r\n\n",
        "GET /open/x HTTP/1.1\nHost: gate.test\n\n",
    ] {
        let text = say(gate.addr, format!("{wire}{next}").as_bytes()).await;
        assert_eq!(status(&text), "400", "{wire:?}: {text}");
        assert!(text.contains("framing_ambiguous"), "{wire:?}: {text}");
        assert_eq!(answers(&text), 1, "{wire:?}: {text}");
    }
}

#[tokio::test]
async fn g11_one_authority_and_only_a_known_one() {
    let gate = start(|_| {}).await;
    for (head, wanted) in [
        ("GET /open/x HTTP/1.1\r\nHost: gate.test", "200"),
        ("GET /open/x HTTP/1.1\r\nHost: GATE.test:8080", "200"),
        (
            "GET http://gate.test/open/x HTTP/1.1\r\nHost: gate.test",
            "200",
        ),
        (
            "GET /open/x HTTP/1.1\r\nHost: gate.test\r\nHost: gate.test",
            "400",
        ),
        ("GET /open/x HTTP/1.1", "400"),
        ("GET /open/x HTTP/1.0", "400"),
        ("GET /open/x HTTP/1.1\r\nHost: user@gate.test", "400"),
        (
            "GET http://gate.test/open/x HTTP/1.1\r\nHost: evil.test",
            "400",
        ),
        (
            "GET http://evil.test/open/x HTTP/1.1\r\nHost: gate.test",
            "400",
        ),
        (
            "GET http://u@gate.test/open/x HTTP/1.1\r\nHost: gate.test",
            "400",
        ),
        ("GET /open/x HTTP/1.1\r\nHost: evil.test", "421"),
        ("GET /open/x HTTP/1.1\r\nHost: gate.test.", "200"),
        ("GET /open/x HTTP/1.1\r\nHost: gate.test..", "421"),
    ] {
        let text = say(
            gate.addr,
            format!("{head}\r\nConnection: close\r\n\r\n").as_bytes(),
        )
        .await;
        assert_eq!(status(&text), wanted, "{head}: {text}");
    }
}

#[tokio::test]
async fn g6_ambiguous_paths_are_400_before_any_route() {
    let gate = start(|_| {}).await;
    for path in [
        "/open/../api/x",
        "/open/%2e%2e/api/x",
        "/open/%252e%252e/api/x",
        "//api/x",
        "/open//x",
        "/open/./x",
        "/open/x;y=1",
        "/open/%3bx",
        "/open/%2fx",
        "/open/%5cx",
        "/open/\\x",
        "/open/%00",
        "/open/%c0%ae",
        "/open/x%",
    ] {
        let answer = ask(gate.addr, &format!("GET {path}"), &[]).await;
        assert_eq!(answer.code(), (400, "path_ambiguous".into()), "{path}");
    }
    let letters = ask(gate.addr, "GET /%6fpen/%61?q=%2e%2e//;", &[]).await;
    assert_eq!(
        letters.json()["path"],
        "/open/a",
        "judged as it is forwarded"
    );
    assert_eq!(letters.json()["query"], "q=%2e%2e//;");
    assert_eq!(
        ask(gate.addr, "GET /OPEN/x", &[]).await.status,
        401,
        "case matters"
    );
}

#[tokio::test]
async fn g10_methods_are_what_they_say() {
    let gate = start(|_| {}).await;
    for (line, wanted) in [
        ("TRACE /open/x", 405),
        ("BREW /open/x", 501),
        ("get /open/x", 501),
        ("DELETE /open/x", 200),
    ] {
        assert_eq!(ask(gate.addr, line, &[]).await.status, wanted, "{line}");
    }
    let connect = say(
        gate.addr,
        b"CONNECT gate.test:80 HTTP/1.1\r\nHost: gate.test:80\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert_eq!(status(&connect), "405", "{connect}");
    let headers = [
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-Method-Override", "DELETE"),
    ];
    let overridden = ask(gate.addr, "POST /open/x?_method=DELETE", &headers).await;
    assert_eq!(overridden.json()["method"], "POST");
    let told = overridden.json()["headers"].to_string();
    assert!(!told.contains("override"), "{told}");
}

#[tokio::test]
async fn g25_sizes_have_caps() {
    let gate = start(|_| {}).await;
    let long = "a".repeat(9 * 1024);
    assert_eq!(
        ask(gate.addr, &format!("GET /open/{long}"), &[])
            .await
            .code(),
        (414, "uri_too_long".into())
    );
    assert_eq!(
        ask(gate.addr, &format!("GET /open/x?{long}"), &[])
            .await
            .status,
        414
    );
    let big = "a".repeat(33 * 1024);
    assert_eq!(
        ask(gate.addr, "GET /open/x", &[("X", &big)]).await.code(),
        (431, "headers_too_large".into())
    );
    assert_eq!(
        ask(
            gate.addr,
            "GET /open/x",
            &[("Cookie", &"a".repeat(200 * 1024))]
        )
        .await
        .status,
        431
    );
    let many: Vec<_> = (0..101).map(|_| ("X", "1")).collect();
    assert_eq!(ask(gate.addr, "GET /open/x", &many).await.status, 431);
}

/// HTTP/1.1 trims what is around a value; RFC 9113 §8.2.1 forbids it in HTTP/2.
#[tokio::test]
async fn a_value_with_white_space_around_it_is_refused_in_http_2() {
    let gate = start(|_| {}).await;
    for (value, wanted) in [
        (&b"plain"[..], 200),
        (b"in side", 200),
        (b"", 200),
        (b" before", 400),
        (b"after ", 400),
        (b"\tbefore", 400),
        (b"after\t", 400),
        (b" ", 400),
    ] {
        let request = http::Request::builder()
            .uri("http://gate.test/open/x")
            .header("x-custom", http::HeaderValue::from_bytes(value).unwrap())
            .body(http_body_util::Empty::<bytes::Bytes>::new())
            .unwrap();
        let answer = super::support::request_h2(gate.addr, request).await;
        assert_eq!(answer.status, wanted, "{value:?}: {answer:?}");
    }
    let wire = "GET /open/x HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\nX-Custom: \t kept \t\r\n\r\n";
    let text = say(gate.addr, wire.as_bytes()).await;
    assert!(text.contains("\"x-custom\":\"kept\""), "{text}");
}

#[tokio::test]
async fn g17_an_h2c_upgrade_is_ignored() {
    let gate = start(|_| {}).await;
    let wire = "GET /open/x HTTP/1.1\r\nHost: gate.test\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n";
    let text = say(gate.addr, wire.as_bytes()).await;
    assert_eq!(status(&text), "200", "{text}");
    assert!(!text.contains("h2c"), "{text}");
}

#[tokio::test]
async fn g12_a_broken_body_is_the_clients_fault() {
    let gate = start(|_| {}).await;
    for path in ["/up/x", "/open/x"] {
        for chunks in [
            "0x3\r\nabc\r\n0\r\n\r\n",
            "\r\nabc\r\n0\r\n\r\n",
            "3\nabc\n0\n\n",
            "fffffffffffffffff\r\nabc\r\n0\r\n\r\n",
            "3\r\nabcd\r\n0\r\n\r\n",
        ] {
            let wire = format!(
                "POST {path} HTTP/1.1\r\nHost: gate.test\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}GET /open/smuggled HTTP/1.1\r\nHost: gate.test\r\n\r\n"
            );
            let text = say(gate.addr, wire.as_bytes()).await;
            assert_eq!(status(&text), "400", "{path} {chunks:?}: {text}");
            assert_eq!(answers(&text), 1, "{path} {chunks:?}: {text}");
            assert!(text.contains("framing_ambiguous"), "{text}");
            assert!(
                text.to_ascii_lowercase().contains("connection: close"),
                "{text}"
            );
        }
    }
    // One who hangs up within a body is no failure of the upstream either.
    {
        let mut stream = tokio::net::TcpStream::connect(gate.addr).await.unwrap();
        let wire = b"POST /up/x HTTP/1.1\r\nHost: gate.test\r\nContent-Length: 9\r\n\r\nab";
        tokio::io::AsyncWriteExt::write_all(&mut stream, wire)
            .await
            .unwrap();
        tokio::io::AsyncWriteExt::shutdown(&mut stream)
            .await
            .unwrap();
        let mut text = String::new();
        let _ = super::support::soon(tokio::io::AsyncReadExt::read_to_string(
            &mut stream,
            &mut text,
        ))
        .await;
        assert!(!text.contains("upstream_failed"), "{text}");
    }
    let refused = gate
        .gate
        .counters()
        .refused()
        .find(|(code, _)| code.as_str() == "upstream_failed");
    assert_eq!(refused.map_or(0, |(_, count)| count), 0);
}

/// A field of the framing is no option of a connection, and goes nowhere before it is read.
#[tokio::test]
async fn a_connection_field_does_not_take_the_framing_out() {
    let gate = start(|_| {}).await;
    let over = "POST /open/x HTTP/1.1\r\nHost: gate.test\r\nConnection: close, Content-Length\r\nContent-Length: 99999999\r\n\r\n";
    let answer = Answer::parse(&say(gate.addr, over.as_bytes()).await);
    assert_eq!(answer.status, 413, "{answer:?}");
    for (option, field, body) in [
        ("content-length", "Content-Length: 5", "hello"),
        (
            "transfer-encoding",
            "Transfer-Encoding: chunked",
            "5\r\nhello\r\n0\r\n\r\n",
        ),
    ] {
        let connection = format!("Connection: Upgrade, close, {option}");
        let shake = handshake("/up/ws").replacen("Connection: Upgrade", &connection, 1);
        assert!(shake.contains(&connection), "{shake}");
        let shake = shake.replacen("\r\n\r\n", &format!("\r\n{field}\r\n\r\n{body}"), 1);
        let answer = Answer::parse(&say(gate.addr, shake.as_bytes()).await);
        assert_eq!(answer.status, 400, "{option}: {answer:?}");
    }
}
