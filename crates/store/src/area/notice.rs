//! When somebody is told that API tokens will stop. Not here: the tokens themselves
//! (`api_token`).

use super::api_token::{Keyed, select, target};
use super::ending::ended_at;
use crate::engine::{Engine, InRealm, either};
use crate::row::values;
use async_trait::async_trait;
use doorward_base::{ApiTokenId, Timestamp};
use doorward_identity::model::ApiToken;
use doorward_identity::port::{NoticeRead, NoticeWrite, StoreError};

#[async_trait]
impl<E: Engine> NoticeRead for InRealm<E> {
    async fn list_due_notices(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<ApiToken>, StoreError> {
        macro_rules! due {
            ($index:literal) => {
                select!(
                    $index,
                    "AND state = 'active' AND notice_at > 0 AND notice_at <= $2 \
                     ORDER BY notice_at, tenant, id LIMIT $3"
                )
            };
        }
        let sql = either!(
            E,
            sqlite: due!(" INDEXED BY api_token_notice"),
            postgres: due!(""),
        );
        let found: Vec<Keyed> = self.0.list(sql, values![now, limit]).await?;
        Ok(found.into_iter().map(|(token, _)| token).collect())
    }
}

#[async_trait]
impl<E: Engine> NoticeWrite for InRealm<E> {
    async fn advance_notice(
        &mut self,
        id: ApiTokenId,
        from: Timestamp,
        to: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE api_token SET notice_at = $4 \
                   WHERE realm = $1 AND id = $2 AND notice_at = $3 AND state = 'active'";
        let values = values![id, from, to];
        self.0.try_change(target(&id), sql, values).await
    }
}
