//! Statements as they are written: for PostgreSQL too, whose engine is not here.

use super::access::Scope;
use super::expression::Form;
use super::policy::{Policies, Policy};
use super::read;
use super::resolve;
use super::write::{self, Conflict, Insert, Told};
use crate::caller::{Caller, RightScopes};
use crate::engine::{Flavour, Statement};
use crate::rest::query::Query;
use crate::schema::{Column, ColumnKind, ForeignKey, Schema, Table};
use crate::value::Value;
use doorward_base::principal::{CredentialId, Epoch, PrincipalParts};
use doorward_base::{Principal, Scope as ScopeName, SubjectKind, TenantId, Timestamp};
use serde_json::json;
use std::sync::Arc;

const OWN: &str = "\"tenant_id\" = $";

fn column(name: &str, kind: ColumnKind, type_name: &str) -> Column {
    Column {
        name: name.to_owned(),
        kind,
        type_name: type_name.to_owned(),
        nullable: true,
        default: None,
        is_tenant: name == "tenant_id",
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn table(name: &str, columns: &[&str], key: &[&str], refers: &[(&str, &str)]) -> Table {
    let integers = columns
        .iter()
        .map(|name| column(name, ColumnKind::Int, "integer"));
    let others = [
        column("name", ColumnKind::Text, "text"),
        column("tenant_id", ColumnKind::Text, "text"),
    ];
    Table {
        name: name.to_owned(),
        comment: None,
        is_view: false,
        columns: integers.chain(others).collect(),
        primary_key: names(&[&["tenant_id"], key].concat()),
        unique: Vec::new(),
        foreign_keys: refers
            .iter()
            .map(|(column, table)| ForeignKey {
                name: format!("{name}_{column}_fkey"),
                columns: names(&["tenant_id", column]),
                table: (*table).to_owned(),
                foreign_columns: names(&["tenant_id", "id"]),
            })
            .collect(),
    }
}

fn schema() -> Schema {
    Schema {
        version: 1,
        tables: vec![
            table("clients", &["id"], &["id"], &[]),
            table(
                "links",
                &["client_id", "tag_id"],
                &["client_id", "tag_id"],
                &[("client_id", "clients"), ("tag_id", "tags")],
            ),
            table("tags", &["id"], &["id"], &[]),
        ],
        routines: Vec::new(),
    }
}

fn caller() -> Caller {
    let scope = |name: &str| ScopeName::new(name).unwrap();
    let principal = Principal::new(PrincipalParts {
        sub: "ann".into(),
        subject: None,
        kind: SubjectKind::User,
        tenant: Some(TenantId::new("acme").unwrap()),
        permissions: Vec::new(),
        roles: Vec::new(),
        role: None,
        scopes: vec![scope("read"), scope("write")],
        lost_role: None,
        crosses: false,
        credential: CredentialId::Foreign,
        client: None,
        actors: Vec::new(),
        environment: None,
        issuer: "https://issuer.example".into(),
        audience: Vec::new(),
        expires_at: Timestamp::MAX,
        epoch: Epoch(0),
        claims: Arc::default(),
    });
    let scopes = RightScopes {
        read: scope("read"),
        write: scope("write"),
        schema: scope("admin"),
    };
    Caller::of(&principal, &scopes).unwrap()
}

/// What this does with the tables as this caller has them.
fn with<T>(flavour: Flavour, policies: &Policies, act: impl FnOnce(Scope<'_>) -> T) -> T {
    let (schema, caller) = (schema(), caller());
    act(Scope::new(&schema, &caller, policies, flavour))
}

fn statements(flavour: Flavour, policies: &Policies, table: &str, query: &str) -> [Statement; 3] {
    with(flavour, policies, |scope| {
        let read = Query::read(query).unwrap().read;
        let node = resolve::read(scope.table(table).unwrap(), &read).unwrap();
        [
            read::rows(&node, Form::Json).unwrap().statement,
            read::total(&node).unwrap(),
            read::extent(&node).unwrap(),
        ]
    })
}

/// How many tables of the schema a statement takes rows from.
fn tables(text: &str) -> usize {
    let names = ["clients", "links", "tags"];
    let places = [" FROM ", " JOIN ", "UPDATE "];
    let each = names
        .iter()
        .flat_map(|name| places.map(|place| format!("{place}\"{name}\"")));
    each.map(|wanted| text.matches(&wanted).count()).sum()
}

#[test]
fn every_table_of_a_statement_is_held_to_the_tenant_where_tenants_share_it() {
    for query in [
        "",
        "select=id,tags(id,links(client_id,clients!inner(name)))&tags.name=eq.x",
        "select=id,links!inner(tags(*))&order=id&limit=1",
        "select=id,links()&links=is.null",
        "or=(id.eq.1,name.like.a*)",
    ] {
        for statement in statements(Flavour::Postgres, &Policies::default(), "clients", query) {
            let text = statement.text();
            assert!(tables(text) > 0);
            assert_eq!(text.matches(OWN).count(), tables(text), "{text}");
            assert!(statement.params().contains(&Value::Text("acme".to_owned())));
        }
        for statement in statements(Flavour::Sqlite, &Policies::default(), "clients", query) {
            let own = Value::Text("acme".to_owned());
            assert!(!statement.params().contains(&own), "{}", statement.text());
        }
    }
}

#[test]
fn a_policy_is_with_its_table_wherever_the_table_is() {
    let policy: Policy = serde_json::from_value(json!({
        "table": "tags", "select": ["id", "name"],
        "filter": {"compare": {"column": "name", "to": {"literal": "seen"}}},
    }))
    .unwrap();
    let link: Policy = serde_json::from_value(json!({
        "table": "links", "select": ["*"], "filter": {"null": "name"},
    }))
    .unwrap();
    let policies = Policies::new([policy, link]).unwrap();
    let query = "select=id,tags!inner(id),links(tags(name))&order=id";
    for flavour in [Flavour::Sqlite, Flavour::Postgres] {
        for statement in statements(flavour, &policies, "clients", query) {
            let text = statement.text();
            let tags = text.matches("FROM \"tags\"").count();
            let links = text.matches(" \"links\" AS").count();
            let seen = Value::Text("seen".to_owned());
            let held = statement
                .params()
                .iter()
                .filter(|&value| *value == seen)
                .count();
            assert!(tags > 0 && links > 0);
            assert_eq!(held, tags, "{text}");
            assert_eq!(text.matches("\"name\" IS NULL").count(), links, "{text}");
        }
    }
}

fn rows(json: serde_json::Value) -> Vec<serde_json::Map<String, serde_json::Value>> {
    serde_json::from_value(json).unwrap()
}

#[test]
fn no_value_of_a_request_is_in_the_text() {
    let query = "select=id,tags(name)&name=eq.v4lue&tags.name=in.(v4lue,b)&or=(name.like.v4lue*)";
    for flavour in [Flavour::Sqlite, Flavour::Postgres] {
        for statement in statements(flavour, &Policies::default(), "clients", query) {
            assert!(!statement.text().contains("v4lue"), "{}", statement.text());
        }
        let asked = Insert {
            columns: names(&["id", "name"]),
            rows: rows(json!([{"id": 7, "name": "v4lue"}])),
            missing_is_default: false,
            conflict: None,
        };
        let plan = with(flavour, &Policies::default(), |scope| {
            write::insert(scope.table("clients").unwrap(), &asked, Told::Number).unwrap()
        });
        assert!(!plan.statements[0].text().contains("v4lue"));
    }
}

#[test]
fn a_row_is_made_in_the_callers_tenant_and_merged_by_the_tenants_key() {
    let asked = Insert {
        columns: names(&["id", "name"]),
        rows: rows(json!([{"id": 7, "name": "n"}])),
        missing_is_default: false,
        conflict: Some(Conflict {
            key: names(&["id"]),
            merge: true,
        }),
    };
    let text = with(Flavour::Postgres, &Policies::default(), |scope| {
        let plan = write::insert(scope.table("clients").unwrap(), &asked, Told::Number).unwrap();
        assert_eq!(tables(plan.statements[0].text()), 1);
        assert!(plan.statements[0].text().contains(OWN));
        plan.statements[1].text().to_owned()
    });
    assert_eq!(
        text,
        "INSERT INTO \"clients\" (\"id\", \"name\", \"tenant_id\") \
         SELECT \"~new\".\"id\", \"~new\".\"name\", $1::text \
         FROM json_array_elements($2::text::json) AS \"~rows\"(value), \
         LATERAL json_to_record(\"~rows\".\"value\") AS \"~new\"(\"id\" integer, \"name\" text) \
         WHERE TRUE ON CONFLICT (\"tenant_id\", \"id\") \
         DO UPDATE SET \"name\" = excluded.\"name\" WHERE \"clients\".\"tenant_id\" = $3::text"
    );
}

#[test]
fn changes_are_held_to_the_tenant_with_and_without_a_filter() {
    for query in ["", "id=eq.1&select=id,tags(id)"] {
        let texts = with(Flavour::Postgres, &Policies::default(), |scope| {
            let access = scope.table("clients").unwrap();
            let read = Query::read(query).unwrap().read;
            let node = resolve::read(access, &read).unwrap();
            let which = (!read.filters.is_empty()).then_some(&node);
            let told = Told::Rows(&node, Form::Json);
            let given = json!({"name": "n"}).as_object().unwrap().clone();
            [
                write::update(access, which, &given, told).unwrap(),
                write::delete(access, which, told).unwrap(),
            ]
            .map(|plan| plan.statements[0].text().to_owned())
        });
        for text in texts {
            assert_eq!(text.matches(OWN).count(), tables(&text), "{text}");
        }
    }
}
