//! What routes and mounts say must be something that can be kept, alone and beside each
//! other. Not here: lowering them (`lower`).

use super::compiled::{Target, TargetKind};
use super::problem::Problem;
use super::spec::{
    AmbiguousPaths, AuthorizationRule, MountAccess, MountSpec, Origins, RouteSpec, UpstreamSpec,
};
use super::table::{Pattern, Relation};
use doorward_base::CredentialKind;

/// Ambiguous paths are passed on below a prefix, or not at all.
pub(super) fn open_ended(spec: &RouteSpec, problems: &mut Vec<Problem>) {
    if spec.ambiguous_paths == AmbiguousPaths::Forward && !spec.path.ends_with("/**") {
        problems.push(Problem::NotOpenEnded(spec.path.clone()));
    }
}

/// An upstream that cannot be spoken to.
pub(super) fn upstream(spec: &RouteSpec, problems: &mut Vec<Problem>) {
    let UpstreamSpec::Http {
        base,
        strip_prefix,
        tls,
        ..
    } = &spec.upstream
    else {
        return;
    };
    let problem =
        if !matches!(base.scheme_str(), Some("http" | "https")) || base.authority().is_none() {
            "is not of the form http://host:port/path or https://host:port/path"
        } else if (base.scheme_str() == Some("https")) != tls.is_some() {
            "has settings of TLS without https, or https without them"
        } else if base.query().is_some() {
            "must not have a query"
        } else if strip_prefix
            .as_ref()
            .is_some_and(|prefix| !prefix.starts_with('/'))
        {
            "has a strip_prefix that does not begin with /"
        } else {
            return;
        };
    problems.push(Problem::Upstream {
        route: spec.path.clone(),
        upstream: base.to_string(),
        problem,
    });
}

/// What a route says for an upstream, and a local target has no use for.
pub(super) fn local(spec: &RouteSpec, problems: &mut Vec<Problem>) {
    let UpstreamSpec::Local(name) = spec.upstream else {
        return;
    };
    let wrong = [
        (
            spec.ambiguous_paths == AmbiguousPaths::Forward,
            "takes no ambiguous paths",
        ),
        (
            spec.authorization == AuthorizationRule::Pass,
            "takes no foreign Authorization",
        ),
    ];
    let wrong = wrong.into_iter().filter(|(wrong, _)| *wrong);
    problems.extend(wrong.map(|(_, problem)| Problem::Local {
        route: spec.path.clone(),
        name,
        problem,
    }));
}

/// What a mount says of its callers must be something that can be kept.
pub(super) fn mount(spec: &MountSpec, problems: &mut Vec<Problem>) {
    let kinds = spec.access.kinds();
    let any_origin = spec
        .cors
        .as_ref()
        .is_some_and(|cors| cors.origins == Origins::Any && cors.credentials);
    let wrong = [
        (
            spec.access != MountAccess::Open && kinds.is_empty(),
            "accepts no kind of credential",
        ),
        (
            kinds.contains(&CredentialKind::Basic),
            "accepts Basic with an API token, which belongs to routes with a module",
        ),
        (
            kinds.contains(&CredentialKind::Session) != spec.cookie.is_some(),
            "names a cookie if and only if it accepts a sign-in by cookie",
        ),
        (
            any_origin,
            "lets every origin call with the credentials of the browser",
        ),
    ];
    let wrong = wrong.into_iter().filter(|(wrong, _)| *wrong);
    problems.extend(wrong.map(|(_, problem)| Problem::Mount {
        mount: spec.name,
        problem,
    }));
}

/// Targets that contradict each other.
pub(super) fn overlaps(entries: &[(Pattern, Target)], problems: &mut Vec<Problem>) {
    for (at, (pattern, target)) in entries.iter().enumerate() {
        for (other_pattern, other) in entries.iter().skip(at + 1) {
            let relation = pattern.relation(other_pattern);
            ambiguous_paths(relation, target, other, problems);
            let (first, second) = (describe(target), describe(other));
            let inside = |route, mount| Problem::InsideMount { route, mount };
            match (relation, &target.kind, &other.kind) {
                (Relation::Same, ..) if share_method(target, other) => {
                    problems.push(Problem::Duplicate { first, second });
                }
                (Relation::Ambiguous, ..) => problems.push(Problem::Ambiguous { first, second }),
                (Relation::Narrower, TargetKind::Route(_), TargetKind::Mount(_)) => {
                    problems.push(inside(first, second));
                }
                (Relation::Broader, TargetKind::Mount(_), TargetKind::Route(_)) => {
                    problems.push(inside(second, first));
                }
                _ => {}
            }
        }
    }
}

/// A route that passes on ambiguous paths shares its prefix with nobody: whatever a
/// reader makes of such a path, it stays among what the route's own rules cover.
fn ambiguous_paths(
    relation: Relation,
    target: &Target,
    other: &Target,
    problems: &mut Vec<Problem>,
) {
    let forwards = (target.forwards_ambiguous(), other.forwards_ambiguous());
    let (route, other) = match (relation, forwards) {
        (Relation::Broader, (true, _)) | (Relation::Same, (true, false)) => (target, other),
        (Relation::Narrower, (_, true)) | (Relation::Same, (false, true)) => (other, target),
        _ => return,
    };
    problems.push(Problem::NotAlone {
        route: describe(route),
        other: describe(other),
    });
}

fn share_method(a: &Target, b: &Target) -> bool {
    a.methods.is_empty()
        || b.methods.is_empty()
        || a.methods.iter().any(|method| b.methods.contains(method))
}

fn describe(target: &Target) -> String {
    match &target.kind {
        TargetKind::Route(_) => target.pattern.to_string(),
        TargetKind::Mount(mount) => format!("{} (mount {})", target.pattern, mount.name),
    }
}
