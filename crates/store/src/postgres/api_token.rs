//! API tokens and the digests they are found by.

use super::scope::{Id, Scope, Target, Trouble, start};
use super::tx::RealmTx;
use super::tx::{reading, writing};
use crate::row::api_token::{Keyed, RetiringRow, StateRow, TABLE, TokenRow, columns};
use crate::row::bounded;
use crate::row::ceiling::CeilingRow;
use async_trait::async_trait;
use doorward_base::secret::TokenDigest;
use doorward_base::{ApiTokenId, ClassName, SubjectId, TenantId, Timestamp};
use doorward_identity::model::{ApiToken, NewApiToken, TokenState};
use doorward_identity::port::{Page, StoreError, TokenFilter, TokenRead, TokenWrite};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, class, kind, owner, tenant, roles, permissions, audiences, environment, \
             name, state, state_at, created_at, created_by, expires_at, last_used_at, \
             digest_key, replaces FROM api_token WHERE realm = $1 ",
            $rest
        )
    };
}

pub(super) async fn find(scope: Scope<'_>, id: ApiTokenId) -> Result<Option<ApiToken>, Trouble> {
    let found = scope
        .find::<TokenRow, Keyed>(select!("AND id = $2"), &[&Id::from(id)])
        .await?;
    Ok(found.map(|(token, _)| token))
}

pub(super) async fn list_states(
    scope: Scope<'_>,
    ids: &[ApiTokenId],
) -> Result<Vec<(ApiTokenId, TokenState)>, Trouble> {
    let ids: Vec<Id> = ids.iter().copied().map(Id::from).collect();
    scope
        .list::<StateRow, _>(
            "SELECT id, state, state_at FROM api_token \
             WHERE realm = $1 AND id = ANY($2) ORDER BY id",
            &[&ids],
        )
        .await
}

pub(super) async fn find_by_digest(
    scope: Scope<'_>,
    digest: &TokenDigest,
) -> Result<Option<Keyed>, Trouble> {
    scope
        .find::<TokenRow, _>(select!("AND digest = $2"), &[&digest.as_bytes().as_slice()])
        .await
}

pub(super) async fn list(
    scope: Scope<'_>,
    filter: TokenFilter,
    page: Page<ApiTokenId>,
) -> Result<Vec<ApiToken>, Trouble> {
    let (from, whole) = start(page.after);
    let limit = i64::from(page.limit);
    let found: Vec<Keyed> = match filter {
        TokenFilter::All => {
            let sql =
                select!("AND realm > 0 AND id >= $2 AND ($3 OR id > $2) ORDER BY id LIMIT $4");
            scope
                .list::<TokenRow, _>(sql, &[&from, &whole, &limit])
                .await?
        }
        TokenFilter::Owner(owner) => {
            let sql = select!(
                "AND owner = $2 AND kind <> '' AND id >= $3 AND ($4 OR id > $3) \
                 ORDER BY id LIMIT $5"
            );
            scope
                .list::<TokenRow, _>(sql, &[&Id::from(owner), &from, &whole, &limit])
                .await?
        }
    };
    Ok(found.into_iter().map(|(token, _)| token).collect())
}

pub(super) async fn count_active(
    scope: Scope<'_>,
    owner: SubjectId,
    class: &ClassName,
    now: Timestamp,
) -> Result<u32, Trouble> {
    let counted: Vec<i64> = scope
        .column(
            TABLE,
            "SELECT count(*) FROM api_token WHERE realm = $1 AND owner = $2 AND class = $3 \
             AND state = 'active' AND (expires_at IS NULL OR expires_at > $4)",
            &[&Id::from(owner), &class.as_str(), &now.as_micros()],
        )
        .await?;
    // More than fit count as many as fit: a limit is below that.
    let count = counted.first().copied().unwrap_or(0);
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

pub(super) async fn list_revoked_since(
    scope: Scope<'_>,
    since: Timestamp,
) -> Result<Vec<ApiTokenId>, Trouble> {
    scope
        .column(
            TABLE,
            "SELECT id FROM api_token WHERE realm = $1 AND state = 'revoked' AND state_at >= $2",
            &[&since.as_micros()],
        )
        .await
        .map(ids)
}

pub(super) async fn list_retiring(
    scope: Scope<'_>,
    since: Timestamp,
) -> Result<Vec<(ApiTokenId, Timestamp)>, Trouble> {
    scope
        .list::<RetiringRow, _>(
            "SELECT id, state_at FROM api_token \
             WHERE realm = $1 AND state = 'retiring' AND state_at >= $2 ORDER BY id",
            &[&since.as_micros()],
        )
        .await
}

pub(super) async fn insert(scope: Scope<'_>, new: &NewApiToken) -> Result<(), Trouble> {
    let token = &new.token;
    let ceiling = CeilingRow::of(&token.ceiling);
    let (state, state_at) = columns(token.state);
    scope
        .insert_one(
            target(&token.id),
            "INSERT INTO api_token (realm, id, class, kind, owner, tenant, roles, permissions, \
             audiences, environment, name, state, state_at, created_at, created_by, expires_at, \
             last_used_at, digest, digest_key, replaces) VALUES ($1, $2, $3, $4, $5, $6, $7, \
             $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) \
             ON CONFLICT DO NOTHING",
            &[
                &Id::from(token.id),
                &token.class.as_str(),
                &token.kind.as_str(),
                &Id::from(token.owner),
                &ceiling.tenant,
                &ceiling.roles,
                &ceiling.permissions,
                &ceiling.audiences,
                &ceiling.environment,
                &token.name,
                &state,
                &state_at,
                &token.created_at.as_micros(),
                &token.created_by.map(Id::from),
                &token.expires_at.map(Timestamp::as_micros),
                &token.last_used_at.map(Timestamp::as_micros),
                &new.digest.as_bytes().as_slice(),
                &new.digest_key,
                &token.replaces.map(Id::from),
            ],
        )
        .await
}

/// A revoked token is revoked for good: the statement does not find it.
pub(super) async fn set_state(
    scope: Scope<'_>,
    id: ApiTokenId,
    state: TokenState,
) -> Result<(), Trouble> {
    let (state, state_at) = columns(state);
    scope
        .write_one(
            target(&id),
            "UPDATE api_token SET state = $3, state_at = $4 \
             WHERE realm = $1 AND id = $2 AND state <> 'revoked'",
            &[&Id::from(id), &state, &state_at],
        )
        .await
}

pub(super) async fn rekey(
    scope: Scope<'_>,
    id: ApiTokenId,
    digest: &TokenDigest,
    digest_key: &str,
) -> Result<(), Trouble> {
    scope
        .write_one(
            target(&id),
            "UPDATE api_token SET digest = $3, digest_key = $4 WHERE realm = $1 AND id = $2",
            &[&Id::from(id), &digest.as_bytes().as_slice(), &digest_key],
        )
        .await
}

/// Expired ones are revoked too: a clock that is set back must not revive them.
pub(super) async fn revoke_of(
    scope: Scope<'_>,
    owner: SubjectId,
    tenant: Option<&TenantId>,
    at: Timestamp,
) -> Result<Vec<ApiTokenId>, Trouble> {
    scope
        .column(
            TABLE,
            "UPDATE api_token SET state = 'revoked', state_at = $4 \
             WHERE realm = $1 AND owner = $2 AND kind <> '' \
             AND ($3::text IS NULL OR tenant = $3) AND state <> 'revoked' RETURNING id",
            &[
                &Id::from(owner),
                &tenant.map(TenantId::as_str),
                &at.as_micros(),
            ],
        )
        .await
        .map(ids)
}

/// Ids that are not there any more are passed over: uses are gathered in memory and
/// written later. Of several uses of a token the latest counts. All rows are locked before
/// the first is written, and by id, so that nodes that write at once do not wait for each
/// other in a circle. The second comparison with `$2` leaves no plan that reads a realm.
pub(super) async fn touch(
    scope: Scope<'_>,
    uses: &[(ApiTokenId, Timestamp)],
) -> Result<(), Trouble> {
    let (ids, times): (Vec<Id>, Vec<i64>) = uses
        .iter()
        .map(|(id, at)| (Id::from(*id), at.as_micros()))
        .unzip();
    let target = Target {
        table: TABLE,
        row: &"the tokens used",
        unique: "the API token",
    };
    scope
        .write(
            target,
            "WITH held AS MATERIALIZED (SELECT id FROM api_token \
                 WHERE realm = $1 AND id = ANY($2) ORDER BY id FOR NO KEY UPDATE) \
             UPDATE api_token SET last_used_at = used.at \
             FROM (SELECT id, max(at) AS at FROM unnest($2::uuid[], $3::int8[]) AS each (id, at) \
                 GROUP BY id) AS used \
             WHERE (SELECT count(*) FROM held) > 0 AND api_token.realm = $1 \
             AND api_token.id = used.id AND api_token.id = ANY($2) \
             AND (api_token.last_used_at IS NULL OR api_token.last_used_at < used.at)",
            &[&ids, &times],
        )
        .await
        .map(drop)
}

fn ids(found: Vec<Id>) -> Vec<ApiTokenId> {
    let mut ids: Vec<_> = found
        .into_iter()
        .map(|Id(id)| ApiTokenId::from_bytes(id))
        .collect();
    ids.sort_unstable();
    ids
}

const fn target(id: &ApiTokenId) -> Target<'_> {
    Target {
        table: TABLE,
        row: id,
        unique: "the API token",
    }
}

#[async_trait]
impl TokenRead for RealmTx {
    async fn find_api_token(&mut self, id: ApiTokenId) -> Result<Option<ApiToken>, StoreError> {
        reading!(self, find(id))
    }

    async fn find_api_token_by_digest(
        &mut self,
        digest: &TokenDigest,
    ) -> Result<Option<(ApiToken, String)>, StoreError> {
        reading!(self, find_by_digest(digest))
    }

    async fn list_api_tokens(
        &mut self,
        filter: TokenFilter,
        page: Page<ApiTokenId>,
    ) -> Result<Vec<ApiToken>, StoreError> {
        reading!(self, list(filter, bounded(page)))
    }

    async fn count_active_tokens(
        &mut self,
        owner: SubjectId,
        class: &ClassName,
        now: Timestamp,
    ) -> Result<u32, StoreError> {
        reading!(self, count_active(owner, class, now))
    }

    async fn list_token_states(
        &mut self,
        ids: &[ApiTokenId],
    ) -> Result<Vec<(ApiTokenId, TokenState)>, StoreError> {
        reading!(self, list_states(ids))
    }

    async fn list_retiring(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<(ApiTokenId, Timestamp)>, StoreError> {
        reading!(self, list_retiring(since))
    }

    async fn list_revoked_tokens(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<ApiTokenId>, StoreError> {
        reading!(self, list_revoked_since(since))
    }
}

#[async_trait]
impl TokenWrite for RealmTx {
    async fn insert_api_token(&mut self, token: &NewApiToken) -> Result<(), StoreError> {
        writing!(self, insert(token))
    }

    async fn set_api_token_state(
        &mut self,
        id: ApiTokenId,
        state: TokenState,
    ) -> Result<(), StoreError> {
        writing!(self, set_state(id, state))
    }

    async fn rekey_api_token(
        &mut self,
        id: ApiTokenId,
        digest: &TokenDigest,
        digest_key: &str,
    ) -> Result<(), StoreError> {
        writing!(self, rekey(id, digest, digest_key))
    }

    async fn revoke_api_tokens_of(
        &mut self,
        owner: SubjectId,
        tenant: Option<&TenantId>,
        at: Timestamp,
    ) -> Result<Vec<ApiTokenId>, StoreError> {
        writing!(self, revoke_of(owner, tenant, at))
    }

    async fn touch_api_tokens(
        &mut self,
        uses: &[(ApiTokenId, Timestamp)],
    ) -> Result<(), StoreError> {
        writing!(self, touch(uses))
    }
}
