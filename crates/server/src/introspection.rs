//! External issuers asked about their opaque tokens (RFC 7662 §2). Not here: what their word
//! is held to, and for how long it is believed (the gate).

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_base::Secret;
use doorward_base::egress::{Egress, EgressRequest, EgressUrl, Transport};
use doorward_gate::policy::spec::IntrospectionSpec;
use doorward_gate::port::{RemoteTokens, Unanswered};
use doorward_jose::json;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// How many questions to one issuer are under way at most: bearers can be made up.
const AT_ONCE: usize = 16;

/// One issuer's endpoint.
pub(crate) struct Introspector {
    url: EgressUrl,
    authorization: HeaderValue,
    egress: Arc<dyn Egress>,
    places: Semaphore,
}

impl Introspector {
    /// `None` for what is no URL to ask, or no client to ask as.
    pub(crate) fn new(spec: &IntrospectionSpec, egress: Arc<dyn Egress>) -> Option<Self> {
        Some(Self {
            url: spec.url.to_string().parse().ok()?,
            authorization: basic(&spec.client_id, &spec.client_secret)?,
            egress,
            places: Semaphore::new(AT_ONCE),
        })
    }

    fn question(&self, token: &Secret) -> EgressRequest {
        let mut request = EgressRequest::get(self.url.clone());
        request.method = Method::POST;
        request.transport = Transport::PlainToo;
        let headers = &mut request.headers;
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(AUTHORIZATION, self.authorization.clone());
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form);
        let token = utf8_percent_encode(token.expose(), NON_ALPHANUMERIC);
        request.body = format!("token={token}&token_type_hint=access_token").into_bytes();
        request
    }
}

#[async_trait]
impl RemoteTokens for Introspector {
    async fn ask(&self, token: &Secret) -> Result<Option<Map<String, Value>>, Unanswered> {
        let _place = self.places.try_acquire().map_err(|_| Unanswered)?;
        let answer = self.egress.send(self.question(token)).await;
        let unanswered = |problem: &str| {
            tracing::warn!(issuer = ?self.url, problem, "an issuer could not be asked about a token");
            Unanswered
        };
        let answer = answer.map_err(|error| unanswered(error.code()))?;
        if answer.status != StatusCode::OK {
            return Err(unanswered(answer.status.as_str()));
        }
        let said = json::parse_object(&answer.body).map_err(|_| unanswered("malformed"))?;
        match said.get("active") {
            Some(Value::Bool(true)) => Ok(Some(said)),
            Some(Value::Bool(false)) => Ok(None),
            _ => Err(unanswered("active")),
        }
    }
}

/// A client's id and secret as HTTP Basic, each form-encoded (RFC 6749 §2.3.1).
fn basic(id: &str, secret: &Secret) -> Option<HeaderValue> {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pair = Secret::new(format!("{}:{}", encoded(id), encoded(secret.expose())));
    let text = Secret::new(format!("Basic {}", STANDARD.encode(pair.expose())));
    let mut value = HeaderValue::from_str(text.expose()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_base::egress::{EgressAnswer, EgressError, Sending};
    use http::HeaderMap;
    use std::sync::Mutex;
    use std::time::Duration;

    /// Says of every token the same, and keeps what it was asked.
    struct Idp {
        answer: Mutex<Result<(u16, &'static str), EgressError>>,
        asked: Mutex<Vec<EgressRequest>>,
    }

    impl Egress for Idp {
        fn send(&self, request: EgressRequest) -> Sending<'_> {
            self.asked.lock().unwrap().push(request);
            let answer = *self.answer.lock().unwrap();
            Box::pin(async move {
                let (status, body) = answer?;
                Ok(EgressAnswer {
                    status: StatusCode::from_u16(status).unwrap(),
                    headers: HeaderMap::new(),
                    body: body.as_bytes().to_vec(),
                })
            })
        }
    }

    fn introspector(idp: &Arc<Idp>) -> Introspector {
        let spec = IntrospectionSpec {
            url: "https://idp.test/introspect".parse().unwrap(),
            client_id: "the api".to_owned(),
            client_secret: Secret::new("a:b".to_owned()),
            cache: Duration::from_secs(30),
        };
        Introspector::new(&spec, Arc::clone(idp) as Arc<dyn Egress>).unwrap()
    }

    #[tokio::test]
    async fn a_token_is_asked_about_in_the_body_by_a_client_of_ours() {
        let idp = Arc::new(Idp {
            answer: Mutex::new(Ok((200, r#"{"active":true,"sub":"x"}"#))),
            asked: Mutex::default(),
        });
        let said = introspector(&idp)
            .ask(&Secret::new("o+paque/1=".to_owned()))
            .await;
        assert_eq!(said.unwrap().unwrap()["sub"], "x");
        let asked = idp.asked.lock().unwrap();
        assert_eq!(asked[0].method, Method::POST);
        assert_eq!(
            asked[0].url.uri().to_string(),
            "https://idp.test/introspect"
        );
        assert_eq!(
            asked[0].body,
            b"token=o%2Bpaque%2F1%3D&token_type_hint=access_token"
        );
        let authorization = asked[0].headers.get(AUTHORIZATION).unwrap();
        assert!(authorization.is_sensitive());
        let text = authorization
            .to_str()
            .unwrap()
            .strip_prefix("Basic ")
            .unwrap();
        assert_eq!(STANDARD.decode(text).unwrap(), b"the%20api:a%3Ab");
    }

    #[tokio::test]
    async fn only_a_plain_yes_is_one() {
        let idp = Arc::new(Idp {
            answer: Mutex::new(Err(EgressError::TimedOut)),
            asked: Mutex::default(),
        });
        let introspector = introspector(&idp);
        let token = Secret::new("opaque-opaque-opaque".to_owned());
        for (answer, inactive) in [
            (Ok((200, r#"{"active":false,"sub":"x"}"#)), true),
            (Ok((200, r#"{"sub":"x"}"#)), false),
            (Ok((200, r#"{"active":"true"}"#)), false),
            (Ok((200, r#"{"active":true,"active":false}"#)), false),
            (Ok((200, "<html>")), false),
            (Ok((401, r#"{"active":true}"#)), false),
            (Ok((302, r#"{"active":true}"#)), false),
            (Err(EgressError::Unreachable), false),
        ] {
            *idp.answer.lock().unwrap() = answer;
            let said = introspector.ask(&token).await;
            assert_eq!(said.is_ok(), inactive, "{answer:?}");
            assert!(!said.is_ok_and(|said| said.is_some()), "{answer:?}");
        }
    }
}
