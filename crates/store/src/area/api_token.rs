//! API tokens and the digests they are found by.

use super::ending::{self, ended_at};
use super::{ceiling, token_use};
use crate::engine::{Engine, InRealm, either, found_by};
use crate::row::{Cursor, Record, Target, Value, page, sorted, values};
use async_trait::async_trait;
use doorward_base::secret::TokenDigest;
use doorward_base::{ApiTokenId, SubjectId, TenantId, Timestamp};
use doorward_identity::model::{ApiToken, NewApiToken, TokenState, TokenUse};
use doorward_identity::port::{Page, StoreError, TokenFilter, TokenGroup, TokenRead, TokenWrite};
use std::fmt::Display;

const TABLE: &str = "api_token";

/// A token and the digest key its digest was made with.
pub(crate) type Keyed = (ApiToken, String);

pub(super) fn target(row: &(dyn Display + Sync)) -> Target<'_> {
    Target::new(TABLE, row, "the API token")
}

/// The columns `state` and `state_at`.
const fn state(state: TokenState) -> (&'static str, Option<Timestamp>) {
    match state {
        TokenState::Active => ("active", None),
        TokenState::Retiring { until } => ("retiring", Some(until)),
        TokenState::Revoked { at } => ("revoked", Some(at)),
    }
}

/// Reads the columns `state` and `state_at`.
fn read_state(row: &mut Cursor<'_>) -> Result<TokenState, StoreError> {
    match (row.text("state")?, row.opt_time("state_at")?) {
        ("active", None) => Ok(TokenState::Active),
        ("retiring", Some(until)) => Ok(TokenState::Retiring { until }),
        ("revoked", Some(at)) => Ok(TokenState::Revoked { at }),
        _ => Err(row.bad("state", "unknown, or state_at does not fit it")),
    }
}

/// A state, and when the token ended together with others, which a job has not written into
/// it yet.
fn ended(state: TokenState, at: Option<Timestamp>) -> TokenState {
    match (state, at) {
        (TokenState::Active | TokenState::Retiring { .. }, Some(at)) => TokenState::Revoked { at },
        (state, _) => state,
    }
}

impl Record for Keyed {
    const TABLE: &'static str = TABLE;

    fn read(row: &mut Cursor<'_>) -> Result<Self, StoreError> {
        let mut token = ApiToken {
            id: row.id("id")?,
            class: row.parse("class")?,
            kind: row.parse("kind")?,
            owner: row.id("owner")?,
            ceiling: ceiling::read(row)?,
            name: row.opt_string("name")?,
            state: read_state(row)?,
            created_at: row.time("created_at")?,
            created_by: row.opt_id("created_by")?,
            expires_at: row.opt_time("expires_at")?,
            last_used_at: row.opt_time("last_used_at")?,
            last_used_from: row.opt_parse("last_used_from")?,
            notice_at: row.opt_time("notice_at")?,
            replaces: row.opt_id("replaces")?,
        };
        let digest_key = row.text("digest_key")?.to_owned();
        token.state = ended(token.state, row.opt_time("ended")?);
        Ok((token, digest_key))
    }
}

/// The columns as they are read, with the digest after the digest key.
fn values(new: &NewApiToken) -> [Value<'_>; 21] {
    let token = &new.token;
    let [tenant, roles, permissions, audiences, environment] = ceiling::values(&token.ceiling);
    let (state, state_at) = state(token.state);
    [
        token.id.into(),
        (&token.class).into(),
        token.kind.as_str().into(),
        token.owner.into(),
        tenant,
        roles,
        permissions,
        audiences,
        environment,
        token.name.as_ref().into(),
        state.into(),
        state_at.into(),
        token.created_at.into(),
        token.created_by.into(),
        token.expires_at.into(),
        token.last_used_at.into(),
        token.last_used_from.map(|from| from.to_string()).into(),
        token.notice_at.into(),
        token.replaces.into(),
        (&new.digest_key).into(),
        (&new.digest).into(),
    ]
}

/// What tells a group apart. No tenant is called nothing.
fn of_group(group: TokenGroup<'_>) -> [Value<'_>; 3] {
    let tenant = group.tenant.map_or("", TenantId::as_str);
    [group.owner.into(), group.class.into(), tenant.into()]
}

macro_rules! select {
    ($rest:literal) => {
        select!("", $rest)
    };
    ($by:literal, $rest:literal) => {
        concat!(
            "SELECT id, class, kind, owner, tenant, roles, permissions, audiences, environment, \
             name, state, state_at, created_at, created_by, expires_at, last_used_at, \
             last_used_from, notice_at, replaces, digest_key, ",
            ended_at!("api_token"),
            " FROM api_token",
            $by,
            " WHERE realm = $1 ",
            $rest
        )
    };
}

pub(super) use select;

/// Counts a group: one range of its index.
pub(crate) const COUNT_ACTIVE: &str = concat!(
    "SELECT count(*) FROM (SELECT id FROM api_token WHERE realm = $1 AND owner = $2 \
     AND class = $3 AND coalesce(tenant, '') = $4 AND state = 'active' \
     AND coalesce(expires_at, 9223372036854775807) > $5 AND ",
    ended_at!("api_token"),
    " IS NULL LIMIT $6) AS active"
);
pub(crate) const NTH_NEWEST: &str = "SELECT created_at FROM api_token WHERE realm = $1 \
     AND owner = $2 AND class = $3 AND coalesce(tenant, '') = $4 \
     AND created_at > 0 ORDER BY created_at DESC LIMIT 1 OFFSET $5";

/// A page of those that a key finds. SQLite knows nothing of how many rows each index finds,
/// and would rather read the realm in the order of the page.
macro_rules! page_by {
    ($engine:ty, $index:literal, $rest:literal) => {
        either!(
            $engine,
            sqlite: select!($index, $rest),
            postgres: select!($rest),
        )
    };
}

#[async_trait]
impl<E: Engine> TokenRead for InRealm<E> {
    async fn find_api_token(&mut self, id: ApiTokenId) -> Result<Option<ApiToken>, StoreError> {
        let found: Option<Keyed> = self.0.find(select!("AND id = $2"), values![id]).await?;
        Ok(found.map(|(token, _)| token))
    }

    async fn find_api_token_by_digest(
        &mut self,
        digest: &TokenDigest,
    ) -> Result<Option<Keyed>, StoreError> {
        let sql = select!("AND digest = $2");
        self.0.find(sql, values![digest]).await
    }

    async fn list_api_tokens(
        &mut self,
        filter: TokenFilter,
        asked: Page<ApiTokenId>,
    ) -> Result<Vec<ApiToken>, StoreError> {
        let [from, whole, limit] = page(asked);
        let (sql, by) = match &filter {
            TokenFilter::All => (
                select!("AND realm > 0 AND id >= $2 AND ($3 OR id > $2) ORDER BY id LIMIT $4"),
                vec![],
            ),
            TokenFilter::Owner(owner) => (
                page_by!(
                    E,
                    " INDEXED BY api_token_by_owner",
                    "AND owner = $2 AND kind <> '' AND id >= $3 AND ($4 OR id > $3) \
                     ORDER BY id LIMIT $5"
                ),
                values![*owner].to_vec(),
            ),
            TokenFilter::Tenant(tenant) => (
                page_by!(
                    E,
                    " INDEXED BY api_token_by_tenant",
                    "AND tenant = $2 AND id >= $3 AND ($4 OR id > $3) ORDER BY id LIMIT $5"
                ),
                values![tenant].to_vec(),
            ),
            TokenFilter::OwnerIn(owner, tenant) => (
                page_by!(
                    E,
                    " INDEXED BY api_token_by_owner",
                    "AND owner = $2 AND kind <> '' AND tenant = $3 \
                     AND id >= $4 AND ($5 OR id > $4) ORDER BY id LIMIT $6"
                ),
                values![*owner, tenant].to_vec(),
            ),
            TokenFilter::Maker(maker) => (
                page_by!(
                    E,
                    " INDEXED BY api_token_by_maker",
                    "AND created_by = $2 AND id >= $3 AND ($4 OR id > $3) ORDER BY id LIMIT $5"
                ),
                values![*maker].to_vec(),
            ),
            TokenFilter::MakerIn(maker, tenant) => (
                page_by!(
                    E,
                    " INDEXED BY api_token_by_maker",
                    "AND created_by = $2 AND tenant = $3 \
                     AND id >= $4 AND ($5 OR id > $4) ORDER BY id LIMIT $6"
                ),
                values![*maker, tenant].to_vec(),
            ),
        };
        let values = [by.as_slice(), values![from, whole, limit]].concat();
        let found: Vec<Keyed> = self.0.list(sql, &values).await?;
        Ok(found.into_iter().map(|(token, _)| token).collect())
    }

    async fn count_active_tokens(
        &mut self,
        group: TokenGroup<'_>,
        now: Timestamp,
        most: u32,
    ) -> Result<u32, StoreError> {
        let [owner, class, tenant] = of_group(group);
        let values = &[owner, class, tenant, now.into(), most.into()];
        let read = |row: &mut Cursor<'_>| row.int("count");
        let counted = self.0.rows(TABLE, COUNT_ACTIVE, values, read).await?;
        let count = counted.first().copied().unwrap_or(0);
        Ok(u32::try_from(count).unwrap_or(most).min(most))
    }

    async fn find_nth_newest_token(
        &mut self,
        group: TokenGroup<'_>,
        nth: u32,
    ) -> Result<Option<Timestamp>, StoreError> {
        let [owner, class, tenant] = of_group(group);
        let values = &[owner, class, tenant, nth.saturating_sub(1).into()];
        let read = |row: &mut Cursor<'_>| row.time("created_at");
        let found = self.0.rows(TABLE, NTH_NEWEST, values, read).await?;
        Ok(found.first().copied())
    }

    async fn list_token_states(
        &mut self,
        ids: &[ApiTokenId],
    ) -> Result<Vec<(ApiTokenId, TokenState)>, StoreError> {
        macro_rules! of {
            ($ids:literal) => {
                concat!(
                    "SELECT id, state, state_at, ",
                    ended_at!("api_token"),
                    " FROM api_token WHERE realm = $1 AND id ",
                    $ids,
                    " ORDER BY id"
                )
            };
        }
        let sql = either!(
            E,
            sqlite: of!("IN (SELECT unhex(value) FROM json_each($2))"),
            postgres: of!("= ANY ($2)"),
        );
        let read = |row: &mut Cursor<'_>| {
            let (id, state) = (row.id("id")?, read_state(row)?);
            Ok((id, ended(state, row.opt_time("ended")?)))
        };
        self.0.rows(TABLE, sql, values![ids], read).await
    }

    async fn list_revoked_tokens(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<ApiTokenId>, StoreError> {
        let sql = "SELECT id FROM api_token \
                   WHERE realm = $1 AND state = 'revoked' AND state_at >= $2";
        let values = values![since];
        let found = self.0.rows(TABLE, sql, values, |row| row.id("id"));
        found.await.map(sorted)
    }

    async fn list_retiring(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<(ApiTokenId, Timestamp)>, StoreError> {
        let sql = "SELECT id, state_at FROM api_token \
                   WHERE realm = $1 AND state = 'retiring' AND state_at >= $2 ORDER BY id";
        let read = |row: &mut Cursor<'_>| Ok((row.id("id")?, row.time("state_at")?));
        self.0.rows(TABLE, sql, values![since], read).await
    }
}

#[async_trait]
impl<E: Engine> TokenWrite for InRealm<E> {
    async fn insert_api_token(&mut self, new: &NewApiToken) -> Result<(), StoreError> {
        let sql = "INSERT INTO api_token (realm, id, class, kind, owner, tenant, roles, \
             permissions, audiences, environment, name, state, state_at, created_at, created_by, \
             expires_at, last_used_at, last_used_from, notice_at, replaces, digest_key, digest, \
             after_ending) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, \
             $18, $19, $20, $21, $22, (SELECT coalesce(max(number), 0) FROM ending \
                 WHERE realm = $1 AND subject = $5 AND (tenant IS NULL OR tenant = $6))) \
             ON CONFLICT DO NOTHING";
        self.0
            .insert(target(&new.token.id), sql, &values(new))
            .await
    }

    /// A revoked token is revoked for good: the statement does not find it.
    async fn set_api_token_state(
        &mut self,
        id: ApiTokenId,
        to: TokenState,
    ) -> Result<(), StoreError> {
        let (state, state_at) = state(to);
        let sql = "UPDATE api_token SET state = $3, state_at = $4 \
                   WHERE realm = $1 AND id = $2 AND state <> 'revoked'";
        let values = values![id, state, state_at];
        self.0.change(target(&id), sql, values).await
    }

    async fn rekey_api_token(
        &mut self,
        id: ApiTokenId,
        digest: &TokenDigest,
        digest_key: &str,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE api_token SET digest = $3, digest_key = $4 WHERE realm = $1 AND id = $2";
        let values = values![id, digest, digest_key];
        self.0.change(target(&id), sql, values).await
    }

    /// Expired ones are revoked too: a clock that is set back must not revive them.
    async fn revoke_api_tokens_of(
        &mut self,
        owner: SubjectId,
        tenant: Option<&TenantId>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        ending::end(&mut self.0, owner, tenant, at).await
    }

    async fn settle_endings(&mut self, limit: u32) -> Result<u64, StoreError> {
        ending::settle(&mut self.0, limit).await
    }

    async fn prune_api_tokens(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let sql = found_by!(
            E,
            "DELETE FROM api_token WHERE realm = $1 AND",
            "id",
            "SELECT id FROM (SELECT id FROM api_token \
                 WHERE realm = $1 AND state = 'revoked' AND state_at < $2 LIMIT $3) AS revoked \
             UNION ALL SELECT id FROM (SELECT id FROM api_token \
                 WHERE realm = $1 AND state = 'retiring' AND state_at < $2 LIMIT $3) AS over \
             UNION ALL SELECT id FROM (SELECT id FROM api_token WHERE realm = $1 \
                 AND state = 'active' AND expires_at > 0 AND expires_at < $2 LIMIT $3) AS expired \
             LIMIT $3"
        );
        let target = target(&"those that are over");
        self.0.write(target, sql, values![before, limit]).await
    }

    /// Ids that are not there any more are passed over: uses are gathered in memory and
    /// written later.
    async fn touch_api_tokens(&mut self, uses: &[TokenUse]) -> Result<(), StoreError> {
        token_use::touch(&mut self.0, uses).await
    }
}
