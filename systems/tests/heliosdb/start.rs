//! How the server is started: rows 03, 09, 25 and 26.

use crate::furnished::{ACME, Furnished, QUERY, rows};
use crate::heliosdb;
use doorward_testkit::{App, Setup, jwt::Unverified, script, site};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const SIGN_UP: &str = "/auth/v1/signup";

fn account() -> Value {
    json!({"email": "developer@example.com", "password": "secure-password-123"})
}

/// Started with these arguments after its own.
fn with_flags(setup: Setup, flags: &str) -> App {
    let script = format!("exec \"$0\" \"$@\" {flags}");
    setup.under(&["sh", "-c", &script]).start()
}

/// Keys open the ways in of the data API by themselves.
#[test]
fn hd_03_without_authentication_there_is_no_sign_up() {
    let setup = heliosdb(site!()).set("realm.heliosdb.supabase.enabled", false);
    let world = Furnished::of(setup);
    let key = world.key(ACME, &["read"]);
    for (method, path) in [
        ("POST", SIGN_UP),
        ("POST", "/auth/v1/token?grant_type=refresh_token"),
        ("POST", "/auth/v1/logout"),
        ("GET", "/auth/v1/user"),
        ("GET", "/auth/v1/settings"),
        ("GET", "/auth/v1/admin/users"),
    ] {
        let ask = || world.app.request(method, path).json(&account());
        for answer in [ask().send(), ask().header("X-API-Key", &key).send()] {
            let told = (answer.status, answer.json());
            let message = "Authentication is not enabled here";
            let body = json!({"error": "auth_not_enabled", "message": message});
            assert_eq!(told, (503, body), "{method} {path}");
        }
    }
    let query = world.app.request("POST", QUERY).header("X-API-Key", &key);
    let query = query.json(&json!({"sql": "SELECT id FROM users ORDER BY id"}));
    assert_eq!(rows(&query.send()), [json!([1]), json!([2])]);
}

/// Whoever had a session keeps it, and the product's clients are told in their form.
#[test]
fn hd_03_authentication_is_turned_off_while_somebody_is_signed_in() {
    let setup = heliosdb(site!()).set("realm.heliosdb.supabase.errors", "gotrue");
    let mut app = setup.start();
    let session = app.request("POST", SIGN_UP).json(&account()).send();
    let session = session.expect(200).json();
    for member in ["access_token", "refresh_token"] {
        let _ = app.remembered(session[member].as_str().unwrap().to_owned());
    }
    let access = session["access_token"].as_str().unwrap().to_owned();
    app.reconfigure(|config| {
        let section = &mut config["realm"]["heliosdb"]["supabase"];
        let section = section.as_table_mut().unwrap();
        let _ = section.insert("enabled".to_owned(), false.into());
    });
    app.server().signal("HUP");
    let again = app.request("POST", SIGN_UP).json(&account());
    app.until_status(&again, 503);
    assert_eq!(again.send().json()["error_code"], "auth_not_enabled");
    app.get_as(&access, QUERY).expect(200);
    app.get_as(&access, "/auth/v1/user").expect(503);
}

/// The port is taken from the file as it is: a test that listened there would be in the way
/// of others.
#[test]
fn hd_09_it_listens_where_the_guide_calls_and_speaks_plain_http() {
    let file: toml::Table = doorward_systems::HELIOSDB.parse().unwrap();
    let listen = file["server"]["listen"].as_array().unwrap();
    assert_eq!(listen.as_slice(), [toml::Value::from("127.0.0.1:6543")]);
    let app = heliosdb(site!()).start();
    assert!(app.url("").starts_with("http://"));
    app.request("POST", SIGN_UP)
        .json(&account())
        .send()
        .expect(200);
}

#[test]
fn hd_25_a_flag_says_how_long_access_tokens_live() {
    let app = with_flags(heliosdb(site!()), "--token-expiry 900");
    let answer = app.request("POST", SIGN_UP).json(&account()).send();
    let session = answer.expect(200).json();
    for member in ["access_token", "refresh_token"] {
        let _ = app.remembered(session[member].as_str().unwrap().to_owned());
    }
    assert_eq!(session["expires_in"], 900);
    let token = Unverified::of(session["access_token"].as_str().unwrap());
    assert_eq!(token.life(), 900);
}

/// A certificate that signs itself, for the loopback.
fn certificate(dir: &Path) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-days", "5", "-nodes"])
        .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-subj", "/CN=heliosdb"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(dir)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{told}");
}

#[test]
fn hd_26_flags_name_the_certificate_and_its_key() {
    let dir = TempDir::new().unwrap();
    certificate(dir.path());
    let file = |name: &str| dir.path().join(name).display().to_string();
    let (cert, key) = (file("cert.pem"), file("key.pem"));
    let flags = format!("--mode server --tls-cert {cert} --tls-key {key}");
    let app = with_flags(heliosdb(site!()), &flags);
    let url = format!("https://{}{SIGN_UP}", app.addr());
    let body = account().to_string();
    let answer = script::curl(&["--cacert", &cert, "-X", "POST", &url, "-d", &body]);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let session: Value = serde_json::from_str(&answer.body).unwrap();
    for member in ["access_token", "refresh_token"] {
        let _ = app.remembered(session[member].as_str().unwrap().to_owned());
    }
    let plain = app.request("GET", QUERY).try_send();
    assert!(plain.is_err(), "plain HTTP is answered where TLS is spoken");
}
