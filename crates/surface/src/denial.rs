//! Why a request was refused, kept for a while so that somebody can ask. Never a
//! secret: credentials appear by class and id.

use doorward_base::{ErrorCode, RealmName, RequestId, TenantId, Timestamp};
use serde::Serialize;
use serde_json::Value;

/// The trace of one denial.
#[derive(Clone, Debug)]
pub struct Denial {
    /// Which request.
    pub request: RequestId,
    /// When.
    pub at: Timestamp,
    /// In which realm.
    pub realm: RealmName,
    /// The stable code that was answered.
    pub code: ErrorCode,
    /// The stage that refused: `guard`, `route`, `verify`, `limit`, `decide`, or a
    /// local target's name.
    pub stage: &'static str,
    /// The check that failed, for example `signature`, `expired`, `scope`.
    pub check: &'static str,
    /// The request's method.
    pub method: String,
    /// The request's normalised path, at most 1 KiB, without its query.
    pub path: String,
    /// The pattern of the route that matched.
    pub route: Option<String>,
    /// The caller's tenant, which may read this trace.
    pub tenant: Option<TenantId>,
    /// The caller's `sub`.
    pub subject: Option<String>,
    /// The credential's class, for example `jwt`, `access` or `basic`.
    pub credential: Option<String>,
    /// The credential's id (API token id, session id), never its text.
    pub credential_id: Option<String>,
    /// The token's issuer.
    pub issuer: Option<String>,
    /// The id of the key that the token names.
    pub key: Option<String>,
    /// What was required.
    pub required: Vec<String>,
    /// What was held.
    pub held: Vec<String>,
    /// The claims that what was held was read from, of a token that another issuer signed.
    pub read: Vec<String>,
    /// The smallest change that would let it through, where one is known.
    pub cure: Option<&'static str>,
}

/// How a trace is written in answers (`/admin/v1/denials`, `explain --json`).
impl Serialize for Denial {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serde_json::Map::new();
        let mut put = |name: &str, value: Value| drop(out.insert(name.to_owned(), value));
        put("request_id", self.request.to_string().into());
        put("at", self.at.to_string().into());
        put("realm", self.realm.to_string().into());
        put("code", self.code.as_str().into());
        put("status", self.code.status().into());
        put("stage", self.stage.into());
        put("check", self.check.into());
        put("method", self.method.clone().into());
        put("path", self.path.clone().into());
        put("route", self.route.clone().into());
        put(
            "tenant",
            self.tenant.as_ref().map(ToString::to_string).into(),
        );
        put("subject", self.subject.clone().into());
        put("credential", self.credential.clone().into());
        put("credential_id", self.credential_id.clone().into());
        put("issuer", self.issuer.clone().into());
        put("key", self.key.clone().into());
        put("required", self.required.clone().into());
        put("held", self.held.clone().into());
        put("read", self.read.clone().into());
        put("cure", self.cure.into());
        out.serialize(serializer)
    }
}

/// Reads recent denials back.
pub trait DenialLog: Send + Sync {
    /// The trace of a request, if it is still kept.
    fn find(&self, realm: &RealmName, request: RequestId) -> Option<Denial>;
    /// Recent traces, newest first; of one tenant, or of all for `None`.
    fn list(&self, realm: &RealmName, tenant: Option<&TenantId>, limit: usize) -> Vec<Denial>;
}
