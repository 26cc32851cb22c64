//! The five systems, and assertions that must fail.

use super::*;
use crate::config::{Overrides, load, parse};
use std::path::Path;

pub(super) fn system(name: &str) -> Loaded {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../systems/{name}.toml"));
    load(&file, &|_: &str| None, &Overrides::default()).unwrap_or_else(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"))
    })
}

fn holds(name: &str, expectations: usize) {
    let report = check(&system(name)).unwrap();
    let failures: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!((report.realms, report.held), (1, expectations));
}

#[test]
fn the_expectations_of_dxtra_hold() {
    holds("dxtra", 5);
}

#[test]
fn the_expectations_of_flotac_hold() {
    holds("flotac", 7);
}

#[test]
fn the_expectations_of_heliosdb_hold() {
    holds("heliosdb", 8);
}

#[test]
fn the_expectations_of_theholefoundation_hold() {
    holds("theholefoundation", 10);
}

#[test]
fn the_expectations_of_witboost_hold() {
    holds("witboost", 6);
}

#[test]
fn the_claims_of_our_own_issuer_are_found_where_the_template_writes_them() {
    let claims = |name: &str| {
        system(name).settings.realms[0]
            .gate_spec(Place::default())
            .issuers[0]
            .claims
            .clone()
    };
    let text = |path: Option<doorward_base::claims::ClaimPath>| path.map(|path| path.to_string());
    assert_eq!(
        text(claims("flotac").tenant).as_deref(),
        Some("user_metadata.company_id")
    );
    assert_eq!(
        text(claims("heliosdb").scopes.pop()).as_deref(),
        Some("scopes")
    );
    assert_eq!(
        text(claims("witboost").scopes.pop()).as_deref(),
        Some("scope")
    );
    assert_eq!(text(claims("witboost").tenant).as_deref(), Some("dw.o"));
    assert_eq!(
        text(claims("dxtra").roles).as_deref(),
        Some("\"https://hasura.io/jwt/claims\".x-hasura-allowed-roles")
    );
}

fn report(text: &str) -> Result<Report, Vec<Problem>> {
    let overrides = Overrides::default();
    check(&parse(
        Path::new("d.toml"),
        text.as_bytes(),
        &|_: &str| None,
        &overrides,
    )?)
}

const REALM: &str = "[realm.m]\nissuer = \"https://m.example.com\"\nrequire_https = \"reject\"\nrole_header = \"X-Role\"\n[realm.m.roles]\nadmin = []\n[[realm.m.route]]\npath = \"/a/**\"\nupstream = \"builtin:echo\"\nscopes = [\"read\"]\n[[realm.m.expect]]\n";

#[test]
fn a_failing_expectation_says_what_happened_and_why() {
    let expect =
        "principal = { scopes = [\"other\"] }\nrequest = \"GET /a/b?c\"\noutcome = \"allow\"";
    let report = report(&format!("{REALM}{expect}")).unwrap();
    assert_eq!(report.held, 0);
    assert_eq!(
        report.failures[0].to_string(),
        "d.toml:11: GET /a/b?c: expected allow, got insufficient_scope (route /a/**, decide: scope_all, required read, held other)"
    );
}

#[test]
fn an_expected_refusal_that_does_not_come_is_a_failure() {
    let expect = "principal = { scopes = [\"read\"] }\nrequest = \"GET /a\"\noutcome = \"insufficient_scope\"";
    let report = report(&format!("{REALM}{expect}")).unwrap();
    let text = report.failures[0].to_string();
    assert!(
        text.starts_with("d.toml:11: GET /a: expected insufficient_scope, got allow (route /a/**"),
        "{text}"
    );
}

#[test]
fn a_role_is_selected_by_the_realms_header_only() {
    let expect = |header: &str, outcome: &str| {
        format!(
            "{REALM}principal = {{ scopes = [\"read\"] }}\nheaders = {{ {header} = \"admin\" }}\nrequest = \"GET /a\"\noutcome = \"{outcome}\""
        )
    };
    assert!(
        report(&expect("x-role", "role_not_allowed"))
            .unwrap()
            .failures
            .is_empty()
    );
    assert!(
        report(&expect("x-other", "allow"))
            .unwrap()
            .failures
            .is_empty()
    );
}

#[test]
fn plain_http_is_judged_as_the_realm_judges_it() {
    let expect = "principal = { scopes = [\"read\"] }\nrequest = \"GET /a\"\nsecure = false\noutcome = \"https_required\"";
    assert!(
        report(&format!("{REALM}{expect}"))
            .unwrap()
            .failures
            .is_empty()
    );
}

#[test]
fn a_role_that_is_no_role_is_a_problem_of_the_file() {
    let expect = "headers = { X-Role = \"a b\" }\nrequest = \"GET /a\"\noutcome = \"allow\"";
    let problems = report(&format!("{REALM}{expect}")).unwrap_err();
    assert_eq!(problems[0].line, Some(11));
}

#[test]
fn a_request_can_be_asked_about() {
    let loaded = system("theholefoundation");
    let realm = loaded.settings.realms[0].name().clone();
    let scopes = ["read:foia".parse().unwrap()];
    let mut asked = DryRequest {
        realm: &realm,
        request: "POST /api/foia/requests",
        secure: true,
        credential: Some(CredentialKind::Jwt),
        scopes: &scopes,
        permissions: &[],
        roles: &[],
        tenant: None,
        environment: None,
    };
    let refused = dry_run(&loaded, &asked).unwrap();
    assert_eq!(
        refused.code.map(doorward_base::ErrorCode::as_str),
        Some("insufficient_scope")
    );
    assert_eq!(
        (refused.required, refused.held),
        (vec!["write:foia".to_owned()], vec!["read:foia".to_owned()])
    );
    asked.request = "GET /api/foia/requests";
    assert_eq!(dry_run(&loaded, &asked).unwrap().code, None);
    asked.request = "/api";
    assert!(dry_run(&loaded, &asked).is_err());
}

#[test]
fn who_trusts_whoever_signs_up_first_is_told_so() {
    let warned = |users: &str| {
        let warnings = report(&format!("[realm.m.users]\n{users}"))
            .unwrap()
            .warnings;
        warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let told = warned("sign_up = \"open\"\nenrolment = [\"invited_address\"]");
    let [told] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert!(
        told.starts_with("d.toml:3: realm.m.users.enrolment: \"invited_address\" trusts"),
        "{told}"
    );
    assert!(warned("enrolment = [\"invited_address\"]").is_empty());
    assert!(warned("sign_up = \"open\"\nenrolment = [\"own_tenant\"]").is_empty());
}

#[test]
fn who_gives_everybody_something_to_manage_is_told_where_it_holds() {
    let warned = |roles: &str| {
        let text = format!(
            "[realm.m.roles]\nmember = [{roles}]\nother = [\"platform.users.edit\"]\n[realm.m.api_tokens.key]\nkinds = [\"key\"]\nprefix = \"k-\"\npresentations = [\"bearer\"]\ncreate_permission = \"keys:make\"\n[realm.m.users]\ndefault_roles = [\"member\"]"
        );
        let warnings = report(&text).unwrap().warnings;
        warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    for given in ["platform.users.read", "keys:make"] {
        let told = warned(&format!("\"read\", \"{given}\""));
        let [told] = told.as_slice() else {
            panic!("{told:?}")
        };
        let expected =
            format!("realm.m.users.default_roles: everybody is given {given} by role \"member\"");
        assert!(told.contains(&expected), "{told}");
    }
    assert!(warned("\"read\"").is_empty());
}

#[test]
fn who_tells_addresses_that_anybody_made_up_is_told_so() {
    let warned = |claims: &str, map: &str, users: &str| {
        let text = format!(
            "[realm.m.tokens]\nclaims = {{ {claims} }}\n[realm.m.identity]\nmap = {{ {map} }}\n[realm.m.users]\n{users}"
        );
        let warnings = report(&text).unwrap().warnings;
        warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let open = "sign_up = \"open\"\nenrolment = [\"own_tenant\"]";
    let (email, mail) = ("email = \"{email}\"", "x-mail = \"email\"");
    let told = warned(email, mail, open);
    let [told] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert!(
        told.starts_with("d.toml:4: realm.m.identity.map.x-mail: whoever signs up"),
        "{told}"
    );
    let both = format!("{email}, sure = \"{{email_verified}}\"");
    assert_eq!(warned(&both, mail, open).len(), 1, "it is told nobody");
    for (claims, map, users) in [
        (both.as_str(), "x-mail = \"email\", x-sure = \"sure\"", open),
        (email, "", open),
        (email, mail, "enrolment = [\"own_tenant\"]"),
        (email, mail, "sign_up = \"open\""),
    ] {
        assert_eq!(
            warned(claims, map, users),
            [""; 0],
            "{claims} {map} {users}"
        );
    }
}

/// What looks as if it let somebody in where Doorward answers itself.
#[test]
fn routes_that_our_own_paths_win_over_are_told() {
    let warned = |paths: &[&str]| {
        let routes: String = paths
            .iter()
            .map(|path| format!("[[realm.m.route]]\npath = \"{path}\"\nupstream = \"builtin:echo\"\npublic = true\n"))
            .collect();
        let realm = format!("[realm.m]\nissuer = \"https://m.example.com\"\n{routes}");
        let warnings = report(&realm).unwrap().warnings;
        warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let [over, below] = warned(&["/a/**", "/admin/**", "/me/v1/x"])
        .try_into()
        .unwrap();
    assert!(over.starts_with("d.toml:8: "), "{over}");
    assert!(
        over.ends_with(
            "route /admin/** does not get the paths of /admin/v1/**, which Doorward answers itself"
        ),
        "{over}"
    );
    assert!(below.starts_with("d.toml:12: "), "{below}");
    assert!(
        below.contains("route /me/v1/x lies below Doorward's own /me/v1, where"),
        "{below}"
    );
    assert_eq!(warned(&["/healthz/x", "/.well-known/**"]).len(), 2);
    assert_eq!(
        warned(&[
            "/**",
            "/{any}",
            "/{any}/v1/**",
            "/healthy",
            "/me/v2/**",
            "/admin"
        ]),
        Vec::<String>::new()
    );
}
