//! API tokens and the digests they are found by.

use super::ceiling;
use super::scope::{Record, Scope, Target};
use super::tx::RealmTx;
use crate::row::api_token::{Keyed, RetiringRow, TABLE, TokenRow, columns};
use crate::row::bounded;
use crate::row::ceiling::CeilingRow;
use async_trait::async_trait;
use doorward_base::secret::TokenDigest;
use doorward_base::{ApiTokenId, ClassName, SubjectId, TenantId, Timestamp};
use doorward_identity::model::{ApiToken, NewApiToken, TokenState};
use doorward_identity::port::{Page, StoreError, TokenFilter, TokenRead, TokenWrite};
use rusqlite::Row;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, class, kind, owner, tenant, roles, permissions, audiences, environment, \
             name, state, state_at, created_at, created_by, expires_at, last_used_at, \
             digest_key, replaces FROM api_token WHERE realm = ?1 ",
            $rest
        )
    };
}

pub(super) fn find(scope: Scope<'_>, id: ApiTokenId) -> Result<Option<ApiToken>, StoreError> {
    find_keyed(scope, id).map(|found| found.map(|(token, _)| token))
}

pub(super) fn find_keyed(scope: Scope<'_>, id: ApiTokenId) -> Result<Option<Keyed>, StoreError> {
    scope.find::<TokenRow, Keyed>(select!("AND id = ?2"), &[id.as_bytes()])
}

pub(super) fn list_states(
    scope: Scope<'_>,
    ids: &[ApiTokenId],
) -> Result<Vec<(ApiTokenId, TokenState)>, StoreError> {
    let mut states = Vec::with_capacity(ids.len());
    for &id in ids {
        states.extend(find(scope, id)?.map(|token| (id, token.state)));
    }
    Ok(states)
}

pub(super) fn find_by_digest(
    scope: Scope<'_>,
    digest: &TokenDigest,
) -> Result<Option<Keyed>, StoreError> {
    scope.find::<TokenRow, Keyed>(select!("AND digest = ?2"), &[digest.as_bytes()])
}

pub(super) fn list(
    scope: Scope<'_>,
    filter: TokenFilter,
    page: Page<ApiTokenId>,
) -> Result<Vec<ApiToken>, StoreError> {
    // Every id sorts after the empty one.
    let after = page.after.as_ref().map_or(&[][..], |id| id.as_bytes());
    let found: Vec<Keyed> = match filter {
        TokenFilter::All => scope.list::<TokenRow, _>(
            select!("AND id > ?2 ORDER BY id LIMIT ?3"),
            &[&after, &page.limit],
        ),
        TokenFilter::Owner(owner) => scope.list::<TokenRow, _>(
            select!("AND owner = ?2 AND id > ?3 ORDER BY id LIMIT ?4"),
            &[owner.as_bytes(), &after, &page.limit],
        ),
    }?;
    Ok(found.into_iter().map(|(token, _)| token).collect())
}

pub(super) fn count_active(
    scope: Scope<'_>,
    owner: SubjectId,
    class: &ClassName,
    now: Timestamp,
) -> Result<u32, StoreError> {
    let counted = scope.column(
        TABLE,
        "SELECT count(*) FROM api_token WHERE realm = ?1 AND owner = ?2 AND class = ?3 \
             AND state = 'active' AND (expires_at IS NULL OR expires_at > ?4)",
        &[owner.as_bytes(), &class.as_str(), &now.as_micros()],
    )?;
    Ok(counted.first().copied().unwrap_or(0))
}

pub(super) fn list_revoked_since(
    scope: Scope<'_>,
    since: Timestamp,
) -> Result<Vec<ApiTokenId>, StoreError> {
    scope
        .column(
            TABLE,
            "SELECT id FROM api_token WHERE realm = ?1 AND state = 'revoked' AND state_at >= ?2",
            &[&since.as_micros()],
        )
        .map(ids)
}

pub(super) fn list_retiring(
    scope: Scope<'_>,
    since: Timestamp,
) -> Result<Vec<(ApiTokenId, Timestamp)>, StoreError> {
    scope.list::<RetiringRow, _>(
        "SELECT id, state_at FROM api_token \
         WHERE realm = ?1 AND state = 'retiring' AND state_at >= ?2 ORDER BY id",
        &[&since.as_micros()],
    )
}

pub(super) fn insert(scope: Scope<'_>, new: &NewApiToken) -> Result<(), StoreError> {
    let token = &new.token;
    let ceiling = CeilingRow::of(&token.ceiling);
    let (state, state_at) = columns(token.state);
    scope.write_one(
        target(&token.id),
        "INSERT INTO api_token (realm, id, class, kind, owner, tenant, roles, permissions, \
         audiences, environment, name, state, state_at, created_at, created_by, expires_at, \
         last_used_at, digest, digest_key, replaces) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, \
         ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
        &[
            token.id.as_bytes(),
            &token.class.as_str(),
            &token.kind.as_str(),
            token.owner.as_bytes(),
            &ceiling.tenant,
            &ceiling.roles,
            &ceiling.permissions,
            &ceiling.audiences,
            &ceiling.environment,
            &token.name,
            &state,
            &state_at,
            &token.created_at.as_micros(),
            &token.created_by.as_ref().map(SubjectId::as_bytes),
            &token.expires_at.map(Timestamp::as_micros),
            &token.last_used_at.map(Timestamp::as_micros),
            new.digest.as_bytes(),
            &new.digest_key,
            &token.replaces.as_ref().map(ApiTokenId::as_bytes),
        ],
    )
}

/// A revoked token is revoked for good: the statement does not find it.
pub(super) fn set_state(
    scope: Scope<'_>,
    id: ApiTokenId,
    state: TokenState,
) -> Result<(), StoreError> {
    let (state, state_at) = columns(state);
    scope.write_one(
        target(&id),
        "UPDATE api_token SET state = ?3, state_at = ?4 \
         WHERE realm = ?1 AND id = ?2 AND state <> 'revoked'",
        &[id.as_bytes(), &state, &state_at],
    )
}

pub(super) fn rekey(
    scope: Scope<'_>,
    id: ApiTokenId,
    digest: &TokenDigest,
    digest_key: &str,
) -> Result<(), StoreError> {
    scope.write_one(
        target(&id),
        "UPDATE api_token SET digest = ?3, digest_key = ?4 WHERE realm = ?1 AND id = ?2",
        &[id.as_bytes(), digest.as_bytes(), &digest_key],
    )
}

/// Expired ones are revoked too: a clock that is set back must not revive them.
pub(super) fn revoke_of(
    scope: Scope<'_>,
    owner: SubjectId,
    tenant: Option<&TenantId>,
    at: Timestamp,
) -> Result<Vec<ApiTokenId>, StoreError> {
    let revoked = scope.column(
        TABLE,
        "UPDATE api_token SET state = 'revoked', state_at = ?4 \
         WHERE realm = ?1 AND owner = ?2 AND (?3 IS NULL OR tenant = ?3) \
         AND state <> 'revoked' RETURNING id",
        &[
            owner.as_bytes(),
            &tenant.map(TenantId::as_str),
            &at.as_micros(),
        ],
    )?;
    Ok(ids(revoked))
}

/// Ids that are not there any more are passed over: uses are gathered in memory and
/// written later.
pub(super) fn touch(scope: Scope<'_>, uses: &[(ApiTokenId, Timestamp)]) -> Result<(), StoreError> {
    for (id, at) in uses {
        scope.write(
            target(id),
            "UPDATE api_token SET last_used_at = ?3 WHERE realm = ?1 AND id = ?2 \
             AND (last_used_at IS NULL OR last_used_at < ?3)",
            &[id.as_bytes(), &at.as_micros()],
        )?;
    }
    Ok(())
}

fn ids(found: Vec<[u8; 16]>) -> Vec<ApiTokenId> {
    let mut ids: Vec<_> = found.into_iter().map(ApiTokenId::from_bytes).collect();
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
impl TokenRead for RealmTx<'_> {
    async fn find_api_token(&mut self, id: ApiTokenId) -> Result<Option<ApiToken>, StoreError> {
        self.with(|scope| find(scope, id))
    }

    async fn find_api_token_by_digest(
        &mut self,
        digest: &TokenDigest,
    ) -> Result<Option<(ApiToken, String)>, StoreError> {
        self.with(|scope| find_by_digest(scope, digest))
    }

    async fn list_api_tokens(
        &mut self,
        filter: TokenFilter,
        page: Page<ApiTokenId>,
    ) -> Result<Vec<ApiToken>, StoreError> {
        self.with(|scope| list(scope, filter, bounded(page)))
    }

    async fn count_active_tokens(
        &mut self,
        owner: SubjectId,
        class: &ClassName,
        now: Timestamp,
    ) -> Result<u32, StoreError> {
        self.with(|scope| count_active(scope, owner, class, now))
    }

    async fn list_token_states(
        &mut self,
        ids: &[ApiTokenId],
    ) -> Result<Vec<(ApiTokenId, TokenState)>, StoreError> {
        self.with(|scope| list_states(scope, ids))
    }

    async fn list_retiring(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<(ApiTokenId, Timestamp)>, StoreError> {
        self.with(|scope| list_retiring(scope, since))
    }

    async fn list_revoked_tokens(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<ApiTokenId>, StoreError> {
        self.with(|scope| list_revoked_since(scope, since))
    }
}

#[async_trait]
impl TokenWrite for RealmTx<'_> {
    async fn insert_api_token(&mut self, token: &NewApiToken) -> Result<(), StoreError> {
        self.with(|scope| insert(scope, token))
    }

    async fn set_api_token_state(
        &mut self,
        id: ApiTokenId,
        state: TokenState,
    ) -> Result<(), StoreError> {
        self.with(|scope| set_state(scope, id, state))
    }

    async fn rekey_api_token(
        &mut self,
        id: ApiTokenId,
        digest: &TokenDigest,
        digest_key: &str,
    ) -> Result<(), StoreError> {
        self.with(|scope| rekey(scope, id, digest, digest_key))
    }

    async fn revoke_api_tokens_of(
        &mut self,
        owner: SubjectId,
        tenant: Option<&TenantId>,
        at: Timestamp,
    ) -> Result<Vec<ApiTokenId>, StoreError> {
        self.with(|scope| revoke_of(scope, owner, tenant, at))
    }

    async fn touch_api_tokens(
        &mut self,
        uses: &[(ApiTokenId, Timestamp)],
    ) -> Result<(), StoreError> {
        self.with(|scope| touch(scope, uses))
    }
}

impl Record for TokenRow {
    const TABLE: &'static str = TABLE;

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            class: row.get(1)?,
            kind: row.get(2)?,
            owner: row.get(3)?,
            ceiling: ceiling::read(row, 4)?,
            name: row.get(9)?,
            state: row.get(10)?,
            state_at: row.get(11)?,
            created_at: row.get(12)?,
            created_by: row.get(13)?,
            expires_at: row.get(14)?,
            last_used_at: row.get(15)?,
            digest_key: row.get(16)?,
            replaces: row.get(17)?,
        })
    }
}

impl Record for RetiringRow {
    const TABLE: &'static str = TABLE;

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            until: row.get(1)?,
        })
    }
}
