//! Plans are made once for each connection, perhaps while the tables are empty, and kept
//! while they grow: what looks something up by its key must not read the realm for it.

use super::*;
use crate::conformance::fixture::{
    all, at, audit_filters, challenge_id, client_id, digest, email, event, factor_id,
    identity as known_as, phone, session_id, subject_id, tenant_id, token_id, used,
};
use crate::engine::InRealm;
use crate::postgres::gather::Together as _;
use crate::postgres::session::Rotations;
use crate::postgres::tx::{Access, RealmTx};
use doorward_base::{ClassName, SubjectId, TenantId};
use doorward_identity::model::{
    AuditAction, ChallengeKind, Contact, Grant, Granted, HashedPassword, Metadata, QuotaWindow,
    Rotation, SubjectStatus, TokenState,
};
use doorward_identity::port::{
    ChallengeFilter, ChallengeKey, ChallengesIn, ChallengesOf, StoreError, TokenFilter, TokenGroup,
    TokenKey, Tx,
};
use serde_json::Value;
use tokio_postgres::SimpleQueryMessage;

/// The columns that tell the rows of a realm apart, for each table that grows with it.
const KEYS: [(&str, &[&str]); 17] = [
    (
        "api_token",
        &["id", "digest", "owner", "tenant", "created_by"],
    ),
    ("subject", &["id", "email", "phone", "sub", "tenant"]),
    ("identity", &["id", "sub", "subject"]),
    ("session", &["id", "subject", "refresh_digest"]),
    ("membership", &["subject"]),
    ("grant_", &["subject"]),
    ("epoch", &["subject"]),
    ("ending", &["subject"]),
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
    ("tenant", &["id"]),
    ("tenant_role", &["tenant"]),
    ("tenant_limit", &["tenant"]),
    ("quota_use", &["holder"]),
];

/// The other tables, each with the reason why no key of it is looked at here.
const OTHERS: [(&str, &str); 11] = [
    (
        "audit",
        "is read by filters: `an_audit_listing_reads_by_its_filter`",
    ),
    ("change_log", "is read from its end, and pruned to a length"),
    ("job_lease", "has a row for each job"),
    ("node", "has a row for each process"),
    (
        "outbox",
        "is read by when it is due; what was sent is taken away",
    ),
    ("realm", "has a row for each realm"),
    (
        "realm_key",
        "has a few rows for each realm, which are read together",
    ),
    ("schema_migration", "has a row for each version"),
    ("store_value", "has a row for each value of the store's own"),
    ("turn", "has no rows"),
    (
        "webhook",
        "is read by when it is due; what was delivered is taken away",
    ),
];

/// Asks in a transaction of its own, over the only connection.
macro_rules! asking {
    ($store:expr, |$tx:ident| $ask:expr) => {{
        let leased = $store.shared.connections.get().await.unwrap();
        let begun = RealmTx::begin(leased, RealmId(1), Access::Write).await;
        let mut within = InRealm(begun);
        let $tx: &mut dyn Tx = &mut within;
        let outcome = $ask.await;
        drop(within.0.end(Err(StoreError::Awaited)).await);
        outcome
    }};
}

/// Asks each, and makes light of the answer: what must change exactly one row says so, and
/// has been prepared all the same.
macro_rules! asking_each {
    ($store:expr, |$tx:ident| $($ask:expr),+ $(,)?) => {
        $(drop(asking!($store, |$tx| $ask));)+
    };
}

#[tokio::test]
async fn a_young_store_finds_by_key() {
    let database = database().await;
    let store = PostgresStore::open(&settings(&database)).await.unwrap();
    ask_tokens_by_key(&store).await;
    ask_sessions_by_key(&store).await;
    asking!(&store, |tx| read_by_key(tx)).unwrap();
    asking!(&store, |tx| read_what_is_pending(tx)).unwrap();
    change_by_key(&store).await;
    change_what_is_pending(&store).await;
    let leased = store.shared.connections.get().await.unwrap();
    let conn = leased.conn().unwrap();
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

/// A new table has a place in one list or the other.
#[tokio::test]
async fn every_table_is_looked_up_by_key_or_has_a_reason() {
    let database = database().await;
    let _store = PostgresStore::open(&settings(&database)).await.unwrap();
    let tables = "SELECT relname::text FROM pg_class \
         WHERE relnamespace = 'doorward'::regnamespace AND relkind = 'r' ORDER BY 1";
    let rows = admin(&database).await.query(tables, &[]).await.unwrap();
    let found: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let keyed = KEYS.iter().map(|(table, _)| *table);
    let mut listed: Vec<&str> = keyed.chain(OTHERS.map(|(table, _)| table)).collect();
    listed.sort_unstable();
    assert_eq!(found, listed);
}

/// A realm's listing reads nothing of its neighbours.
#[tokio::test]
async fn a_young_store_lists_one_realm() {
    let database = database().await;
    let store = PostgresStore::open(&settings(&database)).await.unwrap();
    asking!(&store, |tx| list(tx)).unwrap();
    let leased = store.shared.connections.get().await.unwrap();
    let conn = leased.conn().unwrap();
    for state in ["never analysed", "empty when analysed"] {
        let plans = plans(conn).await;
        assert_eq!(plans.len(), 6);
        for (sql, plan) in &plans {
            for scan in scans(plan) {
                // Of a token that is listed, what ended it is found by its owner.
                if scan.table == "ending" && scan.condition.contains("(subject = ") {
                    continue;
                }
                let listed =
                    scan.index.ends_with("_listed") && scan.condition.contains("(realm = ");
                assert!(listed, "{state}: {sql}\n{plan:#}");
            }
        }
        analyse(&database).await;
    }
}

/// What is counted for each token or invitation that is made is found in an index that tells
/// the tenants apart.
#[tokio::test]
async fn what_counts_against_a_limit_is_found_by_an_index() {
    let database = database().await;
    let store = PostgresStore::open(&settings(&database)).await.unwrap();
    let class = ClassName::new("pat").unwrap();
    let (owner, acme) = (subject_id(1), tenant_id("acme"));
    asking!(&store, |tx| ask_limits(tx, owner, &class, &acme)).unwrap();
    let leased = store.shared.connections.get().await.unwrap();
    let conn = leased.conn().unwrap();
    for state in ["never analysed", "empty when analysed"] {
        for (sql, plan) in &plans(conn).await {
            for scan in scans(plan) {
                let told_apart = match scan.table.as_str() {
                    "challenge" => &["challenge_by_maker"][..],
                    "api_token" => &["api_token_active", "api_token_newest"],
                    _ => continue,
                };
                let by_index = told_apart.contains(&scan.index.as_str());
                assert!(by_index, "{state}: {sql}\n{plan:#}");
                assert!(
                    scan.condition.contains("(COALESCE(tenant, "),
                    "{state}: {sql}\n{plan:#}"
                );
            }
        }
        analyse(&database).await;
    }
}

async fn ask_limits(
    tx: &mut dyn Tx,
    owner: SubjectId,
    class: &ClassName,
    acme: &TenantId,
) -> Result<(), StoreError> {
    tx.count_challenges_of(owner, acme, 9).await?;
    for tenant in [None, Some(acme)] {
        let group = TokenGroup {
            owner,
            class,
            tenant,
        };
        tx.count_active_tokens(group, at(1), 9).await?;
        tx.find_nth_newest_token(group, 9).await?;
    }
    Ok(())
}

/// An audit listing reads what its filter asks for, not the realm.
#[tokio::test]
async fn an_audit_listing_reads_by_its_filter() {
    let database = database().await;
    let store = PostgresStore::open(&settings(&database)).await.unwrap();
    for (filter, index) in audit_filters() {
        asking!(&store, |tx| tx.list_audit(&filter, all())).unwrap();
        let leased = store.shared.connections.get().await.unwrap();
        let conn = leased.conn().unwrap();
        for state in ["never analysed", "empty when analysed"] {
            let plans = plans(conn).await;
            let used = plans.iter().flat_map(|(_, plan)| scans(plan));
            let used: Vec<_> = used.map(|scan| scan.index).collect();
            let index = index.replace("audit_by_realm", "audit_pkey");
            assert_eq!(used, [index], "{state}: {filter:?}");
            analyse(&database).await;
        }
        conn.batch_execute("DEALLOCATE ALL").await.unwrap();
        conn.statement_cache.clear();
        leased.is_clean();
    }
}

/// Everything that changes by key. Nothing is there.
async fn change_by_key(store: &PostgresStore) {
    let (subject, tenant) = (subject_id(1), tenant_id("acme"));
    let password = HashedPassword::from_phc(String::new());
    let grant = Grant {
        tenant: None,
        granted: Granted::Role("r".parse().unwrap()),
    };
    let known = known_as(3, 1);
    let contact = Contact::default();
    asking_each!(
        store,
        |tx| tx.set_subject_status(subject, SubjectStatus::Active),
        tx.set_contact(subject, &contact),
        tx.set_user_metadata(subject, &Metadata::new()),
        tx.touch_sign_in(subject, at(1)),
        tx.insert_identity(&known),
        tx.delete_identity(known.id),
        tx.erase_subject(subject, at(1)),
        tx.set_password(subject, &password),
        tx.delete_grant(subject, &grant),
        tx.delete_membership(subject, &tenant),
    );
}

async fn change_what_is_pending(store: &PostgresStore) {
    let (subject, tenant) = (subject_id(1), &tenant_id("acme"));
    for key in challenge_keys() {
        drop(asking!(store, |tx| tx.take_challenge(&key)));
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
        drop(asking!(store, |tx| tx.end_challenges(which)));
    }
    asking_each!(
        store,
        |tx| tx.delete_factor(factor_id(1)),
        tx.delete_factors_of(subject),
        tx.revoke_client(client_id(1), at(1)),
        tx.delete_client_secret(&digest(1)),
    );
}

fn challenge_keys() -> [ChallengeKey; 3] {
    let kind = ChallengeKind::Invitation;
    [
        ChallengeKey::Id(challenge_id(1)),
        ChallengeKey::Digest(kind, digest(1)),
        ChallengeKey::Slot(kind, "a".to_owned()),
    ]
}

async fn read_what_is_pending(tx: &mut dyn Tx) -> Result<(), StoreError> {
    for key in challenge_keys() {
        tx.find_challenge(&key).await?;
    }
    let tenants = vec![tenant_id("acme")];
    let filter = ChallengeFilter {
        kind: ChallengeKind::Invitation,
        within: ChallengesIn::Tenants(tenants.clone()),
        now: at(1),
    };
    tx.list_challenges(&filter, all()).await?;
    let filter = ChallengeFilter {
        within: ChallengesIn::Address("a@example.org".to_owned()),
        ..filter
    };
    tx.list_challenges(&filter, all()).await?;
    let tenant = tenant_id("acme");
    tx.count_challenges_of(subject_id(1), &tenant, 9).await?;
    tx.find_factor(subject_id(1), factor_id(1)).await?;
    tx.list_factors(subject_id(1)).await?;
    tx.find_client(client_id(1)).await?;
    tx.list_clients(Some(&tenants), all()).await?;
    tx.list_client_secrets(&[client_id(1)]).await?;
    tx.find_client_dossier(client_id(1)).await?;
    Ok(())
}

async fn ask_tokens_by_key(store: &PostgresStore) {
    let (id, owner, class) = (token_id(1), subject_id(1), ClassName::new("pat").unwrap());
    let revoked = TokenState::Revoked { at: at(1) };
    asking!(store, |tx| read_tokens_by_key(tx, owner, &class)).unwrap();
    asking_each!(
        store,
        |tx| tx.set_api_token_state(id, revoked),
        tx.rekey_api_token(id, &digest(1), "k"),
        tx.revoke_api_tokens_of(owner, None, at(1)),
        tx.touch_api_tokens(&[used(id, 1)]),
    );
}

async fn read_tokens_by_key(
    tx: &mut dyn Tx,
    owner: SubjectId,
    class: &ClassName,
) -> Result<(), StoreError> {
    let id = token_id(1);
    tx.find_api_token(id).await?;
    tx.list_token_states(&[id]).await?;
    tx.find_api_token_by_digest(&digest(1)).await?;
    let tenant = tenant_id("acme");
    for filter in [
        TokenFilter::Owner(owner),
        TokenFilter::Tenant(tenant.clone()),
        TokenFilter::OwnerIn(owner, tenant.clone()),
        TokenFilter::Maker(owner),
        TokenFilter::MakerIn(owner, tenant.clone()),
    ] {
        tx.list_api_tokens(filter, all()).await?;
    }
    for tenant in [None, Some(&tenant)] {
        let group = TokenGroup {
            owner,
            class,
            tenant,
        };
        tx.count_active_tokens(group, at(1), 9).await?;
        tx.find_nth_newest_token(group, 9).await?;
    }
    tx.find_token_dossier(&TokenKey::Id(id)).await?;
    tx.find_token_dossier(&TokenKey::Digests(vec![digest(1)]))
        .await?;
    Ok(())
}

async fn ask_sessions_by_key(store: &PostgresStore) {
    let (id, subject, tenant) = (session_id(1), subject_id(1), tenant_id("acme"));
    let rotation = Rotation {
        session: id,
        from: 0,
        to: 1,
        at: at(1),
        idle_until: None,
        rekey: None,
    };
    asking!(store, |tx| read_sessions_by_key(tx)).unwrap();
    asking_each!(
        store,
        |tx| tx.end_session(id, at(1)),
        tx.end_sessions_of(subject, Some(&tenant), at(1)),
        tx.end_other_sessions(subject, id, at(1)),
        tx.end_sessions_made_from(token_id(1), subject, at(1)),
        tx.rotate_refresh_token(&rotation),
    );
    let leased = store.shared.connections.get().await.unwrap();
    let asked = [(RealmId(1), rotation, event(1, AuditAction::SessionRefresh))];
    let told = Rotations::serve(leased.conn().unwrap(), &asked).await;
    assert_eq!(told.unwrap(), [false]);
    leased.is_clean();
}

async fn read_sessions_by_key(tx: &mut dyn Tx) -> Result<(), StoreError> {
    tx.find_session(session_id(1)).await?;
    tx.list_sessions(subject_id(1)).await?;
    tx.list_active_sessions(&[session_id(1)]).await?;
    tx.find_session_dossier(&[digest(1)]).await?;
    Ok(())
}

async fn read_by_key(tx: &mut dyn Tx) -> Result<(), StoreError> {
    let (subject, tenant) = (subject_id(1), tenant_id("acme"));
    tx.find_subject(subject).await?;
    tx.find_user_by_email(&email(1), Some(&tenant)).await?;
    tx.find_service_by_email(&email(1), None).await?;
    tx.list_subjects_by_email(&email(1), 8).await?;
    tx.find_subject_by_phone(&phone(1)).await?;
    tx.find_identity(&known_as(3, 1).provider, "s").await?;
    tx.list_identities(subject).await?;
    tx.find_external_subject("https://i", "s").await?;
    tx.find_tenant_keys_subject(&tenant).await?;
    tx.find_password(subject).await?;
    tx.list_grants(subject).await?;
    tx.list_tenant_roles(&tenant).await?;
    tx.list_tenant_limits(Some(&tenant)).await?;
    let window = QuotaWindow {
        holder: 1,
        start: at(0),
        end: at(1),
    };
    tx.find_quota_use(window).await?;
    tx.list_epochs_of(&[subject]).await?;
    tx.find_membership(subject, &tenant).await?;
    tx.list_memberships(subject).await?;
    tx.find_dossier(subject).await?;
    Ok(())
}

async fn list(tx: &mut dyn Tx) -> Result<(), StoreError> {
    tx.list_api_tokens(TokenFilter::All, all()).await?;
    tx.list_subjects(all()).await?;
    tx.list_epochs(at(0)).await?;
    let filter = ChallengeFilter {
        kind: ChallengeKind::Invitation,
        within: ChallengesIn::Realm,
        now: at(1),
    };
    tx.list_challenges(&filter, all()).await?;
    tx.list_clients(None, all()).await?;
    tx.list_tenant_memberships(&tenant_id("acme"), all())
        .await?;
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
    let mut found = Vec::new();
    if kind.ends_with("Scan") && !text("Relation Name").is_empty() {
        found.push(Scan {
            table: text("Relation Name").to_owned(),
            index: text("Index Name").to_owned(),
            // A bitmap's scan of the table says by what its index was read.
            condition: if kind == "Bitmap Heap Scan" {
                text("Recheck Cond").to_owned()
            } else {
                text("Index Cond").to_owned()
            },
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
