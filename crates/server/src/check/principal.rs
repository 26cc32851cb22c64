//! The caller of an assertion, as verification would have found it.

use crate::config::expect::{ExpectPrincipal, Kind};
use crate::config::route::Credential;
use crate::config::text::{Text, sorted};
use doorward_base::principal::{CredentialId, Epoch};
use doorward_base::{ApiTokenId, Principal, SessionId, SubjectId, SubjectKind, Timestamp};
use doorward_gate::policy::spec::{CredentialKind, RealmSpec};
use std::sync::Arc;

/// The kind of credential that is presented; it does not matter when nobody calls.
pub(super) fn credential(caller: Option<&ExpectPrincipal>) -> CredentialKind {
    match caller.map(|caller| caller.credential) {
        None | Some(Credential::Jwt) => CredentialKind::Jwt,
        Some(Credential::ApiToken) => CredentialKind::ApiToken,
        Some(Credential::Basic) => CredentialKind::Basic,
    }
}

pub(super) fn build(caller: &ExpectPrincipal, spec: &RealmSpec) -> Arc<Principal> {
    let ours = caller.kind != Kind::External;
    // The first issuer is the realm's own.
    let issuer = spec.issuers.get(usize::from(!ours));
    let credential = match (ours, caller.credential) {
        (false, _) => CredentialId::Foreign,
        (true, Credential::Jwt) => CredentialId::Session(SessionId::from_bytes([0; 16])),
        (true, _) => CredentialId::ApiToken(ApiTokenId::from_bytes([0; 16])),
    };
    Arc::new(Principal {
        sub: Arc::from(caller.sub.as_deref().unwrap_or("someone")),
        subject: ours.then(|| SubjectId::from_bytes([0; 16])),
        kind: match caller.kind {
            Kind::User => SubjectKind::User,
            Kind::Service => SubjectKind::Service,
            Kind::External => SubjectKind::External,
        },
        tenant: caller.tenant.as_ref().map(|Text(tenant)| tenant.clone()),
        permissions: sorted(&caller.permissions),
        roles: sorted(&caller.roles),
        role: caller.role.as_ref().map(|Text(role)| role.clone()),
        scopes: sorted(&caller.scopes),
        credential,
        client: None,
        actors: Vec::new(),
        environment: caller.environment.as_ref().map(|Text(name)| name.clone()),
        issuer: issuer.map_or_else(|| Arc::from(""), |issuer| Arc::clone(&issuer.issuer)),
        audience: issuer
            .map(|issuer| issuer.audiences.clone())
            .unwrap_or_default(),
        expires_at: Timestamp::MAX,
        epoch: Epoch::default(),
        claims: Arc::default(),
    })
}
