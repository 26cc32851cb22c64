//! Writing down when, and from where, API tokens were used. Not here: the tokens themselves
//! (`api_token`).

use super::api_token::target;
use crate::engine::{Dialect, Engine};
use crate::row::{Value, values};
use doorward_base::ApiTokenId;
use doorward_identity::model::TokenUse;
use doorward_identity::port::StoreError;

/// Of several uses of a token the latest counts. All rows are locked before the first is
/// written, and by id, so that nodes that write at once do not wait for each other in a
/// circle. The second comparison with `$2` leaves no plan that reads a realm.
const TOUCH: &str = "WITH held AS MATERIALIZED (SELECT id FROM api_token \
         WHERE realm = $1 AND id = ANY($2) ORDER BY id FOR NO KEY UPDATE) \
     UPDATE api_token SET last_used_at = used.at, last_used_from = nullif(used.place, '') \
     FROM (SELECT DISTINCT ON (id) id, at, place \
         FROM unnest($2::uuid[], $3::int8[], $4::text[]) AS each (id, at, place) \
         ORDER BY id, at DESC) AS used \
     WHERE (SELECT count(*) FROM held) > 0 AND api_token.realm = $1 \
     AND api_token.id = used.id AND api_token.id = ANY($2) \
     AND (api_token.last_used_at IS NULL OR api_token.last_used_at < used.at)";

/// Where there is one writer and a statement costs microseconds.
const TOUCH_ONE: &str = "UPDATE api_token SET last_used_at = $3, last_used_from = $4 \
     WHERE realm = $1 AND id = $2 AND (last_used_at IS NULL OR last_used_at < $3)";

/// Records uses, never moving a time backwards.
pub(super) async fn touch<E: Engine>(engine: &mut E, uses: &[TokenUse]) -> Result<(), StoreError> {
    let place = |used: &TokenUse| used.from.map(|from| from.to_string());
    match E::DIALECT {
        Dialect::Sqlite => {
            for used in uses {
                let values = values![used.token, used.at, place(used)];
                engine.write(target(&used.token), TOUCH_ONE, values).await?;
            }
        }
        Dialect::Postgres => {
            let ids: Vec<ApiTokenId> = uses.iter().map(|used| used.token).collect();
            let times = uses.iter().map(|used| used.at.as_micros()).collect();
            let places: Vec<String> = uses
                .iter()
                .map(|used| place(used).unwrap_or_default())
                .collect();
            let places = places.iter().map(String::as_str).collect();
            let values = values![&*ids, Value::Ints(times), Value::Texts(places)];
            let target = target(&"those used");
            engine.write(target, TOUCH, values).await?;
        }
    }
    Ok(())
}
