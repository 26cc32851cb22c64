//! The guarded client against servers and names that misbehave in every way (the rows
//! F1 to F11 of outgoing calls).

use crate::rogue::{
    self, CA, LOOPBACK, Names, OVER, Rogue, SELF_SIGNED, Script, client, loopback, nobody,
};
use doorward_base::egress::{
    Caps, Egress as _, EgressAnswer, EgressError, EgressRequest, Transport,
};
use doorward_base::tls::TlsFault;
use doorward_outbound::egress::{EgressSettings, GuardedClient};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The loopback, as an operator would name it.
const HERE: &[&str] = &["127.0.0.0/8"];

fn plain(rogue: &Rogue, path: &str) -> EgressRequest {
    EgressRequest {
        transport: Transport::PlainToo,
        ..EgressRequest::get(rogue.url("http", "idp.test", path))
    }
}

/// What comes of asking a plain server that does this.
async fn ask(script: Script) -> Result<EgressAnswer, EgressError> {
    let rogue = Rogue::plain(script).await;
    client(HERE, loopback()).send(plain(&rogue, "/")).await
}

/// The same, in a hurry.
async fn ask_briefly(script: Script) -> Result<EgressAnswer, EgressError> {
    let rogue = Rogue::plain(script).await;
    let mut request = plain(&rogue, "/");
    request.caps.total = Duration::from_millis(300);
    client(HERE, loopback()).send(request).await
}

#[tokio::test]
async fn an_answer_comes_whole_over_tls_with_sni_host_and_agent_right() {
    let rogue = Rogue::tls(Script::ok("{\"keys\":[]}")).await;
    let client = client(HERE, loopback());
    let mut request = EgressRequest::get(rogue.url("https", "idp.test", "/jwks?v=1"));
    request
        .headers
        .insert("host", "elsewhere.test".parse().unwrap());
    request
        .headers
        .insert("transfer-encoding", "chunked".parse().unwrap());
    let answer = client.send(request).await.unwrap();
    assert_eq!(
        (answer.status.as_u16(), &*answer.body),
        (200, &b"{\"keys\":[]}"[..])
    );
    let head = rogue.heads().concat().to_ascii_lowercase();
    let expected = format!(
        "get /jwks?v=1 http/1.1\r\nhost: idp.test:{}\r\n",
        rogue.port
    );
    assert!(head.starts_with("get /jwks?v=1 http/1.1\r\n"), "{head}");
    for line in [
        expected.lines().nth(1).unwrap(),
        concat!("user-agent: doorward/", env!("CARGO_PKG_VERSION")),
        "accept-encoding: identity",
    ] {
        assert!(head.lines().any(|told| told == line), "{line} in {head}");
    }
    for name in [
        "cookie:",
        "authorization:",
        "transfer-encoding:",
        "elsewhere",
    ] {
        assert!(!head.contains(name), "{name} in {head}");
    }
}

#[tokio::test]
async fn a_body_is_sent_with_its_length() {
    let rogue = Rogue::plain(Script::ok("")).await;
    let mut request = plain(&rogue, "/token");
    request.method = http::Method::POST;
    request.body = b"grant_type=x".to_vec();
    client(HERE, loopback()).send(request).await.unwrap();
    assert!(rogue.heads().concat().contains("content-length: 12\r\n"));
}

#[tokio::test]
async fn f1_addresses_that_are_not_public_are_refused_before_anybody_is_asked() {
    let rogue = Rogue::plain(Script::ok("secret")).await;
    let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
    let nat64: IpAddr = "64:ff9b::7f00:1".parse().unwrap();
    let metadata: IpAddr = "169.254.169.254".parse().unwrap();
    for address in [LOOPBACK, mapped, nat64, metadata] {
        let names = Arc::new(Names(move |_: &str, _| vec![address], Mutex::default()));
        let sent = client(&[], names).send(plain(&rogue, "/")).await;
        assert_eq!(sent.unwrap_err(), EgressError::Forbidden, "{address}");
    }
    for host in [
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[fe80::1]",
        "0.0.0.0",
    ] {
        let request = EgressRequest {
            transport: Transport::PlainToo,
            ..EgressRequest::get(rogue.url("http", host, "/"))
        };
        let sent = client(&[], loopback()).send(request).await;
        assert_eq!(sent.unwrap_err(), EgressError::Forbidden, "{host}");
    }
    assert_eq!(rogue.heads(), Vec::<String>::new());
}

#[tokio::test]
async fn f1_of_several_addresses_only_those_that_may_be_reached_are_tried() {
    let rogue = Rogue::plain(Script::ok("here")).await;
    let private: IpAddr = "10.0.0.1".parse().unwrap();
    let names = Arc::new(Names(
        move |_: &str, _| vec![private, LOOPBACK],
        Mutex::default(),
    ));
    let answer = client(HERE, names).send(plain(&rogue, "/")).await.unwrap();
    assert_eq!(answer.body, b"here");
}

#[tokio::test]
async fn f2_what_is_connected_to_is_what_was_checked() {
    let rogue = Rogue::plain(Script::ok("internal")).await;
    // The first look-up says a public address, every later one the loopback.
    let public: IpAddr = "192.0.2.1".parse().unwrap();
    let rebinding = move |_: &str, nth: usize| vec![if nth == 1 { public } else { LOOPBACK }];
    let names = Arc::new(Names(rebinding, Mutex::default()));
    let mut request = plain(&rogue, "/");
    request.caps.total = Duration::from_millis(500);
    let client = client(&["192.0.2.0/24"], Arc::clone(&names) as _);
    assert!(client.send(request).await.is_err());
    assert_eq!(names.1.lock().unwrap().len(), 1, "looked up once");
    assert_eq!(rogue.heads(), Vec::<String>::new());
}

#[tokio::test]
async fn f3_a_redirect_is_an_answer_unless_followed_and_each_hop_is_checked() {
    let rogue = Rogue::plain(Script::redirect("http://169.254.169.254/latest")).await;
    let client = client(HERE, loopback());
    let answer = client.send(plain(&rogue, "/")).await.unwrap();
    assert_eq!(answer.status.as_u16(), 302);
    let follow = |rogue: &Rogue| EgressRequest {
        redirects: 3,
        ..plain(rogue, "/")
    };
    let sent = client.send(follow(&rogue)).await;
    assert_eq!(sent.unwrap_err(), EgressError::Forbidden);
    let inward = Rogue::plain(Script::redirect("http://[::1]/")).await;
    assert_eq!(
        client.send(follow(&inward)).await.unwrap_err(),
        EgressError::Forbidden
    );
    let nowhere = Rogue::plain(Script::redirect("javascript:alert(1)")).await;
    assert_eq!(
        client.send(follow(&nowhere)).await.unwrap_err(),
        EgressError::Redirected
    );
    let round = Rogue::plain(Script::redirect("/again")).await;
    assert_eq!(
        client.send(follow(&round)).await.unwrap_err(),
        EgressError::Redirected
    );
    assert_eq!(round.heads().len(), 4, "the request and three hops");
    let posted = EgressRequest {
        method: http::Method::POST,
        ..follow(&round)
    };
    assert_eq!(
        client.send(posted).await.unwrap_err(),
        EgressError::Redirected
    );
    assert_eq!(round.heads().len(), 5, "a POST is not sent twice");
}

#[tokio::test]
async fn f8_what_is_sent_along_stays_with_the_origin_it_was_meant_for() {
    let other = Rogue::plain(Script::ok("there")).await;
    let to = format!("http://other.test:{}/x", other.port);
    let rogue = Rogue::plain(Script::redirect(&to)).await;
    let mut request = plain(&rogue, "/");
    request.redirects = 1;
    request
        .headers
        .insert("authorization", "Basic c2VjcmV0".parse().unwrap());
    request
        .headers
        .insert("accept", "application/json".parse().unwrap());
    let answer = client(HERE, loopback()).send(request).await.unwrap();
    assert_eq!(answer.body, b"there");
    assert!(rogue.heads().concat().contains("Basic c2VjcmV0"));
    let head = other.heads().concat();
    assert!(
        !head.contains("authorization") && head.contains("application/json"),
        "{head}"
    );
}

#[tokio::test]
async fn plain_http_is_for_those_who_ask_for_it_and_tls_never_goes_back_to_it() {
    let rogue = Rogue::plain(Script::ok("")).await;
    let request = EgressRequest::get(rogue.url("http", "idp.test", "/"));
    let client = client(HERE, loopback());
    assert_eq!(
        client.send(request).await.unwrap_err(),
        EgressError::Insecure
    );
    let to = format!("http://idp.test:{}/", rogue.port);
    let down = Rogue::tls(Script::redirect(&to)).await;
    let request = EgressRequest {
        redirects: 1,
        transport: Transport::PlainToo,
        ..EgressRequest::get(down.url("https", "idp.test", "/"))
    };
    assert_eq!(
        client.send(request).await.unwrap_err(),
        EgressError::Insecure
    );
    assert_eq!(rogue.heads(), Vec::<String>::new());
}

#[tokio::test]
async fn f6_slow_and_endless_answers_end_in_time() {
    let late = Script::Stall(b"HTTP/1.1 200 OK\r\nContent-Le".to_vec());
    assert_eq!(ask_briefly(late).await.unwrap_err(), EgressError::TimedOut);
    let silent = Script::Stall(Vec::new());
    assert_eq!(
        ask_briefly(silent).await.unwrap_err(),
        EgressError::TimedOut
    );
    let drip = Script::Stall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_vec());
    assert_eq!(ask_briefly(drip).await.unwrap_err(), EgressError::TimedOut);
    let informing = Script::Flood(Vec::new(), b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec());
    let error = ask_briefly(informing).await.unwrap_err();
    assert!(matches!(
        error,
        EgressError::TimedOut | EgressError::TooLarge | EgressError::Broken
    ));
}

#[tokio::test]
async fn f6_large_answers_are_cut_where_they_are_too_large() {
    let start = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let endless = Script::Flood(start, vec![b'a'; 8192]);
    assert_eq!(ask(endless).await.unwrap_err(), EgressError::TooLarge);
    let start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let mut chunk = b"1000\r\n".to_vec();
    chunk.extend([b'a'; 0x1000]);
    chunk.extend(b"\r\n");
    assert_eq!(
        ask(Script::Flood(start, chunk)).await.unwrap_err(),
        EgressError::TooLarge
    );
    let stated = "HTTP/1.1 200 OK\r\nContent-Length: 262145\r\n\r\n";
    assert_eq!(
        ask(Script::Stall(stated.into())).await.unwrap_err(),
        EgressError::TooLarge
    );
    let line = format!("X: {}\r\n", "a".repeat(4000));
    let head = Script::Flood(b"HTTP/1.1 200 OK\r\n".to_vec(), line.into_bytes());
    assert_eq!(ask(head).await.unwrap_err(), EgressError::TooLarge);
    let many = Script::Flood(b"HTTP/1.1 200 OK\r\n".to_vec(), b"A: b\r\n".to_vec());
    assert_eq!(ask(many).await.unwrap_err(), EgressError::TooLarge);
    let trailers = Script::Flood(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n".to_vec(),
        b"A: b\r\n".to_vec(),
    );
    assert!(ask(trailers).await.is_err());
}

#[tokio::test]
async fn f6_an_encoded_answer_is_refused_unread() {
    let bomb = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f_8_";
    assert_eq!(
        ask(Script::say(bomb)).await.unwrap_err(),
        EgressError::Encoded
    );
}

#[tokio::test]
async fn answers_that_break_off_or_lie_about_their_length_are_none() {
    for broken in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "SSH-2.0-OpenSSH\r\n\r\n",
    ] {
        let answer = ask(Script::say(broken)).await;
        assert_eq!(answer.unwrap_err(), EgressError::Broken, "{broken:?}");
    }
    let longer = ask(Script::say(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabcdef",
    ))
    .await;
    assert_eq!(
        longer.unwrap().body,
        b"ab",
        "what follows belongs to nobody"
    );
}

/// D12: what an operator names is trusted as it is, for its own names and its own time.
#[tokio::test]
async fn f7_a_certificate_that_signed_itself_is_trusted_when_it_was_named() {
    let rogue = Rogue::self_signed(SELF_SIGNED, Script::ok("keys")).await;
    let ask = async |ca: Option<&[u8]>, rogue: &Rogue, host: &str| {
        let client = rogue::trusting(ca, HERE, loopback());
        let sent = client
            .send(EgressRequest::get(rogue.url("https", host, "/k?secret=1")))
            .await;
        let counted = client.counters().outcomes();
        let counted = counted.into_iter().find(|(_, count)| *count == 1);
        (sent.map(|answer| answer.body), counted.unwrap().0)
    };
    let refused = |fault: TlsFault| (Err(EgressError::Tls(fault)), fault.code());
    let named = Some(SELF_SIGNED);
    assert_eq!(
        ask(named, &rogue, "idp.test").await,
        (Ok(b"keys".to_vec()), "answered")
    );
    for ca in [None, Some(CA), Some(OVER)] {
        let answer = ask(ca, &rogue, "idp.test").await;
        assert_eq!(answer, refused(TlsFault::Certificate));
    }
    for host in ["other.test", "127.0.0.1"] {
        assert_eq!(ask(named, &rogue, host).await, refused(TlsFault::Name));
    }
    let over = Rogue::self_signed(OVER, Script::ok("keys")).await;
    let answer = ask(Some(OVER), &over, "idp.test").await;
    assert_eq!(answer, refused(TlsFault::Expired));
    assert_eq!(
        answer.0.unwrap_err().to_string(),
        "no TLS: the certificate has expired, or is not valid yet"
    );
}

#[tokio::test]
async fn f7_a_certificate_of_another_name_or_of_no_authority_is_refused() {
    let rogue = Rogue::tls(Script::ok("")).await;
    let trusting = client(HERE, loopback());
    let other = EgressRequest::get(rogue.url("https", "other.test", "/"));
    assert_eq!(
        trusting.send(other).await.unwrap_err(),
        EgressError::Tls(TlsFault::Name)
    );
    let doubting = rogue::trusting(None, HERE, loopback());
    let own = EgressRequest::get(rogue.url("https", "idp.test", "/"));
    assert_eq!(
        doubting.send(own.clone()).await.unwrap_err(),
        EgressError::Tls(TlsFault::UnknownAuthority)
    );
    assert!(rogue.heads().iter().all(|head| head == "no handshake"));
    assert!(trusting.send(own).await.is_ok());
    let by_address = EgressRequest::get(rogue.url("https", "127.0.0.1", "/"));
    assert!(
        trusting.send(by_address).await.is_ok(),
        "it names its address too"
    );
}

#[tokio::test]
async fn who_is_not_there_is_unreachable_and_what_has_no_name_not_found() {
    let address = nobody().await;
    let url = format!("https://idp.test:{}/", address.port());
    let sent = client(HERE, loopback())
        .send(EgressRequest::get(url.parse().unwrap()))
        .await;
    assert_eq!(sent.unwrap_err(), EgressError::Unreachable);
    let names = Arc::new(Names(|_: &str, _| Vec::new(), Mutex::default()));
    let sent = client(HERE, names)
        .send(EgressRequest::get(url.parse().unwrap()))
        .await;
    assert_eq!(sent.unwrap_err(), EgressError::NotFound);
}

#[tokio::test]
async fn requests_are_counted_by_outcome_and_bounded_in_number() {
    let rogue = Rogue::plain(Script::Stall(Vec::new())).await;
    let client = Arc::new(client(HERE, loopback()));
    let mut sending = tokio::task::JoinSet::new();
    for _ in 0..80 {
        let (client, mut request) = (Arc::clone(&client), plain(&rogue, "/"));
        request.caps = Caps {
            total: Duration::from_millis(500),
            ..Caps::default()
        };
        sending.spawn(async move { client.send(request).await.unwrap_err() });
    }
    let errors = sending.join_all().await;
    let busy = errors
        .iter()
        .filter(|error| **error == EgressError::Busy)
        .count();
    assert_eq!(busy, 80 - 64);
    let outcomes = client.counters().outcomes();
    assert!(outcomes.contains(&("busy", 16)) && outcomes.contains(&("timed_out", 64)));
    assert!(client.counters().took() >= Duration::from_millis(500 * 64));
}

#[test]
fn an_authority_that_is_none_is_refused() {
    for bad in [
        "",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "x",
    ] {
        let settings = EgressSettings {
            ca: Some(bad.as_bytes().to_vec()),
            ..EgressSettings::default()
        };
        assert!(GuardedClient::new(settings, loopback()).is_err(), "{bad:?}");
    }
}
