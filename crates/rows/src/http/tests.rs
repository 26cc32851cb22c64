//! The ways in over HTTP, on an engine that only notes what it is asked.

use super::DataTarget;
use crate::engine::{Bounds, Engine, Flavour, ResultSet, Statement, Work};
use crate::fault::{Fault, FaultKind};
use crate::open::{DataParts, DataRealm};
use crate::schema::{Column, ColumnKind, Schema, Table};
use crate::settings::{Data, DataConfig, RowStore};
use crate::{Caller, Value};
use doorward_base::principal::{CredentialId, Epoch, PrincipalParts};
use doorward_base::testing::{FixedClock, SeededEntropy};
use doorward_base::{
    Effects, Principal, RealmName, RequestId, Scope, SubjectKind, TenantId, Timestamp,
};
use doorward_surface::target::BoxFuture;
use doorward_surface::{Context, Local as _, RealmHandle, RealmParts, Refusal, body};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Map, Value as Json, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// What it was asked last, and whether it answers.
#[derive(Default)]
struct Noting {
    ran: Mutex<Vec<(String, Statement, Bounds, bool)>>,
    steps: Mutex<Vec<String>>,
    hangs: AtomicBool,
    begun: Notify,
    cancelled: Arc<AtomicU64>,
}

/// Counts a future that was dropped before its end.
struct Guard(Arc<AtomicU64>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn column(name: &str) -> Column {
    Column {
        name: name.to_owned(),
        kind: ColumnKind::Int,
        type_name: "INTEGER".to_owned(),
        nullable: false,
        default: None,
        is_tenant: false,
    }
}

impl Engine for Noting {
    fn flavour(&self) -> Flavour {
        Flavour::Sqlite
    }

    fn schema(&self) -> BoxFuture<'_, Result<Arc<Schema>, Fault>> {
        let version = u64::try_from(self.steps.lock().unwrap().len()).unwrap();
        let table = |name: &str, is_view| Table {
            name: name.to_owned(),
            comment: None,
            is_view,
            columns: vec![column("id"), column("total")],
            primary_key: vec!["id".to_owned()],
            unique: Vec::new(),
            foreign_keys: Vec::new(),
        };
        let schema = Schema {
            version,
            tables: vec![table("orders", false), table("recent", true)],
            routines: Vec::new(),
        };
        Box::pin(std::future::ready(Ok(Arc::new(schema))))
    }

    fn run<'a>(
        &'a self,
        caller: &'a Caller,
        work: Work,
        bounds: Bounds,
    ) -> BoxFuture<'a, Result<Vec<ResultSet>, Fault>> {
        Box::pin(async move {
            let statement = work.statements[0].clone();
            let tenant = caller.tenant().to_string();
            let noted = (tenant, statement, bounds, work.rollback);
            self.ran.lock().unwrap().push(noted);
            if self.hangs.load(Ordering::SeqCst) {
                let _guard = Guard(Arc::clone(&self.cancelled));
                self.begun.notify_one();
                std::future::pending::<()>().await;
            }
            Ok(vec![ResultSet {
                columns: vec![
                    ("id".to_owned(), "INTEGER".to_owned()),
                    ("name".to_owned(), "TEXT".to_owned()),
                ],
                rows: vec![vec![Value::Int(1), Value::Null]],
                affected: 0,
            }])
        })
    }

    fn amend<'a>(&'a self, ddl: &'a str) -> BoxFuture<'a, Result<u64, Fault>> {
        let mut steps = self.steps.lock().unwrap();
        let answer = if ddl.starts_with("CREATE") {
            steps.push(ddl.to_owned());
            Ok(u64::try_from(steps.len()).unwrap())
        } else if ddl.starts_with("UNFIT") {
            Err(Fault::new(FaultKind::ConstraintViolated))
        } else {
            Err(Fault::new(FaultKind::SyntaxInvalid).at(3))
        };
        Box::pin(std::future::ready(answer))
    }

    fn erase<'a>(&'a self, _: &'a TenantId) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn upkeep(&self) -> BoxFuture<'_, Result<u64, Fault>> {
        Box::pin(std::future::ready(Ok(0)))
    }
}

fn config(change: impl FnOnce(&mut Data)) -> DataConfig {
    let mut data = Data::default();
    change(&mut data);
    DataConfig {
        store: RowStore::Sqlite(PathBuf::from("rows")),
        settings: data.lower().unwrap(),
    }
}

/// Somebody of globex with these scopes.
fn caller(scopes: &[&str]) -> PrincipalParts {
    let mut scopes: Vec<Scope> = scopes.iter().map(|s| Scope::new(s).unwrap()).collect();
    scopes.sort_unstable();
    PrincipalParts {
        sub: Arc::from("somebody"),
        subject: None,
        kind: SubjectKind::User,
        tenant: Some(TenantId::new("globex").unwrap()),
        permissions: Vec::new(),
        roles: Vec::new(),
        role: None,
        scopes,
        lost_role: None,
        crosses: false,
        credential: CredentialId::Foreign,
        client: None,
        actors: Vec::new(),
        environment: None,
        issuer: Arc::from("https://a.example"),
        audience: Vec::new(),
        expires_at: Timestamp::from_seconds(10),
        epoch: Epoch::default(),
        claims: Arc::new(Map::new()),
    }
}

fn operator() -> PrincipalParts {
    PrincipalParts {
        lost_role: None,
        crosses: true,
        ..caller(&["admin", "read", "write"])
    }
}

/// The target with one realm's data.
struct World {
    engine: Arc<Noting>,
    data: Arc<DataRealm>,
}

impl World {
    fn new() -> Self {
        Self::of(config(|_| {}))
    }

    fn of(config: DataConfig) -> Self {
        let engine = Arc::new(Noting::default());
        let parts = DataParts {
            open_files: crate::sqlite::OpenFiles::default(),
            realm: RealmName::new("a").unwrap(),
            seed: [0; 32],
            clock: Arc::new(FixedClock::at(Timestamp::from_seconds(1))),
            is_deleted: Arc::new(|tenant| tenant.as_str() == "gone"),
        };
        let data = DataRealm::with_engine(config, Arc::clone(&engine) as Arc<dyn Engine>, parts);
        Self {
            engine,
            data: Arc::new(data),
        }
    }

    fn context(&self, principal: Option<PrincipalParts>) -> Context {
        let parts = RealmParts::default().with(Arc::clone(&self.data));
        let now = Timestamp::from_seconds(1);
        Context {
            realm: Arc::new(RealmHandle::new(RealmName::new("a").unwrap(), parts)),
            principal: principal.map(|parts| Arc::new(Principal::new(parts))),
            credential: None,
            request: RequestId::mint(&SeededEntropy::new(1), now),
            now,
            peer: [127, 0, 0, 1].into(),
            secure: false,
            effects: Effects::undeclared(),
        }
    }

    async fn call(
        &self,
        principal: PrincipalParts,
        method: Method,
        target: &str,
        text: impl Into<bytes::Bytes>,
    ) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body::full(text))
            .unwrap();
        let answer = DataTarget::default()
            .call(request, self.context(Some(principal)))
            .await;
        let status = answer.status();
        let refusal = answer.extensions().get::<Refusal>().cloned();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        Answer {
            status,
            refusal,
            body: serde_json::from_slice(&bytes).unwrap_or(Json::Null),
        }
    }

    async fn query(&self, principal: PrincipalParts, body: &Json) -> Answer {
        let text = body.to_string();
        self.call(principal, Method::POST, "/api/v1/query", text)
            .await
    }

    fn last(&self) -> (String, Statement, Bounds, bool) {
        self.engine.ran.lock().unwrap().last().cloned().unwrap()
    }
}

struct Answer {
    status: StatusCode,
    refusal: Option<Refusal>,
    body: Json,
}

impl Answer {
    fn code(&self) -> &'static str {
        self.refusal
            .as_ref()
            .map_or("", |refusal| refusal.code.as_str())
    }

    fn message(&self) -> &str {
        self.refusal.as_ref().map_or("", Refusal::message)
    }
}

#[tokio::test]
async fn rows_come_as_lists_beside_their_columns() {
    let world = World::new();
    let body = json!({"sql": "SELECT * FROM users WHERE id = ?1", "params": [1]});
    let answer = world.query(caller(&["read"]), &body).await;
    assert_eq!(
        answer.body,
        json!({"success": true, "data": {
            "columns": ["id", "name"],
            "types": ["INTEGER", "TEXT"],
            "rows": [[1, null]],
            "row_count": 1,
            "affected": 0,
        }})
    );
    let (tenant, statement, _, _) = world.last();
    assert_eq!(tenant, "globex");
    assert_eq!(statement.params(), [Value::Int(1)]);
}

/// HD-36.
#[tokio::test]
async fn who_may_only_read_is_told_the_scope_that_writes() {
    let world = World::new();
    let body = json!({"sql": "DELETE FROM users"});
    let answer = world.query(caller(&["read"]), &body).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.code(), "insufficient_scope");
    assert!(answer.message().contains("write"), "{}", answer.message());
    assert_eq!(answer.refusal.unwrap().scopes, ["write"]);
    assert!(world.engine.ran.lock().unwrap().is_empty());
}

#[tokio::test]
async fn nobody_without_a_tenant_reaches_rows() {
    let world = World::new();
    for path in ["/api/v1/query", "/rest/v1/users"] {
        let nowhere = PrincipalParts {
            tenant: None,
            ..operator()
        };
        let answer = world
            .call(nowhere, Method::POST, path, r#"{"sql": "SELECT 1"}"#)
            .await;
        assert_eq!(answer.code(), "tenant_required", "{path}");
    }
}

#[tokio::test]
async fn a_deleted_tenant_is_refused_at_once() {
    let world = World::new();
    let gone = PrincipalParts {
        tenant: Some(TenantId::new("gone").unwrap()),
        ..caller(&["read"])
    };
    let answer = world.query(gone, &json!({"sql": "SELECT 1"})).await;
    assert_eq!(answer.code(), "tenant_forbidden");
}

/// HD-14: a GET without a statement.
#[tokio::test]
async fn a_get_says_what_there_is_and_reads_only() {
    let world = World::new();
    let get = async |target: &str| {
        let principal = caller(&["read", "write"]);
        world.call(principal, Method::GET, target, "").await
    };
    let info = get("/api/v1/query").await;
    assert_eq!(info.body["data"]["tenant"], "globex");
    assert_eq!(info.body["data"]["rights"], json!(["read", "write"]));
    let rows = get("/api/v1/query?sql=SELECT%201&timeout_ms=5").await;
    assert_eq!(rows.body["data"]["row_count"], 1);
    assert_eq!(world.last().2.time, Duration::from_millis(5));
    let write = get("/api/v1/query?sql=DELETE+FROM+users").await;
    assert_eq!(write.code(), "invalid_request");
    for query in ["q=1", "timeout_ms=x", "sql=SELECT+1&sql=SELECT+2"] {
        let answer = get(&format!("/api/v1/query?{query}")).await;
        assert_eq!(answer.code(), "invalid_request", "{query}");
    }
    assert_eq!(world.engine.ran.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_caller_may_ask_for_less_time_and_not_for_more() {
    let world = World::new();
    for (asked, given) in [(5, 5), (3_600_000, 10_000)] {
        let body = json!({"sql": "SELECT 1", "timeout_ms": asked});
        world.query(caller(&["read"]), &body).await;
        assert_eq!(world.last().2.time, Duration::from_millis(given));
    }
    let none = json!({"sql": "SELECT 1", "timeout_ms": 0});
    let answer = world.query(caller(&["read"]), &none).await;
    assert_eq!(answer.code(), "invalid_request");
}

#[tokio::test]
async fn a_body_that_is_not_what_it_should_be_is_refused_with_words() {
    let world = World::new();
    let post = async |text: String| {
        let principal = caller(&["read"]);
        let answer = world
            .call(principal, Method::POST, "/api/v1/query", text)
            .await;
        answer.code()
    };
    for text in ["", "sql=SELECT+1", "[]", "{}", r#"{"sql": 1}"#] {
        assert_eq!(post(text.to_owned()).await, "body_malformed", "{text}");
    }
    let long = json!({"sql": "x".repeat(1 << 20)}).to_string();
    assert_eq!(post(long).await, "query_too_complex");
}

#[tokio::test]
async fn other_methods_and_paths_are_not_there() {
    let world = World::new();
    for (method, path, code) in [
        (Method::DELETE, "/api/v1/query", "method_not_allowed"),
        (Method::PUT, "/api/v1/schema", "method_not_allowed"),
        (Method::GET, "/api/v1/schema/infer", "not_found"),
    ] {
        let answer = world.call(operator(), method, path, "").await;
        assert_eq!(answer.code(), code, "{path}");
    }
}

#[tokio::test]
async fn the_schema_is_shown_to_readers_and_changed_by_operators() {
    let world = World::of(config(|data| {
        data.schema = vec!["CREATE TABLE a (x)".to_owned()];
    }));
    let schema = async |principal, method, text: &'static str| {
        world.call(principal, method, "/api/v1/schema", text).await
    };
    let shown = schema(caller(&["read"]), Method::GET, "").await;
    assert_eq!(shown.body["data"]["version"], 1);
    assert_eq!(
        schema(caller(&["write"]), Method::GET, "").await.code(),
        "insufficient_scope"
    );
    let step = r#"{"ddl": "CREATE TABLE b (x)"}"#;
    // Held in a tenant, and not in the whole realm.
    let local = schema(caller(&["admin"]), Method::POST, step).await;
    assert_eq!(local.code(), "insufficient_scope");
    let nowhere = PrincipalParts {
        tenant: None,
        ..operator()
    };
    let changed = schema(nowhere, Method::POST, step).await;
    assert_eq!(changed.body["data"]["version"], 2);
    let wrong = schema(operator(), Method::POST, r#"{"ddl": "CRATE"}"#).await;
    assert_eq!(wrong.code(), "sql_invalid");
    assert!(
        wrong.message().contains("character 3"),
        "{}",
        wrong.message()
    );
}

/// HD-37.
#[tokio::test]
async fn an_operator_is_told_what_would_become_of_anothers_query() {
    let world = World::new();
    let asked = |sql: &str, scopes: Json| {
        let stand_in = json!({"tenant": "acme-corp", "scopes": scopes});
        json!({"sql": sql, "explain_as": stand_in})
    };
    let reads = asked("SELECT * FROM orders", json!(["read"]));
    let allowed = world.query(operator(), &reads).await.body;
    assert_eq!(allowed["data"]["decision"], "allow");
    assert_eq!(allowed["data"]["tenant"], "acme-corp");
    assert_eq!(allowed["data"]["rights"], json!(["read"]));
    assert_eq!(allowed["data"]["statement"], "SELECT * FROM orders");
    assert_eq!(allowed["data"]["plan"]["row_count"], 1);
    let (tenant, statement, _, rollback) = world.last();
    assert_eq!(tenant, "acme-corp");
    assert!(statement.text().starts_with("EXPLAIN QUERY PLAN SELECT"));
    assert!(rollback);
    let writes = asked("DELETE FROM orders", json!(["read"]));
    let refused = world.query(operator(), &writes).await.body;
    assert_eq!(refused["data"]["decision"], "refuse");
    assert_eq!(refused["data"]["code"], "insufficient_scope");
    assert_eq!(refused["data"].get("plan"), None);
    assert_eq!(world.engine.ran.lock().unwrap().len(), 1);
    let local = world.query(caller(&["admin", "read"]), &reads).await;
    assert_eq!(local.code(), "insufficient_scope");
}

#[tokio::test]
async fn sql_does_not_reach_a_table_with_row_policies() {
    let world = World::of(config(|data| {
        let policy = json!({"table": "orders", "select": ["id"]});
        data.policies = vec![serde_json::from_value(policy).unwrap()];
    }));
    let of = async |sql: &str| {
        let answer = world.query(operator(), &json!({"sql": sql})).await;
        (answer.code(), answer.message().to_owned())
    };
    assert_eq!(of("SELECT * FROM users").await.0, "");
    for sql in [
        "SELECT * FROM orders",
        "SELECT 1 FROM ORDERS",
        "INSERT INTO orders VALUES (1)",
        "SELECT * FROM recent",
    ] {
        let (code, message) = of(sql).await;
        assert_eq!(code, "statement_forbidden", "{sql}");
        assert!(message.contains("REST does"), "{message}");
    }
}

#[tokio::test]
async fn of_a_table_with_policies_the_schema_shows_what_a_role_has() {
    let world = World::of(config(|data| {
        let policy = json!({"table": "orders", "select": ["id"]});
        data.policies = vec![serde_json::from_value(policy).unwrap()];
    }));
    let columns = async |principal| {
        let path = "/api/v1/schema";
        let shown = world.call(principal, Method::GET, path, "").await.body;
        let columns = shown["data"]["tables"][0]["columns"].as_array().cloned();
        columns.unwrap_or_default().len()
    };
    assert_eq!(columns(caller(&["read"])).await, 1);
    assert_eq!(columns(operator()).await, 2);
}

#[tokio::test]
async fn a_caller_that_goes_away_cancels_its_query() {
    let world = World::new();
    world.engine.hangs.store(true, Ordering::SeqCst);
    let request = Request::builder()
        .method(Method::POST)
        .uri("/api/v1/query")
        .body(body::full(r#"{"sql": "SELECT 1"}"#))
        .unwrap();
    let context = world.context(Some(caller(&["read"])));
    let called = tokio::spawn(async move { DataTarget::default().call(request, context).await });
    world.engine.begun.notified().await;
    assert_eq!(world.engine.cancelled.load(Ordering::SeqCst), 0);
    called.abort();
    assert!(called.await.unwrap_err().is_cancelled());
    assert_eq!(world.engine.cancelled.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_step_that_cannot_be_applied_refuses_data_calls_alone() {
    let world = World::of(config(|data| data.schema = vec!["nonsense".to_owned()]));
    let answer = world
        .query(caller(&["read"]), &json!({"sql": "SELECT 1"}))
        .await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.code(), "store_unavailable");
}

/// Rows that do not take a configured step keep nobody from the rows.
#[tokio::test]
async fn a_configured_step_that_rows_do_not_take_waits() {
    let steps = ["CREATE TABLE a (x)", "UNFIT", "CREATE TABLE b (x)"];
    let world = World::of(config(|data| data.schema = steps.map(str::to_owned).into()));
    assert!(world.data.engine().await.is_ok());
    assert_eq!(*world.engine.steps.lock().unwrap(), steps[..1]);
    // A step that is none is a mistake of the configuration's.
    let steps = ["CREATE TABLE a (x)", "nonsense"];
    let world = World::of(config(|data| data.schema = steps.map(str::to_owned).into()));
    assert!(world.data.engine().await.is_err());
}
