//! API tokens and the digests they are found by.

use super::ceiling;
use super::ending::{self, ended_at};
use crate::engine::{Dialect, Engine, InRealm, either, found_by};
use crate::row::{Cursor, Record, Target, Value, page, sorted, values};
use async_trait::async_trait;
use doorward_base::secret::TokenDigest;
use doorward_base::{ApiTokenId, ClassName, SubjectId, TenantId, Timestamp};
use doorward_identity::model::{ApiToken, NewApiToken, TokenState};
use doorward_identity::port::{Page, StoreError, TokenFilter, TokenRead, TokenWrite};
use std::fmt::Display;

const TABLE: &str = "api_token";

/// A token and the digest key its digest was made with.
pub(crate) type Keyed = (ApiToken, String);

fn target(row: &(dyn Display + Sync)) -> Target<'_> {
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
            replaces: row.opt_id("replaces")?,
        };
        let digest_key = row.text("digest_key")?.to_owned();
        token.state = ended(token.state, row.opt_time("ended")?);
        Ok((token, digest_key))
    }
}

/// The columns as they are read, with the digest after the digest key.
fn values(new: &NewApiToken) -> [Value<'_>; 19] {
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
        token.replaces.into(),
        (&new.digest_key).into(),
        (&new.digest).into(),
    ]
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, class, kind, owner, tenant, roles, permissions, audiences, environment, \
             name, state, state_at, created_at, created_by, expires_at, last_used_at, replaces, \
             digest_key, ",
            ended_at!("api_token"),
            " FROM api_token WHERE realm = $1 ",
            $rest
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
        let found: Vec<Keyed> = match filter {
            TokenFilter::All => {
                let sql =
                    select!("AND realm > 0 AND id >= $2 AND ($3 OR id > $2) ORDER BY id LIMIT $4");
                self.0.list(sql, values![from, whole, limit]).await?
            }
            TokenFilter::Owner(owner) => {
                let sql = select!(
                    "AND owner = $2 AND kind <> '' AND id >= $3 AND ($4 OR id > $3) \
                     ORDER BY id LIMIT $5"
                );
                self.0.list(sql, values![owner, from, whole, limit]).await?
            }
            TokenFilter::Tenant(tenant) => {
                let sql = select!(
                    "AND tenant = $2 AND id >= $3 AND ($4 OR id > $3) ORDER BY id LIMIT $5"
                );
                let values = values![&tenant, from, whole, limit];
                self.0.list(sql, values).await?
            }
            TokenFilter::OwnerIn(owner, tenant) => {
                let sql = select!(
                    "AND owner = $2 AND kind <> '' AND tenant = $3 \
                     AND id >= $4 AND ($5 OR id > $4) ORDER BY id LIMIT $6"
                );
                let values = values![owner, &tenant, from, whole, limit];
                self.0.list(sql, values).await?
            }
        };
        Ok(found.into_iter().map(|(token, _)| token).collect())
    }

    async fn count_active_tokens(
        &mut self,
        owner: SubjectId,
        class: &ClassName,
        now: Timestamp,
        most: u32,
    ) -> Result<u32, StoreError> {
        // One range of the index each.
        let sql = concat!(
            "SELECT (SELECT count(*) FROM (SELECT id FROM api_token WHERE realm = $1 \
                 AND owner = $2 AND class = $3 AND state = 'active' AND expires_at IS NULL AND ",
            ended_at!("api_token"),
            " IS NULL LIMIT $5) AS endless) \
             + (SELECT count(*) FROM (SELECT id FROM api_token WHERE realm = $1 \
                 AND owner = $2 AND class = $3 AND state = 'active' AND expires_at > $4 AND ",
            ended_at!("api_token"),
            " IS NULL LIMIT $5) AS expiring)"
        );
        let values = values![owner, class, now, most];
        let counted = self.0.rows(TABLE, sql, values, |row| row.int("count"));
        let count = counted.await?.first().copied().unwrap_or(0);
        Ok(u32::try_from(count).unwrap_or(most).min(most))
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

/// Of several uses of a token the latest counts. All rows are locked before the first is
/// written, and by id, so that nodes that write at once do not wait for each other in a
/// circle. The second comparison with `$2` leaves no plan that reads a realm.
const TOUCH: &str = "WITH held AS MATERIALIZED (SELECT id FROM api_token \
         WHERE realm = $1 AND id = ANY($2) ORDER BY id FOR NO KEY UPDATE) \
     UPDATE api_token SET last_used_at = used.at \
     FROM (SELECT id, max(at) AS at FROM unnest($2::uuid[], $3::int8[]) AS each (id, at) \
         GROUP BY id) AS used \
     WHERE (SELECT count(*) FROM held) > 0 AND api_token.realm = $1 \
     AND api_token.id = used.id AND api_token.id = ANY($2) \
     AND (api_token.last_used_at IS NULL OR api_token.last_used_at < used.at)";

/// Where there is one writer and a statement costs microseconds.
const TOUCH_ONE: &str = "UPDATE api_token SET last_used_at = $3 WHERE realm = $1 AND id = $2 \
     AND (last_used_at IS NULL OR last_used_at < $3)";

#[async_trait]
impl<E: Engine> TokenWrite for InRealm<E> {
    async fn insert_api_token(&mut self, new: &NewApiToken) -> Result<(), StoreError> {
        let sql = "INSERT INTO api_token (realm, id, class, kind, owner, tenant, roles, \
             permissions, audiences, environment, name, state, state_at, created_at, created_by, \
             expires_at, last_used_at, replaces, digest_key, digest, after_ending) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, \
             $18, $19, $20, (SELECT coalesce(max(number), 0) FROM ending \
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
    async fn touch_api_tokens(
        &mut self,
        uses: &[(ApiTokenId, Timestamp)],
    ) -> Result<(), StoreError> {
        match E::DIALECT {
            Dialect::Sqlite => {
                for (id, at) in uses {
                    let values = values![*id, *at];
                    self.0.write(target(id), TOUCH_ONE, values).await?;
                }
            }
            Dialect::Postgres => {
                let uses = uses.iter().map(|(id, at)| (*id, at.as_micros()));
                let (ids, times): (Vec<ApiTokenId>, Vec<i64>) = uses.unzip();
                let values = values![&*ids, Value::Ints(times)];
                let target = target(&"those used");
                self.0.write(target, TOUCH, values).await?;
            }
        }
        Ok(())
    }
}
