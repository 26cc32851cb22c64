//! What the gate decided, for the audit log. Not here: which requests it tells of, and the
//! writing.

use super::served;
use doorward_gate::port::{Access, AccessLog};
use doorward_identity::act::{AccessRequest, Accesses};
use doorward_surface::RealmHandle;
use http::Method;
use std::sync::Arc;

/// Counts them.
pub(crate) struct CountedAccess(pub(crate) Arc<Accesses>);

impl AccessLog for CountedAccess {
    fn note(&self, realm: &RealmHandle, access: &Access<'_>) {
        let Ok(served) = served(realm) else { return };
        let caller = access.principal;
        let request = AccessRequest {
            at: access.now,
            request: access.request,
            peer: access.peer,
            subject: caller.and_then(|caller| caller.subject),
            tenant: caller.and_then(|caller| caller.tenant.clone()),
            name: caller.map(|caller| (Arc::clone(&caller.issuer), Arc::clone(&caller.sub))),
            route: access.route.map(Arc::from),
            method: method(access.method),
            code: access.code,
        };
        self.0.count(served.realm.id, request);
    }
}

/// The methods that are told apart: clients make up others.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
