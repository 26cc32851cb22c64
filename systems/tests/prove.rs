//! `doorward prove` against a database of its owner's, as `docs/prove.md` has it: what is whole
//! is told from what is not, by exit code and report. In a run on SQLite there is nothing to do.
#![cfg(test)]

use doorward_testkit::service::Database;
use doorward_testkit::{App, Engine, Outcome, Setup, engine, postgres_url, site, wait};
use serde_json::Value;

const DOCS: &str = include_str!("../../docs/prove.md");

/// An application that tells the tenant by a setting; `@app@` is its role.
const APPLICATION: &str = "
    CREATE TABLE people (id bigint NOT NULL, org text NOT NULL, name text NOT NULL,
        PRIMARY KEY (org, id), UNIQUE (org, name));
    CREATE TABLE orders (id bigint NOT NULL, org text NOT NULL, person bigint,
        item text NOT NULL DEFAULT '', paid boolean NOT NULL DEFAULT false,
        PRIMARY KEY (org, id), FOREIGN KEY (org, person) REFERENCES people (org, id));
    ALTER TABLE people ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    ALTER TABLE orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    CREATE POLICY own ON people USING (org = current_setting('app.org', true));
    CREATE POLICY own ON orders USING (org = current_setting('app.org', true));
    GRANT USAGE ON SCHEMA public TO @app@;
    GRANT SELECT, INSERT, UPDATE, DELETE ON people, orders TO @app@;";

struct Shop {
    admin: Database,
    owner: Database,
    /// What the application's statements run as.
    role: String,
    app: App,
}

impl Shop {
    fn new(site: &str) -> Self {
        let admin = Database::create(&postgres_url());
        let (origin, name) = admin.url().rsplit_once('/').unwrap();
        let (owner, role) = (format!("owner_{name}"), format!("shop_{name}"));
        let _ = admin.query(&format!(
            "CREATE ROLE {owner} LOGIN CREATEROLE; CREATE ROLE {role} LOGIN; GRANT {role} TO {owner}; \
             ALTER ROLE {role} SET track_activities = off; \
             ALTER DATABASE {name} OWNER TO {owner}; ALTER SCHEMA public OWNER TO {owner}; \
             REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC"
        ));
        let (_, server) = origin.split_once('@').unwrap();
        let owner = Database::at(&format!("postgres://{owner}@{server}/{name}"));
        let _ = owner.query(&APPLICATION.replace("@app@", &role));
        Self {
            admin,
            owner,
            role,
            app: Setup::new(site, doorward_systems::HELIOSDB).prepare(),
        }
    }

    /// The command of the documentation, with more at its end.
    fn prove(&self, further: &str) -> Outcome {
        let block = DOCS.split("```").nth(1).unwrap();
        let script = block.trim().replace("$ ", "");
        let script = script
            .replace(
                "postgres://shop_owner:secret@localhost/shop",
                self.owner.url(),
            )
            .replace("--role shop ", &format!("--role {} ", self.role));
        self.app.shell(&format!("{script} {further}"))
    }

    fn change(&self, sql: &str) {
        let _ = self.owner.query(&sql.replace("@app@", &self.role));
    }
}

fn codes(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().unwrap().iter();
    let mut codes: Vec<_> = findings
        .map(|found| {
            assert!(!found["sql"].as_str().unwrap().is_empty(), "{found}");
            found["code"].as_str().unwrap()
        })
        .collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

fn applies() -> bool {
    engine() == Engine::Postgres
}

/// A key that tells of another tenant's names; and a tenant that anybody can set, which is
/// what this application is made of.
#[test]
fn the_example_of_the_documentation_finds_what_is_printed() {
    if !applies() {
        return;
    }
    let shop = Shop::new(site!());
    shop.change("CREATE UNIQUE INDEX people_name ON people (name)");
    let said = shop.prove("").exit(1);
    let printed = DOCS.split("```").nth(3).unwrap();
    // Which statement it was depends on the server's version.
    let codes = |text: &str| {
        let lines = text.lines().filter_map(|line| line.split_once(". "));
        let found = lines.filter(|(number, _)| number.parse::<u8>().is_ok());
        let mut codes: Vec<_> = found
            .filter_map(|(_, found)| found.split(' ').next().map(str::to_owned))
            .collect();
        codes.dedup();
        codes
    };
    assert_eq!(codes(&said.stdout), codes(printed), "{}", said.stdout);
    assert!(said.stderr.contains("findings"), "{}", said.stderr);
    let left = "SELECT (SELECT count(*) FROM people) + (SELECT count(*) FROM orders)";
    assert_eq!(shop.admin.query(left).trim(), "0");
}

/// Each of these is somebody's real mistake; each is named, in a report that can be kept.
#[test]
fn holes_of_others_databases_are_each_found() {
    if !applies() {
        return;
    }
    let shop = Shop::new(site!());
    let superuser = |sql: String| drop(shop.admin.query(&sql));
    for (hole, heal, code) in [
        (
            "CREATE VIEW peek AS SELECT * FROM people; GRANT SELECT ON peek TO @app@",
            "DROP VIEW peek",
            "view_of_owner",
        ),
        (
            "CREATE FUNCTION peek() RETURNS SETOF people LANGUAGE sql SECURITY DEFINER AS 'TABLE people'",
            "DROP FUNCTION peek()",
            "function_definer",
        ),
        (
            "CREATE POLICY more ON people USING (current_setting('app.org', true) IS NULL)",
            "DROP POLICY more ON people",
            "policy_when_unset",
        ),
        (
            "CREATE UNIQUE INDEX told ON people (name)",
            "DROP INDEX told",
            "key_without_tenant",
        ),
        (
            "ALTER TABLE people ADD UNIQUE (id); ALTER TABLE orders ADD CONSTRAINT far \
             FOREIGN KEY (person) REFERENCES people (id)",
            "ALTER TABLE orders DROP CONSTRAINT far; ALTER TABLE people DROP CONSTRAINT people_id_key",
            "reference_without_tenant",
        ),
        (
            "CREATE POLICY more ON people USING (org = \
             current_setting('request.headers', true)::json ->> 'x-org')",
            "DROP POLICY more ON people",
            "policy_on_header",
        ),
        (
            "CREATE TABLE parts (id bigint, org text NOT NULL) PARTITION BY LIST (org); \
             CREATE TABLE parts_rest PARTITION OF parts DEFAULT; \
             ALTER TABLE parts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; \
             CREATE POLICY own ON parts USING (org = current_setting('app.org', true)); \
             GRANT SELECT, INSERT, UPDATE, DELETE ON parts, parts_rest TO @app@",
            "DROP TABLE parts",
            "partition_open",
        ),
    ] {
        shop.change(hole);
        let _ = shop.prove("--statements 100 --json > proof.json").exit(1);
        let kept = std::fs::read_to_string(shop.app.artifacts().path("proof.json")).unwrap();
        let report: Value = serde_json::from_str(&kept).unwrap();
        assert!(
            codes(&report).contains(&code),
            "{hole}: {:?}",
            codes(&report)
        );
        shop.change(heal);
    }
    superuser(format!("ALTER ROLE {} BYPASSRLS", shop.role));
    let said = shop.prove("--statements 100 --json").exit(1);
    let report = said.json();
    assert!(
        codes(&report).contains(&"role_bypasses"),
        "{:?}",
        codes(&report)
    );
    superuser(format!("ALTER ROLE {} NOBYPASSRLS", shop.role));
    // Healed, what is left is what the application is made of.
    let said = shop.prove("--statements 100 --json").exit(1);
    assert_eq!(
        codes(&said.json()),
        ["context_replayed", "policy_on_setting"]
    );
}

/// Doorward's own rows, by the context that only Doorward can make.
#[test]
fn where_nothing_is_found_the_exit_code_says_so() {
    if !applies() {
        return;
    }
    let rows = Database::create(&postgres_url());
    let app = Setup::new(site!(), doorward_systems::HELIOSDB)
        .set("realm.heliosdb.data.database", rows.url())
        .set("realm.heliosdb.data.postgres.own_database", true)
        .start();
    let made = "SELECT count(*) FROM pg_policies WHERE tablename IN ('users', 'orders')";
    wait::until("the tables", wait::PATIENCE, || {
        (rows.query(made).trim() == "4").then_some(())
    });
    let said = app.shell(&format!(
        "export DB={}\ndoorward prove --database env:DB --statements 300 --json",
        rows.url()
    ));
    let report = said.clone().success().json();
    assert_eq!(codes(&report), Vec::<&str>::new());
    assert!(
        report["answered"].as_u64().unwrap() > 150,
        "{}",
        said.stdout
    );
}

#[test]
fn what_cannot_be_tried_is_neither_a_finding_nor_a_proof() {
    if !applies() {
        return;
    }
    let shop = Shop::new(site!());
    for (further, words) in [
        ("--schema nowhere", "no rows"),
        ("--tenants one", "expected two names"),
        ("--root-cert nothing.pem", "nothing.pem"),
    ] {
        let said = shop.prove(further).exit(2);
        assert!(said.stderr.contains(words), "{further}: {}", said.stderr);
    }
}
