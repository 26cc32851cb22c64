//! What tenants were given of limits, and what is used of quotas.

use crate::engine::{Engine, InRealm};
use crate::row::{Cursor, Record, Target, Value, values};
use async_trait::async_trait;
use doorward_base::limit::{Amount, MeasureKind, Quota};
use doorward_base::{TenantId, Timestamp, Words as _};
use doorward_identity::model::{QuotaWindow, TenantLimit};
use doorward_identity::port::{LimitRead, LimitWrite, StoreError};
use std::time::Duration;

const LIMIT: &str = "tenant_limit";
const USE: &str = "quota_use";

impl Record for TenantLimit {
    const TABLE: &'static str = LIMIT;

    fn read(row: &mut Cursor<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            tenant: row.parse("tenant")?,
            limit: row.text("name")?.to_owned(),
            amount: read_amount(row)?,
            changed_at: row.time("changed_at")?,
        })
    }
}

fn read_amount(row: &mut Cursor<'_>) -> Result<Amount, StoreError> {
    let kind = MeasureKind::of_word(row.text("kind")?);
    let most = row.int("most")?;
    let (per, burst) = (row.opt_int("per")?, row.opt_int("burst")?);
    let small = |number: i64| u32::try_from(number).ok();
    let amount = match (kind, per, burst) {
        (Some(MeasureKind::Rate), Some(per), Some(burst)) => small(most)
            .zip(small(burst))
            .zip(u64::try_from(per).ok())
            .and_then(|((count, burst), per)| {
                Quota::new(count, Duration::from_micros(per), burst).ok()
            })
            .map(Amount::Rate),
        (Some(MeasureKind::InFlight), None, None) => small(most).map(Amount::InFlight),
        (Some(MeasureKind::Calendar), None, None) => u64::try_from(most).ok().map(Amount::Calendar),
        _ => None,
    };
    amount.ok_or_else(|| row.bad("most", "not an amount of its kind"))
}

/// The columns `kind`, `most`, `per`, `burst`.
fn columns(amount: &Amount) -> [Value<'static>; 4] {
    let kind = amount.kind().word();
    match amount {
        Amount::Rate(quota) => {
            let per = i64::try_from(quota.per().as_micros()).unwrap_or(i64::MAX);
            let (count, burst) = (i64::from(quota.count()), i64::from(quota.burst()));
            [kind.into(), count.into(), per.into(), burst.into()]
        }
        Amount::InFlight(most) => [
            kind.into(),
            i64::from(*most).into(),
            Value::Null,
            Value::Null,
        ],
        Amount::Calendar(most) => {
            let most = i64::try_from(*most).unwrap_or(i64::MAX);
            [kind.into(), most.into(), Value::Null, Value::Null]
        }
    }
}

fn hex(holder: u128) -> String {
    format!("{holder:032x}")
}

#[async_trait]
impl<E: Engine> LimitRead for InRealm<E> {
    async fn list_tenant_limits(
        &mut self,
        tenant: Option<&TenantId>,
    ) -> Result<Vec<TenantLimit>, StoreError> {
        let Some(tenant) = tenant else {
            let sql = "SELECT tenant, name, kind, most, per, burst, changed_at \
                       FROM tenant_limit WHERE realm = $1 ORDER BY tenant, name";
            return self.0.list(sql, values![]).await;
        };
        let sql = "SELECT tenant, name, kind, most, per, burst, changed_at \
                   FROM tenant_limit WHERE realm = $1 AND tenant = $2 ORDER BY name";
        self.0.list(sql, values![tenant]).await
    }

    async fn find_quota_use(&mut self, window: QuotaWindow) -> Result<i64, StoreError> {
        let sql = "SELECT used FROM quota_use WHERE realm = $1 AND holder = $2 AND start = $3";
        let values = values![hex(window.holder), window.start];
        let found = self.0.rows(USE, sql, values, |row| row.int("used")).await?;
        Ok(found.first().copied().unwrap_or(0))
    }
}

#[async_trait]
impl<E: Engine> LimitWrite for InRealm<E> {
    async fn put_tenant_limit(&mut self, given: &TenantLimit) -> Result<(), StoreError> {
        let target = Target::new(LIMIT, &given.tenant, "the tenant's amount");
        let [kind, most, per, burst] = columns(&given.amount);
        let sql = "INSERT INTO tenant_limit \
             (realm, tenant, name, kind, most, per, burst, changed_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (realm, tenant, name) \
             DO UPDATE SET kind = excluded.kind, most = excluded.most, per = excluded.per, \
             burst = excluded.burst, changed_at = excluded.changed_at";
        let name = given.limit.as_str();
        let values = values![
            &given.tenant,
            name,
            kind,
            most,
            per,
            burst,
            given.changed_at
        ];
        self.0.change(target, sql, values).await
    }

    async fn delete_tenant_limit(
        &mut self,
        tenant: &TenantId,
        limit: &str,
    ) -> Result<bool, StoreError> {
        let target = Target::new(LIMIT, tenant, "the tenant's amount");
        let sql = "DELETE FROM tenant_limit WHERE realm = $1 AND tenant = $2 AND name = $3";
        self.0.try_change(target, sql, values![tenant, limit]).await
    }

    async fn add_quota_use(&mut self, window: QuotaWindow, more: i64) -> Result<i64, StoreError> {
        let holder = hex(window.holder);
        let target = Target::new(USE, &holder, "the quota's use");
        let sql = "INSERT INTO quota_use (realm, holder, start, ends_at, used) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (realm, holder, start) \
             DO UPDATE SET used = quota_use.used + excluded.used RETURNING used";
        let values = values![holder.as_str(), window.start, window.end, more];
        let used = self.0.returned(target, sql, values, |row| row.int("used"));
        let used = used.await?;
        used.first().copied().ok_or_else(|| target.expected_one(0))
    }

    async fn prune_quota_use(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let target = Target::new(USE, &"over", "the quota's use");
        let sql = "DELETE FROM quota_use WHERE realm = $1 AND (holder, start) IN \
             (SELECT holder, start FROM quota_use WHERE realm = $1 AND ends_at < $2 LIMIT $3)";
        self.0.write(target, sql, values![before, limit]).await
    }
}
