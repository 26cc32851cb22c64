//! The form of answers and refusals, and whose rows they hold: rows 08, 17, 20, 21, 22, 23,
//! 38 and 46.

use crate::furnished::{ACME, BASE, CUSTOMERS, GLOBEX, customers, flotac, furnish, key, person};
use doorward_testkit::upstream::Upstream;
use doorward_testkit::{App, Response, script, site};
use serde_json::{Value, json};

/// The companies that an answer speaks of, each once.
fn companies(answer: &Response) -> Vec<String> {
    let said = answer.expect(200).json();
    let rows = said["data"].as_array().unwrap().iter();
    let mut companies: Vec<String> = rows
        .map(|row| row["company_id"].as_str().unwrap().to_owned())
        .collect();
    companies.dedup();
    companies
}

#[test]
fn fl_08_a_session_reads_by_fetch_as_the_quick_start_does() {
    let app = flotac(site!()).start();
    furnish(&app);
    let jwt = person(&app, Some(ACME), "ann@acme.example");
    let program = format!(
        "const BASE_URL = '{base}';\nconst response = await fetch(`${{BASE_URL}}/api/v1/customers`, {{ method: 'GET', headers: {{ 'Authorization': 'Bearer {jwt}', 'Content-Type': 'application/json' }} }});\nconst result = await response.json();\nconsole.log(response.status, result.success, result.meta.pagination.totalRecords);\n",
        base = app.url(BASE)
    );
    let said = script::node(&program).success().stdout;
    assert_eq!(said.trim(), "200 true 2");
}

#[test]
fn fl_20_two_companies_have_disjoint_customers() {
    let app = flotac(site!()).start();
    furnish(&app);
    for company in [ACME, GLOBEX] {
        let key = key(&app, company, &["customers:read"]);
        let jwt = person(&app, Some(company), &format!("ann@{company}.example"));
        for credential in [key, jwt] {
            let answer = customers(&app, &credential).send();
            assert_eq!(companies(&answer), [company]);
        }
    }
}

/// What the upstream refuses passes through as it is.
#[test]
fn fl_21_a_customer_of_another_company_is_refused_to_keys_and_sessions() {
    let app = flotac(site!()).start();
    furnish(&app);
    let key = key(&app, ACME, &["customers:read"]);
    let jwt = person(&app, Some(ACME), "ann@acme.example");
    for credential in [key, jwt] {
        let of = |id: u8| app.get_as(&credential, &format!("{CUSTOMERS}/{id}"));
        assert_eq!(of(1).expect(200).json()["data"]["name"], "Ann's Anvils");
        let foreign = of(3);
        assert_eq!(foreign.expect(403).json()["success"], false);
        assert!(!foreign.text().contains("Weather"), "{}", foreign.text());
    }
}

#[test]
fn fl_22_the_company_is_the_gates_word_and_no_client_changes_it() {
    let app = flotac(site!()).start();
    furnish(&app);
    let key = key(&app, ACME, &["customers:read"]);
    for name in [
        "X-Doorward-Tenant",
        "x_doorward_tenant",
        "X-Tenant-Id",
        "X-Company-Id",
    ] {
        let request = customers(&app, &key).header(name, GLOBEX);
        assert_eq!(companies(&request.send()), [ACME], "{name}");
    }
    let forged = customers(&app, &key)
        .header("Connection", "X-Doorward-Tenant")
        .header("X-Doorward-Tenant", GLOBEX);
    assert_eq!(companies(&forged.send()), [ACME]);
}

/// FL-24: who is of no company gets nowhere.
#[test]
fn fl_23_nobody_calls_without_a_company() {
    let app = flotac(site!()).start();
    furnish(&app);
    let jwt = person(&app, None, "nobody@elsewhere.example");
    let answer = customers(&app, &jwt).send();
    let said = answer.expect(403).json();
    assert_eq!(said["success"], false);
    let codes = ["TENANT_REQUIRED", "INSUFFICIENT_PERMISSION"];
    assert!(
        codes.contains(&said["error"]["code"].as_str().unwrap()),
        "{said}"
    );
}

fn refusals(app: &App) -> Vec<(Response, u16, &'static str)> {
    let reader = key(app, ACME, &["customers:read"]);
    let post = app.request("POST", CUSTOMERS).bearer(&reader);
    let post = post.json(&json!({"name": "New"})).send();
    vec![
        (app.get(CUSTOMERS), 401, "UNAUTHORIZED"),
        (
            app.get_as("nonsense", CUSTOMERS),
            401,
            "INVALID_TOKEN_FORMAT",
        ),
        (post, 403, "INSUFFICIENT_PERMISSION"),
        (
            app.get_as(&reader, &format!("{BASE}/nowhere")),
            404,
            "ROUTE_UNKNOWN",
        ),
    ]
}

#[test]
fn fl_46_a_refusal_of_the_gate_says_that_it_is_one() {
    let app = flotac(site!()).start();
    furnish(&app);
    for (answer, status, code) in refusals(&app) {
        let said = answer.expect(status).json();
        assert_eq!(said["success"], false, "{code}");
        assert_eq!(said["error"]["code"], code);
        assert!(said["error"]["message"].is_string());
        assert_eq!(answer.header("sb-error-code"), Some(code));
        let id = answer.header("x-request-id").unwrap();
        assert_eq!(said["meta"]["request_id"], Value::from(format!("req_{id}")));
    }
    // What the upstream says is the upstream's.
    let reader = key(&app, ACME, &["customers:read"]);
    let answer = app.get_as(&reader, &format!("{CUSTOMERS}/3"));
    assert_eq!(answer.expect(403).header("sb-error-code"), None);
    assert!(answer.header("x-request-id").is_some());
}

/// Under the mount of Supabase Auth too.
#[test]
fn fl_46_a_refusal_under_the_mount_says_its_code_in_the_header() {
    let app = flotac(site!()).start();
    let answer = app.get("/auth/v1/user");
    answer.expect(401);
    assert!(answer.header("sb-error-code").is_some());
    assert!(answer.header("x-request-id").is_some());
}

/// Every route that asks for a credential asks for its company, and tells it the upstream.
#[test]
fn fl_17_every_request_is_of_a_company() {
    let upstream = Upstream::start();
    let app = flotac(site!()).leading_to(&upstream.origin()).start();
    furnish(&app);
    let everything = ["customers:read", "customers:write"];
    for (company, method) in [(ACME, "GET"), (GLOBEX, "POST"), (ACME, "DELETE")] {
        let key = key(&app, company, &everything);
        let path = format!("{CUSTOMERS}/{company}-{method}");
        app.request(method, &path).bearer(&key).send().expect(200);
        let seen = upstream.seen().to_ascii_lowercase();
        let start = format!("{method} {path}").to_ascii_lowercase();
        let (_, request) = seen.rsplit_once(&start).unwrap();
        let told = request.matches("x-doorward-tenant:").count();
        assert_eq!(told, 1, "{request}");
        assert!(
            request.contains(&format!("x-doorward-tenant: {company}")),
            "{request}"
        );
    }
    let reached = upstream.seen().len();
    let nobody = person(&app, None, "nobody@example.com");
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let refused = app.request(method, CUSTOMERS).bearer(&nobody).send();
        assert_eq!(refused.status, 403, "{method}");
    }
    assert_eq!(upstream.seen().len(), reached);
}

/// Whatever way a request names the other company by.
#[test]
fn fl_38_the_other_companys_data_is_403_however_it_is_named() {
    let app = flotac(site!()).start();
    furnish(&app);
    let key = key(&app, ACME, &["customers:read", "customers:write"]);
    let jwt = person(&app, Some(ACME), "ann@acme.example");
    for credential in [&key, &jwt] {
        for path in ["/3", "/3?company_id=globex", "/3?tenant=globex"] {
            let refused = app.get_as(credential, &format!("{CUSTOMERS}{path}"));
            let text = refused.expect(403).text();
            assert!(!text.contains("Weather"), "{text}");
        }
        let listed = app.get_as(credential, &format!("{CUSTOMERS}?company_id=globex"));
        assert_eq!(companies(&listed), [ACME]);
    }
    let new = json!({"name": "Mole", "company_id": "globex"});
    let made = app
        .request("POST", CUSTOMERS)
        .bearer(&key)
        .json(&new)
        .send();
    assert_eq!(made.expect(201).json()["data"]["company_id"], ACME);
}
