//! What tenants were given of limits, and what is used of quotas.

use super::fixture::{at, people, realm, tenant_id};
use super::{reading, writing};
use doorward_base::limit::{Amount, Quota};
use doorward_identity::model::{QuotaWindow, TenantLimit};
use doorward_identity::port::StoreHandle;
use std::time::Duration;

fn given(tenant: &str, limit: &str, amount: Amount) -> TenantLimit {
    TenantLimit {
        tenant: tenant_id(tenant),
        limit: limit.to_owned(),
        amount,
        changed_at: at(1),
    }
}

pub(crate) async fn what_tenants_were_given_comes_back_as_it_was(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let quota = Quota::new(500, Duration::from_millis(1500), 800).unwrap();
    let sorted = vec![
        given("acme", "company", Amount::Rate(quota)),
        given("acme", "open", Amount::InFlight(u32::MAX)),
        given("globex", "company", Amount::Calendar(1_000_000_000_000_000)),
    ];
    let mut before = sorted.clone();
    before.reverse();
    before[0].amount = Amount::InFlight(1);
    let (all, one, again) = writing!(store, realm, [sorted, before], |tx| {
        for given in before.iter().chain(&sorted) {
            tx.put_tenant_limit(given).await?;
        }
        let (acme, globex) = (tenant_id("acme"), tenant_id("globex"));
        let all = tx.list_tenant_limits(None).await?;
        let one = tx.list_tenant_limits(Some(&globex)).await?;
        let gone = tx.delete_tenant_limit(&acme, "open").await?;
        let again = tx.delete_tenant_limit(&acme, "open").await?;
        Ok((all, one, (gone, again)))
    })
    .unwrap();
    assert_eq!(all, sorted);
    assert_eq!(one, [sorted[2].clone()]);
    assert_eq!(again, (true, false));
    let left = reading!(store, realm, [], |tx| tx.list_tenant_limits(None).await);
    assert_eq!(left.unwrap(), [sorted[0].clone(), sorted[2].clone()]);
}

fn window(holder: u128, start: i64) -> QuotaWindow {
    QuotaWindow {
        holder,
        start: at(start),
        end: at(start + 100),
    }
}

pub(crate) async fn uses_of_a_quota_add_up_and_are_pruned_when_it_is_over(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    let (one, next, other) = (window(1, 0), window(1, 100), window(u128::MAX, 0));
    let totals = writing!(store, realm, [], |tx| Ok([
        tx.find_quota_use(one).await?,
        tx.add_quota_use(one, 3).await?,
        tx.add_quota_use(one, 4).await?,
        tx.add_quota_use(one, -1).await?,
        tx.add_quota_use(next, 2).await?,
        tx.add_quota_use(other, 9).await?,
    ]))
    .unwrap();
    assert_eq!(totals, [0, 3, 7, 6, 2, 9]);
    let pruned = writing!(store, realm, [], |tx| Ok([
        tx.prune_quota_use(at(100), 10).await?,
        tx.prune_quota_use(at(101), 1).await?,
        tx.prune_quota_use(at(101), 10).await?,
    ]))
    .unwrap();
    assert_eq!(pruned, [0, 1, 1]);
    let left = reading!(store, realm, [], |tx| Ok([
        tx.find_quota_use(one).await?,
        tx.find_quota_use(next).await?,
        tx.find_quota_use(other).await?,
    ]))
    .unwrap();
    assert_eq!(left, [0, 2, 0]);
}
