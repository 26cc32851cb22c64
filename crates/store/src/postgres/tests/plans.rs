//! Plans are made once for each connection, perhaps while the tables are empty, and kept
//! while they grow: what looks something up by its key must not read the realm for it.

use super::*;
use crate::conformance::fixture::{
    all, at, challenge_id, client_id, digest, email, factor_id, identity as known_as, phone,
    session_id, subject_id, tenant_id, token_id,
};
use crate::postgres::scope::{Scope, Trouble};
use crate::postgres::{
    api_token, challenge, client, dossier, erase, factor, grant, identity, session, subject, tenant,
};
use doorward_base::{ClassName, SubjectId, TenantId};
use doorward_identity::model::{
    ChallengeKind, Contact, Grant, Granted, HashedPassword, Rotation, SubjectStatus, TokenState,
};
use doorward_identity::port::{
    ChallengeFilter, ChallengeKey, ChallengesOf, Page, TokenFilter, TokenKey,
};
use serde_json::Value;
use tokio_postgres::SimpleQueryMessage;

/// The columns that tell the rows of a realm apart, for each table that grows with it.
const KEYS: [(&str, &[&str]); 13] = [
    ("api_token", &["id", "digest", "owner"]),
    ("subject", &["id", "email", "phone", "sub", "tenant"]),
    ("identity", &["id", "sub", "subject"]),
    ("session", &["id", "subject", "refresh_digest"]),
    ("membership", &["subject"]),
    ("grant_", &["subject"]),
    ("epoch", &["subject"]),
    ("password", &["subject"]),
    (
        "challenge",
        &[
            "id", "digest", "slot", "subject", "made_by", "address", "tenant",
        ],
    ),
    ("factor", &["id", "subject"]),
    ("client", &["id", "tenant"]),
    ("client_secret", &["client", "digest"]),
    ("tenant_role", &["tenant"]),
];

#[tokio::test]
async fn a_young_store_finds_by_key() {
    let database = database().await;
    let store = PostgresStore::open(&settings(&database)).await.unwrap();
    let leased = store.shared.connections.get().await.unwrap();
    let conn = leased.conn().unwrap();
    ask_by_key(Scope::new(conn, RealmId(1))).await;
    let mut seen = std::collections::BTreeSet::new();
    for state in ["never analysed", "empty when analysed"] {
        let plans = plans(conn).await;
        assert!(plans.len() >= 25, "{} statements", plans.len());
        for (sql, plan) in &plans {
            for scan in scans(plan) {
                let Some((table, keys)) = KEYS.iter().find(|(table, _)| *table == scan.table)
                else {
                    continue;
                };
                let by_key = keys
                    .iter()
                    .any(|key| scan.condition.contains(&format!("({key} = ")));
                assert!(by_key, "{state}: {sql}\n{plan:#}");
                seen.insert(*table);
            }
        }
        analyse(&database).await;
    }
    assert_eq!(seen.len(), KEYS.len(), "{seen:?}");
}

/// A realm's listing reads nothing of its neighbours.
#[tokio::test]
async fn a_young_store_lists_one_realm() {
    let database = database().await;
    let store = PostgresStore::open(&settings(&database)).await.unwrap();
    let leased = store.shared.connections.get().await.unwrap();
    let conn = leased.conn().unwrap();
    list(Scope::new(conn, RealmId(1))).await.unwrap();
    for state in ["never analysed", "empty when analysed"] {
        let plans = plans(conn).await;
        assert_eq!(plans.len(), 6);
        for (sql, plan) in &plans {
            for scan in scans(plan) {
                let listed =
                    scan.index.ends_with("_listed") && scan.condition.contains("(realm = ");
                assert!(listed, "{state}: {sql}\n{plan:#}");
            }
        }
        analyse(&database).await;
    }
}

/// Everything that finds, or changes, by key. Nothing is there; what must change exactly
/// one row says so, and has been prepared all the same.
async fn ask_by_key(scope: Scope<'_>) {
    read_by_key(scope).await.unwrap();
    let (subject, tenant) = (subject_id(1), tenant_id("acme"));
    let password = HashedPassword::from_phc(String::new());
    let grant = Grant {
        tenant: None,
        granted: Granted::Role("r".parse().unwrap()),
    };
    let revoked = TokenState::Revoked { at: at(1) };
    let active = SubjectStatus::Active;
    drop(subject::set_status(scope, subject, active).await);
    drop(subject::set_contact(scope, subject, &Contact::default()).await);
    drop(subject::touch_sign_in(scope, subject, at(1)).await);
    drop(identity::insert(scope, &known_as(3, 1)).await);
    drop(identity::delete(scope, known_as(3, 1).id).await);
    drop(erase::erase_subject(scope, subject, at(1)).await);
    drop(subject::set_password(scope, subject, &password).await);
    drop(grant::delete(scope, subject, &grant).await);
    drop(tenant::delete_membership(scope, subject, &tenant).await);
    change_what_is_pending(scope, subject, &tenant).await;
    drop(api_token::set_state(scope, token_id(1), revoked).await);
    drop(api_token::rekey(scope, token_id(1), &digest(1), "k").await);
    drop(api_token::revoke_of(scope, subject, None, at(1)).await);
    drop(api_token::touch(scope, &[(token_id(1), at(1))]).await);
    drop(session::end(scope, session_id(1), at(1)).await);
    drop(session::end_of(scope, subject, Some(&tenant), at(1)).await);
    drop(session::end_others(scope, subject, session_id(1), at(1)).await);
    let rotation = Rotation {
        session: session_id(1),
        from: 0,
        to: 1,
        at: at(1),
        idle_until: None,
        rekey: None,
    };
    drop(session::rotate(scope, &rotation).await);
}

async fn change_what_is_pending(scope: Scope<'_>, subject: SubjectId, tenant: &TenantId) {
    for key in challenge_keys() {
        drop(challenge::take(scope, &key).await);
    }
    for which in [
        ChallengesOf::Subject(subject),
        ChallengesOf::Maker { subject, tenant },
        ChallengesOf::Address {
            address: "a@example.org",
            tenant: Some(tenant),
        },
        ChallengesOf::Tenant(tenant),
    ] {
        drop(challenge::end(scope, which).await);
    }
    drop(factor::delete(scope, factor_id(1)).await);
    drop(factor::delete_of(scope, subject).await);
    drop(client::revoke(scope, client_id(1), at(1)).await);
    drop(client::delete_secret(scope, &digest(1)).await);
}

fn challenge_keys() -> [ChallengeKey; 3] {
    let kind = ChallengeKind::Invitation;
    [
        ChallengeKey::Id(challenge_id(1)),
        ChallengeKey::Digest(kind, digest(1)),
        ChallengeKey::Slot(kind, "a".to_owned()),
    ]
}

async fn read_what_is_pending(scope: Scope<'_>, tenant: &TenantId) -> Result<(), Trouble> {
    for key in challenge_keys() {
        challenge::find(scope, &key).await?;
    }
    let tenants = vec![tenant.clone()];
    let filter = ChallengeFilter {
        kind: ChallengeKind::Invitation,
        tenants: Some(tenants.clone()),
        now: at(1),
    };
    challenge::list(scope, &filter, all()).await?;
    factor::find(scope, subject_id(1), factor_id(1)).await?;
    factor::list(scope, subject_id(1)).await?;
    client::find(scope, client_id(1)).await?;
    client::list(scope, Some(&tenants), all()).await?;
    client::list_secrets(scope, &[client_id(1)]).await?;
    Ok(())
}

async fn read_by_key(scope: Scope<'_>) -> Result<(), Trouble> {
    let (subject, tenant) = (subject_id(1), tenant_id("acme"));
    let class = ClassName::new("pat").unwrap();
    subject::find(scope, subject).await?;
    subject::find_by_email(scope, &email(1)).await?;
    subject::find_by_phone(scope, &phone(1)).await?;
    identity::find(scope, &known_as(3, 1).provider, "s").await?;
    identity::list(scope, subject).await?;
    subject::find_external(scope, "https://i", "s").await?;
    subject::find_tenant_keys(scope, &tenant).await?;
    subject::find_password(scope, subject).await?;
    grant::list(scope, subject).await?;
    grant::list_roles(scope, &tenant).await?;
    grant::list_epochs_of(scope, &[subject]).await?;
    tenant::find_membership(scope, subject, &tenant).await?;
    tenant::list_memberships(scope, subject).await?;
    read_what_is_pending(scope, &tenant).await?;
    api_token::find(scope, token_id(1)).await?;
    api_token::list_states(scope, &[token_id(1)]).await?;
    api_token::find_by_digest(scope, &digest(1)).await?;
    let page = Page {
        after: None,
        limit: 9,
    };
    api_token::list(scope, TokenFilter::Owner(subject), page).await?;
    api_token::count_active(scope, subject, &class, at(1)).await?;
    session::find(scope, session_id(1)).await?;
    session::list(scope, subject).await?;
    session::find_by_refresh(scope, &[digest(1)]).await?;
    session::list_active_among(scope, &[session_id(1)]).await?;
    dossier::find(scope, subject).await?;
    dossier::find_token(scope, &TokenKey::Id(token_id(1))).await?;
    dossier::find_token(scope, &TokenKey::Digests(vec![digest(1)])).await?;
    Ok(())
}

async fn list(scope: Scope<'_>) -> Result<(), Trouble> {
    let limit = 9;
    subject::list(scope, Page { after: None, limit }).await?;
    let page = Page { after: None, limit };
    api_token::list(scope, TokenFilter::All, page).await?;
    grant::list_epochs(scope, at(0)).await?;
    let filter = ChallengeFilter {
        kind: ChallengeKind::Invitation,
        tenants: None,
        now: at(1),
    };
    challenge::list(scope, &filter, all()).await?;
    client::list(scope, None, all()).await?;
    let page = Page { after: None, limit };
    tenant::list_tenant_memberships(scope, &tenant_id("acme"), page).await?;
    Ok(())
}

async fn analyse(database: &str) {
    let admin = admin(database).await;
    admin.batch_execute("VACUUM ANALYZE").await.unwrap();
}

/// What was prepared on the connection, with the plan that it keeps.
async fn plans(conn: &ClientWrapper) -> Vec<(String, Value)> {
    let prepared = conn
        .query(
            "SELECT name, statement, cardinality(parameter_types) FROM pg_prepared_statements \
             WHERE statement !~ 'pg_prepared_statements|pg_catalog'",
            &[],
        )
        .await
        .unwrap();
    let mut plans = Vec::new();
    for row in prepared {
        let (name, sql, values): (String, String, i32) = (row.get(0), row.get(1), row.get(2));
        let values = vec!["NULL"; usize::try_from(values).unwrap()].join(", ");
        let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE {name} ({values})");
        let answer = conn.simple_query(&explain).await.unwrap();
        let text: String = answer
            .iter()
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0),
                _ => None,
            })
            .collect();
        plans.push((sql, serde_json::from_str(&text).unwrap()));
    }
    plans
}

/// How a table is read.
struct Scan {
    table: String,
    index: String,
    condition: String,
}

fn scans(plan: &Value) -> Vec<Scan> {
    let text = |name| plan.get(name).and_then(Value::as_str).unwrap_or_default();
    let kind = text("Node Type");
    assert!(!kind.starts_with("Bitmap"), "{plan:#}");
    let mut found = Vec::new();
    if kind.ends_with("Scan") && !text("Relation Name").is_empty() {
        found.push(Scan {
            table: text("Relation Name").to_owned(),
            index: text("Index Name").to_owned(),
            condition: text("Index Cond").to_owned(),
        });
    }
    let below = match plan {
        Value::Array(plans) => plans.iter().collect(),
        _ => Vec::from_iter(
            plan.get("Plan").into_iter().chain(
                plan.get("Plans")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten(),
            ),
        ),
    };
    found.extend(below.into_iter().flat_map(scans));
    found
}
