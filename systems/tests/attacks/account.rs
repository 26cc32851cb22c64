//! Somebody else's account: what who knows an address, or administers a tenant, does to
//! it. Each is a finding against an earlier version, by its letter.

use doorward_testkit::{
    App, Person, Response, Session, Setup, id_of, secret_of, sign_in, sign_in_to, site,
};
use serde_json::{Value, json};

const REALM: &str = r#"
[realm.orders]
hosts = ["*"]
issuer = "http://127.0.0.1:8080"
dialects = ["oauth"]

[realm.orders.tokens]
claims = { scope = "{scope}", tenant = "{tenant}" }

[realm.orders.roles]
boss = ["orders:write"]

[realm.orders.api_tokens.access]
kinds = ["personal", "service"]
prefix = "ord-"
presentations = ["exchange", "bearer"]
create_permission = "platform.users.service-accounts.access-tokens.edit"

[realm.orders.exchange]
path = "/api/auth/access-tokens/jwt"

[[realm.orders.route]]
path = "/orders/**"
upstream = "builtin:echo"
tenant = "required"
credentials = ["jwt", "api_token"]

[server.mail]
url = "folder:mail"
from = "door@example.com"
"#;

const INVITE: &str = "platform.memberships.edit";
const USERS: &str = "platform.users.edit";
const READ: &str = "platform.users.read";
const TOKENS: &str = "platform.users.service-accounts.access-tokens.edit";
const SERVICES: &str = "platform.users.service-accounts.edit";
const MALLORY: &str = "mallory@globex.example";
const CHOSEN: &str = "mallory chose this";

struct Stage {
    app: App,
    mallory: Person,
}

/// Two tenants, and mallory who administers one of them.
fn stage(site: &str, permissions: &[&str]) -> Stage {
    let app = Setup::new(site, REALM).start();
    let mallory = Person::make_in(&app, "globex", MALLORY, permissions);
    let _ = app.remembered(CHOSEN.to_owned());
    Stage { app, mallory }
}

fn invite(session: &Session<'_>, email: &str, tenant: &str, roles: &[&str]) -> Response {
    session
        .request("POST", "/admin/v1/invitations")
        .json(&json!({"email": email, "tenant": tenant, "roles": roles}))
        .send()
}

fn accept(app: &App, body: &Value) -> Response {
    app.request("POST", "/me/v1/invitations/accept")
        .json(body)
        .send()
}

fn items(answer: &Response) -> Vec<Value> {
    answer.expect(200).json()["items"]
        .as_array()
        .unwrap()
        .clone()
}

impl Stage {
    /// The secret in the next mail to this address.
    fn mailed(&self, address: &str) -> String {
        self.app.mailed_invitation(address)
    }

    fn orders(&self, token: &str) -> Response {
        self.app.get_as(token, "/orders/1")
    }
}

fn access_token(app: &App, answer: &Response) -> String {
    let token = answer.expect(200).json()["access_token"].clone();
    app.remembered(token.as_str().unwrap().to_owned())
}

/// A1, A2, A6: the secret reaches the address, and what else an inviter has does nothing.
#[test]
fn who_invites_an_address_gets_nothing_to_take_it_by() {
    let stage = stage(site!(), &[INVITE, USERS]);
    let app = &stage.app;
    let mallory = stage.mallory.sign_in(app);
    // An account that nobody has proven, one that is its person's, and none.
    let admin = Person::make_in(app, "acme", "admin@acme.example", &[USERS]);
    let bobs = app.remembered("bobs own password".to_owned());
    let bob = json!({"email": "bob@acme.example", "password": bobs, "tenant": "acme"});
    let made = admin.sign_in(app).request("POST", "/admin/v1/users");
    made.json(&bob).send().expect(201);
    let _ = Person::make_in(app, "acme", "dave@acme.example", &[]);
    for address in [
        "bob@acme.example",
        "dave@acme.example",
        "carol@acme.example",
    ] {
        let made = invite(&mallory, address, "globex", &[]);
        let answer = made.expect(201).json();
        assert_eq!(answer["delivery"], "mail", "{answer}");
        assert!(answer.get("invitation").is_none(), "{answer}");
        let id = answer["id"].as_str().unwrap();
        // Its id, which the inviter has, opens nothing.
        for guess in [id.to_owned(), format!("invite_{id}")] {
            let body = json!({"invitation": guess, "password": CHOSEN});
            accept(app, &body).expect(404);
        }
        let target = format!("/me/v1/invitations/{id}/accept");
        mallory.request("POST", &target).send().expect(404);
        assert!(stage.mailed(address).len() > 40);
    }
    let denied = mallory
        .request("POST", "/admin/v1/invitations")
        .json(&json!({"email": "bob@acme.example", "tenant": "globex", "delivery": "answer"}))
        .send();
    denied.expect(403);
    sign_in_to(app, "acme", "bob@acme.example", &bobs).expect(200);
    sign_in(app, "bob@acme.example", CHOSEN).expect(401);
    sign_in(app, "carol@acme.example", CHOSEN).expect(401);
}

fn plant(session: &Session<'_>, email: &str, place: &Value) -> String {
    let mut body = json!({
        "email": email,
        "name": "Mallory's",
        "password": CHOSEN,
        "user_metadata": {"role": "boss"},
    });
    body.as_object_mut()
        .unwrap()
        .extend(place.as_object().unwrap().clone());
    let planted = session.request("POST", "/admin/v1/users").json(&body);
    id_of(planted.send().expect(201))
}

/// A2, A13, 5: what was planted under an address goes when its owner comes, and what still
/// says it names nobody.
#[test]
fn the_owner_of_an_address_finds_nothing_planted_under_it() {
    let stage = stage(site!(), &[INVITE, USERS, READ]);
    let app = &stage.app;
    let mallory = stage.mallory.sign_in(app);
    // In mallory's own tenant, and by somebody who vouches for none of it, in the realm.
    let inside = plant(&mallory, "ceo@acme.example", &json!({"tenant": "globex"}));
    let signed = sign_in_to(app, "globex", "ceo@acme.example", CHOSEN);
    let inside_token = access_token(app, &signed);
    sign_in(app, "ceo@acme.example", CHOSEN).expect(401);
    let personal = app.token("personal", &inside, &[]);
    stage.orders(&personal).expect(200);
    let clerk = Person::make(app, "clerk@example.com", &[USERS]);
    let clerk = clerk.sign_in(app);
    let id = plant(&clerk, "ceo@acme.example", &json!({}));
    let waiting = access_token(app, &sign_in(app, "ceo@acme.example", CHOSEN));
    let token = app.token("personal", "ceo@acme.example", &[]);
    let admin = Person::make_in(app, "acme", "admin@acme.example", &[INVITE, "orders:write"]);
    let boss = [
        "--realm",
        "orders",
        "--email",
        "admin@acme.example",
        "--tenant",
        "acme",
    ];
    let _ = app
        .run(
            &["grant", "add"],
            &[&boss[..], &["--role", "boss"]].concat(),
        )
        .success();
    let admin = admin.sign_in(app);
    invite(&admin, "ceo@acme.example", "acme", &["boss"]).expect(201);
    let secret = stage.mailed("ceo@acme.example");
    accept(app, &json!({"invitation": secret})).expect(400);
    let own = app.remembered("the owner's password".to_owned());
    let body = json!({"invitation": secret, "password": own, "name": "The CEO"});
    let came = id_of(accept(app, &body).expect(200));
    assert!(came != id && came != inside, "{came}");
    sign_in(app, "ceo@acme.example", CHOSEN).expect(401);
    app.get_as(&waiting, "/me/v1").expect(401);
    stage.orders(&token).expect(401);
    let signed = access_token(app, &sign_in(app, "ceo@acme.example", &own));
    let me = app.get_as(&signed, "/me/v1").json();
    let text = me.to_string();
    assert!(text.contains("The CEO") && text.contains("acme"), "{text}");
    for gone in ["Mallory", "globex", "user_metadata\":{\"role"] {
        assert!(!text.contains(gone), "{gone}: {text}");
    }
    for gone in [&id, &came] {
        let user = format!("/admin/v1/users/{gone}");
        mallory.request("GET", &user).send().expect(404);
    }
    // What stands in elsewhere is what it was, until the owner comes there.
    stage.orders(&personal).expect(200);
    let user = format!("/admin/v1/users/{inside}");
    let shown = mallory.request("GET", &user).send().expect(200).json();
    let shown = shown.to_string();
    assert!(shown.contains("\"home\":\"globex\""), "{shown}");
    assert!(shown.contains("\"email_proven\":false"), "{shown}");
    invite(&mallory, "ceo@acme.example", "globex", &[]).expect(201);
    let offered = items(&app.get_as(&signed, "/me/v1/invitations"));
    let offered = offered[0]["id"].as_str().unwrap();
    let target = format!("/me/v1/invitations/{offered}/accept");
    let taking = app.request("POST", &target).bearer(&signed);
    assert_eq!(id_of(taking.send().expect(200)), came);
    mallory.request("GET", &user).send().expect(404);
    stage.orders(&personal).expect(401);
    app.get_as(&inside_token, "/me/v1").expect(401);
    sign_in_to(app, "globex", "ceo@acme.example", CHOSEN).expect(401);
    sign_in_to(app, "globex", "ceo@acme.example", &own).expect(200);
}

/// 2, E3: a tenant takes no address from anybody, and learns of nobody by trying.
#[test]
fn a_tenant_takes_no_address_and_learns_of_none() {
    let stage = stage(site!(), &[USERS, SERVICES, READ]);
    let app = &stage.app;
    let mallory = stage.mallory.sign_in(app);
    let _ = Person::make_in(app, "acme", "member@acme.example", &[]);
    let _ = Person::make(app, "person@acme.example", &[]);
    app.service_account("bot@acme.example", &["--tenant", "acme"]);
    app.service_account("wide@acme.example", &[]);
    let blank = |answer: &Response, address: &str| {
        let text = answer.expect(201).text();
        text.replace(&id_of(answer), "ID")
            .replace(address, "ADDRESS")
            .replace(answer.json()["created_at"].as_str().unwrap(), "THEN")
    };
    let mut answers = Vec::new();
    for address in [
        "nobody@acme.example",
        "member@acme.example",
        "person@acme.example",
        "bot@acme.example",
        "wide@acme.example",
    ] {
        let body = json!({"email": address, "tenant": "globex"});
        let user = mallory.request("POST", "/admin/v1/users").json(&body);
        let user = user.send();
        let service = mallory.make_service_account(address, &json!({"tenant": "globex"}));
        answers.push((blank(&user, address), blank(&service, address)));
        // Its own it sees, and is told of.
        let again = mallory.request("POST", "/admin/v1/users").json(&body);
        again.send().expect(409);
        mallory
            .make_service_account(address, &json!({"tenant": "globex"}))
            .expect(409);
    }
    for answer in &answers {
        assert_eq!(*answer, answers[0]);
    }
    // Who had no account gets one.
    let late = Person::make_in(app, "acme", "nobody@acme.example", &[]);
    let late = late.sign_in(app);
    app.get_as(late.token(), "/me/v1").expect(200);
    // Who has the store is told which one to name.
    let listing = ["--realm", "orders", "--email", "bot@acme.example"];
    let told = app.run(&["grant", "list"], &listing).exit(1);
    assert!(told.stderr.contains("service"), "{}", told.stderr);
}

/// A3, A3b, A4: an account joins by its person's act, and what it has elsewhere stays
/// what it was and nobody else's.
#[test]
fn nobody_is_joined_by_another_and_nothing_changes_by_joining() {
    let stage = stage(site!(), &[INVITE, USERS, READ, TOKENS]);
    let app = &stage.app;
    let mallory = stage.mallory.sign_in(app);
    let dave = Person::make_in(app, "acme", "dave@acme.example", &[]);
    let erin = Person::make(app, "erin@example.com", &[]);
    let before = app.token("personal", dave.email(), &[]);
    let of_none = app.token("personal", erin.email(), &[]);
    let dave_session = dave.sign_in(app);
    let (dave_id, erin_id) = (me(app, dave_session.token()), {
        let session = erin.sign_in(app);
        me(app, session.token())
    });
    stage.orders(&before).expect(200);
    stage.orders(&of_none).expect(403);
    for person in [&dave, &erin] {
        invite(&mallory, person.email(), "globex", &[]).expect(201);
        let secret = stage.mailed(person.email());
        // The mail alone joins nobody who has an account.
        accept(app, &json!({"invitation": secret})).expect(403);
        accept(app, &json!({"invitation": secret, "password": CHOSEN})).expect(403);
    }
    for id in [&dave_id, &erin_id] {
        let user = format!("/admin/v1/users/{id}");
        mallory.request("GET", &user).send().expect(404);
        mallory
            .request("POST", &format!("{user}/disable"))
            .send()
            .expect(404);
    }
    for person in [&dave, &erin] {
        let session = person.sign_in(app);
        let offered = items(&session.request("GET", "/me/v1/invitations").send());
        assert_eq!(offered.len(), 1, "{offered:?}");
        assert_eq!(offered[0]["tenant"], "globex");
        let target = format!(
            "/me/v1/invitations/{}/accept",
            offered[0]["id"].as_str().unwrap()
        );
        mallory.request("POST", &target).send().expect(404);
        session.request("POST", &target).send().expect(200);
        session.request("POST", &target).send().expect(404);
    }
    // They joined, and their tokens are what they were.
    let answer = stage.orders(&before);
    assert!(
        answer.expect(200).text().contains("acme"),
        "{}",
        answer.text()
    );
    stage.orders(&of_none).expect(403);
    // The tenant sees its members, but not what they have elsewhere.
    for id in [&dave_id, &erin_id] {
        let user = format!("/admin/v1/users/{id}");
        let profile = mallory.request("GET", &user).send().expect(200).json();
        assert!(!profile.to_string().contains("acme\""), "{profile}");
        let tokens = format!("/admin/v1/tokens?owner={id}");
        assert_eq!(
            items(&mallory.request("GET", &tokens).send()),
            Vec::<Value>::new()
        );
        mallory
            .request("POST", &format!("{user}/disable"))
            .send()
            .expect(403);
    }
    sign_in(app, erin.email(), erin.password()).expect(200);
    stage.orders(&before).expect(200);
}

fn me(app: &App, token: &str) -> String {
    let answer = app.get_as(token, "/me/v1");
    answer.expect(200).json()["subject"]["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// A5: who is sent away gives nothing any more.
#[test]
fn an_invitation_of_who_was_sent_away_gives_nothing() {
    let stage = stage(site!(), &[INVITE, "orders:write"]);
    let app = &stage.app;
    let boss = [
        "--realm", "orders", "--email", MALLORY, "--tenant", "globex", "--role", "boss",
    ];
    let _ = app.run(&["grant", "add"], &boss).success();
    let mallory = stage.mallory.sign_in(app);
    let body = |secret: &str| json!({"invitation": secret, "password": CHOSEN});
    invite(&mallory, "friend@example.com", "globex", &["boss"]).expect(201);
    let first = stage.mailed("friend@example.com");
    let _ = app.run(&["grant", "remove"], &boss).success();
    accept(app, &body(&first)).expect(404);
    let _ = app.run(&["grant", "add"], &boss).success();
    let mallory = stage.mallory.sign_in(app);
    invite(&mallory, "friend@example.com", "globex", &["boss"]).expect(201);
    let second = stage.mailed("friend@example.com");
    let listed = items(&mallory.request("GET", "/admin/v1/invitations").send());
    assert_eq!(listed.len(), 1, "{listed:?}");
    let membership = [
        "--realm", "orders", "--email", MALLORY, "--tenant", "globex",
    ];
    let _ = app.run(&["membership", "end"], &membership).success();
    accept(app, &body(&second)).expect(404);
    sign_in(app, "friend@example.com", CHOSEN).expect(401);
}

/// H10: a token that was found tells of its tenant, not of where else its owner is somebody.
#[test]
fn a_token_tells_of_no_tenant_but_its_own() {
    let stage = stage(site!(), &[]);
    let app = &stage.app;
    let _ = app
        .run(&["tenant", "create", "initech"], &["--realm", "orders"])
        .success();
    let also = [
        "--realm", "orders", "--email", MALLORY, "--tenant", "initech",
    ];
    let _ = app.run(&["membership", "create"], &also).success();
    let token = app.token("personal", MALLORY, &["--tenant", "globex"]);
    let jwt = app.exchange(&token, &json!({})).expect(200).json()["jwt"]
        .as_str()
        .unwrap()
        .to_owned();
    let mallory = stage.mallory.sign_in(app);
    for (shown, expected) in [
        (mallory.token(), vec!["globex", "initech"]),
        (&jwt, vec!["globex"]),
    ] {
        let me = app.get_as(shown, "/me/v1").expect(200).json();
        let memberships = me["memberships"].as_array().unwrap().iter();
        let mut tenants: Vec<&str> = memberships
            .map(|member| member["tenant"].as_str().unwrap())
            .collect();
        tenants.sort_unstable();
        assert_eq!(tenants, expected);
    }
}

/// A7: pages are of what may be seen, and so are their cursors.
#[test]
fn a_page_of_tokens_tells_of_no_other_tenants() {
    let stage = stage(site!(), &[TOKENS, READ]);
    let app = &stage.app;
    let mallory = stage.mallory.sign_in(app);
    for (tenant, email) in [
        ("acme", "a1@acme.example"),
        ("globex", "g1@globex.example"),
        ("acme", "a2@acme.example"),
        ("globex", "g2@globex.example"),
        ("acme", "a3@acme.example"),
    ] {
        app.service_account(email, &["--tenant", tenant]);
        let _secret = app.token("service", email, &[]);
    }
    let own: Vec<Value> = ["g1@globex.example", "g2@globex.example"]
        .iter()
        .map(|owner| app.tokens(owner)[0]["id"].clone())
        .collect();
    let (mut seen, mut cursors, mut after) = (Vec::new(), Vec::new(), String::new());
    loop {
        let target = format!("/admin/v1/tokens?limit=1{after}");
        let page = mallory.request("GET", &target).send();
        let page = page.expect(200).json();
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["id"].clone()),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        cursors.push(json!(next));
        after = format!("&after={next}");
    }
    assert_eq!(seen, own);
    assert!(cursors.iter().all(|one| own.contains(one)), "{cursors:?}");
}

/// A8, A14, X5: what only the realm says, and what a class takes.
#[test]
fn what_is_the_realms_to_say_is_not_a_tenants() {
    let stage = stage(site!(), &[USERS, SERVICES, TOKENS]);
    let app = &stage.app;
    let mallory = stage.mallory.sign_in(app);
    for (member, value) in [
        ("app_metadata", json!({"role": "service_role"})),
        ("email_proven", json!(true)),
    ] {
        let mut body = json!({"email": "new@globex.example", "tenant": "globex"});
        body[member] = value;
        let made = mallory
            .request("POST", "/admin/v1/users")
            .json(&body)
            .send();
        made.expect(403);
    }
    mallory
        .make_service_account("bot@globex.example", &json!({"tenant": "globex"}))
        .expect(201);
    let made = mallory.make_service_token("bot@globex.example", &json!({}));
    let token = secret_of(made.expect(201));
    stage.orders(&token).expect(200);
    // What an operator gives the account later was not mallory's to hand on.
    let grant = [
        "--realm",
        "orders",
        "--email",
        "bot@globex.example",
        "--permission",
        "orders:write",
        "--tenant",
        "globex",
    ];
    let _ = app.run(&["grant", "add"], &grant).success();
    let asked = app.exchange(&token, &json!({"scope": "orders:write"}));
    asked.expect(400);
    let id = id_of(&made);
    let again = mallory
        .request("POST", &format!("/admin/v1/tokens/{id}/regenerate"))
        .json(&json!({}))
        .send();
    let again = secret_of(again.expect(200));
    app.exchange(&again, &json!({"scope": "orders:write"}))
        .expect(400);
}

/// A14: a class that names no permission is the operators'.
#[test]
fn a_class_without_a_permission_is_the_operators() {
    let app = Setup::new(site!(), REALM)
        .edit(|config| {
            let class = &mut config["realm"]["orders"]["api_tokens"]["access"];
            class.as_table_mut().unwrap().remove("create_permission");
        })
        .start();
    let clerk = Person::make_in(&app, "globex", MALLORY, &[TOKENS, SERVICES]);
    let clerk = clerk.sign_in(&app);
    clerk
        .make_service_account("bot@globex.example", &json!({"tenant": "globex"}))
        .expect(201);
    clerk
        .make_service_token("bot@globex.example", &json!({}))
        .expect(403);
    let _secret = app.token("service", "bot@globex.example", &[]);
    clerk.make_own_token(&json!({})).expect(201);
}
