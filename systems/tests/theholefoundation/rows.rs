//! Rows by subject: rows 26, 33 to 35 and 44. Through the data API on the engine of the run,
//! and through `auth.user_id()` on PostgreSQL: in a database of Doorward's, and in one of the
//! user's own. In a run on SQLite the latter have nothing to do.

use crate::provider::{ANN, BOB, Provider, REALM, call};
use doorward_testkit::service::Database;
use doorward_testkit::{App, Engine, Response, Setup, engine, postgres_url, site};
use serde_json::{Value, json};

const BOTH: &str = "read:projects write:projects";
const PROJECTS: &str = "/api/projects/rows/projects";

fn in_postgres(setup: Setup, database: &str, own: bool) -> Setup {
    setup
        .set("realm.theholefoundation.data.database", database)
        .set("realm.theholefoundation.data.postgres.own_database", own)
}

/// With rows where the run keeps them.
fn setup(provider: &Provider, site: &str) -> Setup {
    let setup = provider.realm(site);
    match engine() {
        Engine::Sqlite => setup,
        Engine::Postgres => in_postgres(setup, Database::create(&postgres_url()).url(), true),
    }
}

fn make(app: &App, token: &str, row: &Value) -> Response {
    app.request("POST", PROJECTS).bearer(token).json(row).send()
}

fn names(app: &App, token: &str, query: &str) -> Value {
    let answer = call(
        app,
        "GET",
        &format!("{PROJECTS}?select=name&order=id{query}"),
        token,
    );
    answer.expect(200).json()
}

fn query(app: &App, token: &str, sql: &str) -> Response {
    let request = app.request("POST", "/api/projects/query").bearer(token);
    request.json(&json!({ "sql": sql })).send()
}

fn rows(answer: &Response) -> Value {
    answer.expect(200).json()["data"]["rows"].clone()
}

#[test]
fn ho_26_whoever_asks_sees_its_own_rows_and_no_others() {
    let provider = Provider::start(site!());
    let app = setup(&provider, site!()).start();
    let (ann, bob) = (provider.user(ANN, BOTH), provider.user(BOB, BOTH));
    for (token, id, sub, name) in [
        (&ann, 1, ANN, "annmark"),
        (&ann, 2, ANN, "annmark"),
        (&bob, 3, BOB, "bobmark"),
    ] {
        let made = make(
            &app,
            token,
            &json!({"id": id, "user_id": sub, "name": name}),
        );
        assert_eq!(made.status, 201, "{}", made.text());
    }
    let own = |name: &str, times: usize| json!(vec![json!({"name": name}); times]);
    assert_eq!(names(&app, &ann, ""), own("annmark", 2));
    assert_eq!(names(&app, &bob, ""), own("bobmark", 1));
    // Nor by its key, its owner's name, or all that is not somebody's.
    for query in [
        "&id=eq.3",
        &format!("&user_id=eq.{BOB}"),
        "&id=neq.1&name=neq.annmark",
    ] {
        assert_eq!(names(&app, &ann, query), json!([]), "{query}");
    }
    // Nobody makes, changes or deletes a row of somebody else.
    let planted = make(
        &app,
        &ann,
        &json!({"id": 9, "user_id": BOB, "name": "planted"}),
    );
    assert!((400..500).contains(&planted.status), "{}", planted.text());
    let change = app
        .request("PATCH", &format!("{PROJECTS}?id=eq.3"))
        .bearer(&ann);
    let changed = change.json(&json!({"name": "annmark"})).send();
    assert!(changed.status < 300, "{}", changed.text());
    let _ = call(&app, "DELETE", &format!("{PROJECTS}?id=eq.3"), &ann);
    assert_eq!(names(&app, &bob, ""), own("bobmark", 1));
    // A reader changes nothing, and SQL does not reach what has row policies.
    let reader = provider.user(ANN, "read:projects");
    assert_eq!(
        make(
            &app,
            &reader,
            &json!({"id": 4, "user_id": ANN, "name": "x"})
        )
        .status,
        403
    );
    let refused = query(&app, &ann, "SELECT * FROM projects");
    assert_eq!(refused.status, 403, "{}", refused.text());
    // HO-C5: a machine has no rows, and makes none.
    let machine = provider.machine(BOTH);
    let empty = call(&app, "GET", PROJECTS, &machine);
    assert!(
        empty.status >= 400 || empty.json() == json!([]),
        "{}",
        empty.text()
    );
    let made = make(
        &app,
        &machine,
        &json!({"id": 5, "user_id": "machine@clients", "name": "x"}),
    );
    assert!((400..500).contains(&made.status), "{}", made.text());
}

/// A table with a policy of its owner's, as the guide's page has one.
const NOTES: &str = "
    CREATE TABLE notes (tenant_id TEXT NOT NULL, id INTEGER NOT NULL,
        user_id TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (tenant_id, id));";
const POLICY: &str = "
    ALTER TABLE notes ALTER COLUMN user_id SET DEFAULT auth.user_id();
    CREATE POLICY own_rows ON notes AS RESTRICTIVE
        USING (user_id = (SELECT auth.user_id()))
        WITH CHECK (user_id = (SELECT auth.user_id()));";

#[test]
fn ho_34_user_id_is_the_sub_as_text() {
    if engine() == Engine::Sqlite {
        return;
    }
    let provider = Provider::start(site!());
    let database = Database::create(&postgres_url());
    let app = in_postgres(provider.realm(site!()), database.url(), true).start();
    for sub in [ANN, "google-oauth2|1", "x'y\"z|\\"] {
        let token = provider.token(&json!({"sub": sub, "scope": "read:projects"}));
        let answer = query(&app, &token, "SELECT auth.user_id()");
        assert_eq!(rows(&answer), json!([[sub]]));
    }
    let machine = provider.machine("read:projects");
    let answer = query(&app, &machine, "SELECT auth.user_id()");
    assert_eq!(rows(&answer), json!([["machine@clients"]]));
}

#[test]
fn ho_35_a_policy_takes_the_user_from_the_sub() {
    if engine() == Engine::Sqlite {
        return;
    }
    let provider = Provider::start(site!());
    let database = Database::create(&postgres_url());
    let app = in_postgres(provider.realm(site!()), database.url(), true)
        .edit(|config| {
            let data = config["realm"][REALM]["data"].as_table_mut().unwrap();
            data["schema"].as_array_mut().unwrap().push(NOTES.into());
        })
        .start();
    let (ann, bob) = (provider.user(ANN, BOTH), provider.user(BOB, BOTH));
    // The schema is applied when the database is first opened.
    let _ = query(&app, &ann, "SELECT id FROM notes").expect(200);
    let _ = database.query(POLICY);
    for (token, id) in [(&ann, 1), (&bob, 2)] {
        let sql = format!("INSERT INTO notes (id, text) VALUES ({id}, 'mine')");
        let _ = query(&app, token, &sql).expect(200);
    }
    let all = "SELECT id, user_id FROM notes ORDER BY id";
    assert_eq!(rows(&query(&app, &ann, all)), json!([[1, ANN]]));
    assert_eq!(rows(&query(&app, &bob, all)), json!([[2, BOB]]));
    for sql in [
        format!("INSERT INTO notes (id, user_id, text) VALUES (3, '{BOB}', 'planted')"),
        format!("UPDATE notes SET user_id = '{BOB}' WHERE id = 1"),
    ] {
        let answer = query(&app, &ann, &sql);
        assert!(
            (400..500).contains(&answer.status),
            "{sql}: {}",
            answer.text()
        );
    }
    let theirs = query(&app, &ann, "DELETE FROM notes WHERE id = 2 RETURNING id");
    assert_eq!(rows(&theirs), json!([]));
    // A machine sees nothing, until a policy names it.
    let machine = provider.machine(BOTH);
    assert_eq!(rows(&query(&app, &machine, all)), json!([]));
    let _ = database.query(
        "DROP POLICY own_rows ON notes; CREATE POLICY own_rows ON notes AS RESTRICTIVE \
         USING (user_id = (SELECT auth.user_id()) OR (SELECT auth.user_id()) = 'machine@clients')",
    );
    let seen = rows(&query(&app, &machine, all));
    assert_eq!(seen.as_array().unwrap().len(), 2);
    assert_eq!(rows(&query(&app, &ann, all)), json!([[1, ANN]]));
}

/// Tables of the product's own, among them its sessions, keyed by user.
const PRODUCT: &str = "
    CREATE TABLE sessions (tenant_id text NOT NULL DEFAULT 'foundation', id int,
        user_id text NOT NULL, token_hash text NOT NULL, PRIMARY KEY (tenant_id, id));
    CREATE TABLE notes (tenant_id text NOT NULL DEFAULT 'foundation', id int,
        user_id text NOT NULL, text text NOT NULL, PRIMARY KEY (tenant_id, id));
    INSERT INTO sessions (id, user_id, token_hash) VALUES
        (1, 'auth0|507f1f77bcf86cd799439011', 'h1'), (2, 'auth0|507f1f77bcf86cd799439012', 'h2');
    INSERT INTO notes (id, user_id, text) VALUES
        (1, 'auth0|507f1f77bcf86cd799439011', 'of ann'),
        (2, 'auth0|507f1f77bcf86cd799439012', 'of bob');";

/// A plain PostgreSQL with an owner and its tables, put under `doorward rls install`.
struct Product {
    owner: Database,
    app: App,
}

impl Product {
    fn start(provider: &Provider, site: &str) -> Self {
        let admin = Database::create(&postgres_url());
        let (origin, name) = admin.url().rsplit_once('/').unwrap();
        let role = format!("owner_{name}");
        let _ = admin.query(&format!(
            "CREATE ROLE {role} LOGIN CREATEROLE; ALTER DATABASE {name} OWNER TO {role}; \
             ALTER SCHEMA public OWNER TO {role}"
        ));
        let (_, server) = origin.split_once('@').unwrap();
        let owner = Database::at(&format!("postgres://{role}@{server}/{name}"));
        let _ = owner.query(PRODUCT);
        let setup = in_postgres(provider.realm(site), owner.url(), false)
            .set(
                "realm.theholefoundation.data.postgres.other_roles",
                vec![role],
            )
            .set(
                "realm.theholefoundation.data.schema",
                toml::Value::Array(vec![]),
            )
            .set(
                "realm.theholefoundation.data.policies",
                toml::Value::Array(vec![]),
            );
        let mut app = setup.prepare();
        let done = app.run(&["rls", "install"], &["--realm", REALM, "--json"]);
        assert_eq!(done.success().json()["installed"], true);
        let shown = app.run(
            &["rls", "install"],
            &["--realm", REALM, "--dry-run", "--json"],
        );
        let shown = shown.success().json();
        // For callers alone: the owner's application goes on.
        let callers = format!("AS RESTRICTIVE TO {}", shown["role"].as_str().unwrap());
        for table in ["sessions", "notes"] {
            let policy = POLICY.replace("notes", table);
            let _ = owner.query(&policy.replace("AS RESTRICTIVE", &callers));
        }
        app.start();
        Self { owner, app }
    }
}

#[test]
fn ho_33_sessions_in_the_products_database_are_keyed_by_user() {
    if engine() == Engine::Sqlite {
        return;
    }
    let provider = Provider::start(site!());
    let product = Product::start(&provider, site!());
    let mine = "SELECT id, user_id FROM sessions";
    for (sub, id) in [(ANN, 1), (BOB, 2)] {
        let token = provider.user(sub, BOTH);
        assert_eq!(rows(&query(&product.app, &token, mine)), json!([[id, sub]]));
        let by_rest = call(
            &product.app,
            "GET",
            "/api/projects/rows/sessions?select=id",
            &token,
        );
        assert_eq!(by_rest.expect(200).json(), json!([{ "id": id }]));
    }
    let nobody = provider.user("auth0|nobody", BOTH);
    assert_eq!(rows(&query(&product.app, &nobody, mine)), json!([]));
}

#[test]
fn ho_44_the_row_functions_work_in_a_plain_postgresql() {
    if engine() == Engine::Sqlite {
        return;
    }
    let provider = Provider::start(site!());
    let product = Product::start(&provider, site!());
    let app = &product.app;
    let (ann, bob) = (provider.user(ANN, BOTH), provider.user(BOB, BOTH));
    let all = "SELECT text FROM notes ORDER BY id";
    assert_eq!(rows(&query(app, &ann, all)), json!([["of ann"]]));
    assert_eq!(rows(&query(app, &bob, all)), json!([["of bob"]]));
    let insert = "INSERT INTO notes (id, text) VALUES (3, 'more of ann') RETURNING user_id";
    assert_eq!(rows(&query(app, &ann, insert)), json!([[ANN]]));
    assert_eq!(rows(&query(app, &bob, all)), json!([["of bob"]]));
    assert_eq!(product.owner.query("SELECT count(*) FROM sessions"), "2");
    // Who is nobody has no id, and what anybody writes into a setting gives none.
    let forged = product.owner.query(
        "SELECT set_config('request.jwt.claims', '{\"sub\": \"auth0|507f1f77bcf86cd799439011\"}', false); \
         SELECT coalesce(auth.user_id(), 'nobody')",
    );
    assert!(forged.ends_with("nobody"), "{forged}");
    // Nobody's SQL says who it is.
    for sql in [
        "SELECT set_config('doorward.context', '{\"sub\": \"x\"}', true)",
        "SELECT auth.begin('{}', 9999999999, '\\x00')",
    ] {
        assert!(query(app, &ann, sql).status >= 400, "{sql}");
    }
}
