//! What a member's going would end: what its tokens open in the tenant, and what it made there
//! that stays. Asked before the membership is ended; nothing is changed.

use super::caller::load_manager;
use super::membership::leaves;
use super::work::{Failure, Query, Stop};
use super::{Caller, Context, Realm};
use crate::decide::issue::{Ask, Bearer, hold};
use crate::decide::manage::Leaver;
use crate::decide::refusal::ManageRefusal;
use crate::model::{ApiToken, Dossier};
use crate::port::{Extent, Page, Read, TokenFilter};
use crate::settings::{DefaultScopes, UnknownScope};
use async_trait::async_trait;
use doorward_base::{ApiTokenId, Permission, SubjectId, TenantId, Timestamp};
use std::sync::Arc;

/// The most tokens of each kind that are told of.
const MOST: u32 = 1000;

/// What a member's going would end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leaving {
    /// Its own live tokens in the tenant, with what each opens now: they end.
    pub ends: Vec<(ApiToken, Vec<Permission>)>,
    /// Live tokens that it made there for others, such as the tenant's keys: they stay.
    pub stays: Vec<ApiToken>,
}

/// What ending a membership would end. Needs what ending it needs, from a session.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn foresee_leaving(
    ctx: Context<'_>,
    caller: &Caller,
    subject: SubjectId,
    tenant: TenantId,
) -> Result<Leaving, Failure<ManageRefusal>> {
    ctx.query(Foresee {
        realm: ctx.realm(),
        now: ctx.call.now,
        caller: caller.clone(),
        subject,
        tenant,
    })
    .await
}

struct Foresee {
    realm: Arc<Realm>,
    now: Timestamp,
    caller: Caller,
    subject: SubjectId,
    tenant: TenantId,
}

#[async_trait]
impl Query for Foresee {
    type Done = Leaving;
    type Refusal = ManageRefusal;
    const EXTENT: Extent = Extent::Listing;

    async fn run(&self, tx: &mut dyn Read) -> Result<Leaving, Stop<ManageRefusal>> {
        let manager = load_manager(tx, &self.realm.settings, &self.caller, self.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        manager.demand_session()?;
        leaves(tx, &manager, Leaver::Other, self.subject, &self.tenant).await?;
        let dossier = tx.find_dossier(self.subject).await?;
        let dossier = dossier.ok_or(ManageRefusal::NotFound("membership"))?;
        let own = TokenFilter::OwnerIn(self.subject, self.tenant.clone());
        let ends = self.live(tx, own).await?;
        let made = TokenFilter::MakerIn(self.subject, self.tenant.clone());
        let mut stays = self.live(tx, made).await?;
        stays.retain(|token| token.owner != self.subject);
        let ends = ends.into_iter().map(|token| {
            let opens = self.opens(&dossier, &token);
            (token, opens)
        });
        Ok(Leaving {
            ends: ends.collect(),
            stays,
        })
    }
}

impl Foresee {
    /// The first of these that work.
    async fn live(
        &self,
        tx: &mut dyn Read,
        filter: TokenFilter,
    ) -> Result<Vec<ApiToken>, Stop<ManageRefusal>> {
        let (mut live, mut after): (Vec<ApiToken>, Option<ApiTokenId>) = (Vec::new(), None);
        loop {
            let page = Page { after, limit: MOST };
            let found = tx.list_api_tokens(filter.clone(), page).await?;
            after = found.last().map(|token| token.id);
            let is_last = found.len() < MOST as usize;
            live.extend(found.into_iter().filter(|token| token.is_live(self.now)));
            if is_last || live.len() >= MOST as usize {
                live.truncate(MOST as usize);
                return Ok(live);
            }
        }
    }

    /// What a token opens now; nothing, if it opens nothing at all.
    fn opens(&self, dossier: &Dossier, token: &ApiToken) -> Vec<Permission> {
        let ask = Ask {
            unknown_scope: UnknownScope::Refuse,
            default_scopes: DefaultScopes::All,
            ..Ask::plain(&self.realm.settings, self.now)
        };
        let held = hold(dossier, Bearer::Token(token), &ask);
        held.map_or(Vec::new(), |held| held.authority.permissions().to_vec())
    }
}
