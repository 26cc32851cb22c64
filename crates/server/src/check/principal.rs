//! The caller of an assertion, as verification would have found it.

use crate::config::expect::ExpectPrincipal;
use crate::config::text::{Text, sorted};
use doorward_base::principal::{CredentialId, Epoch, PrincipalParts};
use doorward_base::{ApiTokenId, Principal, SessionId, SubjectId, SubjectKind, Timestamp};
use doorward_gate::policy::spec::{CredentialKind, RealmSpec};
use doorward_surface::setting::Word;
use std::sync::Arc;

/// The kind of credential that is presented; it does not matter when nobody calls.
pub(super) fn credential(caller: Option<&ExpectPrincipal>) -> CredentialKind {
    caller.map_or(CredentialKind::Jwt, |caller| caller.credential.0)
}

pub(super) fn build(caller: &ExpectPrincipal, spec: &RealmSpec) -> Arc<Principal> {
    let kind = caller.kind.map_or(SubjectKind::User, |Word(kind)| kind);
    let ours = kind != SubjectKind::External;
    // The first issuer is the realm's own.
    let issuer = spec.issuers.get(usize::from(!ours));
    let credential = match (ours, caller.credential.0) {
        (false, _) => CredentialId::Foreign,
        (true, CredentialKind::Jwt) => CredentialId::Session(SessionId::from_bytes([0; 16])),
        (true, _) => CredentialId::ApiToken(ApiTokenId::from_bytes([0; 16])),
    };
    Arc::new(Principal::new(PrincipalParts {
        sub: Arc::from(caller.sub.as_deref().unwrap_or("someone")),
        subject: ours.then(|| SubjectId::from_bytes([0; 16])),
        kind,
        tenant: caller.tenant.as_ref().map(|Text(tenant)| tenant.clone()),
        permissions: sorted(&caller.permissions),
        roles: sorted(&caller.roles),
        role: caller.role.as_ref().map(|Text(role)| role.clone()),
        scopes: sorted(&caller.scopes),
        lost_role: None,
        crosses: true,
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
    }))
}
