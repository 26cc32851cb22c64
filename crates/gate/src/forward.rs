//! Forward-auth: another proxy asks whether it may let a request through. The facts
//! come from its headers; the stages are the same. Answers 200 on allow (Envoy takes
//! nothing else), otherwise the refusal as it is, or with `?deny=403` as a 403 with
//! `X-Auth-Status`, because nginx turns all other refusals into 500.
//!
//! An allow carries every identity header and `Authorization`, empty where there is
//! nothing to say: proxies replace only what the answer names, and the client's own
//! header of that name would pass for ours. Some drop an empty one instead of setting
//! it; `X-Envoy-Auth-Headers-To-Remove` tells Envoy to. So are the headers that credentials
//! come in, and those by which a role or a tenant is selected: the gate itself takes them out.
//! A credential in the query, which no answer takes out, is refused.
//!
//! Doorward's own paths are refused: an allow would send what is meant for Doorward, such as
//! a password, to the upstream.
//!
//! The host it names must belong to the realm that is asked: one realm never answers
//! for another.

use crate::authority;
use crate::body::GateBody;
use crate::case::Case;
use crate::dispatch::passes_authorization;
use crate::gate::{Gate, Scene};
use crate::policy::Policies;
use crate::policy::compiled::{Realm, Target};
use crate::proxy::headers::{
    Seen, identity_names, set_authorization, taken_names, write_identity, write_nobody,
};
use crate::stage::route::Found;
use crate::stage::verify::presented;
use crate::stage::{Passed, Stop, cors, guard, route};
use doorward_base::{ErrorCode, Principal};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri};

const STAGE: &str = "forward";
/// What is said where the other proxy asks about a path of ours.
const OWN_PATH: &str = "This path is Doorward's own: the proxy in front must send it to Doorward \
     and not ask about it (docs/forward-auth.md)";

/// What is said to a credential that the other proxy would send on.
const IN_QUERY: &str = "A credential in the query would reach the API, for the proxy in front \
     forwards the query as it is: send it in a header (docs/forward-auth.md)";

impl Gate {
    pub(crate) fn is_forward_auth(&self, scene: &Scene<'_>) -> bool {
        scene.realm.forward_auth.as_ref().is_some_and(|spec| {
            is_path(&spec.path, scene.path)
                && (scene.client.trusted || !spec.trusted_only)
                && (spec.listener.is_none() || spec.listener == scene.listener)
        })
    }

    pub(crate) async fn forward_auth(
        &self,
        policies: &Policies,
        scene: Scene<'_>,
        mut parts: Parts,
        authority: &str,
        case: &mut Case,
    ) -> Passed<Response<GateBody>> {
        let deny_as_403 = parts
            .uri
            .query()
            .is_some_and(|query| query.split('&').any(|pair| pair == "deny=403"));
        let judged = self
            .judge_original(policies, scene, &mut parts, authority, case)
            .await;
        match judged {
            Ok(response) => Ok(response),
            Err(stop) if deny_as_403 => Ok(self.as_403(&stop, case)),
            Err(stop) => Err(stop),
        }
    }

    async fn judge_original(
        &self,
        policies: &Policies,
        scene: Scene<'_>,
        parts: &mut Parts,
        authority: &str,
        case: &mut Case,
    ) -> Passed<Response<GateBody>> {
        let original = Original::read(&parts.headers)?;
        let host = original.host.as_deref().unwrap_or(authority);
        original.check(policies, &scene, host)?;
        let path = route::path_of(scene.realm, original.uri.path())
            .map_err(|error| Stop::new(ErrorCode::PathAmbiguous, STAGE, error.0))?
            .into_owned();
        case.path = path.as_str().into();
        case.method.clone_from(&original.method);
        if route::is_own(scene.realm, &path, &original.method) {
            let mut stop = Stop::new(ErrorCode::RouteUnknown, STAGE, "own_path");
            stop.refusal = stop.refusal.with_message(OWN_PATH);
            return Err(stop);
        }
        original.check_query(scene.realm, &path)?;
        parts.method = original.method;
        parts.uri = original.uri;
        // Whose page asks is told by the authority that the page sees.
        if let Ok(host) = HeaderValue::from_str(host) {
            parts.headers.insert(HOST, host);
        }
        // The body stayed with the other proxy.
        parts.headers.remove(CONTENT_LENGTH);
        parts.headers.remove(TRANSFER_ENCODING);
        let scene = Scene {
            path: &path,
            ..scene
        };
        self.demand_https(scene, parts, case).await?;
        case.cors = cors::of(scene.realm, &path, parts);
        // The page's own request is judged when it comes.
        if cors::preflight::<GateBody>(parts, case.cors.as_ref()).is_some() {
            case.permitted = true;
            return allow(scene.realm, None, None);
        }
        let judged = self.judge(scene, parts, case).await?;
        let seen = Seen {
            passes_authorization: passes_authorization(scene.realm, judged.target, parts),
            realm: scene.realm,
            principal: judged.permit.principal().map(|principal| &**principal),
            verified: judged.verified.as_ref(),
            client: scene.client,
            authority: host,
            request: case.request,
        };
        set_authorization(&mut parts.headers, &seen);
        let authorization = parts.headers.remove(AUTHORIZATION);
        let authorization = authorization.filter(|_| may_be_told(&seen));
        let allowed = allow(scene.realm, seen.principal, authorization)?;
        case.permitted = true;
        Ok(allowed)
    }

    fn as_403(&self, stop: &Stop, case: &Case) -> Response<GateBody> {
        self.record(stop, case);
        let mut response = case.render(stop);
        let status = HeaderValue::from(stop.refusal.code.status());
        response.headers_mut().insert("x-auth-status", status);
        *response.status_mut() = StatusCode::FORBIDDEN;
        response
    }
}

/// Whether the path is that one, with a slash at its end or without, as with other paths of
/// ours.
fn is_path(own: &str, path: &str) -> bool {
    own == path || path.strip_suffix('/') == Some(own)
}

/// Whether the answer may hold the `Authorization` for the upstream. One that clients must
/// not see is told where no client can ask, also not through the proxy that stands before
/// us: at a listener for nothing else.
fn may_be_told(seen: &Seen<'_>) -> bool {
    let converted = seen.verified.and_then(|by| by.converted.as_ref());
    let forward_auth = seen.realm.forward_auth.as_ref();
    converted.is_none() || forward_auth.is_some_and(|spec| spec.listener.is_some())
}

/// The answer that lets a request pass as this caller.
fn allow(
    realm: &Realm,
    principal: Option<&Principal>,
    authorization: Option<HeaderValue>,
) -> Passed<Response<GateBody>> {
    let mut response = Response::new(GateBody::Empty);
    let headers = response.headers_mut();
    if let Some(authorization) = authorization {
        headers.insert(AUTHORIZATION, authorization);
    }
    let written = match principal {
        Some(principal) => write_identity(headers, realm, principal),
        None => write_nobody(headers, realm),
    };
    written.map_err(|_| Stop::new(ErrorCode::TokenInvalid, STAGE, "claim_unwritable"))?;
    let mut absent: Vec<HeaderName> = identity_names(realm).collect();
    absent.push(AUTHORIZATION);
    absent.extend(taken_names(realm));
    absent.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    absent.dedup();
    absent.retain(|name| !headers.contains_key(name));
    let listed: Vec<&str> = absent.iter().map(HeaderName::as_str).collect();
    let listed = HeaderValue::from_str(&listed.join(","));
    for name in absent {
        headers.insert(name, HeaderValue::from_static(""));
    }
    if let Ok(listed) = listed {
        headers.insert("x-envoy-auth-headers-to-remove", listed);
    }
    Ok(response)
}

/// The request that the other proxy holds.
struct Original {
    method: Method,
    uri: Uri,
    host: Option<String>,
}

impl Original {
    fn read(headers: &HeaderMap) -> Passed<Self> {
        let missing = |check| Stop::new(ErrorCode::InvalidRequest, STAGE, check);
        let method = one_of(headers, &["x-forwarded-method", "x-original-method"])?
            .ok_or_else(|| missing("original_method"))?;
        let uri = one_of(
            headers,
            &["x-forwarded-uri", "x-original-uri", "x-original-url"],
        )?
        .ok_or_else(|| missing("original_uri"))?;
        // A fragment would be forgotten here, yet forwarded by the other proxy: what is
        // judged must be all there is (RFC 9112 §3.2 has no fragments either).
        if !uri
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#')
        {
            return Err(missing("original_uri"));
        }
        let host = one_of(headers, &["x-forwarded-host"])?.map(str::to_owned);
        Ok(Self {
            method: Method::from_bytes(method.as_bytes())
                .map_err(|_| missing("original_method"))?,
            uri: uri.parse().map_err(|_| missing("original_uri"))?,
            host,
        })
    }

    /// Whether it is one that may be judged here: of the realm that is asked, with one
    /// target, of a form that would be served.
    fn check(&self, policies: &Policies, scene: &Scene<'_>, host: &str) -> Passed<()> {
        authority::check(host)
            .map_err(|_| Stop::new(ErrorCode::InvalidRequest, STAGE, "original_host"))?;
        let same = policies
            .find(&authority::folded(host), scene.listener)
            .is_some_and(|realm| realm.number == scene.realm.number);
        if !same {
            return Err(Stop::new(ErrorCode::HostUnknown, STAGE, "original_host"));
        }
        if !self.is_for(host) {
            return Err(Stop::new(
                ErrorCode::InvalidRequest,
                STAGE,
                "original_authority",
            ));
        }
        guard::screen_line(&self.method, &self.uri, Some(scene.realm))
    }

    /// Refuses what only the gate itself could take out of the query.
    fn check_query(&self, realm: &Realm, path: &str) -> Passed<()> {
        let target = match route::find(realm, path, &self.method) {
            Found::Target(target) => Some(target),
            Found::Nothing { .. } => None,
        };
        let route = target.and_then(Target::route).map(|route| &route.spec);
        let query = self.uri.query().unwrap_or_default();
        if !presented::is_in_query(realm, route, query) {
            return Ok(());
        }
        let mut stop = Stop::new(ErrorCode::InvalidRequest, STAGE, "credential_in_query");
        stop.refusal = stop.refusal.with_message(IN_QUERY);
        Err(stop)
    }

    /// Whether the target, where it names an authority, names this one.
    fn is_for(&self, host: &str) -> bool {
        let named = self.uri.authority().map(http::uri::Authority::as_str);
        named.is_none_or(|named| named.eq_ignore_ascii_case(host))
    }
}

/// The one value of these headers. Several are a contradiction, and refused.
fn one_of<'h>(headers: &'h HeaderMap, names: &[&'static str]) -> Passed<Option<&'h str>> {
    let mut values = names
        .iter()
        .map(|name| HeaderName::from_static(name))
        .flat_map(|name| headers.get_all(name));
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let text = value.to_str().ok().filter(|text| !text.is_empty());
    match (text, values.next()) {
        (Some(text), None) => Ok(Some(text)),
        _ => Err(Stop::new(
            ErrorCode::InvalidRequest,
            STAGE,
            "original_contradiction",
        )),
    }
}
