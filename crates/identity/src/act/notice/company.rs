//! A tenant, and who of it is told of its tokens. Not here: what they are told (`text`).

use crate::act::facts::load_owned;
use crate::act::{Identity, Realm};
use crate::decide::authority::held;
use crate::decide::notice;
use crate::model::{Identifier, Subject, Tenant};
use crate::port::{Extent, Page, Read, StoreError};
use doorward_base::{Email, SubjectId, TenantId, Timestamp};
use std::sync::Arc;

/// The most that are told.
const RECIPIENTS: usize = 20;
/// Members that are looked at together.
const PAGE: u32 = 500;
/// The most pages: who administers a tenant was mostly there early.
const PAGES: u32 = 20;

/// A tenant that is there.
pub(super) struct Company {
    pub(super) tenant: Tenant,
    /// Those who may replace or end its tokens, the oldest members first.
    pub(super) recipients: Vec<(SubjectId, Email)>,
}

impl Company {
    /// The tenant, if it is there; with whom to write to, if mail is sent.
    pub(super) async fn load(
        identity: &Identity,
        realm: &Arc<Realm>,
        tenant: Option<TenantId>,
        by_mail: bool,
        now: Timestamp,
    ) -> Result<Option<Self>, StoreError> {
        let Some(id) = tenant else { return Ok(None) };
        let of = Arc::clone(realm);
        let loaded = identity
            .store
            .read_as(realm.id, Extent::Listing, move |tx| {
                let (id, of) = (id.clone(), Arc::clone(&of));
                Box::pin(async move {
                    let Some(tenant) = tx.find_tenant(&id).await? else {
                        return Ok(None);
                    };
                    let recipients = if by_mail {
                        recipients(tx, &of, &id, now).await?
                    } else {
                        Vec::new()
                    };
                    Ok(Some(Self { tenant, recipients }))
                })
            });
        loaded.await
    }
}

async fn recipients(
    tx: &mut dyn Read,
    realm: &Realm,
    tenant: &TenantId,
    now: Timestamp,
) -> Result<Vec<(SubjectId, Email)>, StoreError> {
    let settings = &realm.settings;
    let tenant_roles = tx.list_tenant_roles(tenant).await?;
    let (mut found, mut after) = (Vec::new(), None);
    for _ in 0..PAGES {
        let page = Page { after, limit: PAGE };
        let members = tx.list_tenant_memberships(tenant, page).await?;
        for member in &members {
            // Most members hold nothing that counts here.
            if tx.list_grants(member.subject).await?.is_empty() {
                continue;
            }
            let mut owned = load_owned(tx, member.subject).await?;
            owned.tenant_roles.clone_from(&tenant_roles);
            let held = held(&owned.holdings(settings), Some(tenant), None);
            if !notice::is_told(&held, &settings.classes) {
                continue;
            }
            let subject = tx.find_subject(member.subject).await?;
            let subject = subject.filter(|one| one.status.allows(now));
            if let Some(address) = subject.as_ref().and_then(|one| address(one, tenant)) {
                found.push((member.subject, address.clone()));
            }
            if found.len() >= RECIPIENTS {
                return Ok(found);
            }
        }
        after = members.last().map(|member| member.id);
        if members.len() < PAGE as usize {
            break;
        }
    }
    Ok(found)
}

/// Where somebody is written to about a tenant: an address that is known to be his, or one
/// that the tenant itself answers for.
fn address<'s>(subject: &'s Subject, tenant: &TenantId) -> Option<&'s Email> {
    let identifier = &subject.identifier;
    if !matches!(identifier, Identifier::User(_)) {
        return None;
    }
    let own = identifier.proven_email();
    own.or_else(|| {
        identifier
            .email()
            .filter(|_| identifier.home() == Some(tenant))
    })
}
