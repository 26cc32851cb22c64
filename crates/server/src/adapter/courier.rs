//! Messages to webhooks over the guarded way out: which refuses what is not public unless the
//! operator named it, and follows nothing.

use async_trait::async_trait;
use doorward_base::egress::{Egress, EgressRequest, Transport};
use doorward_identity::port::{Courier, CourierError, Parcel};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use std::sync::Arc;

/// Brings messages by HTTP.
pub(crate) struct EgressCourier(Arc<dyn Egress>);

impl EgressCourier {
    /// By this way.
    pub(crate) fn new(egress: Arc<dyn Egress>) -> Self {
        Self(egress)
    }
}

#[async_trait]
impl Courier for EgressCourier {
    async fn deliver(&self, parcel: &Parcel) -> Result<(), CourierError> {
        let answer = self.0.send(request(parcel)?).await;
        let answer = answer.map_err(|error| CourierError::Failed(error.code()))?;
        if answer.status.is_success() {
            Ok(())
        } else {
            Err(CourierError::Answered(answer.status.as_u16()))
        }
    }
}

fn request(parcel: &Parcel) -> Result<EgressRequest, CourierError> {
    let unwritable = |_| CourierError::Failed("unwritable");
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, text) in [
        ("webhook-id", parcel.id.as_str()),
        ("webhook-timestamp", parcel.at.to_string().as_str()),
        ("webhook-signature", parcel.signature.as_str()),
    ] {
        let value = HeaderValue::from_str(text).map_err(unwritable)?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(EgressRequest {
        method: Method::POST,
        headers,
        body: parcel.body.clone().into_bytes(),
        // The configuration takes plain HTTP for this machine alone.
        transport: if parcel.url.is_tls() {
            Transport::TlsOnly
        } else {
            Transport::PlainToo
        },
        ..EgressRequest::get(parcel.url.clone())
    })
}
