//! A newcomer's second realm: what docs/configuration.md says, taken word for word.
#![cfg(test)]

use doorward_testkit::{Setup, site, upstream::Upstream};

const DOCS: &str = include_str!("../../docs/configuration.md");

/// The fenced blocks of a language in a text, without their indentation.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}");
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() == fence {
            let block: Vec<&str> = lines
                .by_ref()
                .map(str::trim_start)
                .take_while(|line| *line != "```")
                .collect();
            blocks.push(block.join("\n"));
        }
    }
    blocks
}

/// The smallest file, and the section that adds a realm to it.
fn sections() -> (&'static str, &'static str) {
    let (before, after) = DOCS.split_once("## A second realm, step by step").unwrap();
    (before, after.split_once("\n## ").unwrap().0)
}

#[test]
fn the_smallest_file_is_accepted_and_serves() {
    let (smallest, _) = sections();
    let app = Setup::new(site!(), &blocks(smallest, "toml")[0]).start();
    let _ = app.run(&["check"], &[]).success();
    app.get("/healthz").expect(200);
    app.get("/.well-known/jwks.json").expect(200);
    for path in ["/", "/orders/1", "/me/v1/tokens", "/admin/v1/users"] {
        app.get(path).expect(401);
    }
}

#[test]
fn the_second_realm_works_as_documented() {
    let (smallest, second) = sections();
    let upstream = Upstream::start();
    let mut config = blocks(smallest, "toml");
    config.extend(blocks(second, "toml"));
    // The reader's upstream and TLS are this test's to give.
    let config = config
        .join("\n")
        .replace("http://127.0.0.1:9000", &upstream.origin())
        .replace("require_https = \"reject\"", "require_https = \"off\"");
    let app = Setup::new(site!(), &config).start();

    let commands: String = blocks(second, "sh")
        .join("\n")
        .lines()
        .filter(|line| !line.contains("pidof"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(commands.contains("doorward token create"));
    let done = app.shell(&commands).success();
    let token = app.remembered(done.stdout.lines().last().unwrap().to_owned());
    assert!(token.starts_with("partner_live_"));

    let at = |host: &str, path: &str| app.request("GET", path).host(host);
    let partners = "partners.example.com";
    let bearer = at(partners, "/orders/1").bearer(&token);
    app.until_status(&bearer, 200);
    at(partners, "/orders/1")
        .header("X-API-Key", &token)
        .send()
        .expect(200);
    at(partners, "/status").send().expect(200);
    at(partners, "/orders/1").send().expect(401);
    at(partners, "/elsewhere").bearer(&token).send().expect(404);
    assert!(
        upstream
            .seen()
            .to_lowercase()
            .contains("x-doorward-tenant: acme")
    );
    assert!(!upstream.seen().contains(&token));
    // The first realm takes every other host, and knows nothing of the token.
    at("acme.example.com", "/orders/1")
        .bearer(&token)
        .send()
        .expect(401);
}
