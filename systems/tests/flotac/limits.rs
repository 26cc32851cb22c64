//! How often, how many at once, how many in a day: rows 31, 32, 33, 34, 39, 47 and 50.

use crate::furnished::{ACME, BASE, CUSTOMERS, GLOBEX, customers, flotac, furnish, key, person};
use doorward_testkit::upstream::Upstream;
use doorward_testkit::wait::{self, PATIENCE};
use doorward_testkit::{
    App, Cable, Engine, Person, Request, Setup, engine, redis_url, script, site,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long news may take to reach another node.
const NEWS: Duration = Duration::from_secs(1);

/// The credentials of one company: two keys and three people.
fn credentials(app: &App, company: &str) -> Vec<String> {
    let keys = (0..2).map(|_| key(app, company, &["customers:read"]));
    let people = (0..3).map(|number| {
        let email = format!("person-{number}@{company}.example");
        person(app, Some(company), &email)
    });
    keys.chain(people).collect()
}

/// Asks in turn with each credential, at each node in turn; how many passed.
fn passed(nodes: &[App], credentials: &[String], requests: usize) -> usize {
    let all = nodes
        .iter()
        .flat_map(|node| credentials.iter().map(move |one| (node, one)));
    let turns = all.cycle().take(requests);
    let statuses = turns.map(|(node, one)| customers(node, one).send().status);
    statuses
        .map(|status| match status {
            200 => 1,
            429 => 0,
            other => panic!("{other}"),
        })
        .sum()
}

#[test]
fn fl_31_two_keys_and_three_people_of_a_company_share_one_limit() {
    let app = flotac(site!()).start();
    furnish(&app);
    let acme = credentials(&app, ACME);
    let other = key(&app, GLOBEX, &["customers:read"]);
    let began = Instant::now();
    let passed = passed(std::slice::from_ref(&app), &acme, 320);
    let refill = usize::try_from(began.elapsed().as_secs()).unwrap() * 100 / 60 + 2;
    assert!(passed >= 200, "{passed}");
    assert!(passed <= 200 + refill.min(100), "{passed} of {refill} more");
    for one in &acme {
        customers(&app, one).send().expect(429);
    }
    customers(&app, &other).send().expect(200);
    // FL-02, FL-03: health and the root are nobody's request.
    for _ in 0..250 {
        app.get(&format!("{BASE}/health")).expect(200);
    }
    app.get(BASE).expect(200);
}

/// The same over two nodes: the burst and a minute's refill at most.
#[test]
fn fl_32_two_nodes_share_the_burst_of_a_company() {
    if engine() != Engine::Postgres {
        return;
    }
    let setup = flotac(site!()).set("server.limits", redis_url());
    let mut cluster = setup.cluster(2, Cable::Direct);
    cluster.start();
    let first = cluster.node(0);
    furnish(first);
    let acme = credentials(first, ACME);
    let began = Instant::now();
    let admitted = passed(cluster.nodes(), &acme, 400);
    assert!(
        began.elapsed() < Duration::from_secs(60),
        "too slow to tell"
    );
    assert!((200..=300).contains(&admitted), "{admitted}");
    let other = key(first, GLOBEX, &["customers:read"]);
    for node in cluster.nodes() {
        node.until_status(&customers(node, &acme[0]), 429);
        node.until_status(&customers(node, &other), 200);
    }
}

/// Of two limits that count a request, the one that refused it.
#[test]
fn fl_47_the_refusal_names_its_limit_in_body_and_headers() {
    let mut limit = toml::Table::new();
    limit.insert("key".into(), "credential".into());
    limit.insert("rate".into(), "1/1h".into());
    limit.insert("everywhere".into(), true.into());
    let app = few(flotac(site!()), "2/1h", 2)
        .set("realm.flotac.limits.one-key", limit)
        .start();
    furnish(&app);
    let [first, second, third] = [0, 1, 2].map(|_| key(&app, ACME, &["customers:read"]));
    customers(&app, &first).send().expect(200);
    let refused_by = |key: &str| {
        let answer = customers(&app, key).send();
        let said = answer.expect(429).json();
        let limit = said["error"]["details"]["limit"]
            .as_str()
            .unwrap()
            .to_owned();
        let policy = answer.header("ratelimit-policy").unwrap();
        assert!(policy.contains(&format!("\"{limit}\"")), "{policy}");
        let left = answer.header("ratelimit").unwrap();
        assert!(left.contains(&format!("\"{limit}\";r=0")), "{left}");
        limit
    };
    assert_eq!(refused_by(&first), "one-key");
    customers(&app, &second).send().expect(200);
    assert_eq!(refused_by(&third), "company");
}

#[test]
fn fl_33_beyond_the_limit_is_429_with_the_seconds_to_wait_and_the_limits_name() {
    let app = few(flotac(site!()), "2/1h", 2).start();
    furnish(&app);
    let key = key(&app, ACME, &["customers:read"]);
    let first = customers(&app, &key).send();
    let policy = first.expect(200).header("ratelimit-policy");
    assert_eq!(policy, Some("\"company\";q=2;w=3600"));
    assert!(
        first
            .header("ratelimit")
            .unwrap()
            .starts_with("\"company\";r=1;t=")
    );
    customers(&app, &key).send().expect(200);
    let refused = customers(&app, &key).send();
    let said = refused.expect(429).json();
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=1800).contains(&seconds), "{seconds}");
    assert_eq!(said["error"]["code"], "RATE_LIMITED");
    assert_eq!(said["error"]["details"]["limit"], "company");
    assert_eq!(said["error"]["details"]["retry_after"], seconds);
    assert!(
        refused
            .header("ratelimit")
            .unwrap()
            .starts_with("\"company\";r=0")
    );
    let metrics = Request::new(app.ops(), "GET", "/metrics").send().text();
    let line =
        "doorward_limit_reached_total{realm=\"flotac\",limit=\"company\",outcome=\"refused\"} 1";
    assert!(metrics.contains(line), "{metrics}");
}

fn few(setup: Setup, rate: &str, burst: i64) -> Setup {
    setup
        .set("realm.flotac.limits.company.rate", rate)
        .set("realm.flotac.limits.company.burst", burst)
}

/// The guide's function with a `sleep`, which it lacks.
#[test]
fn fl_34_the_guides_retry_waits_as_long_as_it_is_told_and_succeeds() {
    let app = few(flotac(site!()), "1/2s", 1).start();
    furnish(&app);
    let key = key(&app, ACME, &["customers:read"]);
    let program = format!(
        "const sleep = (ms) => new Promise((done) => setTimeout(done, ms));\nlet waited = 0;\nasync function fetchWithRetry(url, options, maxRetries = 3) {{\n  for (let i = 0; i < maxRetries; i++) {{\n    const response = await fetch(url, options);\n    if (response.status === 429) {{\n      const retryAfter = response.headers.get('Retry-After') || 60;\n      waited += 1;\n      await sleep(retryAfter * 1000);\n      continue;\n    }}\n    return response;\n  }}\n  throw new Error('Max retries exceeded');\n}}\nconst options = {{ headers: {{ Authorization: 'Bearer {key}' }} }};\nconst url = '{url}';\nconst first = await fetchWithRetry(url, options);\nconst second = await fetchWithRetry(url, options);\nconsole.log(first.status, second.status, waited);\n",
        url = app.url(CUSTOMERS)
    );
    let said = script::node(&program).success().stdout;
    assert_eq!(said.trim(), "200 200 1");
}

#[test]
fn fl_31_a_company_that_floods_leaves_another_untouched() {
    let app = flotac(site!()).start();
    furnish(&app);
    let loud = key(&app, ACME, &["customers:read"]);
    let quiet = key(&app, GLOBEX, &["customers:read"]);
    let refused = std::thread::scope(|scope| {
        let floods: Vec<_> = (0..3)
            .map(|_| {
                let ask = || customers(&app, &loud).send().status;
                scope.spawn(move || (0..150).filter(|_| ask() == 429).count())
            })
            .collect();
        for _ in 0..100 {
            customers(&app, &quiet).send().expect(200);
        }
        let refused = floods.into_iter().map(|flood| flood.join().unwrap());
        refused.sum::<usize>()
    });
    assert!(refused > 100, "{refused}");
}

/// FL-39: more for one company, by the command line and by the admin API, at once.
#[test]
fn fl_39_support_gives_one_company_more() {
    let app = few(flotac(site!()), "1/1h", 1).start();
    furnish(&app);
    let acme = key(&app, ACME, &["customers:read"]);
    let globex = key(&app, GLOBEX, &["customers:read"]);
    for key in [&acme, &globex] {
        customers(&app, key).send().expect(200);
        customers(&app, key).send().expect(429);
    }
    let set = |further: &[&str]| {
        let arguments = [&["--realm", "flotac", ACME, "company"], further].concat();
        app.run(&["tenant", "limit", "set"], &arguments)
    };
    let _ = set(&["--rate", "1000/1h", "--burst", "500"]).success();
    let began = Instant::now();
    app.until_status(&customers(&app, &acme), 200);
    assert!(
        began.elapsed() < NEWS + Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    let policy = customers(&app, &acme).send();
    let policy = policy.header("ratelimit-policy").unwrap().to_owned();
    assert_eq!(policy, "\"company\";q=1000;w=3600");
    customers(&app, &globex).send().expect(429);
    let _ = set(&["--in-flight", "5"]).exit(1);
    let listed = app.run(
        &["tenant", "limit", "list"],
        &["--realm", "flotac", "--json", ACME],
    );
    assert_eq!(listed.success().json()[0]["burst"], 500);
    let arguments = ["--realm", "flotac", ACME, "company"];
    let _ = app.run(&["tenant", "limit", "clear"], &arguments).success();
    app.until_status(&customers(&app, &acme), 429);
}

#[test]
fn fl_39_the_admin_api_sets_shows_and_clears_what_a_company_was_given() {
    let app = few(flotac(site!()), "20/1h", 20).start();
    furnish(&app);
    let acme = key(&app, ACME, &["customers:read"]);
    let operator = Person::make(&app, "support@flotac.example", &["platform.tenants.edit"]);
    let own = Person::make_in(&app, ACME, "boss@acme.example", &["platform.tenants.edit"]);
    let limits = "/admin/v1/tenants/acme/limits";
    let one = "/admin/v1/tenants/acme/limits/company";
    let more = json!({"count": 1000, "per_seconds": 3600, "burst": 500});
    let session = operator.sign_in(&app);
    // A company's administrator gives its company nothing.
    let boss = own.sign_in(&app);
    boss.request("PUT", one).json(&more).send().expect(403);
    boss.request("GET", limits).send().expect(403);
    let passed = (0..25).filter(|_| customers(&app, &acme).send().status == 200);
    assert!(passed.count() < 20);
    let set = |path: &str, body: &Value| session.request("PUT", path).json(body).send();
    set(one, &more).expect(200);
    customers(&app, &acme).send().expect(200);
    let listed = session.request("GET", limits).send();
    assert_eq!(listed.expect(200).json()["items"][0]["count"], 1000);
    for wrong in [
        json!({}),
        json!({"in_flight": 5}),
        json!({"count": 5}),
        json!({"count": 0, "per_seconds": 60}),
        json!({"quota": 5, "burst": 5}),
    ] {
        set(one, &wrong).expect(400);
    }
    set("/admin/v1/tenants/acme/limits/other", &more).expect(404);
    set("/admin/v1/tenants/nobody/limits/company", &more).expect(404);
    session.request("DELETE", one).send().expect(204);
    session.request("DELETE", one).send().expect(404);
    customers(&app, &acme).send().expect(429);
}

#[test]
fn fl_50_a_key_a_company_and_the_realm_each_have_a_limit_and_the_one_that_refused_is_named() {
    let limit = |key: &str, rate: &str| {
        let mut limit = toml::Table::new();
        limit.insert("key".into(), key.into());
        limit.insert("rate".into(), rate.into());
        limit.insert("everywhere".into(), true.into());
        limit
    };
    let app = few(flotac(site!()), "3/1h", 3)
        .set("realm.flotac.limits.one-key", limit("credential", "2/1h"))
        .set("realm.flotac.limits.all", limit("realm", "4/1h"))
        .start();
    furnish(&app);
    let acme = [0, 1].map(|_| key(&app, ACME, &["customers:read"]));
    let globex = [0, 1].map(|_| key(&app, GLOBEX, &["customers:read"]));
    let refused_by = |key: &str| {
        let answer = customers(&app, key).send();
        let said = answer.expect(429).json();
        said["error"]["details"]["limit"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    for _ in 0..2 {
        customers(&app, &acme[0]).send().expect(200);
    }
    assert_eq!(refused_by(&acme[0]), "one-key");
    customers(&app, &acme[1]).send().expect(200);
    for _ in 0..3 {
        assert_eq!(refused_by(&acme[1]), "company");
    }
    customers(&app, &globex[0]).send().expect(200);
    for _ in 0..3 {
        assert_eq!(refused_by(&globex[1]), "all");
    }
}

#[test]
fn fl_50_requests_in_flight_are_counted_until_they_end() {
    let (upstream, release, arrived) = Upstream::held();
    let mut limit = toml::Table::new();
    limit.insert("key".into(), "tenant".into());
    limit.insert("in_flight".into(), 1.into());
    limit.insert("everywhere".into(), true.into());
    let app = flotac(site!())
        .leading_to(&upstream.origin())
        .set("realm.flotac.limits.open", limit)
        .start();
    furnish(&app);
    let acme = key(&app, ACME, &["customers:read"]);
    let globex = key(&app, GLOBEX, &["customers:read"]);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| customers(&app, &acme).send().status);
        arrived.recv_timeout(PATIENCE).unwrap();
        let refused = customers(&app, &acme).send();
        let said = refused.expect(429).json();
        assert_eq!(said["error"]["details"]["limit"], "open");
        assert_eq!(refused.header("retry-after"), Some("1"));
        // More places, by a command, while one is taken.
        let arguments = ["--realm", "flotac", ACME, "open", "--in-flight", "2"];
        let _ = app.run(&["tenant", "limit", "set"], &arguments).success();
        let second = scope.spawn(|| {
            wait::until("a second place", PATIENCE, || {
                let status = customers(&app, &acme).send().status;
                (status == 200).then_some(status)
            })
        });
        arrived.recv_timeout(PATIENCE).unwrap();
        customers(&app, &acme).send().expect(429);
        let other = scope.spawn(|| customers(&app, &globex).send().status);
        arrived.recv_timeout(PATIENCE).unwrap();
        for _ in 0..3 {
            release.send(()).unwrap();
        }
        assert_eq!(first.join().unwrap(), 200);
        assert_eq!(second.join().unwrap(), 200);
        assert_eq!(other.join().unwrap(), 200);
    });
}

fn with_quota(site: &str, over: &str) -> Setup {
    let mut limit = toml::Table::new();
    limit.insert("key".into(), "tenant".into());
    limit.insert("quota".into(), "3/day".into());
    limit.insert("over".into(), over.into());
    limit.insert("everywhere".into(), true.into());
    flotac(site).set("realm.flotac.limits.plan", limit)
}

#[test]
fn fl_50_a_quota_survives_a_restart_and_ends_at_midnight() {
    let mut app = with_quota(site!(), "require_payment").with_clock().start();
    furnish(&app);
    let acme = key(&app, ACME, &["customers:read"]);
    for _ in 0..3 {
        customers(&app, &acme).send().expect(200);
    }
    let refused = customers(&app, &acme).send();
    let said = refused.expect(402).json();
    assert_eq!(said["error"]["code"], "PAYMENT_REQUIRED");
    assert_eq!(said["error"]["details"]["limit"], "plan");
    app.start();
    let refused = customers(&app, &acme).send();
    refused.expect(402);
    let reset = refused.header("ratelimit").unwrap();
    let reset: u64 = reset.split("t=").nth(1).unwrap().parse().unwrap();
    assert!((1..=86_400).contains(&reset), "{reset}");
    app.pass(Duration::from_secs(86_400));
    app.until_status(&customers(&app, &acme), 200);
}

#[test]
fn fl_50_two_nodes_share_a_quota_through_their_database() {
    if engine() != Engine::Postgres {
        return;
    }
    let mut cluster = with_quota(site!(), "refuse").cluster(2, Cable::Direct);
    cluster.start();
    let [first, second] = cluster.nodes() else {
        panic!("two nodes");
    };
    furnish(first);
    let acme = key(first, ACME, &["customers:read"]);
    for _ in 0..2 {
        customers(first, &acme).send().expect(200);
    }
    // What the first let through is told within a second; the second learns of it with its
    // own first request, or with its next telling.
    second.until_status(&customers(second, &acme), 200);
    second.until_status(&customers(second, &acme), 429);
    first.until_status(&customers(first, &acme), 429);
    let refused = customers(first, &acme).send();
    assert_eq!(
        refused.expect(429).json()["error"]["details"]["limit"],
        "plan"
    );
}

#[test]
fn fl_50_a_limit_that_is_observed_refuses_nobody() {
    let app = with_quota(site!(), "observe").start();
    furnish(&app);
    let acme = key(&app, ACME, &["customers:read"]);
    for number in 0..5 {
        let answer = customers(&app, &acme).send();
        answer.expect(200);
        let observed = answer.header("x-ratelimit-observed");
        assert_eq!(observed, (number >= 3).then_some("\"plan\""), "{number}");
    }
    let metrics = Request::new(app.ops(), "GET", "/metrics").send().text();
    let line =
        "doorward_limit_reached_total{realm=\"flotac\",limit=\"plan\",outcome=\"observed\"} 2";
    assert!(metrics.contains(line), "{metrics}");
}
