//! Route: from the canonical path and the method to a target. Not here: the table
//! itself (`policy::table`).

use super::Stop;
use crate::path::{self, PathError};
use crate::policy::compiled::{Realm, Target, TargetKind};
use crate::policy::spec::{CorsSpec, MountAccess};
use doorward_base::ErrorCode;
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ALLOW};
use http::request::Parts;
use http::{HeaderValue, Method};
use std::borrow::Cow;

/// What the table says of a request.
pub(crate) enum Found<'r> {
    Target(&'r Target),
    /// No target. A caller without a credential is asked for one first, unless the
    /// path is open to anyone: what exists here is not everyone's business.
    Nothing {
        stop: Box<Stop>,
        open: bool,
        /// What the path leads to by other methods: a refusal there has its form.
        near: Option<&'r Target>,
    },
}

impl<'r> Found<'r> {
    pub(crate) const fn target(&self) -> Option<&'r Target> {
        match self {
            Self::Target(target) => Some(target),
            Self::Nothing { .. } => None,
        }
    }

    /// The target, or what the path leads to by other methods.
    pub(crate) const fn near(&self) -> Option<&'r Target> {
        match self {
            Self::Target(target) => Some(target),
            Self::Nothing { near, .. } => *near,
        }
    }
}

/// The one reading of a path. One that others may read in another way has it only where
/// both readings lead to the same routes, and these pass such paths on.
pub(crate) fn path_of<'p>(realm: &Realm, raw: &'p str) -> Result<Cow<'p, str>, PathError> {
    let error = match path::normalise(raw) {
        Ok(Cow::Borrowed(path)) => return Ok(Cow::Borrowed(path)),
        Ok(Cow::Owned(path)) => return Ok(Cow::Owned(spell(realm, path))),
        Err(error) => error,
    };
    let Ok(opaque) = path::read_opaque(raw) else {
        return Err(error);
    };
    let text = spell(realm, opaque.text);
    let decoded = spell(realm, opaque.decoded);
    let numbers = realm.table.find(&text);
    let forward = !numbers.is_empty()
        && numbers.iter().all(|&number| {
            let target = realm.targets.get(number);
            target.is_some_and(Target::forwards_ambiguous)
        });
    if forward && realm.table.find(&decoded) == numbers {
        Ok(Cow::Owned(text))
    } else {
        Err(error)
    }
}

/// The spelling that is matched and forwarded: the plain one where the two lead to different
/// routes, for that is what a server makes of either; as it came elsewhere, for signatures of
/// requests are of the text.
fn spell(realm: &Realm, path: String) -> String {
    match path::plainly(&path) {
        Some(plain) if realm.table.find(&plain) != realm.table.find(&path) => plain,
        _ => path,
    }
}

/// Looks the request up.
pub(crate) fn find<'r>(realm: &'r Realm, path: &str, method: &Method) -> Found<'r> {
    let numbers = realm.table.find(path);
    let mut targets = numbers
        .iter()
        .filter_map(|&number| realm.targets.get(number));
    if let Some(target) = targets.clone().find(|target| target.takes(method)) {
        return Found::Target(target);
    }
    if numbers.is_empty() {
        let stop = Stop::new(ErrorCode::RouteUnknown, "route", "path");
        return Found::Nothing {
            stop,
            open: false,
            near: None,
        };
    }
    let mut allowed: Vec<&str> = targets
        .clone()
        .flat_map(|target| target.methods.iter().map(Method::as_str))
        .collect();
    allowed.sort_unstable();
    allowed.dedup();
    let mut stop = Stop::new(ErrorCode::MethodNotAllowed, "route", "method");
    if let Ok(value) = HeaderValue::from_str(&allowed.join(", ")) {
        stop.headers.push((ALLOW, value));
    }
    Found::Nothing {
        stop,
        near: targets.clone().next(),
        open: targets.any(is_open),
    }
}

/// Whether a request belongs to a local target, also one of a method that none takes.
pub(crate) fn is_own(realm: &Realm, path: &str, method: &Method) -> bool {
    let numbers = realm.table.find(path).iter();
    let mut targets = numbers.filter_map(|&number| realm.targets.get(number));
    let taken = targets.clone().find(|target| target.takes(method));
    match taken {
        Some(target) => target.is_local(),
        None => targets.any(Target::is_local),
    }
}

/// Whether the route takes Basic: a module of it is on.
pub(crate) fn takes_basic(realm: &Realm, path: &str, method: &Method) -> bool {
    match find(realm, path, method) {
        Found::Target(Target {
            kind: TargetKind::Route(route),
            ..
        }) => route.basic.is_some(),
        _ => false,
    }
}

/// Whether anyone may call the target.
pub(crate) fn is_open(target: &Target) -> bool {
    match &target.kind {
        TargetKind::Route(route) => route.spec.public,
        TargetKind::Mount(mount) => !matches!(mount.access, MountAccess::Required(_)),
    }
}

/// Which origins may call here from a browser: by the mount that the request, or the one
/// that a preflight announces, would reach; by the realm anywhere else.
pub(crate) fn cors<'r>(realm: &'r Realm, path: &str, parts: &Parts) -> Option<&'r CorsSpec> {
    let announced = parts.headers.get(ACCESS_CONTROL_REQUEST_METHOD);
    let announced = announced
        .filter(|_| parts.method == Method::OPTIONS)
        .and_then(|name| Method::from_bytes(name.as_bytes()).ok());
    let method = announced.as_ref().unwrap_or(&parts.method);
    let mut targets = realm
        .table
        .find(path)
        .iter()
        .filter_map(|&number| realm.targets.get(number));
    let first = targets.clone().next();
    let own = targets
        .find(|target| target.takes(method))
        .or(first)
        .and_then(|target| match &target.kind {
            TargetKind::Mount(mount) => mount.cors.as_ref(),
            TargetKind::Route(_) => None,
        });
    own.or(realm.cors.as_ref())
}
