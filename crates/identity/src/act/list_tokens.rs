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

/// Which tokens to list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TokensOf {
    /// Those of an owner.
    Owner(OwnerRef),
    /// Those that somebody made, for itself or for others: they outlive it where they are
    /// others'.
    Maker(OwnerRef),
}

/// Lists API tokens: of one owner, made by one, or all within reach. One's own need
/// nothing; others' need `platform.users.read` or
/// `platform.users.service-accounts.access-tokens.edit`.
///
/// # Errors
/// [`Failure`] with a [`TokenRefusal`].
pub async fn list_tokens(
    ctx: Context<'_>,
    caller: &Caller,
    which: Option<TokensOf>,
    page: Page<ApiTokenId>,
) -> Result<TokenPage, Failure<TokenRefusal>> {
    ctx.query(List {
        realm: ctx.realm(),
        now: ctx.call.now,
        caller: caller.clone(),
        which,
        page,
    })
    .await
}

struct List {
    realm: Arc<Realm>,
    now: Timestamp,
    caller: Caller,
    which: Option<TokensOf>,
    page: Page<ApiTokenId>,
}

/// The same, found.
#[derive(Clone, Copy)]
enum Found {
    All,
    Owner(SubjectId),
    Maker(SubjectId),
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
        let found = match &self.which {
            None => Found::All,
            Some(TokensOf::Owner(owner)) => {
                let reach = reading_reach(&manager);
                let owner = find_owner(tx, &manager, reach.as_ref().ok(), owner).await;
                let owner = owner.map_err(Stop::widen)?.map(|subject| subject.id);
                if let Some(id) = owner
                    && manager.subject() == Some(id)
                {
                    let filter = TokenFilter::Owner(id);
                    return Ok(self.page_of(tx.list_api_tokens(filter, self.page).await?));
                }
                let missing = || TokenRefusal::from(ManageRefusal::NotFound("owner"));
                let reach = reach?;
                let id = owner.ok_or_else(missing)?;
                if !reach.covers_member(&load_member_of(tx, id).await?) {
                    return Err(missing().into());
                }
                Found::Owner(id)
            }
            Some(TokensOf::Maker(maker)) => {
                let reach = reading_reach(&manager)?;
                match (find_maker(tx, &manager, &reach, maker).await?, reach) {
                    (Some(id), _) => Found::Maker(id),
                    (None, Reach::Realm) => {
                        let missing = ManageRefusal::NotFound("maker");
                        return Err(TokenRefusal::from(missing).into());
                    }
                    // Whether there is such an address is no tenant's to know.
                    (None, Reach::Tenants(_)) => return Ok(self.page_of(Vec::new())),
                }
            }
        };
        let reach = reading_reach(&manager)?;
        Ok(self.page_of(self.within(tx, found, reach).await?))
    }
}

/// Whoever made tokens. An id is one also when its account is deleted, and its tokens for
/// others are there.
async fn find_maker(
    tx: &mut dyn Read,
    manager: &ManagementCaller,
    reach: &Reach,
    maker: &OwnerRef,
) -> Result<Option<SubjectId>, Stop<TokenRefusal>> {
    if let OwnerRef::Subject(id) = maker {
        return Ok(Some(*id));
    }
    let found = find_owner(tx, manager, Some(reach), maker).await;
    Ok(found.map_err(Stop::widen)?.map(|subject| subject.id))
}

impl List {
    /// What is within reach. A tenant's are those bound to it: the rest of a member's
    /// tokens are no matter of its.
    async fn within(
        &self,
        tx: &mut dyn Read,
        found: Found,
        reach: Reach,
    ) -> Result<Vec<ApiToken>, StoreError> {
        let tenants = match reach {
            Reach::Realm => {
                let filter = match found {
                    Found::All => TokenFilter::All,
                    Found::Owner(owner) => TokenFilter::Owner(owner),
                    Found::Maker(maker) => TokenFilter::Maker(maker),
                };
                return tx.list_api_tokens(filter, self.page).await;
            }
            Reach::Tenants(tenants) => tenants,
        };
        let mut rows = Vec::new();
        for tenant in tenants {
            let filter = match found {
                Found::All => TokenFilter::Tenant(tenant),
                Found::Owner(owner) => TokenFilter::OwnerIn(owner, tenant),
                Found::Maker(maker) => TokenFilter::MakerIn(maker, tenant),
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
