//! Rows of a PostgreSQL that was there before, with an application of its owner's: what
//! `doorward rls` finds, refuses and does, and what the owner sees afterwards. In a run on
//! SQLite there is nothing to do.
#![cfg(test)]

use doorward_testkit::service::Database;
use doorward_testkit::{App, Engine, Outcome, Response, Setup, engine, postgres_url, site};
use serde_json::{Value, json};

/// As `docs/rls.md` has it.
const SHOP: &str = r#"
[server]
listen = ["127.0.0.1:8080"]
database = "sqlite:doorward.db"
master_key = "file:doorward.key"

[realm.main]
hosts = ["*"]
issuer = "http://127.0.0.1:8080"
dialects = ["data"]
require_https = "off"

[realm.main.api_tokens.key]
kinds = ["key"]
prefix = "shop_"
expiry = "optional"
presentations = ["bearer", "header:X-API-Key"]

[[realm.main.route]]
path = "/api/v1/query"
upstream = "builtin:data"
scopes_any = ["read", "write"]
tenant = "required"

[[realm.main.route]]
path = "/rest/v1/**"
upstream = "builtin:data"
scopes_read = ["read"]
scopes_write = ["write"]
tenant = "required"
errors = "postgrest"
"#;

const TABLES: &str = "
    CREATE TABLE customers (tenant_id text NOT NULL, id int, name text NOT NULL,
        PRIMARY KEY (tenant_id, id));
    CREATE TABLE orders (tenant_id text NOT NULL, id int, customer_id int NOT NULL,
        total_cents int NOT NULL, PRIMARY KEY (tenant_id, id),
        FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id));
    CREATE TABLE options (name text PRIMARY KEY, value text);
    INSERT INTO options VALUES ('theme', 'dark');
    INSERT INTO customers VALUES ('acme', 1, 'Ann'), ('globex', 1, 'Hank');
    INSERT INTO orders VALUES ('acme', 1, 1, 4200), ('globex', 1, 1, 990000);";

/// What the catalogue says of everything that an installation changes.
const STATE: &str = "
    SELECT (SELECT count(*) FROM pg_policy), (SELECT count(*) FROM pg_namespace WHERE
        nspname IN ('auth', 'doorward')), (SELECT count(*) FROM pg_class WHERE relrowsecurity),
        (SELECT count(*) FROM pg_roles WHERE rolname LIKE 'doorward_rows_main%'
            AND EXISTS (SELECT FROM pg_shdepend d WHERE d.refobjid = pg_roles.oid
                AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())))";

/// A database with an owner, who is no superuser and whose application works on it.
struct Shop {
    admin: Database,
    owner: Database,
    role: String,
    app: App,
}

impl Shop {
    fn prepare(site: &str, others: bool) -> Self {
        let admin = Database::create(&postgres_url());
        let (origin, name) = admin.url().rsplit_once('/').unwrap();
        let role = format!("owner_{name}");
        let make = format!(
            "CREATE ROLE {role} LOGIN CREATEROLE; ALTER DATABASE {name} OWNER TO {role}; \
             ALTER SCHEMA public OWNER TO {role}"
        );
        let _ = admin.query(&make);
        let (_, server) = origin.split_once('@').unwrap();
        let owner = Database::at(&format!("postgres://{role}@{server}/{name}"));
        let _ = owner.query(TABLES);
        let mut setup = Setup::new(site, SHOP).set("realm.main.data.database", owner.url());
        if others {
            let roles = vec![role.clone()];
            setup = setup.set("realm.main.data.postgres.other_roles", roles);
        }
        Self {
            admin,
            owner,
            role,
            app: setup.prepare(),
        }
    }

    fn rls(&self, word: &str, further: &[&str]) -> Outcome {
        let arguments = [&["--realm", "main"], further].concat();
        self.app.run(&["rls", word], &arguments)
    }

    /// The login role of callers.
    fn caller(&self) -> String {
        let said = self.rls("install", &["--dry-run", "--json"]);
        said.json()["role"].as_str().unwrap().to_owned()
    }

    /// A key of a tenant, which is made.
    fn key(&self, tenant: &str) -> String {
        let arguments = ["--realm", "main", tenant];
        let _ = self.app.run(&["tenant", "create"], &arguments).success();
        let scopes = ["--scope", "read", "--scope", "write"];
        self.app.token("key", &format!("tenant:{tenant}"), &scopes)
    }

    fn query(&self, key: &str, sql: &str) -> Response {
        let request = self.app.request("POST", "/api/v1/query");
        let request = request.header("X-API-Key", key);
        request.json(&json!({ "sql": sql })).send()
    }

    fn rows(&self, key: &str, sql: &str) -> Value {
        self.query(key, sql).expect(200).json()["data"]["rows"].clone()
    }
}

fn applies() -> bool {
    engine() == Engine::Postgres
}

/// The codes of what was found and speaks against an installation.
fn findings(said: &Outcome) -> Vec<String> {
    let said = said.json();
    let all = said.get("findings").unwrap_or(&said);
    let mut codes: Vec<String> = all
        .as_array()
        .unwrap()
        .iter()
        .filter(|found| found["weight"] == "finding")
        .map(|found| {
            assert!(!found["mend"].as_str().unwrap().is_empty(), "{found}");
            found["code"].as_str().unwrap().to_owned()
        })
        .collect();
    codes.dedup();
    codes
}

#[test]
fn a_planted_hole_is_named_and_nothing_is_changed() {
    if !applies() {
        return;
    }
    let shop = Shop::prepare(site!(), true);
    let before = shop.admin.query(STATE);
    let _ = shop.owner.query(
        "CREATE TABLE invoices (id int PRIMARY KEY, tenant_id text NOT NULL, up int REFERENCES invoices (id));
         CREATE VIEW totals AS SELECT * FROM orders; GRANT SELECT ON totals TO PUBLIC;
         CREATE FUNCTION peek() RETURNS SETOF orders LANGUAGE sql SECURITY DEFINER AS 'TABLE orders'",
    );
    let holes = [
        "key_without_tenant",
        "reference_without_tenant",
        "view_of_owner",
        "function_definer",
        "grant_to_public",
    ];
    for further in [&["--dry-run", "--json"][..], &["--json"]] {
        let said = shop.rls("install", further).exit(1);
        assert_eq!(findings(&said), holes, "{further:?}");
        assert_eq!(said.json()["installed"], false);
        assert_eq!(shop.admin.query(STATE), before, "{further:?}");
    }
    // The two that an owner may live with, once the others are mended.
    let _ = shop.owner.query(
        "ALTER VIEW totals SET (security_invoker = true); REVOKE ALL ON totals FROM PUBLIC; DROP FUNCTION peek()",
    );
    let accept = ["--accept", holes[0], "--accept", holes[1]];
    let _ = shop.rls("install", &accept).success();
    let _ = shop.rls("lint", &accept).success();
    assert_eq!(findings(&shop.rls("lint", &["--json"]).exit(1)), holes[..2]);
    // One that is opened later.
    let open = "ALTER TABLE orders NO FORCE ROW LEVEL SECURITY";
    let _ = shop.owner.query(open);
    let found = shop.rls("lint", &[&accept[..], &["--json"]].concat());
    assert_eq!(findings(&found.exit(1)), ["force_missing"]);
}

#[test]
fn after_an_installation_a_key_sees_its_tenant_s_rows_and_the_owner_all() {
    if !applies() {
        return;
    }
    let mut shop = Shop::prepare(site!(), true);
    let before = shop.admin.query(STATE);
    let shown = shop.rls("install", &["--dry-run"]).success().stdout;
    for statement in ["CREATE POLICY doorward_tenant", "CREATE ROLE", "auth.begin"] {
        assert!(shown.contains(statement), "{statement}");
    }
    assert!(!shown.contains("SCRAM-SHA-256$"));
    assert_eq!(shop.admin.query(STATE), before);
    let done = shop.rls("install", &["--json"]).success().json();
    assert_eq!(
        (&done["installed"], &done["left"]),
        (&json!(true), &json!(["options"]))
    );
    // Once more changes nothing.
    let again = shop.rls("install", &["--json"]).success().json();
    assert_eq!(again["sql"], json!([]));
    let _ = shop.rls("lint", &[]).success();
    shop.app.start();
    let (acme, globex) = (shop.key("acme"), shop.key("globex"));
    let all = "SELECT tenant_id, total_cents FROM orders";
    assert_eq!(shop.rows(&acme, all), json!([["acme", 4200]]));
    assert_eq!(shop.rows(&globex, all), json!([["globex", 990_000]]));
    let insert = "INSERT INTO orders (id, customer_id, total_cents) VALUES (2, 1, 5)";
    shop.query(&acme, insert).expect(200);
    shop.query(&acme, "SELECT * FROM options").expect(403);
    let request = shop.app.request(
        "GET",
        "/rest/v1/orders?select=total_cents,customers(name)&id=eq.1",
    );
    let answer = request.header("X-API-Key", &globex).send();
    assert_eq!(
        answer.expect(200).json(),
        json!([{"total_cents": 990_000, "customers": {"name": "Hank"}}])
    );
    // The owner's application works as before.
    let count = "SELECT count(*), sum(total_cents) FROM orders";
    assert_eq!(shop.owner.query(count), "3|994205");
    let _ = shop.owner.query(
        "INSERT INTO orders VALUES ('globex', 9, 1, 7); UPDATE orders SET total_cents = 8 WHERE id = 9",
    );
    assert_eq!(
        shop.rows(&globex, "SELECT total_cents FROM orders WHERE id = 9"),
        json!([[8]])
    );
    assert_eq!(shop.owner.query("SELECT value FROM options"), "dark");
    let without = "INSERT INTO customers (id, name) VALUES (3, 'x')";
    assert!(std::panic::catch_unwind(|| shop.owner.query(without)).is_err());
}

#[test]
fn without_other_roles_nobody_but_callers_sees_a_row() {
    if !applies() {
        return;
    }
    let mut shop = Shop::prepare(site!(), false);
    let said = shop.rls("install", &[]).success();
    assert!(
        said.stderr.contains("other_roles is empty"),
        "{}",
        said.stderr
    );
    let count = "SELECT count(*) FROM orders";
    assert_eq!(shop.owner.query(count), "0");
    assert_eq!(shop.admin.query(count), "2");
    shop.app.start();
    let key = shop.key("acme");
    assert_eq!(shop.rows(&key, count), json!([[1]]));
    // The roles that are named later are let in by the next installation.
    let role = shop.role.clone();
    shop.app.reconfigure(move |config| {
        let data = config["realm"]["main"]["data"].as_table_mut().unwrap();
        let mut postgres = toml::Table::new();
        postgres.insert("other_roles".to_owned(), vec![role].into());
        data.insert("postgres".to_owned(), postgres.into());
    });
    let _ = shop.rls("install", &[]).success();
    assert_eq!(shop.owner.query(count), "2");
    assert_eq!(shop.rows(&key, count), json!([[1]]));
}

/// In a database that is not Doorward's alone.
#[test]
fn a_step_of_the_schema_binds_its_own_tables_and_no_other() {
    if !applies() {
        return;
    }
    let shop = Shop::prepare(site!(), true);
    let _ = shop.rls("install", &["--table", "customers"]).success();
    let step = "CREATE TABLE notes (tenant_id TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (tenant_id, id))";
    let arguments = ["--realm", "main", "-"];
    let applied = shop
        .app
        .run_input(&["data", "schema", "apply"], &arguments, step);
    let _ = applied.success();
    let bound =
        "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relrowsecurity";
    assert_eq!(shop.owner.query(bound), "customers notes");
    assert_eq!(shop.owner.query("SELECT count(*) FROM options"), "1");
}

#[test]
fn what_the_owner_s_column_was_filled_with_it_is_filled_with_still() {
    if !applies() {
        return;
    }
    let shop = Shop::prepare(site!(), true);
    let _ = shop.owner.query(
        "ALTER TABLE customers ALTER COLUMN tenant_id SET DEFAULT current_setting('shop.tenant')",
    );
    let _ = shop.rls("install", &[]).success();
    let again = shop.rls("install", &["--json"]).success().json();
    assert_eq!(again["sql"], json!([]));
    let insert = "SET shop.tenant = 'initech'; INSERT INTO customers (id, name) VALUES (1, 'Bill') RETURNING tenant_id";
    assert_eq!(shop.owner.query(insert), "initech");
}

#[test]
fn what_cannot_be_installed_is_said() {
    if !applies() {
        return;
    }
    let shop = Shop::prepare(site!(), true);
    let _ = shop.caller();
    let lint = shop.rls("lint", &[]).exit(1);
    assert!(lint.stderr.contains("rls install"), "{}", lint.stderr);
    for (table, word) in [("options", "ALTER TABLE"), ("nothing", "no table nothing")] {
        let said = shop.rls("install", &["--table", table]).exit(1).stderr;
        assert!(said.contains(word), "{said}");
    }
    let _ = shop.rls("install", &["--accept", "table_open"]).exit(2);
    let on_sqlite = Setup::new(&format!("{}/sqlite", site!()), SHOP).prepare();
    let said = on_sqlite
        .run(&["rls", "lint"], &["--realm", "main"])
        .exit(2);
    assert!(said.stderr.contains("SQLite"), "{}", said.stderr);
    // Somebody else's work on a table is waited for a little, and not for long.
    let _held = shop.owner.hold("BEGIN; LOCK TABLE orders;");
    let said = shop.rls("install", &[]).exit(1).stderr;
    assert!(said.contains("try again"), "{said}");
}
