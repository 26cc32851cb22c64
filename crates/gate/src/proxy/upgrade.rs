//! WebSocket: after the upstream's 101, and only then, the two connections are joined
//! byte for byte. No other protocol is switched to (`h2c` least of all).

use http::header::{CONNECTION, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

/// Whether the request asks for a WebSocket (RFC 6455 §4.1). Any other upgrade is
/// ignored, as RFC 9110 §7.8 allows.
pub(crate) fn is_wanted(parts: &Parts) -> bool {
    let names_upgrade = parts.headers.get_all(CONNECTION).iter().any(|value| {
        value
            .as_bytes()
            .split(|&byte| byte == b',')
            .any(|name| name.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
    });
    let mut protocols = parts.headers.get_all(UPGRADE).iter();
    let websocket = protocols
        .next()
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    names_upgrade
        && websocket
        && protocols.next().is_none()
        && parts.method == Method::GET
        && parts.version == Version::HTTP_11
}

/// Sets the hop-by-hop fields of a WebSocket handshake.
pub(crate) fn set(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

/// Joins the two connections until either ends.
pub(crate) fn join(client: OnUpgrade, upstream: OnUpgrade) {
    tokio::spawn(async move {
        let joined = async {
            let (client, upstream) = tokio::try_join!(client, upstream)?;
            let (mut client, mut upstream) = (TokioIo::new(client), TokioIo::new(upstream));
            tokio::io::copy_bidirectional(&mut client, &mut upstream).await?;
            Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
        };
        if let Err(error) = joined.await {
            tracing::debug!(%error, "websocket ended");
        }
    });
}
