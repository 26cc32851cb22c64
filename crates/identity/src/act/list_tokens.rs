//! Lists API tokens: one's own, or those within reach. Never a secret; there is none.

use super::caller::load_manager;
use super::create_token::{OwnerRef, find_owner};
use super::facts::load_member_of;
use super::work::{Failure, Query, Stop};
use super::{Caller, Context, Realm};
use crate::decide::manage::{ManagementCaller, ManagementPermission, Reach};
use crate::decide::refusal::{ManageRefusal, TokenRefusal};
use crate::model::ApiToken;
use crate::port::{Extent, Page, Read, StoreError, TokenFilter};
use async_trait::async_trait;
use doorward_base::{ApiTokenId, SubjectId, Timestamp};
use std::sync::Arc;

/// A page of tokens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenPage {
    /// The tokens, by id.
    pub tokens: Vec<ApiToken>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<ApiTokenId>,
}

/// Lists API tokens, of one owner or of all within reach. One's own need nothing;
/// others' need `platform.users.read` or
/// `platform.users.service-accounts.access-tokens.edit`.
///
/// # Errors
/// [`Failure`] with a [`TokenRefusal`].
pub async fn list_tokens(
    ctx: Context<'_>,
    caller: &Caller,
    owner: Option<OwnerRef>,
    page: Page<ApiTokenId>,
) -> Result<TokenPage, Failure<TokenRefusal>> {
    ctx.query(List {
        realm: ctx.realm(),
        now: ctx.call.now,
        caller: caller.clone(),
        owner,
        page,
    })
    .await
}

struct List {
    realm: Arc<Realm>,
    now: Timestamp,
    caller: Caller,
    owner: Option<OwnerRef>,
    page: Page<ApiTokenId>,
}

#[async_trait]
impl Query for List {
    type Done = TokenPage;
    type Refusal = TokenRefusal;
    const EXTENT: Extent = Extent::Listing;

    async fn run(&self, tx: &mut dyn Read) -> Result<TokenPage, Stop<TokenRefusal>> {
        let manager = load_manager(tx, &self.realm.settings, &self.caller, self.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        manager.demand_session().map_err(TokenRefusal::from)?;
        let owner = match &self.owner {
            Some(owner) => {
                let reach = reading_reach(&manager).ok();
                let found = find_owner(tx, &manager, reach.as_ref(), owner).await;
                let found = found.map_err(Stop::widen)?.map(|subject| subject.id);
                match found {
                    Some(id) if manager.subject() == Some(id) => {
                        let filter = TokenFilter::Owner(id);
                        return Ok(self.page_of(tx.list_api_tokens(filter, self.page).await?));
                    }
                    Some(id) => Some(id),
                    None => {
                        reading_reach(&manager)?;
                        return Err(TokenRefusal::from(ManageRefusal::NotFound("owner")).into());
                    }
                }
            }
            None => None,
        };
        let reach = reading_reach(&manager)?;
        if let Some(id) = owner
            && !reach.covers_member(&load_member_of(tx, id).await?)
        {
            return Err(TokenRefusal::from(ManageRefusal::NotFound("owner")).into());
        }
        Ok(self.page_of(self.within(tx, owner, reach).await?))
    }
}

impl List {
    /// What is within reach. A tenant's are those bound to it: the rest of a member's
    /// tokens are no matter of its.
    async fn within(
        &self,
        tx: &mut dyn Read,
        owner: Option<SubjectId>,
        reach: Reach,
    ) -> Result<Vec<ApiToken>, StoreError> {
        let tenants = match (reach, owner) {
            (Reach::Realm, None) => return tx.list_api_tokens(TokenFilter::All, self.page).await,
            (Reach::Realm, Some(owner)) => {
                let filter = TokenFilter::Owner(owner);
                return tx.list_api_tokens(filter, self.page).await;
            }
            (Reach::Tenants(tenants), _) => tenants,
        };
        let mut rows = Vec::new();
        for tenant in tenants {
            let filter = match owner {
                Some(owner) => TokenFilter::OwnerIn(owner, tenant),
                None => TokenFilter::Tenant(tenant),
            };
            rows.extend(tx.list_api_tokens(filter, self.page).await?);
        }
        rows.sort_unstable_by_key(|token| token.id);
        rows.truncate(usize::try_from(self.page.limit).unwrap_or(usize::MAX));
        Ok(rows)
    }

    /// The cursor is of what is listed: it names nothing out of reach.
    fn page_of(&self, rows: Vec<ApiToken>) -> TokenPage {
        let full = u32::try_from(rows.len()).is_ok_and(|count| count >= self.page.limit);
        let next = rows.last().map(|token| token.id).filter(|_| full);
        TokenPage { tokens: rows, next }
    }
}

fn reading_reach(manager: &ManagementCaller) -> Result<Reach, ManageRefusal> {
    let read = ManagementPermission::UsersRead.as_str();
    let edit = ManagementPermission::AccessTokensEdit.as_str();
    manager.reach_of_any(&[read, edit], read)
}
