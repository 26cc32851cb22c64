//! A subject with all that gives it authority. Here a statement costs microseconds, so
//! that the parts are read one after the other, over one snapshot.

use super::scope::Scope;
use super::tx::RealmTx;
use super::{api_token, grant, subject, tenant};
use async_trait::async_trait;
use doorward_base::SubjectId;
use doorward_identity::model::{Dossier, TokenDossier};
use doorward_identity::port::{DossierRead, StoreError, TokenKey};

pub(super) fn find(scope: Scope<'_>, id: SubjectId) -> Result<Option<Dossier>, StoreError> {
    let Some(subject) = subject::find(scope, id)? else {
        return Ok(None);
    };
    let memberships = tenant::list_memberships(scope, id)?;
    let member_of: Vec<_> = memberships.into_iter().map(|one| one.tenant).collect();
    let mut tenant_roles = Vec::new();
    for tenant in &member_of {
        let roles = grant::list_roles(scope, tenant)?;
        tenant_roles.extend(roles.into_iter().map(|role| (tenant.clone(), role)));
    }
    // By tenant, whatever the order of the memberships.
    tenant_roles.sort_by(|(one, _), (next, _)| one.cmp(next));
    let epochs = grant::list_epochs_of(scope, id)?;
    Ok(Some(Dossier {
        subject,
        grants: grant::list(scope, id)?,
        member_of,
        tenant_roles,
        epochs: epochs
            .into_iter()
            .map(|(_, tenant, epoch)| (tenant, epoch))
            .collect(),
    }))
}

pub(super) fn find_token(
    scope: Scope<'_>,
    key: &TokenKey,
) -> Result<Option<TokenDossier>, StoreError> {
    let found = match key {
        TokenKey::Id(id) => api_token::find_keyed(scope, *id)?,
        TokenKey::Digests(digests) => {
            let mut found = None;
            for digest in digests {
                found = api_token::find_by_digest(scope, digest)?;
                if found.is_some() {
                    break;
                }
            }
            found
        }
    };
    let Some((token, digest_key)) = found else {
        return Ok(None);
    };
    let owner = find(scope, token.owner)?;
    Ok(owner.map(|owner| TokenDossier {
        token,
        digest_key,
        owner,
    }))
}

#[async_trait]
impl DossierRead for RealmTx<'_> {
    async fn find_dossier(&mut self, subject: SubjectId) -> Result<Option<Dossier>, StoreError> {
        self.with(|scope| find(scope, subject))
    }

    async fn find_token_dossier(
        &mut self,
        key: &TokenKey,
    ) -> Result<Option<TokenDossier>, StoreError> {
        self.with(|scope| find_token(scope, key))
    }
}
