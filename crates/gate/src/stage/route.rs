//! Route: from the canonical path and the method to a target. Not here: the table
//! itself (`policy::table`).

use super::Stop;
use crate::policy::compiled::{Realm, Target, TargetKind};
use crate::policy::spec::MountAccess;
use doorward_base::ErrorCode;
use http::header::ALLOW;
use http::{HeaderValue, Method};

/// What the table says of a request.
pub(crate) enum Found<'r> {
    /// A target.
    Target(&'r Target),
    /// No target. A caller without a credential is asked for one first, unless the
    /// path is open to anyone: what exists here is not everyone's business.
    Nothing { stop: Box<Stop>, open: bool },
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
        return Found::Nothing { stop, open: false };
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
        open: targets.any(is_open),
    }
}

/// Whether anyone may call the target.
pub(crate) fn is_open(target: &Target) -> bool {
    match &target.kind {
        TargetKind::Route(route) => route.public,
        TargetKind::Mount(mount) => mount.access == MountAccess::Open,
    }
}
