//! Tenants and memberships.

use super::Place;
use doorward_base::{MembershipId, SubjectId, TenantId, Timestamp};
use doorward_identity::model::{Membership, Tenant};
use doorward_identity::port::StoreError;

/// The table of tenants.
pub(crate) const TENANT: &str = "tenant";
/// The table of memberships.
pub(crate) const MEMBERSHIP: &str = "membership";

/// A tenant.
pub(crate) struct TenantRow {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) created_at: i64,
}

impl TryFrom<TenantRow> for Tenant {
    type Error = StoreError;

    fn try_from(row: TenantRow) -> Result<Self, StoreError> {
        let place = Place {
            table: TENANT,
            row: &row.id,
        };
        Ok(Self {
            id: place.parse("id", &row.id)?,
            name: row.name,
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
}

/// A membership.
pub(crate) struct MembershipRow {
    pub(crate) id: [u8; 16],
    pub(crate) subject: [u8; 16],
    pub(crate) tenant: String,
    pub(crate) created_at: i64,
}

impl TryFrom<MembershipRow> for Membership {
    type Error = StoreError;

    fn try_from(row: MembershipRow) -> Result<Self, StoreError> {
        let id = MembershipId::from_bytes(row.id);
        let place = Place {
            table: MEMBERSHIP,
            row: &id,
        };
        Ok(Self {
            id,
            subject: SubjectId::from_bytes(row.subject),
            tenant: place.parse("tenant", &row.tenant)?,
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
}

/// The ids of tenants.
pub(crate) fn ids(texts: &[String]) -> Result<Vec<TenantId>, StoreError> {
    let parse = |text: &String| {
        let place = Place {
            table: TENANT,
            row: text,
        };
        place.parse("id", text)
    };
    texts.iter().map(parse).collect()
}
