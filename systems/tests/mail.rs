//! Mail, handed to a real SMTP server in every way it can be: with and without TLS, with
//! a password, refused, into a folder, by an operator's own templates.
#![cfg(test)]

use doorward_testkit::{App, Setup, site, smtp};
use smtp::{Sink, Wire};
use std::os::unix::fs::PermissionsExt as _;

const REALM: &str = r#"
[realm.main]
hosts = ["*"]
issuer = "http://127.0.0.1:8080"

[server.mail]
url = "folder:mail"
from = "Doorward <door@example.com>"
"#;

/// An installation whose mail goes to the sink.
fn app(site: &str, sink: &Sink, further: &[(&str, &str)]) -> App {
    let mut setup = Setup::new(site, REALM).set("server.mail.url", sink.url());
    for (key, value) in further {
        setup = setup.set(&format!("server.mail.{key}"), *value);
    }
    let app = setup.prepare();
    app.write("ca.pem", smtp::CA);
    app.write("password", "correct horse");
    app
}

const TRUSTED: (&str, &str) = ("ca", "file:ca.pem");
const USER: (&str, &str) = ("user", "door");
const PASSWORD: (&str, &str) = ("password", "file:password");

fn send(app: &App) -> doorward_testkit::Outcome {
    app.run(
        &["mail", "test"],
        &["--realm", "main", "--to", "Ann@Example.com"],
    )
}

#[test]
fn a_mail_goes_by_starttls_with_a_password() {
    let sink = Sink::start(Wire::StartTls, Some("correct horse"));
    let app = app(site!(), &sink, &[TRUSTED, USER, PASSWORD]);
    let _ = send(&app).success();
    let mail = sink.next();
    assert_eq!(mail["from"], "door@example.com");
    assert_eq!(mail["to"], serde_json::json!(["ann@example.com"]));
    assert_eq!(
        (&mail["tls"], &mail["user"]),
        (&true.into(), &"door".into())
    );
    let text = mail["data"].as_str().unwrap();
    for part in [
        "From: Doorward <door@example.com>",
        "To: ann@example.com",
        "Subject: A test of mail",
        "Auto-Submitted: auto-generated",
        "Message-ID: <",
        "Content-Type: multipart/alternative",
        "arrives at ann@example.com",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn a_mail_goes_by_tls_from_the_first_byte() {
    let sink = Sink::start(Wire::Tls, None);
    let app = app(site!(), &sink, &[TRUSTED]);
    let _ = send(&app).success();
    assert_eq!(sink.next()["tls"], true);
}

#[test]
fn without_the_tls_that_is_wanted_nothing_is_said() {
    // A certificate of nobody we know.
    let sink = Sink::start(Wire::Tls, None);
    let refused = send(&app(site!(), &sink, &[])).exit(1);
    assert!(
        refused.stderr.contains("no TLS with the server"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains("of no authority"),
        "{}",
        refused.stderr
    );
    // A server, or somebody on the way to it, that offers none.
    let bare = Sink::start(Wire::Plain, None);
    let refused = send(&app(&format!("{}_bare", site!()), &bare, &[TRUSTED])).exit(1);
    assert!(
        refused.stderr.contains("no TLS with the server"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("offers none"), "{}", refused.stderr);
    assert_eq!((sink.seen(), bare.seen()), (0, 0));
}

/// D12: the certificate that was named is trusted as it is, and for its own name only.
#[test]
fn a_certificate_that_signed_itself_is_trusted_when_it_was_named() {
    for wire in [Wire::Tls, Wire::StartTls] {
        let sink = Sink::self_signed(wire);
        let with = |name: &str, url: String, ca: &str| {
            let app = Setup::new(&format!("{}_{wire:?}_{name}", site!()), REALM)
                .set("server.mail.url", url)
                .set("server.mail.ca", "file:ca.pem")
                .prepare();
            app.write("ca.pem", ca);
            app
        };
        let named = with("named", sink.url(), smtp::SELF_SIGNED);
        let _ = send(&named).success();
        assert_eq!(sink.next()["tls"], true);
        for (name, url, ca, why) in [
            ("other", sink.url(), smtp::CA, "cannot be used"),
            (
                "away",
                sink.url_as("127.0.0.1"),
                smtp::SELF_SIGNED,
                "not for this host name",
            ),
        ] {
            let refused = send(&with(name, url, ca)).exit(1);
            assert!(
                refused.stderr.contains("no TLS with the server") && refused.stderr.contains(why),
                "{wire:?} {name}: {}",
                refused.stderr
            );
        }
        assert_eq!(sink.seen(), 1);
    }
}

#[test]
fn a_password_is_not_sent_where_others_can_read_it() {
    let sink = Sink::start(Wire::Plain, None);
    let app = app(site!(), &sink, &[("starttls", "off"), USER, PASSWORD]);
    // On this machine it may be.
    let _ = app.run(&["check"], &[]).success();
    let far = Setup::new(&format!("{}_far", site!()), REALM)
        .set("server.mail.url", "smtp://mail.example.com")
        .set("server.mail.starttls", "opportunistic")
        .set("server.mail.user", "door")
        .set("server.mail.password", "file:password")
        .prepare();
    far.write("password", "correct horse");
    let refused = far.run(&["check"], &[]).exit(2);
    assert!(
        refused.stderr.contains("whoever can read along"),
        "{}",
        refused.stderr
    );
}

#[test]
fn what_the_server_answers_is_told_by_its_code() {
    let sink = Sink::start(Wire::StartTls, Some("another horse"));
    let refused = send(&app(site!(), &sink, &[TRUSTED, USER, PASSWORD])).exit(1);
    assert!(
        refused.stderr.contains("user and password"),
        "{}",
        refused.stderr
    );
    let strict = Sink::start(Wire::Refusing, None);
    let app = app(
        &format!("{}_strict", site!()),
        &strict,
        &[("starttls", "off")],
    );
    let refused = send(&app).exit(1);
    assert!(
        refused.stderr.contains("answered 550"),
        "{}",
        refused.stderr
    );
    assert!(!refused.stderr.contains("ann@"), "{}", refused.stderr);
}

#[test]
fn a_first_run_puts_mail_into_a_folder_for_its_owner_alone() {
    let app = Setup::new(site!(), REALM).prepare();
    let _ = send(&app).success();
    let folder = app.config_path().parent().unwrap().join("mail");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().flatten().collect();
    let [file] = files.as_slice() else {
        panic!("{} files", files.len());
    };
    assert_eq!(mode(&file.path()), 0o600);
    let text = std::fs::read_to_string(file.path()).unwrap();
    assert!(text.contains("To: ann@example.com"), "{text}");
}

#[test]
fn an_operators_templates_are_used_and_checked() {
    let app = Setup::new(site!(), REALM)
        .set("server.mail.templates", "texts")
        .prepare();
    let missing = app.run(&["check"], &[]).exit(2);
    assert!(missing.stderr.contains("texts"), "{}", missing.stderr);
    app.write("texts/en/test.txt", "Subject: Ping\n\nPong {{recipent}}");
    let wrong = app.run(&["check"], &[]).exit(2);
    assert!(
        wrong
            .stderr
            .contains("test.txt: line 1: there is no variable \"recipent\""),
        "{}",
        wrong.stderr
    );
    app.write("texts/en/test.txt", "Subject: Ping\n\nPong {{recipient}}");
    let _ = send(&app).success();
    let folder = app.config_path().parent().unwrap().join("mail");
    let file = std::fs::read_dir(folder).unwrap().flatten().next().unwrap();
    let text = std::fs::read_to_string(file.path()).unwrap();
    assert!(
        text.contains("Subject: Ping") && text.contains("Pong ann@example.com"),
        "{text}"
    );
}
