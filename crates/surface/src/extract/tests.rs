//! Every rejection as a client sees it: through the adapter, rendered.

use super::*;
use crate::axum_target::AxumLocal;
use crate::{Body, Local as _, RealmHandle, RealmParts, RequestFacts, Template, body, form};
use axum::Router;
use axum::routing::{get, post};
use doorward_base::{Effects, RealmName, RequestId, SessionId, Timestamp};
use http::{Request, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    name: String,
    count: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    limit: Option<String>,
}

async fn echo(Json(wire): Json<Wire, 64>) -> Json<Wire> {
    Json(wire)
}

#[derive(Deserialize)]
struct Grant {
    grant_type: String,
    #[serde(default)]
    resource: Vec<String>,
}

fn told(grant: &Grant) -> Json<Value> {
    Json(json!({ "type": grant.grant_type, "resource": grant.resource }))
}

async fn any(AnyJson(wire): AnyJson<Wire, 64>) -> Json<Wire> {
    Json(wire)
}

async fn form(Urlencoded(grant): Urlencoded<Grant, 64>) -> Json<Value> {
    told(&grant)
}

async fn either(UrlencodedOrJson(grant): UrlencodedOrJson<Grant, 64>) -> Json<Value> {
    told(&grant)
}

async fn many(Query(grant): Query<Grant>) -> Json<Value> {
    told(&grant)
}

async fn maybe(body: Option<Json<Wire>>) -> Json<Value> {
    Json(json!({ "name": body.map(|Json(wire)| wire.name) }))
}

async fn who(Ctx(context): Ctx) -> String {
    format!("{} {}", context.realm.name(), context.request)
}

async fn list(Query(listing): Query<Listing>) -> Json<Value> {
    Json(json!({ "limit": listing.limit }))
}

async fn show(PathKey(id): PathKey<SessionId>) -> Json<Value> {
    Json(json!({ "id": id.to_string() }))
}

fn context() -> Context {
    Context {
        realm: Arc::new(RealmHandle::new(
            RealmName::new("demo").unwrap(),
            RealmParts::default().with(7_u8),
        )),
        principal: None,
        credential: None,
        request: RequestId::from_bytes([9; 16]),
        now: Timestamp::from_seconds(1_700_000_000),
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        secure: false,
        effects: Effects::undeclared(),
    }
}

async fn ask(request: Request<Body>) -> (http::response::Parts, Value) {
    let router = Router::new()
        .route("/echo", post(echo))
        .route("/any", post(any))
        .route("/form", post(form))
        .route("/either", post(either))
        .route("/many", get(many))
        .route("/maybe", post(maybe))
        .route("/who", get(who))
        .route("/list", get(list))
        .route("/show/{id}", get(show));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let target = AxumLocal::new(router);
    let answer = target.call(request, context()).await;
    let (parts, body) = written(answer, &method, &path).into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
    (
        parts,
        serde_json::from_slice(&bytes).unwrap_or_else(|_| text()),
    )
}

/// As the gate writes what a target refused.
fn written(
    mut answer: http::Response<Body>,
    method: &http::Method,
    path: &str,
) -> http::Response<Body> {
    let Some(refusal) = answer.extensions_mut().remove::<Refusal>() else {
        return answer;
    };
    let facts = RequestFacts {
        request: context().request,
        now: context().now,
        method,
        path,
        headers: &HeaderMap::new(),
    };
    let mut rendered = form::render(&Template::Nested, &refusal, &facts);
    rendered
        .headers_mut()
        .extend(std::mem::take(answer.headers_mut()));
    rendered.extensions_mut().insert(refusal);
    rendered
}

async fn get_path(path: &str) -> (http::response::Parts, Value) {
    ask(Request::get(path).body(body::empty()).unwrap()).await
}

async fn post_body(content_type: &[&str], text: &str) -> (http::response::Parts, Value) {
    let mut request = Request::post("/echo");
    for value in content_type {
        request = request.header("content-type", *value);
    }
    ask(request.body(body::full(text.to_owned())).unwrap()).await
}

#[tokio::test]
async fn bodies_200_400_and_413() {
    let good = r#"{"name":"a"}"#;
    let exact = format!(r#"{{"name":"{}"}}"#, "x".repeat(64 - 11));
    let over = format!(r#"{{"name":"{}"}}"#, "x".repeat(64 - 10));
    let deep = format!(r#"{{"name":{}"#, "[".repeat(50));
    for (content_type, text, status, code) in [
        (&["application/json"][..], good, 200, ""),
        (&["application/json; charset=utf-8"], good, 200, ""),
        (&["APPLICATION/JSON"], good, 200, ""),
        (&["application/vnd.api+json"], good, 200, ""),
        (&["application/json"], exact.as_str(), 200, ""),
        (&[], good, 400, "body_malformed"),
        (&["text/plain"], good, 400, "body_malformed"),
        (&["application/jsonp"], good, 400, "body_malformed"),
        (
            &["application/x-www-form-urlencoded"],
            good,
            400,
            "body_malformed",
        ),
        (
            &["application/json", "text/plain"],
            good,
            400,
            "body_malformed",
        ),
        (&["application/json"], "", 400, "body_malformed"),
        (&["application/json"], "{", 400, "body_malformed"),
        (&["application/json"], "[]", 400, "body_malformed"),
        (&["application/json"], "null", 400, "body_malformed"),
        (
            &["application/json"],
            r#"{"name":1}"#,
            400,
            "body_malformed",
        ),
        (
            &["application/json"],
            r#"{"name":"a","other":1}"#,
            400,
            "body_malformed",
        ),
        (
            &["application/json"],
            r#"{"name":"a","name":"b"}"#,
            400,
            "body_malformed",
        ),
        (&["application/json"], deep.as_str(), 400, "body_malformed"),
        (&["application/json"], over.as_str(), 413, "body_too_large"),
    ] {
        let (parts, body) = post_body(content_type, text).await;
        assert_eq!(parts.status.as_u16(), status, "{content_type:?} {text}");
        if status != 200 {
            assert_eq!(body["error"]["code"], code, "{content_type:?} {text}");
            let refusal = parts.extensions.get::<Refusal>().unwrap();
            assert_eq!(refusal.code.as_str(), code);
        }
        assert_eq!(parts.headers["cache-control"], "no-store");
    }
}

#[tokio::test]
async fn forms_and_json_by_content_type() {
    let form = "application/x-www-form-urlencoded";
    let long = format!("grant_type={}", "x".repeat(64));
    let post = async |path: &str, kind: Option<&str>, text: &str| {
        let mut request = Request::post(path);
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let request = request.body(body::full(text.to_owned())).unwrap();
        let (parts, body) = ask(request).await;
        let code = body["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        (parts.status.as_u16(), code)
    };
    let pairs = "grant_type=a&resource=x&resource=y";
    let object = r#"{"grant_type":"a"}"#;
    let utf8 = format!("{}; charset=UTF-8", form.to_uppercase());
    for (path, kind, text, expected) in [
        ("/form", Some(form), pairs, (200, "")),
        ("/form", Some(utf8.as_str()), pairs, (200, "")),
        ("/form", None, pairs, (400, "body_malformed")),
        (
            "/form",
            Some("application/json"),
            object,
            (400, "body_malformed"),
        ),
        ("/form", Some(form), object, (400, "body_malformed")),
        (
            "/form",
            Some(form),
            "grant_type=a&grant_type=a",
            (400, "body_malformed"),
        ),
        (
            "/form",
            Some(form),
            "grant_type=%zz",
            (400, "body_malformed"),
        ),
        ("/form", Some(form), &long, (413, "body_too_large")),
        ("/either", Some(form), pairs, (200, "")),
        ("/either", Some("application/json"), object, (200, "")),
        (
            "/either",
            Some("application/json"),
            pairs,
            (400, "body_malformed"),
        ),
        ("/either", None, object, (400, "body_malformed")),
        (
            "/either",
            Some("text/plain"),
            object,
            (400, "body_malformed"),
        ),
        ("/any", None, r#"{"name":"a"}"#, (200, "")),
        (
            "/any",
            Some("text/plain;charset=UTF-8"),
            r#"{"name":"a"}"#,
            (200, ""),
        ),
        (
            "/any",
            Some(form),
            r#"{"name":"a","name":"b"}"#,
            (400, "body_malformed"),
        ),
        ("/any", None, "", (400, "body_malformed")),
        ("/any", None, &long, (413, "body_too_large")),
    ] {
        let (status, code) = expected;
        let answered = post(path, kind, text).await;
        assert_eq!(
            answered,
            (status, code.to_owned()),
            "{path} {kind:?} {text}"
        );
    }
}

#[tokio::test]
async fn a_repeated_member_of_a_query_is_a_list_where_one_is_expected() {
    let (_, body) = get_path("/many?grant_type=a&resource=x&resource=y").await;
    assert_eq!(body, json!({ "type": "a", "resource": ["x", "y"] }));
    let (_, body) = get_path("/many?grant_type=a&resource=x").await;
    assert_eq!(body, json!({ "type": "a", "resource": ["x"] }));
    let (parts, _) = get_path("/many?grant_type=a&grant_type=b").await;
    assert_eq!(parts.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_optional_body_is_absent_or_good() {
    let post = |content_type: Option<&str>, text: &'static str| {
        let mut request = Request::post("/maybe");
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        ask(request.body(body::full(text)).unwrap())
    };
    let json_type = Some("application/json");
    assert_eq!(post(None, "").await.1, json!({ "name": null }));
    let (_, body) = post(json_type, r#"{"name":"a"}"#).await;
    assert_eq!(body, json!({ "name": "a" }));
    for (content_type, text) in [
        (None, r#"{"name":"a"}"#),
        (json_type, ""),
        (json_type, "{}"),
        (Some("text/plain"), ""),
    ] {
        let (parts, _) = post(content_type, text).await;
        assert_eq!(parts.status, StatusCode::BAD_REQUEST, "{text}");
    }
}

#[tokio::test]
async fn a_body_of_unknown_length_is_capped_while_it_is_read() {
    let endless = futures_body(vec!["{\"name\":\""; 100]);
    let request = Request::post("/echo")
        .header("content-type", "application/json")
        .body(endless)
        .unwrap();
    let (parts, body) = ask(request).await;
    assert_eq!(parts.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(body["error"]["code"], "body_too_large");
}

/// A body of these chunks that does not tell its length.
fn futures_body(chunks: Vec<&'static str>) -> Body {
    struct Chunks(std::vec::IntoIter<&'static str>);
    impl http_body::Body for Chunks {
        type Data = Bytes;
        type Error = body::BodyError;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
            let next = self.0.next();
            std::task::Poll::Ready(next.map(|text| Ok(http_body::Frame::data(text.into()))))
        }
    }
    Chunks(chunks.into_iter()).boxed_unsync()
}

#[tokio::test]
async fn a_refusal_names_the_member_and_the_request() {
    let (parts, body) = post_body(&["application/json"], r#"{"name":"a","count":"x"}"#).await;
    assert_eq!(
        body["error"]["message"],
        "`count` has the wrong type or form"
    );
    assert_eq!(body["error"]["request_id"], context().request.to_string());
    assert_eq!(
        parts.headers["x-request-id"].to_str().unwrap(),
        context().request.to_string()
    );
}

#[tokio::test]
async fn unknown_paths_and_methods_are_rendered_too() {
    let (parts, body) = get_path("/nowhere").await;
    assert_eq!(parts.status, StatusCode::NOT_FOUND);
    assert_eq!(body["error"]["code"], "not_found");
    let (parts, body) = get_path("/echo").await;
    assert_eq!(parts.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(parts.headers["allow"], "POST");
    assert_eq!(body["error"]["code"], "method_not_allowed");
}

#[tokio::test]
async fn a_slash_at_the_end_of_a_path_is_no_other_path() {
    for path in ["/list/?limit=5", "/list?limit=5"] {
        let (_, body) = get_path(path).await;
        assert_eq!(body, json!({ "limit": "5" }), "{path}");
    }
    let id = SessionId::from_bytes([7; 16]).to_string();
    let (_, body) = get_path(&format!("/show/{id}/")).await;
    assert_eq!(body["id"], id);
    let (parts, _) = get_path("/list//").await;
    assert_eq!(parts.status, StatusCode::NOT_FOUND);
    let (parts, _) = get_path("/").await;
    assert_eq!(parts.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn queries_200_and_400() {
    let (_, body) = get_path("/list?limit=5").await;
    assert_eq!(body, json!({ "limit": "5" }));
    let (_, body) = get_path("/list").await;
    assert_eq!(body, json!({ "limit": null }));
    for (query, message) in [
        ("limit=1&limit=2", "query: a name is given twice"),
        ("limit=1&limi%74=2", "query: a name is given twice"),
        (
            "offset=1",
            "query: there is an unknown name; known are: limit",
        ),
    ] {
        let (parts, body) = get_path(&format!("/list?{query}")).await;
        assert_eq!(parts.status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(body["error"]["code"], "invalid_request");
        assert_eq!(body["error"]["message"], message);
    }
}

#[tokio::test]
async fn a_text_that_is_no_key_is_answered_like_an_unknown_key() {
    let id = SessionId::from_bytes([7; 16]).to_string();
    let (_, body) = get_path(&format!("/show/{id}")).await;
    assert_eq!(body["id"], id);
    for text in ["7", "%00", "07070707070707070707070707070707", "%ff"] {
        let (parts, body) = get_path(&format!("/show/{text}")).await;
        assert_eq!(parts.status, StatusCode::NOT_FOUND, "{text}");
        assert_eq!(body["error"]["message"], "Not found");
    }
}

#[tokio::test]
async fn the_context_reaches_the_handler_only_through_the_adapter() {
    let (_, body) = get_path("/who").await;
    assert_eq!(body, format!("demo {}", context().request));
    let mut parts = Request::new(()).into_parts().0;
    parts.extensions.insert(context());
    let refusal = Ctx::from_request_parts(&mut parts, &()).await.unwrap_err();
    assert_eq!(refusal.code, ErrorCode::Internal);
}

#[tokio::test]
async fn the_handlers_of_one_path_need_no_router() {
    async fn part(RealmPart(part): RealmPart<u8>) -> Json<Value> {
        Json(json!(part))
    }
    async fn absent(RealmPart(_): RealmPart<u16>) -> Json<Value> {
        Json(json!(null))
    }
    let ask = async |target: AxumLocal, request: Request<Body>| {
        let method = request.method().clone();
        let answer = target.call(request, context()).await;
        let (parts, body) = written(answer, &method, "/any/where").into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (parts, serde_json::from_slice::<Value>(&bytes).unwrap())
    };
    // Wherever it is mounted.
    let request = || Request::get("/any/where").body(body::empty()).unwrap();
    let (parts, body) = ask(AxumLocal::endpoint(get(part)), request()).await;
    assert_eq!((parts.status, body), (StatusCode::OK, json!(7)));
    let (parts, body) = ask(AxumLocal::endpoint(post(part)), request()).await;
    assert_eq!(parts.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(parts.headers["allow"], "POST");
    assert_eq!(body["error"]["code"], "method_not_allowed");
    // What the realm does not have is not made up.
    let (parts, body) = ask(AxumLocal::endpoint(get(absent)), request()).await;
    assert_eq!(parts.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(body["error"]["code"], "internal_error");
}
