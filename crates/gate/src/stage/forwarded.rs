//! Who the client is when a trusted proxy stands between: the `X-Forwarded-For` and
//! `X-Forwarded-Proto` of real proxies, read as they write them. Not here: setting
//! these headers for an upstream (`proxy::headers`), and what forward-auth is told of
//! the original request (`forward`).

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

static FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Who is at the other end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Client {
    pub(crate) ip: IpAddr,
    pub(crate) secure: bool,
    /// Whether the peer is one of our trusted proxies.
    pub(crate) trusted: bool,
    /// Whether a trusted proxy wrote something that cannot be read. The client is then
    /// taken to be the last proxy that can.
    pub(crate) unreadable: bool,
}

/// Who the client is: the peer, or what a trusted proxy says of its own client. The
/// right-most address that is not a trusted proxy counts; whatever a client wrote
/// stands left of it. What cannot be read ends the walk: left of it anybody may have
/// written.
pub(crate) fn client(headers: &HeaderMap, peer: IpAddr, secure: bool, trusted: &[IpNet]) -> Client {
    let peer = peer.to_canonical();
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
    let mut client = Client {
        ip: peer,
        secure,
        trusted: is_trusted(&peer),
        unreadable: false,
    };
    if !client.trusted {
        return client;
    }
    for hop in elements(headers, &FOR) {
        match read_hop(hop) {
            Some(ip) => client.ip = ip,
            None => client.unreadable = true,
        }
        if client.unreadable || !is_trusted(&client.ip) {
            break;
        }
    }
    if let Some(proto) = elements(headers, &PROTO).next() {
        match read_proto(proto) {
            Some(secure) => client.secure = secure,
            None => (client.secure, client.unreadable) = (false, true),
        }
    }
    client
}

/// The elements of a list field, the last one first, over all its lines. Empty elements
/// say nothing (RFC 9110 §5.6.1.2).
fn elements<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    headers
        .get_all(name)
        .iter()
        .rev()
        .flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}

/// An address as proxies write it: bare, with a port, in brackets, in quotes.
fn read_hop(element: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(element).ok()?;
    let text = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text);
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    let address = bare.parse::<IpAddr>().ok();
    let address = address.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    address.map(|address| address.to_canonical())
}

/// Whether a scheme is one over TLS.
fn read_proto(element: &[u8]) -> Option<bool> {
    let is = |scheme: &[u8]| element.eq_ignore_ascii_case(scheme);
    if is(b"https") || is(b"wss") {
        Some(true)
    } else if is(b"http") || is(b"ws") {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(fields: &[(&HeaderName, &[u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    fn seen_by(peer: &str, fields: &[(&HeaderName, &[u8])]) -> Client {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        client(&headers(fields), peer.parse().unwrap(), false, &trusted)
    }

    #[test]
    fn g8_g20_only_trusted_proxies_speak_for_others() {
        let fields: [(&HeaderName, &[u8]); 2] = [(&FOR, b"1.2.3.4"), (&PROTO, b"https")];
        let stranger = seen_by("192.0.2.1", &fields);
        assert_eq!(stranger.ip, "192.0.2.1".parse::<IpAddr>().unwrap());
        assert!(!stranger.secure && !stranger.trusted && !stranger.unreadable);
        let client = seen_by("10.0.0.1", &fields);
        assert_eq!(client.ip, "1.2.3.4".parse::<IpAddr>().unwrap());
        assert!(client.secure && client.trusted && !client.unreadable);
    }

    #[test]
    fn what_proxies_write_is_read() {
        for (lines, wanted) in [
            (&["1.2.3.4"][..], "1.2.3.4"),
            (&["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
            (&["6.6.6.6,1.2.3.4 "], "1.2.3.4"),
            (&["6.6.6.6", "1.2.3.4, 10.1.1.1"], "1.2.3.4"),
            (&["6.6.6.6", "1.2.3.4", "10.1.1.1"], "1.2.3.4"),
            (&["1.2.3.4:51234"], "1.2.3.4"),
            (&["1.2.3.4, 10.1.1.1:443"], "1.2.3.4"),
            (&["::ffff:1.2.3.4"], "1.2.3.4"),
            (&["2001:db8::7"], "2001:db8::7"),
            (&["[2001:db8::7]"], "2001:db8::7"),
            (&["[2001:db8::7]:51234"], "2001:db8::7"),
            (&["\"[2001:db8::7]:51234\""], "2001:db8::7"),
            (&["2001:db8::7, fd00::1"], "2001:db8::7"),
            (&["1.2.3.4, , "], "1.2.3.4"),
            (&["1.2.3.4", ""], "1.2.3.4"),
        ] {
            let fields: Vec<_> = lines.iter().map(|line| (&FOR, line.as_bytes())).collect();
            let client = seen_by("10.0.0.1", &fields);
            assert_eq!(client.ip, wanted.parse::<IpAddr>().unwrap(), "{lines:?}");
            assert!(!client.unreadable, "{lines:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_ends_the_walk() {
        for (lines, wanted) in [
            (&[&b"1.2.3.4, junk"[..]][..], "10.0.0.1"),
            (&[b"1.2.3.4, unknown"], "10.0.0.1"),
            (&[b"1.2.3.4, \xff, 10.2.2.2"], "10.2.2.2"),
            // A byte that is not ASCII hides nothing that stands left of it.
            (&[b"198.51.100.1", b"\xff"], "10.0.0.1"),
            (&[b"198.51.100.1", b"\xff, 203.0.113.5"], "203.0.113.5"),
            (&[b"1.2.3.4:port"], "10.0.0.1"),
            (&[b"[1.2.3.4"], "10.0.0.1"),
        ] {
            let fields: Vec<_> = lines.iter().map(|line| (&FOR, *line)).collect();
            let client = seen_by("10.0.0.1", &fields);
            assert_eq!(client.ip, wanted.parse::<IpAddr>().unwrap(), "{lines:?}");
            let reached = wanted == "203.0.113.5";
            assert_eq!(client.unreadable, !reached, "{lines:?}");
        }
    }

    #[test]
    fn the_nearest_proxy_says_how_its_client_came() {
        for (lines, secure, unreadable) in [
            (&["https"][..], true, false),
            (&["HTTPS"], true, false),
            (&["wss"], true, false),
            (&["http"], false, false),
            (&["ws"], false, false),
            (&["http, https"], true, false),
            (&["https", "http"], false, false),
            (&["https "], true, false),
            (&["httpss"], false, true),
            (&["https, \u{e9}"], false, true),
        ] {
            let fields: Vec<_> = lines.iter().map(|line| (&PROTO, line.as_bytes())).collect();
            let client = seen_by("10.0.0.1", &fields);
            assert_eq!(
                (client.secure, client.unreadable),
                (secure, unreadable),
                "{lines:?}"
            );
        }
    }
}
