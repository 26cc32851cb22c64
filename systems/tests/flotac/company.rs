//! Whose the company of a person is, and what becomes of it: rows 06, 18, 21, 24, 41 and 42, and
//! the reading FL-C2.

use crate::people::*;
use doorward_testkit::{App, Person, Setup, jwt::Unverified, site};
use serde_json::{Value, json};

/// Who is not invited belongs to no company, whatever he says.
#[test]
fn fl_24_without_a_company_nothing_is_served() {
    let app = furnished(flotac(site!()));
    let session = sign_up(&app, EMAIL, "acme");
    assert_eq!(metadata(&session).get("company_id"), None);
    assert_eq!(session["user"]["user_metadata"].get("company_id"), None);
    let answer = app.get_as(&text(&session, "access_token"), CUSTOMERS);
    assert_eq!(answer.status, 403);
}

/// FL-C2, FL-18, FL-20, FL-38: no call of the client moves it into another company, or to
/// another role, in the token or in what an upstream reads of the user.
#[test]
fn fl_21_a_company_is_never_the_clients_to_say() {
    let app = furnished(flotac(site!()));
    invite(&app, "acme", EMAIL);
    let session = sign_up(&app, EMAIL, "globex");
    let owned = json!({"company_id": "acme", "role": "company_user"});
    assert_eq!(metadata(&session), owned);
    assert_eq!(session["user"]["user_metadata"], owned);
    let access = text(&session, "access_token");
    let put = |body: &Value| {
        let request = app.request("PUT", "/auth/v1/user").bearer(&access);
        request.header(VERSION, "2024-01-01").json(body).send()
    };
    for data in [
        json!({"company_id": "globex", "role": "company_admin"}),
        json!({"company_id": null, "role": null}),
        json!({"company_id": {"$ne": 1}, "role": ["company_admin"], "app_metadata": {"role": "x"}}),
    ] {
        let changed = put(&json!({ "data": data }));
        let shown = changed.expect(200).json()["user_metadata"].clone();
        let named = [&shown["company_id"], &shown["role"]];
        assert_eq!(named, ["acme", "company_user"], "{data}");
        assert_eq!(user(&app, &session).json()["user_metadata"], shown);
        for next in [
            sign_in(&app, EMAIL),
            remembered(
                &app,
                &refresh(&app, &text(&sign_in(&app, EMAIL), "refresh_token")),
            ),
        ] {
            let signed = metadata(&next);
            let named = [&signed["company_id"], &signed["role"]];
            assert_eq!(named, ["acme", "company_user"], "{data}");
            let claims = Unverified::of(&text(&next, "access_token")).claims;
            assert_eq!(claims["permissions"], json!(["customers:read"]));
            let access = text(&next, "access_token");
            app.get_as(&access, CUSTOMERS).expect(200);
            let write = app.request("POST", CUSTOMERS).bearer(&access);
            write.json(&json!({})).send().expect(403);
        }
    }
    let refused = put(&json!({"app_metadata": {"company_id": "globex"}}));
    assert_eq!(told(&refused), refusal(403, "not_admin"));
}

/// A leaver is out at the next refresh, and belongs to no company when he signs in again.
#[test]
fn fl_42_a_leaver_is_refused() {
    let app = furnished(flotac(site!()));
    invite(&app, "acme", EMAIL);
    let session = sign_up(&app, EMAIL, "acme");
    let id = text(&session["user"], "id");
    let _ = run(
        &app,
        &["membership", "end"],
        &["--tenant", "acme", "--id", &id],
    );
    let refreshed = refresh(&app, &text(&session, "refresh_token"));
    assert_eq!(told(&refreshed), refusal(400, "refresh_token_not_found"));
    let next = sign_in(&app, EMAIL);
    assert_eq!(metadata(&next).get("company_id"), None);
    let answer = app.get_as(&text(&next, "access_token"), CUSTOMERS);
    assert_eq!(answer.status, 403);
}

/// A sign-up without a company is an account and no company's; the one that an operator
/// invited is in its company, though it names none.
#[test]
fn fl_06_a_company_is_required_and_never_made_up() {
    let app = furnished(flotac(site!()));
    let sign_up = |email: &str, data: Value| {
        let body = json!({"email": email, "password": PASSWORD, "data": data});
        remembered(&app, &post(&app, "/auth/v1/signup", &body))
    };
    let alone = sign_up(EMAIL, json!({"role": "company_user"}));
    assert_eq!(metadata(&alone).get("company_id"), None);
    let refused = app.get_as(&text(&alone, "access_token"), CUSTOMERS);
    let said = refused.expect(403).json();
    assert_eq!(said["error"]["code"], "TENANT_REQUIRED");
    invite(&app, "acme", "ann@acme.example");
    let invited = sign_up("ann@acme.example", json!({}));
    assert_eq!(metadata(&invited)["company_id"], "acme");
    app.get_as(&text(&invited, "access_token"), CUSTOMERS)
        .expect(200);
}

/// What the token says is what the gate tells the upstream, and both are the server's.
#[test]
fn fl_18_the_company_is_in_the_users_metadata_as_the_server_has_it() {
    let app = furnished(flotac(site!()));
    invite(&app, "globex", EMAIL);
    let session = sign_up(&app, EMAIL, "acme");
    assert_eq!(metadata(&session)["company_id"], "globex");
    let access = text(&session, "access_token");
    // What another one's token says, under this one's signature.
    invite(&app, "acme", "ann@acme.example");
    let other = text(&sign_up(&app, "ann@acme.example", "acme"), "access_token");
    let [mut parts, others] = [&access, &other].map(|token| token.split('.').collect::<Vec<_>>());
    parts[1] = others[1];
    let forged = parts.join(".");
    app.get_as(&forged, CUSTOMERS).expect(401);
    let seen = app.get_as(&access, CUSTOMERS).expect(200).text();
    assert!(seen.contains("globex") && !seen.contains("acme"), "{seen}");
}

/// Somebody with a role in each of these companies.
fn in_companies(app: &App, companies: &[&str]) -> Person {
    let email = "ann@example.com";
    let person = Person::make(app, email, &[]);
    for company in companies {
        let place = ["--tenant", company, "--email", email];
        let _ = run(app, &["membership", "create"], &place);
        let role = [&place[..], &["--role", "company_user"]].concat();
        let _ = run(app, &["grant", "add"], &role);
    }
    person
}

/// The company that the upstream is told.
fn company_of(app: &App, access: &str) -> Option<String> {
    let told = app.get_as(access, CUSTOMERS).expect(200).json();
    let headers = &told["headers"];
    headers["x-doorward-tenant"].as_str().map(str::to_owned)
}

#[test]
fn fl_41_the_company_stays_and_is_switched_by_name_alone() {
    let app = furnished(flotac(site!()));
    let ann = in_companies(&app, &["acme", "globex"]);
    // Without a name it is the one that was first, which no later one takes away.
    let body = json!({"email": ann.email(), "password": ann.password()});
    let home = remembered(
        &app,
        &post(&app, "/auth/v1/token?grant_type=password", &body),
    );
    let access = text(&home, "access_token");
    assert_eq!(company_of(&app, &access).as_deref(), Some("acme"));
    let switch = |access: &str, to: &str| {
        let request = app.request("POST", "/me/v1/session/switch").bearer(access);
        request.json(&json!({ "tenant": to })).send()
    };
    let acme = remembered(&app, &switch(&access, "acme"));
    let globex = remembered(&app, &switch(&text(&acme, "access_token"), "globex"));
    for (session, company) in [(&acme, "acme"), (&globex, "globex")] {
        let access = text(session, "access_token");
        assert_eq!(company_of(&app, &access).as_deref(), Some(company));
        // By the product's own refresh, and that again.
        let mut session = session.clone();
        for _ in 0..2 {
            let next = refresh(&app, &text(&session, "refresh_token"));
            session = remembered(&app, &next);
            assert_eq!(metadata(&session)["company_id"], company);
        }
        let access = text(&session, "access_token");
        assert_eq!(company_of(&app, &access).as_deref(), Some(company));
    }
    let access = text(&globex, "access_token");
    switch(&access, "initech").expect(403);
    switch("Bearer", "acme").expect(401);
    let owner = ["--environment", "live", "--scope", "customers:read"];
    let key = app.token("key", "tenant:acme", &owner);
    assert!(switch(&key, "globex").status >= 400);
    // Who is sent away from one goes on in the other.
    let place = ["--tenant", "globex", "--email", ann.email()];
    let _ = run(&app, &["membership", "end"], &place);
    let gone = refresh(&app, &text(&globex, "refresh_token"));
    assert_eq!(gone.status, 400);
    assert_eq!(
        company_of(&app, &text(&acme, "access_token")).as_deref(),
        Some("acme")
    );
}

/// Flotac with personal tokens beside the companies' keys.
fn with_personal_tokens(site: &str) -> Setup {
    let mut class = toml::Table::new();
    class.insert("kinds".into(), vec!["personal"].into());
    class.insert("prefix".into(), "flotac_pat_".into());
    class.insert("environments".into(), vec!["live", "test"].into());
    class.insert("presentations".into(), vec!["bearer"].into());
    flotac(site).set("realm.flotac.api_tokens.personal", class)
}

fn placed(app: &App, company: &str, email: &str, role: &str) -> Person {
    let person = Person::make_in(app, company, email, &[]);
    let place = ["--tenant", company, "--email", email, "--role", role];
    let _ = run(app, &["grant", "add"], &place);
    person
}

/// Before he goes: what his tokens open is told, with their last use; what is still used is
/// made the company's own, under a secret that he does not know.
#[test]
fn fl_42_what_a_leaver_opens_is_told_and_handed_over_before_he_goes() {
    let mut app = furnished(with_personal_tokens(site!()));
    let _ = placed(&app, "acme", "ann@acme.example", "company_user");
    let boss = placed(&app, "acme", "boss@acme.example", "company_admin");
    let named = ["--name", "nightly export", "--environment", "live"];
    let pat = app.token("personal", "ann@acme.example", &named);
    app.get_as(&pat, CUSTOMERS).expect(200);
    // What was used is written when the server stops, or within half a minute.
    app.start();
    let leaving = ["--tenant", "acme", "--email", "ann@acme.example"];
    let dry = [&leaving[..], &["--dry-run", "--json"]].concat();
    let told = run(&app, &["membership", "end"], &dry);
    let ends = told["ends"].as_array().unwrap();
    assert_eq!((ends.len(), &told["stays"]), (1, &json!([])), "{told}");
    assert_eq!(ends[0]["name"], "nightly export");
    assert_eq!(ends[0]["opens"], json!(["customers:read"]));
    assert_eq!(ends[0]["last_used_from"], "127.0.0.1");
    assert!(ends[0]["last_used_at"].is_string());
    let id = text(&ends[0], "id");
    let table = [&["--realm", "flotac"], &leaving[..], &["--dry-run"]].concat();
    let table = app.run(&["membership", "end"], &table).success().stdout;
    assert!(
        table.contains("ends") && table.contains("customers:read"),
        "{table}"
    );
    app.get_as(&pat, CUSTOMERS).expect(200);
    // A company's administrator takes it over by the admin API.
    let session = boss.sign_in(&app);
    let path = format!("/admin/v1/tokens/{id}/hand-over");
    let made = session.request("POST", &path).send();
    let made = made.expect(201).json();
    assert_eq!(
        (&made["kind"], &made["tenant"]),
        (&json!("key"), &json!("acme"))
    );
    assert_eq!(made["scopes"], json!(["customers:read"]));
    let key = app.remembered(text(&made, "token"));
    app.get_as(&key, CUSTOMERS).expect(200);
    let _ = run(&app, &["membership", "end"], &leaving);
    let request = app.request("GET", CUSTOMERS).bearer(&pat);
    app.until_status(&request, 401);
    app.get_as(&key, CUSTOMERS).expect(200);
}

/// The keys that a leaver made are the company's, whoever made them.
#[test]
fn fl_42_a_leavers_keys_stay_the_companys() {
    let app = furnished(with_personal_tokens(site!()));
    let boss = placed(&app, "acme", "boss@acme.example", "company_admin");
    let session = boss.sign_in(&app);
    let new = json!({
        "kind": "key", "owner": "tenant:acme", "environment": "live", "scopes": ["customers:read"],
    });
    let made = session
        .request("POST", "/admin/v1/tokens")
        .json(&new)
        .send();
    let made = made.expect(201).json();
    let key = app.remembered(text(&made, "token"));
    let whom = ["--tenant", "acme", "--email", "boss@acme.example"];
    let dry = [&whom[..], &["--dry-run", "--json"]].concat();
    let told = run(&app, &["membership", "end"], &dry);
    assert_eq!(told["ends"], json!([]));
    assert_eq!(told["stays"][0]["id"], made["id"]);
    let _ = run(&app, &["membership", "end"], &whom);
    app.get_as(&key, CUSTOMERS).expect(200);
    // His session manages nothing of the company any more.
    let path = format!("/admin/v1/tokens/{}", text(&made, "id"));
    let refused = session.request("DELETE", &path).send();
    assert!(
        matches!(refused.status, 401 | 403 | 404),
        "{}",
        refused.status
    );
    app.get_as(&key, CUSTOMERS).expect(200);
}
