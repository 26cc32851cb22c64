//! Exchanges an API token for an access token. Not here: whether the token is good and
//! what the access token may carry (`identity`).

use crate::errors::refuse;
use crate::parts::{ExchangeNames, OAuthRealm};
use crate::reuse::{Asked, Reuse};
use axum::extract::State;
use doorward_base::{ErrorCode, Secret};
use doorward_identity::act::{self, ExchangeRequest, Failure, Identity, Issued, Realm};
use doorward_identity::decide::refusal::UseRefusal;
use doorward_identity::settings::Presentation;
use doorward_surface::Refusal;
use doorward_surface::extract::{Ctx, Json, RealmPart};
use serde_json::{Map, Value};
use std::sync::Arc;

/// The largest body read, bytes. A scope has a bound of its own.
const MAX_BODY: usize = 16 * 1024;

/// The body, with the default names of its members. Others are ignored.
#[derive(utoipa::ToSchema)]
#[schema(as = ExchangeRequest)]
#[expect(dead_code, reason = "describes the body; the names are configurable")]
struct RequestSchema {
    /// The API token.
    access_token: String,
    /// Seconds the access token shall live; at least 1.
    #[schema(minimum = 1)]
    duration_seconds: Option<u64>,
    /// Scopes, separated by single spaces.
    scope: Option<String>,
}

/// The answer, with the default name of its member.
#[derive(utoipa::ToSchema)]
#[schema(as = ExchangeAnswer)]
#[expect(dead_code, reason = "describes the answer; the name is configurable")]
struct AnswerSchema {
    /// The access token.
    jwt: String,
}

/// Reads the body by the realm's names. A life that is no whole number of seconds and a
/// malformed scope are left to the use-case, which writes its refusals down.
fn parse(mut body: Map<String, Value>, names: &ExchangeNames) -> Result<ExchangeRequest, Refusal> {
    let secret = match body.remove(&names.token_field) {
        Some(Value::String(token)) => Secret::new(token),
        Some(_) => return Err(malformed(&names.token_field, "must be a string")),
        None => return Err(malformed(&names.token_field, "is missing")),
    };
    let scope = match body.remove(&names.scope_field) {
        None => None,
        Some(Value::String(text)) => Some(text),
        Some(_) => {
            return Err(Refusal::new(ErrorCode::InvalidScope)
                .with_message(format!("`{}` must be a string", names.scope_field)));
        }
    };
    Ok(ExchangeRequest {
        secret,
        duration: body.remove(&names.duration_field),
        scope,
        tenant: None,
        role: None,
        audience: None,
    })
}

fn malformed(name: &str, problem: &str) -> Refusal {
    Refusal::new(ErrorCode::BodyMalformed).with_message(format!("`{name}` {problem}"))
}

/// Exchanges an API token for an access token.
#[utoipa::path(
    post,
    path = "/oauth/exchange",
    operation_id = "exchange_token",
    tag = "exchange",
    request_body = RequestSchema,
    responses(
        (status = 200, description = "The access token", body = AnswerSchema),
        (status = 400, description = "body_malformed, duration_invalid, invalid_scope"),
        (status = 401, description = "invalid_token, token_expired"),
        (status = 413, description = "body_too_large"),
        (status = 503, description = "store_unavailable"),
    ),
)]
pub(crate) async fn exchange_token(
    State(identity): State<Arc<Identity>>,
    RealmPart(realm): RealmPart<Arc<Realm>>,
    RealmPart(own): RealmPart<Arc<OAuthRealm>>,
    Ctx(context): Ctx,
    Json(body): Json<Map<String, Value>, MAX_BODY>,
) -> Result<Json<Map<String, Value>>, Refusal> {
    let exchange = own.exchange.as_ref();
    let names = exchange.map(|exchange| &exchange.names);
    let names = names.ok_or_else(|| Refusal::new(ErrorCode::NotFound))?;
    let request = parse(body, names)?;
    let call = act::Call {
        now: context.now,
        request: context.request,
        peer: Some(context.peer),
    };
    let ctx = act::Context {
        identity: &identity,
        realm: &realm,
        call: &call,
        effects: &context.effects,
    };
    let issued = issue(ctx, request, own.reuse.as_ref())
        .await
        .map_err(|failure| refuse(&failure))?;
    let jwt = Value::String(issued.jwt.expose().to_owned());
    Ok(Json(Map::from_iter([(names.answer_field.clone(), jwt)])))
}

/// The access token: the one that was given for the same a moment ago, where the realm gives
/// it again and the API token still stands and holds what it held, or another.
async fn issue(
    ctx: act::Context<'_>,
    request: ExchangeRequest,
    reuse: Option<&Reuse>,
) -> Result<Issued, Failure<UseRefusal>> {
    let Some(reuse) = reuse else {
        return act::exchange(ctx, request).await;
    };
    let (asked, now) = (Asked::of(&request), ctx.call.now);
    // Whatever speaks against it is refused, and written down, by the exchange itself.
    let stands = act::peek(ctx, &request.secret, &Presentation::Exchange).await;
    if let Some(epoch) = stands
        && let Some(issued) = reuse.find(asked, epoch, now)
    {
        return Ok(issued);
    }
    let issued = act::exchange(ctx, request).await?;
    reuse.keep(asked, &issued, now);
    Ok(issued)
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_base::Timestamp;
    use doorward_identity::decide::exchange::{Bounds, LifeRefusal, life};
    use serde_json::json;
    use std::time::Duration;

    fn names() -> ExchangeNames {
        ExchangeNames {
            token_field: "access_token".to_owned(),
            duration_field: "duration_seconds".to_owned(),
            scope_field: "scope".to_owned(),
            answer_field: "jwt".to_owned(),
        }
    }

    fn read(body: Value) -> Result<ExchangeRequest, Refusal> {
        let Value::Object(body) = body else {
            panic!("not an object: {body}");
        };
        parse(body, &names())
    }

    fn code(body: Value) -> &'static str {
        read(body).unwrap_err().code.as_str()
    }

    /// WB-17, WB-19.
    #[test]
    fn wb_17_the_guides_body_is_read_and_other_members_are_ignored() {
        let request = read(json!({
            "access_token": "wbat-x", "duration_seconds": 3600,
            "scope": "service:computational-governance", "more": [1],
        }))
        .unwrap();
        assert_eq!(request.secret.expose(), "wbat-x");
        assert_eq!(request.duration, Some(json!(3600)));
        let scope = request.scope.as_deref();
        assert_eq!(scope, Some("service:computational-governance"));
        let request = read(json!({"access_token": "wbat-x"})).unwrap();
        assert_eq!((request.duration, request.scope), (None, None));
    }

    #[test]
    fn a_tenant_role_or_audience_cannot_be_chosen_by_the_body() {
        let request = read(json!({
            "access_token": "wbat-x", "tenant": "acme", "tenant_id": "acme",
            "role": "admin", "audience": "https://other",
        }))
        .unwrap();
        assert_eq!(request.tenant, None);
        assert_eq!(request.role, None);
        assert_eq!(request.audience, None);
    }

    #[test]
    fn members_have_the_names_of_the_realm() {
        let names = ExchangeNames {
            token_field: "personalAccessToken".to_owned(),
            ..names()
        };
        let Value::Object(body) = json!({"personalAccessToken": "p", "access_token": 1}) else {
            panic!("an object");
        };
        assert_eq!(parse(body, &names).unwrap().secret.expose(), "p");
    }

    #[test]
    fn a_token_that_is_missing_or_no_string_is_body_malformed() {
        for token in [json!(null), json!(1), json!(["wbat-x"]), json!({"a": "b"})] {
            assert_eq!(code(json!({"access_token": token})), "body_malformed");
        }
        assert_eq!(code(json!({})), "body_malformed");
        assert_eq!(code(json!({"ACCESS_TOKEN": "wbat-x"})), "body_malformed");
    }

    #[test]
    fn a_scope_that_is_no_string_is_invalid_scope() {
        for scope in [json!(null), json!(1), json!(true), json!(["a"]), json!({})] {
            let body = json!({"access_token": "wbat-x", "scope": scope});
            assert_eq!(code(body), "invalid_scope", "{scope}");
        }
    }

    /// WB-20, WB-40 and the bad inputs, from the wire to the decision.
    #[test]
    fn wb_40_only_a_json_integer_of_at_least_one_is_a_duration() {
        let bounds = Bounds {
            access_ttl: Duration::from_secs(300),
            max_ttl: Duration::from_secs(86_400),
            ends_at: None,
        };
        let now = Timestamp::from_seconds(1_700_000_000);
        for (text, expected) in [
            ("1", Ok(1)),
            ("3600", Ok(3600)),
            ("86400", Ok(86_400)),
            ("0", Err(LifeRefusal::Duration)),
            ("-0", Err(LifeRefusal::Duration)),
            ("-1", Err(LifeRefusal::Duration)),
            ("1.5", Err(LifeRefusal::Duration)),
            ("60.0", Err(LifeRefusal::Duration)),
            ("6e1", Err(LifeRefusal::Duration)),
            ("\"60\"", Err(LifeRefusal::Duration)),
            ("true", Err(LifeRefusal::Duration)),
            ("null", Err(LifeRefusal::Duration)),
            ("[60]", Err(LifeRefusal::Duration)),
            ("{}", Err(LifeRefusal::Duration)),
            ("86401", Err(LifeRefusal::Duration)),
            ("18446744073709551616", Err(LifeRefusal::Duration)),
        ] {
            let body = format!("{{\"access_token\":\"t\",\"duration_seconds\":{text}}}");
            let body = doorward_surface::json::parse(body.as_bytes()).unwrap();
            let request = read(body).unwrap();
            let life = life(request.duration.as_ref(), &bounds, now);
            assert_eq!(life.map(|life| life.seconds), expected, "{text}");
        }
    }
}
