//! After the permit: to a local target, to the echo, or to an upstream. Not here: the
//! judgement (`gate`) and the upstream client (`proxy`).

use crate::body::{Capped, GateBody};
use crate::case::Case;
use crate::gate::{Gate, Judged, Scene};
use crate::policy::compiled::{Mount, Realm, TargetKind};
use crate::policy::spec::UpstreamSpec;
use crate::proxy::echo;
use crate::proxy::headers::{Seen, prepare};
use crate::proxy::upstream::{Outgoing, wants_websocket};
use crate::stage::decide::Permit;
use crate::stage::verify::presented;
use crate::stage::{Passed, Stop};
use doorward_base::ErrorCode;
use doorward_surface::Context;
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Request, Response, Uri};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

impl Gate {
    /// Hands a judged request to its target.
    pub(crate) async fn dispatch(
        &self,
        scene: Scene<'_>,
        judged: Judged<'_>,
        (mut parts, body): (Parts, Incoming),
        authority: &str,
        case: &Case,
    ) -> Passed<Response<GateBody>> {
        let Judged {
            target,
            permit,
            verified,
        } = judged;
        let default_cap = self.parts.options.max_body;
        let max_body = match &target.kind {
            TargetKind::Route(route) => route.max_body.unwrap_or(default_cap),
            TargetKind::Mount(_) => default_cap,
        };
        check_length(&parts, max_body)?;
        let body = Capped::new(body, max_body, self.parts.options.body_idle);
        let forwarded = forwarded_target(scene.realm, &parts, scene.path, verified.is_some())
            .ok_or_else(|| Stop::new(ErrorCode::PathAmbiguous, "guard", "target"))?;
        let route = match &target.kind {
            TargetKind::Route(route) => route,
            TargetKind::Mount(mount) => {
                parts.uri = rebuild(&parts.uri, forwarded);
                return Ok(call_local(mount, permit, scene, (parts, body), case).await);
            }
        };
        let websocket = wants_websocket(&parts);
        let seen = Seen {
            realm: scene.realm,
            principal: permit.principal().map(|principal| &**principal),
            verified: verified.as_ref(),
            client: scene.client,
            authority,
            request: case.request,
        };
        prepare(&mut parts.headers, &seen)
            .map_err(|_| Stop::new(ErrorCode::TokenInvalid, "decide", "claim_unwritable"))?;
        let answer = if route.upstream == UpstreamSpec::Echo {
            echo::answer(permit, &parts.method, &forwarded, &parts.headers, body).await
        } else {
            let outgoing = Outgoing {
                permit,
                route,
                parts,
                target: forwarded,
                authority,
                body,
                websocket,
            };
            self.upstreams.forward(outgoing).await
        };
        answer.map_err(|failure| Stop::new(failure.code, "upstream", failure.check))
    }
}

async fn call_local(
    mount: &Mount,
    permit: Permit,
    scene: Scene<'_>,
    (parts, body): (Parts, Capped),
    case: &Case,
) -> Response<GateBody> {
    let context = Context {
        realm: scene.realm.name.clone(),
        principal: permit.into_principal(),
        request: case.request,
        now: case.now,
        peer: scene.client.ip,
        secure: scene.client.secure,
    };
    let request = Request::from_parts(parts, GateBody::Request(body).boxed_unsync());
    let answer = mount.target.call(request, context).await;
    answer.map(GateBody::Local)
}

/// A declared length beyond the cap is refused before a byte is read.
fn check_length(parts: &Parts, max_body: u64) -> Passed<()> {
    let declared = parts
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > max_body) {
        return Err(Stop::new(
            ErrorCode::BodyTooLarge,
            "guard",
            "content_length",
        ));
    }
    Ok(())
}

/// The canonical path with the query, without parameters that carried a credential.
fn forwarded_target(
    realm: &Realm,
    parts: &Parts,
    path: &str,
    verified: bool,
) -> Option<PathAndQuery> {
    let query = parts.uri.query();
    let strips = verified && !realm.credential_params.is_empty() && query.is_some();
    if !strips && parts.uri.path() == path {
        return Some(
            parts
                .uri
                .path_and_query()
                .cloned()
                .unwrap_or(PathAndQuery::from_static("/")),
        );
    }
    let query = match query {
        Some(query) if strips => presented::strip_query(realm, query),
        Some(query) => query.to_owned(),
        None => String::new(),
    };
    if query.is_empty() {
        PathAndQuery::try_from(path).ok()
    } else {
        PathAndQuery::try_from(format!("{path}?{query}")).ok()
    }
}

fn rebuild(uri: &Uri, target: PathAndQuery) -> Uri {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target);
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}
