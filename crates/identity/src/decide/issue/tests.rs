//! The one issuing path: what each bearer gives, and chains of actors.

use super::super::testing::*;
use super::*;
use crate::model::SubjectStatus;
use crate::model::{Address, Contact, Identifier, Mailbox, Session, TokenKind};
use crate::settings::{
    ExchangeSettings, RetentionSettings, Revocation, SignUpSettings, TokenSettings, TokenTyp,
};
use doorward_base::authn::{AssuranceLevel, AuthMethod, AuthStep};
use doorward_base::claims::ClaimsTemplate;
use doorward_base::{ClientId, Email, Environment, Phone, RealmName, SubjectId, SubjectKind};
use doorward_jose::Algorithm;
use serde_json::json;

const CLIENT: ClientId = ClientId::from_bytes([7; 16]);

fn settings() -> RealmSettings {
    let template = json!({
        "tenant": "{tenant}", "scope": "{scope}", "roles": "{roles}", "role": "{role}",
        "by": "{credential}", "client": "{client}", "actor": "{act}", "session_id": "{session_id}",
    });
    RealmSettings {
        name: RealmName::new("r").unwrap(),
        issuer: "https://issuer".into(),
        tokens: TokenSettings {
            algorithm: Algorithm::ES256,
            typ: TokenTyp::AtJwt,
            access_ttl: Duration::from_secs(300),
            max_ttl: Duration::from_secs(3600),
            audiences: vec![audience("https://a"), audience("https://b")],
            revocation: Revocation::Immediate,
            default_scopes: DefaultScopes::All,
            claims: ClaimsTemplate::parse(template.as_object().unwrap()).unwrap(),
        },
        classes: Vec::new(),
        exchange: ExchangeSettings {
            unknown_scope: UnknownScope::Refuse,
        },
        sessions: session_settings(),
        roles: vec![
            gives("editor", &["read", "write"]),
            gives("reader", &["read"]),
        ],
        crossing: None,
        sign_up: SignUpSettings::default(),
        default_roles: Vec::new(),
        default_role: Some(role("reader")),
        externals: Vec::new(),
        retention: RetentionSettings::default(),
        limits: Default::default(),
        exposure: Default::default(),
        notices: Default::default(),
    }
}

fn names(scopes: &[Scope]) -> Vec<&str> {
    scopes.iter().map(Scope::as_str).collect()
}

/// Whatever an access token is made from, the claims name exactly that.
#[test]
fn each_bearer_names_itself() {
    let settings = settings();
    let (ada, bot) = (user(1), service(2));
    let held_by = dossier(&ada, &[has("read", None)], &[]);
    let (session, token) = (session(&ada), token(TokenKind::Personal, &ada));
    let ceiling = Ceiling::default();
    let client = Bearer::Client {
        id: CLIENT,
        ceiling: &ceiling,
    };
    let by = dossier(&bot, &[has("read", None)], &[]);
    for (dossier, bearer, sid, dw) in [
        (
            &held_by,
            Bearer::Session(&session),
            Some(session.id),
            json!({"k": "user", "e": 0}),
        ),
        (
            &held_by,
            Bearer::Token(&token),
            None,
            json!({"k": "user", "e": 0, "t": token.id.to_string()}),
        ),
        (
            &by,
            client,
            None,
            json!({"k": "service", "e": 0, "c": CLIENT.to_string()}),
        ),
    ] {
        let held = hold(dossier, bearer, &Ask::plain(&settings, NOW)).unwrap();
        let decided = held
            .decide(&settings, &Term::plain(&settings, "j"), NOW)
            .unwrap();
        let claims = decided.claims;
        assert_eq!(claims["dw"], dw);
        assert_eq!(
            claims.get("sid"),
            sid.map(|sid| json!(sid.to_string())).as_ref()
        );
        assert_eq!(claims.get("session_id"), claims.get("sid"));
        assert_eq!(claims["by"], json!(bearer.credential().to_text()));
        assert_eq!(claims["sub"], json!(dossier.subject.id.to_string()));
        assert_eq!(claims["aud"], "https://a");
        assert_eq!(claims["scope"], "read");
        assert_eq!(claims.get("act"), None);
        assert_eq!(decided.life.seconds, 300);
    }
}

#[test]
fn who_holds_nothing_is_told_no_scope() {
    let settings = settings();
    let ada = user(1);
    let (held_by, session) = (dossier(&ada, &[], &[]), session(&ada));
    let ask = Ask::plain(&settings, NOW);
    let held = hold(&held_by, Bearer::Session(&session), &ask).unwrap();
    let decided = held.decide(&settings, &Term::plain(&settings, "j"), NOW);
    assert_eq!(decided.unwrap().claims.get("scope"), None);
}

#[test]
fn authority_is_for_an_api_of_the_realm() {
    let settings = settings();
    let ada = user(1);
    let (held_by, session) = (dossier(&ada, &[], &[]), session(&ada));
    let [b, other] = [audience("https://b"), audience("https://other")];
    for (asked, expected) in [
        (Some(&b), Ok(Some(b.clone()))),
        (Some(&other), Err(IssueRefusal::Audience)),
        (None, Ok(Some(audience("https://a")))),
    ] {
        let ask = Ask {
            audience: asked,
            ..Ask::plain(&settings, NOW)
        };
        let held = hold(&held_by, Bearer::Session(&session), &ask);
        assert_eq!(held.map(|held| held.audience), expected, "{asked:?}");
    }
}

/// Where a role is another by now, its mark is, and a token that carries the old one is void.
#[test]
fn a_token_carries_the_marks_of_its_roles_where_revocation_is_immediate() {
    let mut settings = settings();
    let ada = user(1);
    let (held_by, session) = (
        dossier(&ada, &[has_role("reader", None)], &[]),
        session(&ada),
    );
    let marks = json!([gives("reader", &["read"]).mark()]);
    for (revocation, expected) in [
        (Revocation::Immediate, Some(&marks)),
        (Revocation::Expiry, None),
    ] {
        settings.tokens.revocation = revocation;
        let ask = Ask::plain(&settings, NOW);
        let held = hold(&held_by, Bearer::Session(&session), &ask).unwrap();
        let decided = held.decide(&settings, &Term::plain(&settings, "j"), NOW);
        let claims = decided.unwrap().claims;
        assert_eq!(claims["dw"].get("r"), expected, "{revocation:?}");
    }
}

#[test]
fn the_environment_of_a_token_is_its_principals() {
    let settings = settings();
    let ada = user(1);
    let held_by = dossier(&ada, &[], &[]);
    let mut token = token(TokenKind::Personal, &ada);
    let live: Environment = "live".parse().unwrap();
    token.ceiling.environment = Some(live.clone());
    let ask = Ask::plain(&settings, NOW);
    let held = hold(&held_by, Bearer::Token(&token), &ask).unwrap();
    let decided = held.decide(&settings, &Term::plain(&settings, "j"), NOW);
    assert_eq!(decided.unwrap().claims["dw"]["n"], "live");
    let principal = held.principal(&settings, NOW);
    assert_eq!(principal.environment, Some(live));
}

/// A token of a tenant is given away as one: the session of the same person may name others.
#[test]
fn what_is_bound_to_a_tenant_names_no_other_but_a_session_may() {
    let mut settings = settings();
    settings.crossing = Some(permission("cross"));
    let (ada, bot) = (user(1), service(2));
    let of_ada = dossier(&ada, &[has("cross", None)], &["acme"]);
    let of_bot = dossier(&bot, &[has("cross", None)], &["acme"]);
    let bound = Ceiling {
        tenant: Some(tenant("acme")),
        ..Ceiling::default()
    };
    let free = Ceiling::default();
    let (mut here, mut mine) = (session(&ada), token(TokenKind::Personal, &ada));
    here.ceiling.tenant.clone_from(&bound.tenant);
    mine.ceiling.tenant.clone_from(&bound.tenant);
    let nowhere = token(TokenKind::Personal, &ada);
    let mut by_mine = here.clone();
    by_mine.made_from = Some(mine.id);
    let mut by_nowhere = session(&ada);
    by_nowhere.made_from = Some(nowhere.id);
    let client = |ceiling| Bearer::Client {
        id: CLIENT,
        ceiling,
    };
    let acting = |bearer| Acting {
        bearer,
        dossier: &of_bot,
    };
    let with = [acting(Bearer::Token(&mine))];
    for (bearer, actors, crosses) in [
        (Bearer::Session(&here), &[][..], true),
        (Bearer::Session(&by_mine), &[], false),
        (Bearer::Session(&by_nowhere), &[], true),
        (Bearer::Token(&mine), &[], false),
        (Bearer::Token(&nowhere), &[], true),
        (client(&bound), &[], false),
        (client(&free), &[], true),
        (Bearer::Session(&here), &with, false),
    ] {
        let ask = Ask {
            actors,
            ..Ask::plain(&settings, NOW)
        };
        let held = hold(&of_ada, bearer, &ask).unwrap();
        assert_eq!(
            held.principal(&settings, NOW).crosses,
            crosses,
            "{bearer:?}"
        );
    }
}

#[test]
fn a_sessions_tenant_was_fixed_when_it_began() {
    let settings = settings();
    let ada = user(1);
    for (bound, asked, member_of, expected) in [
        // None stays none, also when there is only one to choose by now.
        (None, None, &["acme"][..], Ok(None)),
        (None, Some("acme"), &["acme"], Err(IssueRefusal::Tenant)),
        (Some("acme"), None, &["globex", "acme"], Ok(Some("acme"))),
        (Some("acme"), Some("acme"), &["acme"], Ok(Some("acme"))),
        (
            Some("acme"),
            Some("globex"),
            &["acme", "globex"],
            Err(IssueRefusal::Tenant),
        ),
        (Some("acme"), None, &["globex"], Err(IssueRefusal::Tenant)),
        (Some("acme"), None, &[], Err(IssueRefusal::Tenant)),
    ] {
        let mut session = session(&ada);
        session.ceiling.tenant = bound.map(tenant);
        let asked = asked.map(tenant);
        let ask = Ask {
            tenant: asked.as_ref(),
            ..Ask::plain(&settings, NOW)
        };
        let dossier = dossier(&ada, &[], member_of);
        let held = hold(&dossier, Bearer::Session(&session), &ask);
        assert_eq!(
            held.map(|held| held.tenant),
            expected.map(|of| of.map(tenant)),
            "{bound:?} {asked:?}"
        );
    }
}

/// A subject with what it holds and the session it acts through.
fn actor(n: u8, permissions: &[&str]) -> (Dossier, Session) {
    let bot = service(n);
    let grants: Vec<_> = permissions.iter().map(|name| has(name, None)).collect();
    let session = Session {
        id: doorward_base::SessionId::from_bytes([n; 16]),
        ..session(&bot)
    };
    (dossier(&bot, &grants, &[]), session)
}

fn acting(actors: &[(Dossier, Session)]) -> Vec<Acting<'_>> {
    let acting = |(dossier, session)| Acting {
        bearer: Bearer::Session(session),
        dossier,
    };
    actors
        .iter()
        .map(|(dossier, session)| acting((dossier, session)))
        .collect()
}

/// Who acts for somebody never has more than either, nor anything that one before it had not.
#[test]
fn a_chain_carries_what_every_link_holds() {
    let settings = settings();
    let ada = user(1);
    let grants = [has_role("editor", None), has("delete", None)];
    let (held_by, session) = (dossier(&ada, &grants, &[]), session(&ada));
    for (chain, expected) in [
        (&[][..], &["delete", "read", "write"][..]),
        (&[&["read", "write", "other"][..]], &["read", "write"]),
        (&[&["read", "write"], &["write", "delete"]], &["write"]),
        (&[&["other"]], &[]),
        (&[&[]], &[]),
    ] {
        let actors: Vec<_> = (2..).zip(chain).map(|(n, held)| actor(n, held)).collect();
        let acting = acting(&actors);
        let ask = Ask {
            actors: &acting,
            ..Ask::plain(&settings, NOW)
        };
        let held = hold(&held_by, Bearer::Session(&session), &ask).unwrap();
        assert_eq!(names(held.authority.scopes()), expected, "{chain:?}");
        let editor = role("editor");
        assert_eq!(held.authority.roles().contains(&editor), chain.is_empty());
        // What is asked for is asked of the intersection.
        let delete = scopes(&["delete"]);
        let ask = Ask {
            scopes: Some(&delete),
            ..ask
        };
        let asked = hold(&held_by, Bearer::Session(&session), &ask);
        assert_eq!(asked.is_ok(), expected.contains(&"delete"), "{chain:?}");
    }
}

#[test]
fn a_chain_is_written_with_whoever_acts_now_outermost() {
    let settings = settings();
    let ada = user(1);
    let (held_by, mut session) = (dossier(&ada, &[has("read", None)], &[]), session(&ada));
    session.expires_at = NOW.plus(Duration::from_secs(200));
    let mut actors = vec![actor(2, &["read"]), actor(3, &["read"])];
    actors[0].0.epochs = vec![(None, Epoch(4))];
    actors[1].1.expires_at = NOW.plus(Duration::from_secs(100));
    let acting = acting(&actors);
    let ask = Ask {
        actors: &acting,
        ..Ask::plain(&settings, NOW)
    };
    let held = hold(&held_by, Bearer::Session(&session), &ask).unwrap();
    let decided = held
        .decide(&settings, &Term::plain(&settings, "j"), NOW)
        .unwrap();
    let id = |n| SubjectId::from_bytes([n; 16]).to_string();
    assert_eq!(
        decided.claims["act"],
        json!({
            "sub": id(2), "sid": id(2), "dw": {"k": "service", "e": 4},
            "act": {"sub": id(3), "sid": id(3), "dw": {"k": "service", "e": 0}},
        })
    );
    assert_eq!(
        decided.claims["actor"],
        json!({"sub": id(2), "act": {"sub": id(3)}})
    );
    assert_eq!(decided.claims["sub"], json!(ada.id.to_string()));
    // It lives no longer than any link.
    assert_eq!(decided.life.seconds, 100);
    assert_eq!(held.actors[0].kind, SubjectKind::Service);
}

#[test]
fn a_dead_link_or_one_too_many_gives_no_token() {
    let settings = settings();
    let ada = user(1);
    let (held_by, session) = (dossier(&ada, &[], &[]), session(&ada));
    let held = |actors: &[(Dossier, Session)]| {
        let acting = acting(actors);
        let ask = Ask {
            actors: &acting,
            ..Ask::plain(&settings, NOW)
        };
        hold(&held_by, Bearer::Session(&session), &ask).map(|held| held.actors.len())
    };
    let chain = |n: u8| (2..2 + n).map(|n| actor(n, &[])).collect::<Vec<_>>();
    assert_eq!(held(&chain(5)), Ok(5));
    assert_eq!(held(&chain(6)), Err(IssueRefusal::Actor));
    let mut disabled = chain(2);
    disabled[1].0.subject.status = SubjectStatus::Disabled { at: NOW };
    assert_eq!(held(&disabled), Err(IssueRefusal::Actor));
    let mut ended = chain(2);
    ended[0].1.state = crate::model::SessionState::Ended { at: NOW };
    assert_eq!(held(&ended), Err(IssueRefusal::Actor));
    // Nor does anybody act in a tenant that it is no member of.
    let member = dossier(&ada, &[], &["acme"]);
    let mut bound = session.clone();
    bound.ceiling.tenant = Some(tenant("acme"));
    let outsider = chain(1);
    let acting = acting(&outsider);
    let ask = Ask {
        actors: &acting,
        ..Ask::plain(&settings, NOW)
    };
    let refused = hold(&member, Bearer::Session(&bound), &ask).err();
    assert_eq!(refused, Some(IssueRefusal::Tenant));
}

/// What describes a user and its sign-in, as a template can write it.
#[test]
fn a_sign_in_is_described() {
    let template = json!({
        "phone": "{phone}", "is_anonymous": "{is_anonymous}", "provider": "{provider}",
        "aal": "{aal}", "amr": "{amr}", "steps": "{amr_steps}", "auth_time": "{auth_time}",
    });
    let mut settings = settings();
    settings.tokens.claims = ClaimsTemplate::parse(template.as_object().unwrap()).unwrap();
    let phone = Address::confirmed(Phone::new("+41 44 668 18 00").unwrap(), NOW);
    let anonymous = Contact {
        anonymous: true,
        ..Contact::default()
    };
    let by_phone = Contact {
        phone: Some(phone),
        ..Contact::default()
    };
    let of_nobody = json!({"is_anonymous": true});
    let of_phone = json!({"is_anonymous": false, "phone": "+41446681800", "provider": "phone"});
    let of_email = json!({"is_anonymous": false, "provider": "email"});
    for (subject, expected) in [
        (subject(1, Identifier::User(anonymous)), of_nobody),
        (subject(1, Identifier::User(by_phone)), of_phone),
        (user(1), of_email),
        (service(1), json!({})),
    ] {
        let held_by = dossier(&subject, &[], &[]);
        let mut session = session(&subject);
        session.aal = AssuranceLevel::Aal2;
        session.steps.push(AuthStep {
            method: AuthMethod::Totp,
            at: NOW.plus(Duration::from_secs(60)),
        });
        let held = hold(
            &held_by,
            Bearer::Session(&session),
            &Ask::plain(&settings, NOW),
        );
        let mut written = render(&settings.tokens.claims, &held.unwrap().whose());
        let now = NOW.as_seconds();
        assert_eq!(written.remove("aal"), Some(json!("aal2")));
        assert_eq!(written.remove("amr"), Some(json!(["password", "totp"])));
        assert_eq!(written.remove("auth_time"), Some(json!(now + 60)));
        let steps = json!([
            {"method": "totp", "timestamp": now + 60},
            {"method": "password", "timestamp": now},
        ]);
        assert_eq!(written.remove("steps"), Some(steps));
        assert_eq!(Value::Object(written), expected);
    }
}

/// Who goes by addresses is told none that counts in a tenant alone.
#[test]
fn an_address_is_told_where_it_is_the_realms() {
    let template = json!({
        "email": "{email}", "verified": "{email_verified}", "provider": "{provider}",
    });
    let mut settings = settings();
    settings.tokens.claims = ClaimsTemplate::parse(template.as_object().unwrap()).unwrap();
    let email: Email = "user1@example.org".parse().unwrap();
    let stand_in = Identifier::User(Contact {
        email: Some(Mailbox::In(tenant("acme"), email.clone())),
        ..Contact::default()
    });
    let service = |home| Identifier::Service {
        email: email.clone(),
        home,
    };
    let told = json!("user1@example.org");
    // Who came first by it, and nobody has shown it.
    let self_made = Identifier::user(Address::confirmed(email.clone(), NOW));
    let [yes, no] = [json!(true), json!(false)];
    for (identifier, expected, verified) in [
        (user(1).identifier, Some(&told), Some(&yes)),
        (self_made, Some(&told), Some(&no)),
        (stand_in, None, None),
        (service(None), Some(&told), Some(&yes)),
        (service(Some(tenant("acme"))), None, None),
    ] {
        let subject = subject(1, identifier);
        let held_by = dossier(&subject, &[], &[]);
        let session = session(&subject);
        let ask = Ask::plain(&settings, NOW);
        let held = hold(&held_by, Bearer::Session(&session), &ask).unwrap();
        let written = render(&settings.tokens.claims, &held.whose());
        assert_eq!(written.get("email"), expected, "{:?}", subject.identifier);
        assert_eq!(
            written.get("verified"),
            verified,
            "{:?}",
            subject.identifier
        );
    }
}

/// A tenant's administrator says any number of whom it makes.
#[test]
fn a_number_is_told_once_it_is_confirmed() {
    let template = json!({"phone": "{phone}", "provider": "{provider}"});
    let mut settings = settings();
    settings.tokens.claims = ClaimsTemplate::parse(template.as_object().unwrap()).unwrap();
    let number = Phone::new("+41 44 668 18 00").unwrap();
    let told = json!("+41446681800");
    for (phone, expected) in [
        (Address::said(number.clone()), None),
        (Address::confirmed(number.clone(), NOW), Some(&told)),
        (Address::proven(number, NOW), Some(&told)),
    ] {
        let subject = subject(
            1,
            Identifier::User(Contact {
                phone: Some(phone),
                ..Contact::default()
            }),
        );
        let held_by = dossier(&subject, &[], &[]);
        let session = session(&subject);
        let ask = Ask::plain(&settings, NOW);
        let held = hold(&held_by, Bearer::Session(&session), &ask).unwrap();
        let written = render(&settings.tokens.claims, &held.whose());
        assert_eq!(written.get("phone"), expected, "{:?}", subject.identifier);
        assert_eq!(written["provider"], "phone");
    }
}
