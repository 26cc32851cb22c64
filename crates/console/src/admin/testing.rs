//! A denial log for the tests of this surface.

use doorward_base::{ErrorCode, RealmName, RequestId, TenantId, Timestamp};
use doorward_surface::{Denial, DenialLog};

/// A log that keeps these, oldest first.
pub(super) struct Kept(pub(super) Vec<Denial>);

impl DenialLog for Kept {
    fn find(&self, realm: &RealmName, request: RequestId) -> Option<Denial> {
        let mut kept = self.0.iter();
        kept.find(|denial| denial.realm == *realm && denial.request == request)
            .cloned()
    }

    fn list(&self, realm: &RealmName, tenant: Option<&TenantId>, limit: usize) -> Vec<Denial> {
        let kept = self.0.iter().rev();
        kept.filter(|denial| denial.realm == *realm)
            .filter(|denial| tenant.is_none() || denial.tenant.as_ref() == tenant)
            .take(limit)
            .cloned()
            .collect()
    }
}

/// A denial at a second, of a tenant.
pub(super) fn denial(second: u8, tenant: Option<&str>) -> Denial {
    Denial {
        request: RequestId::from_bytes([second; 16]),
        at: Timestamp::from_seconds(i64::from(second)),
        realm: RealmName::new("demo").unwrap(),
        code: ErrorCode::InsufficientScope,
        stage: "decide",
        check: "scope",
        method: "GET".to_owned(),
        path: "/".to_owned(),
        route: None,
        tenant: tenant.map(|name| TenantId::new(name).unwrap()),
        subject: None,
        credential: None,
        credential_id: None,
        issuer: None,
        key: None,
        required: Vec::new(),
        read: Vec::new(),
        cure: None,
        held: Vec::new(),
    }
}
