//! API tokens and the digests they are found by.

use super::statement::begin;
use super::tx::RealmTx;
use crate::row::api_token::{Keyed, SEVERAL, TABLE, read_state, state, target, values};
use crate::row::{Value, bounded, sorted, values};
use async_trait::async_trait;
use doorward_base::secret::TokenDigest;
use doorward_base::{ApiTokenId, ClassName, SubjectId, TenantId, Timestamp};
use doorward_identity::model::{ApiToken, NewApiToken, TokenState};
use doorward_identity::port::{Page, StoreError, TokenFilter, TokenRead, TokenWrite};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, class, kind, owner, tenant, roles, permissions, audiences, environment, \
             name, state, state_at, created_at, created_by, expires_at, last_used_at, replaces, \
             digest_key FROM api_token WHERE realm = $1 ",
            $rest
        )
    };
}

#[async_trait]
impl TokenRead for RealmTx {
    async fn find_api_token(&mut self, id: ApiTokenId) -> Result<Option<ApiToken>, StoreError> {
        let found: Option<Keyed> = self.find(select!("AND id = $2"), values![id]).await?;
        Ok(found.map(|(token, _)| token))
    }

    async fn find_api_token_by_digest(
        &mut self,
        digest: &TokenDigest,
    ) -> Result<Option<Keyed>, StoreError> {
        self.find(select!("AND digest = $2"), values![digest]).await
    }

    async fn list_api_tokens(
        &mut self,
        filter: TokenFilter,
        page: Page<ApiTokenId>,
    ) -> Result<Vec<ApiToken>, StoreError> {
        let page = bounded(page);
        let (from, whole) = begin(page.after);
        let found: Vec<Keyed> = match filter {
            TokenFilter::All => {
                let sql =
                    select!("AND realm > 0 AND id >= $2 AND ($3 OR id > $2) ORDER BY id LIMIT $4");
                self.list(sql, values![from, whole, page.limit]).await?
            }
            TokenFilter::Owner(owner) => {
                let sql = select!(
                    "AND owner = $2 AND kind <> '' AND id >= $3 AND ($4 OR id > $3) \
                     ORDER BY id LIMIT $5"
                );
                self.list(sql, values![owner, from, whole, page.limit])
                    .await?
            }
        };
        Ok(found.into_iter().map(|(token, _)| token).collect())
    }

    async fn count_active_tokens(
        &mut self,
        owner: SubjectId,
        class: &ClassName,
        now: Timestamp,
    ) -> Result<u32, StoreError> {
        let counted = self
            .rows(
                TABLE,
                "SELECT count(*) FROM api_token WHERE realm = $1 AND owner = $2 AND class = $3 \
             AND state = 'active' AND (expires_at IS NULL OR expires_at > $4)",
                values![owner, class, now],
                |row| row.int("count"),
            )
            .await?;
        // More than fit count as many as fit: a limit is below that.
        let count = counted.first().copied().unwrap_or(0);
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    async fn list_token_states(
        &mut self,
        ids: &[ApiTokenId],
    ) -> Result<Vec<(ApiTokenId, TokenState)>, StoreError> {
        self.rows(
            TABLE,
            "SELECT id, state, state_at FROM api_token \
             WHERE realm = $1 AND id = ANY($2) ORDER BY id",
            values![ids],
            |row| Ok((row.id("id")?, read_state(row)?)),
        )
        .await
    }

    async fn list_revoked_tokens(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<ApiTokenId>, StoreError> {
        self.rows(
            TABLE,
            "SELECT id FROM api_token WHERE realm = $1 AND state = 'revoked' AND state_at >= $2",
            values![since],
            |row| row.id("id"),
        )
        .await
        .map(sorted)
    }

    async fn list_retiring(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<(ApiTokenId, Timestamp)>, StoreError> {
        self.rows(
            TABLE,
            "SELECT id, state_at FROM api_token \
             WHERE realm = $1 AND state = 'retiring' AND state_at >= $2 ORDER BY id",
            values![since],
            |row| Ok((row.id("id")?, row.time("state_at")?)),
        )
        .await
    }
}

#[async_trait]
impl TokenWrite for RealmTx {
    async fn insert_api_token(&mut self, new: &NewApiToken) -> Result<(), StoreError> {
        self.insert_one(
            target(&new.token.id),
            "INSERT INTO api_token (realm, id, class, kind, owner, tenant, roles, permissions, \
             audiences, environment, name, state, state_at, created_at, created_by, expires_at, \
             last_used_at, replaces, digest_key, digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, \
             $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) \
             ON CONFLICT DO NOTHING",
            &values(new),
        )
        .await
    }

    /// A revoked token is revoked for good: the statement does not find it.
    async fn set_api_token_state(
        &mut self,
        id: ApiTokenId,
        to: TokenState,
    ) -> Result<(), StoreError> {
        let (state, state_at) = state(to);
        self.write_one(
            target(&id),
            "UPDATE api_token SET state = $3, state_at = $4 \
             WHERE realm = $1 AND id = $2 AND state <> 'revoked'",
            values![id, state, state_at],
        )
        .await
    }

    async fn rekey_api_token(
        &mut self,
        id: ApiTokenId,
        digest: &TokenDigest,
        digest_key: &str,
    ) -> Result<(), StoreError> {
        self.write_one(
            target(&id),
            "UPDATE api_token SET digest = $3, digest_key = $4 WHERE realm = $1 AND id = $2",
            values![id, digest, digest_key],
        )
        .await
    }

    /// Expired ones are revoked too: a clock that is set back must not revive them.
    async fn revoke_api_tokens_of(
        &mut self,
        owner: SubjectId,
        tenant: Option<&TenantId>,
        at: Timestamp,
    ) -> Result<Vec<ApiTokenId>, StoreError> {
        self.returned(
            SEVERAL,
            "UPDATE api_token SET state = 'revoked', state_at = $4 \
             WHERE realm = $1 AND owner = $2 AND kind <> '' \
             AND ($3::text IS NULL OR tenant = $3) AND state <> 'revoked' RETURNING id",
            values![owner, tenant, at],
            |row| row.id("id"),
        )
        .await
        .map(sorted)
    }

    async fn prune_api_tokens(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.write(
            SEVERAL,
            "DELETE FROM api_token WHERE realm = $1 AND id = ANY (ARRAY (\
             SELECT id FROM (SELECT id FROM api_token \
                 WHERE realm = $1 AND state = 'revoked' AND state_at < $2 LIMIT $3) AS revoked \
             UNION ALL SELECT id FROM (SELECT id FROM api_token \
                 WHERE realm = $1 AND state = 'retiring' AND state_at < $2 LIMIT $3) AS over LIMIT $3))",
            values![before, limit],
        )
        .await
    }

    /// Ids that are not there any more are passed over: uses are gathered in memory and
    /// written later. Of several uses of a token the latest counts. All rows are locked
    /// before the first is written, and by id, so that nodes that write at once do not wait
    /// for each other in a circle. The second comparison with `$2` leaves no plan that reads
    /// a realm.
    async fn touch_api_tokens(
        &mut self,
        uses: &[(ApiTokenId, Timestamp)],
    ) -> Result<(), StoreError> {
        let (ids, times): (Vec<ApiTokenId>, Vec<i64>) =
            uses.iter().map(|(id, at)| (*id, at.as_micros())).unzip();
        self.write(
            SEVERAL,
            "WITH held AS MATERIALIZED (SELECT id FROM api_token \
                 WHERE realm = $1 AND id = ANY($2) ORDER BY id FOR NO KEY UPDATE) \
             UPDATE api_token SET last_used_at = used.at \
             FROM (SELECT id, max(at) AS at FROM unnest($2::uuid[], $3::int8[]) AS each (id, at) \
                 GROUP BY id) AS used \
             WHERE (SELECT count(*) FROM held) > 0 AND api_token.realm = $1 \
             AND api_token.id = used.id AND api_token.id = ANY($2) \
             AND (api_token.last_used_at IS NULL OR api_token.last_used_at < used.at)",
            values![&*ids, Value::Ints(times)],
        )
        .await
        .map(drop)
    }
}
