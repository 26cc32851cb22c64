//! What a digest says: the webhook's message, and what the mail's template shows. Never a
//! secret; there is none.

use crate::act::Realm;
use crate::decide::invitation::name_in_mail;
use crate::model::{ApiToken, Tenant, WebhookKind};
use doorward_base::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The most tokens that a message describes.
const DESCRIBED: usize = 100;
/// The variables of the mail's lines.
const LINES: [&str; 10] = [
    "token_1", "token_2", "token_3", "token_4", "token_5", "token_6", "token_7", "token_8",
    "token_9", "token_10",
];
/// The most of a token's name that a line shows, characters.
const NAME: usize = 60;

/// A token that will stop by itself.
#[derive(Clone)]
pub(super) struct Expiring {
    pub(super) token: ApiToken,
    pub(super) end: Timestamp,
    /// Which notice it is: 30, 7 or 1 days before.
    pub(super) days: u8,
}

/// The message to the webhook.
pub(super) fn message(realm: &Realm, tenant: &Tenant, told: &[Expiring], now: Timestamp) -> String {
    let described: Vec<Value> = told.iter().take(DESCRIBED).map(describe).collect();
    json!({
        "type": WebhookKind::TokensExpiring.as_str(),
        "timestamp": now.to_string(),
        "data": {
            "realm": realm.settings.name.as_str(),
            "tenant": tenant.id.as_str(),
            "tenant_name": tenant.name,
            "tokens": described,
            "more": told.len().saturating_sub(DESCRIBED),
        },
    })
    .to_string()
}

fn describe(one: &Expiring) -> Value {
    let token = &one.token;
    json!({
        "id": token.id.to_string(),
        "class": token.class.as_str(),
        "kind": token.kind.as_str(),
        "name": token.name,
        "environment": token.ceiling.environment.as_ref().map(ToString::to_string),
        "created_at": token.created_at.to_string(),
        "expires_at": one.end.to_string(),
        "days": one.days,
        "last_used_at": token.last_used_at.map(|at| at.to_string()),
        "last_used_from": token.last_used_from.map(|from| from.to_string()),
    })
}

/// What the mail's template is given.
pub(super) fn variables(tenant: &Tenant, told: &[Expiring]) -> BTreeMap<&'static str, String> {
    let mut variables = BTreeMap::from([
        ("tenant", tenant.id.to_string()),
        (
            "tenant_name",
            name_in_mail(&tenant.id, tenant.name.as_deref()),
        ),
        ("count", told.len().to_string()),
    ]);
    for (name, one) in LINES.into_iter().zip(told) {
        variables.insert(name, line(one));
    }
    let more = told.len().saturating_sub(LINES.len());
    if more > 0 {
        variables.insert("more", more.to_string());
    }
    variables
}

/// What a mail calls a token: nothing that a mail program could make a link or a number of.
fn name_of(token: &ApiToken) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '#' | '(' | ')');
    let digits = |name: &str| name.chars().filter(char::is_ascii_digit).count();
    let name = token.name.as_deref();
    let name = name.filter(|name| name.chars().all(plain) && digits(name) <= 4);
    name.unwrap_or("-").chars().take(NAME).collect()
}

/// One line in any language: what it is called, its id, when it stops, its last use.
fn line(one: &Expiring) -> String {
    let token = &one.token;
    let name = name_of(token);
    let second = |at: Timestamp| Timestamp::from_seconds(at.as_seconds());
    let used = token.last_used_at.map_or("-".to_owned(), |at| {
        let from = token.last_used_from.map(|from| from.to_string());
        format!("{} {}", second(at), from.unwrap_or_default())
    });
    let (end, used) = (second(one.end), used.trim_end());
    format!("{name} | {} | {end} | {used}", token.id)
}
