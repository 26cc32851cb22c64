//! What can be wrong with a policy. Not here: finding it (`lower`).

use super::table::PatternError;
use doorward_base::RealmName;

/// What is wrong with a realm's policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("realm {realm}: {problem}")]
pub struct PolicyError {
    pub realm: RealmName,
    /// What is wrong.
    pub problem: Problem,
}

/// The contradictions lowering finds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Another realm answers for the host already.
    #[error("host {host:?} belongs to realm {other} already")]
    HostTaken {
        host: String,
        /// Whose it is.
        other: RealmName,
    },
    /// A realm no request can reach.
    #[error("hosts is empty, so no request could reach the realm")]
    NoHosts,
    /// A pattern was refused.
    #[error("path {path:?}: {error}")]
    Pattern {
        /// The pattern.
        path: String,
        /// Why.
        error: PatternError,
    },
    /// Two targets of one pattern share a method.
    #[error("{first} and {second} match the same paths with a method in common")]
    Duplicate {
        first: String,
        /// The other.
        second: String,
    },
    /// Two patterns match a path in common and neither is more specific.
    #[error("{first} and {second} overlap and neither is more specific")]
    Ambiguous {
        first: String,
        /// The other.
        second: String,
    },
    /// A route would cut a hole into a mount.
    #[error("route {route} lies inside {mount}")]
    InsideMount {
        route: String,
        /// The mount's name and pattern.
        mount: String,
    },
    /// A route that passes on ambiguous paths, without `/**` at its end.
    #[error("route {0} forwards ambiguous paths, so it must end with /**")]
    NotOpenEnded(String),
    /// A path that is read in another way could reach the other's upstream past its rules.
    #[error(
        "route {route} forwards ambiguous paths, so nothing else may lie at or below it; {other} does"
    )]
    NotAlone {
        route: String,
        /// What else is there.
        other: String,
    },
    /// Nobody could call the route.
    #[error("route {0} accepts no kind of credential and is not public")]
    NoCredential(String),
    /// The route accepts what only mounts can verify.
    #[error("route {route} accepts {kind:?}, which is verified at mounts alone")]
    RouteCredential {
        route: String,
        /// The kind of credential.
        kind: &'static str,
    },
    /// A mount whose rules contradict each other.
    #[error("mount {mount} {problem}")]
    Mount {
        mount: &'static str,
        /// What it does.
        problem: &'static str,
    },
    /// A method that is never served.
    #[error("route {route} names the method {method}, which is never served")]
    Method { route: String, method: String },
    /// The route names a Basic module that is not there.
    #[error("route {route} names the basic module {module:?}, which does not exist")]
    NoModule { route: String, module: String },
    /// An upstream that cannot be spoken to.
    #[error("route {route}: upstream {upstream} {problem}")]
    Upstream {
        route: String,
        upstream: String,
        /// Why.
        problem: &'static str,
    },
    /// A local target that a route cannot lead to like this.
    #[error("route {route}: builtin:{name} {problem}")]
    Local {
        route: String,
        /// Its name.
        name: &'static str,
        /// Why.
        problem: &'static str,
    },
    /// A key set that could not be read.
    #[error("issuer {issuer}: its key set is not acceptable: {error}")]
    Keys {
        issuer: String,
        /// Why.
        error: String,
    },
    /// Two issuers of one name.
    #[error("issuer {0} is there twice")]
    IssuerTwice(String),
    /// An issuer whose tokens for anybody would be accepted, or nobody's.
    #[error("issuer {0} names no {1}: say which of its tokens are for this realm")]
    IssuerOpen(String, &'static str),
    /// An issuer that is a name of one that is not there, or is no name of a login itself.
    #[error(
        "issuer {issuer} shares the subjects of {other}, which is not an external issuer of this realm with subjects of its own"
    )]
    NoSubjects {
        issuer: String,
        /// The other.
        other: String,
    },
    /// Nothing about an opaque token says whose it is.
    #[error("issuer {0} is the second one that is asked about opaque tokens; one can be")]
    IntrospectionTwice(String),
}
