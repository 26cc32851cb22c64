//! API tokens and the digests they are found by.

use super::scope::Scope;
use super::statement::after;
use super::tx::RealmTx;
use crate::row::api_token::{Keyed, SEVERAL, TABLE, read_state, state, target, values};
use crate::row::{bounded, sorted, values};
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
             digest_key FROM api_token WHERE realm = ?1 ",
            $rest
        )
    };
}

pub(super) fn find_keyed(scope: Scope<'_>, id: ApiTokenId) -> Result<Option<Keyed>, StoreError> {
    scope.record(select!("AND id = ?2"), values![id])
}

pub(super) fn find_by_digest(
    scope: Scope<'_>,
    digest: &TokenDigest,
) -> Result<Option<Keyed>, StoreError> {
    scope.record(select!("AND digest = ?2"), values![digest])
}

#[async_trait]
impl TokenRead for RealmTx<'_> {
    async fn find_api_token(&mut self, id: ApiTokenId) -> Result<Option<ApiToken>, StoreError> {
        let found = self.with(|scope| find_keyed(scope, id))?;
        Ok(found.map(|(token, _)| token))
    }

    async fn find_api_token_by_digest(
        &mut self,
        digest: &TokenDigest,
    ) -> Result<Option<Keyed>, StoreError> {
        self.with(|scope| find_by_digest(scope, digest))
    }

    async fn list_api_tokens(
        &mut self,
        filter: TokenFilter,
        page: Page<ApiTokenId>,
    ) -> Result<Vec<ApiToken>, StoreError> {
        let page = bounded(page);
        let after = after(page.after.as_ref());
        let found: Vec<Keyed> = match filter {
            TokenFilter::All => self.list(
                select!("AND id > ?2 ORDER BY id LIMIT ?3"),
                values![after, page.limit],
            ),
            TokenFilter::Owner(owner) => self.list(
                select!("AND owner = ?2 AND id > ?3 ORDER BY id LIMIT ?4"),
                values![owner, after, page.limit],
            ),
        }?;
        Ok(found.into_iter().map(|(token, _)| token).collect())
    }

    async fn count_active_tokens(
        &mut self,
        owner: SubjectId,
        class: &ClassName,
        now: Timestamp,
    ) -> Result<u32, StoreError> {
        let counted = self.rows(
            TABLE,
            "SELECT count(*) FROM api_token WHERE realm = ?1 AND owner = ?2 AND class = ?3 \
             AND state = 'active' AND (expires_at IS NULL OR expires_at > ?4)",
            values![owner, class, now],
            |row| row.int("count"),
        )?;
        // More than fit count as many as fit: a limit is below that.
        let count = counted.first().copied().unwrap_or(0);
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    async fn list_token_states(
        &mut self,
        ids: &[ApiTokenId],
    ) -> Result<Vec<(ApiTokenId, TokenState)>, StoreError> {
        let mut states = Vec::with_capacity(ids.len());
        for &id in ids {
            states.extend(self.rows(
                TABLE,
                "SELECT id, state, state_at FROM api_token WHERE realm = ?1 AND id = ?2",
                values![id],
                |row| Ok((row.id("id")?, read_state(row)?)),
            )?);
        }
        Ok(states)
    }

    async fn list_revoked_tokens(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<ApiTokenId>, StoreError> {
        self.rows(
            TABLE,
            "SELECT id FROM api_token WHERE realm = ?1 AND state = 'revoked' AND state_at >= ?2",
            values![since],
            |row| row.id("id"),
        )
        .map(sorted)
    }

    async fn list_retiring(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<(ApiTokenId, Timestamp)>, StoreError> {
        self.rows(
            TABLE,
            "SELECT id, state_at FROM api_token \
             WHERE realm = ?1 AND state = 'retiring' AND state_at >= ?2 ORDER BY id",
            values![since],
            |row| Ok((row.id("id")?, row.time("state_at")?)),
        )
    }
}

#[async_trait]
impl TokenWrite for RealmTx<'_> {
    async fn insert_api_token(&mut self, new: &NewApiToken) -> Result<(), StoreError> {
        self.write_one(
            target(&new.token.id),
            "INSERT INTO api_token (realm, id, class, kind, owner, tenant, roles, permissions, \
             audiences, environment, name, state, state_at, created_at, created_by, expires_at, \
             last_used_at, replaces, digest_key, digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, \
             ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
            &values(new),
        )
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
            "UPDATE api_token SET state = ?3, state_at = ?4 \
             WHERE realm = ?1 AND id = ?2 AND state <> 'revoked'",
            values![id, state, state_at],
        )
    }

    async fn rekey_api_token(
        &mut self,
        id: ApiTokenId,
        digest: &TokenDigest,
        digest_key: &str,
    ) -> Result<(), StoreError> {
        self.write_one(
            target(&id),
            "UPDATE api_token SET digest = ?3, digest_key = ?4 WHERE realm = ?1 AND id = ?2",
            values![id, digest, digest_key],
        )
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
            "UPDATE api_token SET state = 'revoked', state_at = ?4 \
             WHERE realm = ?1 AND owner = ?2 AND (?3 IS NULL OR tenant = ?3) \
             AND state <> 'revoked' RETURNING id",
            values![owner, tenant, at],
            |row| row.id("id"),
        )
        .map(sorted)
    }

    async fn prune_api_tokens(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.write(
            SEVERAL,
            "DELETE FROM api_token WHERE realm = ?1 AND id IN (\
             SELECT id FROM (SELECT id FROM api_token \
                 WHERE realm = ?1 AND state = 'revoked' AND state_at < ?2 LIMIT ?3) \
             UNION ALL SELECT id FROM (SELECT id FROM api_token \
                 WHERE realm = ?1 AND state = 'retiring' AND state_at < ?2 LIMIT ?3) LIMIT ?3)",
            values![before, limit],
        )
        .map(|pruned| pruned as u64)
    }

    /// Ids that are not there any more are passed over: uses are gathered in memory and
    /// written later.
    async fn touch_api_tokens(
        &mut self,
        uses: &[(ApiTokenId, Timestamp)],
    ) -> Result<(), StoreError> {
        for (id, at) in uses {
            self.write(
                target(id),
                "UPDATE api_token SET last_used_at = ?3 WHERE realm = ?1 AND id = ?2 \
                 AND (last_used_at IS NULL OR last_used_at < ?3)",
                values![*id, *at],
            )?;
        }
        Ok(())
    }
}
