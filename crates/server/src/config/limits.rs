//! `[realm.NAME.limits.LIMIT]`: how often.

use super::text::Text;
use super::value::Rate;
use doorward_base::TenantId;
use doorward_gate::policy::spec::LimitKey;
use doorward_surface::setting::Word;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A limit.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Who shares a bucket.
    pub key: Word<LimitKey>,
    /// How often, for example "100/1m".
    pub rate: Text<Rate>,
    /// How many at once. Default: the rate's count.
    #[serde(default)]
    pub burst: Option<u32>,
    /// Whether it applies to every request of the realm; otherwise to the routes that
    /// name it. Default: false.
    #[serde(default)]
    pub everywhere: bool,
    /// Other rates for single tenants, by the tenant's id.
    #[serde(default)]
    pub overrides: BTreeMap<Text<TenantId>, RateAndBurst>,
}

/// A rate and how many at once.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateAndBurst {
    /// How often, for example "100/1m".
    pub rate: Text<Rate>,
    /// How many at once. Default: the rate's count.
    #[serde(default)]
    pub burst: Option<u32>,
}
