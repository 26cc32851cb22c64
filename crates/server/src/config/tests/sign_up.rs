//! What a realm may say of who signs up, and of the dialect they do it in.

use super::{check, read};
use doorward_identity::settings::{Enrolment, SignUpMode};

#[test]
fn nobody_signs_up_unless_the_realm_says_so() {
    let settings = read("[realm.m]").unwrap().settings;
    let sign_up = &settings.realms[0].identity.sign_up;
    assert_eq!(sign_up.mode, SignUpMode::Closed);
    assert!(sign_up.enrolment.is_empty() && settings.realms[0].supabase.is_none());
    let text = "[realm.m]\ndialects = [\"supabase\"]\n[realm.m.roles]\nreader = [\"read\"]\n[realm.m.users]\ndefault_roles = [\"reader\"]\nsign_up = \"open\"\nenrolment = [\"own_tenant\", \"proven\", \"own_tenant\"]\n[realm.m.supabase]\nmount = \"/login\"";
    let settings = read(text).unwrap().settings;
    let sign_up = &settings.realms[0].identity.sign_up;
    assert_eq!(sign_up.mode, SignUpMode::Open);
    let expected = [Enrolment::Proven, Enrolment::OwnTenant];
    assert_eq!(sign_up.enrolment, expected);
    // What everybody gets, unless it is said.
    assert_eq!(sign_up.own_tenant_roles[0].as_str(), "reader");
    let mount = settings.realms[0].supabase.as_ref().unwrap();
    assert_eq!(mount.path("/token"), "/login/token");
}

#[test]
fn a_sign_up_gives_what_operators_give_to_nobody() {
    let realm = "[realm.m]\ntenant_header = { header = \"X-Tenant-ID\", foreign_scope = \"admin\" }\n[realm.m.roles]\nowner = [\"admin\", \"read\"]\nlocal = [\"platform.users.edit\"]\n[realm.m.users]\n";
    let text = |users: &str| format!("{realm}{users}");
    let own = "enrolment = [\"own_tenant\"]\nown_tenant_roles = [\"owner\", \"local\", \"x\"]";
    check(
        &text(&format!(
            "sign_up = \"open\"\ndefault_roles = [\"local\", \"owner\"]\n{own}"
        )),
        &[
            "d.toml:8: realm.m.users.default_roles[0]: gives platform.users.edit to everybody who gets it unasked; take it out of role \"local\", and give it to whom it is for by `doorward grant add`",
            "d.toml:8: realm.m.users.default_roles[1]: gives admin to everybody who gets it unasked; …",
            "d.toml:10: realm.m.users.own_tenant_roles[0]: gives admin to everybody who gets it unasked; …",
            "d.toml:10: realm.m.users.own_tenant_roles[2]: unknown role \"x\"…",
        ],
    );
    // Nobody enters by himself: members may manage their tenants, and nobody crosses unasked.
    assert!(read(&text("default_roles = [\"local\"]")).is_ok());
    check(
        &text("default_roles = [\"local\", \"owner\"]"),
        &[
            "d.toml:7: realm.m.users.default_roles[1]: gives admin to everybody who gets it unasked; …",
        ],
    );
    // What makes tokens is one's own to have in a tenant of one's own.
    let makes = "[realm.m.roles]\nmaker = [\"keys.make\"]\n[realm.m.api_tokens.key]\nkinds = [\"key\"]\nprefix = \"k-\"\npresentations = [\"bearer\"]\ncreate_permission = \"keys.make\"\n[realm.m.users]\nsign_up = \"open\"\nenrolment = [\"own_tenant\"]\n";
    check(
        &format!("{makes}default_roles = [\"maker\"]\nown_tenant_roles = [\"maker\"]"),
        &[
            "d.toml:11: realm.m.users.default_roles[0]: gives keys.make to everybody who gets it unasked; …",
        ],
    );
    assert!(read(&format!("{makes}own_tenant_roles = [\"maker\"]")).is_ok());
    check(
        &text("own_tenant_roles = [\"local\"]"),
        &[
            "d.toml:7: realm.m.users.own_tenant_roles: no tenant of one's own is made; add \"own_tenant\" to enrolment",
        ],
    );
    check(
        &text("sign_up = \"opne\"\nenrolment = [\"invited\"]"),
        &[
            "d.toml:7: realm.m.users.sign_up: unknown value \"opne\"; did you mean \"open\"? Known: closed, open",
            "d.toml:8: realm.m.users.enrolment[0]: unknown value \"invited\"…",
        ],
    );
}

#[test]
fn the_section_of_a_dialect_belongs_to_it_and_makes_sense() {
    check(
        "[realm.m.supabase]\nmount = \"/auth/v1\"",
        &[
            "d.toml:1: realm.m.supabase: supabase belongs to the dialect \"supabase\"; add it to dialects",
        ],
    );
    check(
        "[realm.m]\ndialects = [\"supabase\"]\n[realm.m.supabase]\nmount = \"auth\"\nrefresh_in_answer = false\n[realm.m.sessions]\nrefresh = \"rotate\"",
        &[
            "d.toml:4: realm.m.supabase.mount: \"auth\" is not a plain path such as \"/auth/v1\"",
            "d.toml:5: realm.m.supabase.refresh_in_answer: false needs [sessions] refresh = \"reuse\": else the client would lose its session",
        ],
    );
}
