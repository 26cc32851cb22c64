//! Writing down when API tokens were used. Not here: the tokens themselves (`api_token`).

use super::api_token::target;
use crate::engine::{Dialect, Engine};
use crate::row::{Value, values};
use doorward_base::{ApiTokenId, Timestamp};
use doorward_identity::port::StoreError;

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

/// Records uses, never moving a time backwards.
pub(super) async fn touch<E: Engine>(
    engine: &mut E,
    uses: &[(ApiTokenId, Timestamp)],
) -> Result<(), StoreError> {
    match E::DIALECT {
        Dialect::Sqlite => {
            for (id, at) in uses {
                let values = values![*id, *at];
                engine.write(target(id), TOUCH_ONE, values).await?;
            }
        }
        Dialect::Postgres => {
            let uses = uses.iter().map(|(id, at)| (*id, at.as_micros()));
            let (ids, times): (Vec<ApiTokenId>, Vec<i64>) = uses.unzip();
            let values = values![&*ids, Value::Ints(times)];
            let target = target(&"those used");
            engine.write(target, TOUCH, values).await?;
        }
    }
    Ok(())
}
