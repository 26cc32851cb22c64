//! The operations on the wire: which request, and what its answer says. Not here: which
//! operation is chosen (`client`), sending it (`send`).

use super::Client;
use super::send::{listed, text};
use crate::book::{HeldJwt, HeldSession, HeldToken};
use crate::history::{
    Action, Credential, Effect, Name, Outcome, Part, Reach, RealmNo, Standing, SubjectNo,
};
use crate::site::{PERMISSION, host};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_testkit::http::{Call, escape};
use serde_json::{Value, json};

/// The node that answered, if any, and how it ended.
pub(super) type Ending = (Option<usize>, Outcome);

impl Client<'_> {
    pub(super) fn sign_in(&mut self, person: SubjectNo) -> Option<HeldSession> {
        let ground = self.ground;
        let subject = ground.world.subject(person)?;
        let password = ground.passwords.get(person)?.as_ref()?;
        let realm = subject.realm;
        let call = self
            .call("POST", "/me/v1/session", realm)
            .json(&json!({"email": subject.email, "password": password}));
        let mut held = None;
        let _ = self.perform(realm, Action::SignIn { person }, &call, None, &mut |body| {
            let name = Name::from(text(body, "/session/id")?);
            held = Some(HeldSession {
                name: name.clone(),
                text: text(body, "/access_token")?.to_owned(),
                realm,
                person,
                ended: false,
                refresh: numbered(text(body, "/refresh_token")?)
                    .into_iter()
                    .collect(),
            });
            Some(Effect::SignedIn(name))
        });
        if let Some(session) = held.clone() {
            ground.book.hold_session(session);
        }
        held
    }

    /// Uses a refresh token of the session, there or in another realm.
    pub(super) fn refresh(
        &mut self,
        session: &HeldSession,
        (number, secret): &(u32, String),
        realm: RealmNo,
    ) -> Ending {
        let action = Action::Refresh {
            session: session.name.clone(),
            number: *number,
        };
        let call = self
            .call("POST", "/me/v1/session/refresh", realm)
            .json(&json!({"refresh_token": secret}));
        let book = &self.ground.book;
        let ending = self.perform(realm, action, &call, None, &mut |body| {
            let (next, refresh) = numbered(text(body, "/refresh_token")?)?;
            let jwt = text(body, "/access_token")?.to_owned();
            book.hold_refreshed(&session.name, jwt, next, refresh);
            Some(Effect::Refreshed(next))
        });
        if realm == session.realm && matches!(ending.1, Outcome::Refused(..)) {
            book.doom_session(&session.name);
        }
        ending
    }

    pub(super) fn sign_out(&mut self, session: &HeldSession) -> Ending {
        self.ground.book.doom_session(&session.name);
        let action = Action::SignOut {
            session: session.name.clone(),
        };
        let call = self.as_session("DELETE", "/me/v1/session", session, session.realm);
        self.perform(session.realm, action, &call, None, &mut |_| {
            Some(Effect::Done)
        })
    }

    pub(super) fn create(&mut self, session: &HeldSession, owner: SubjectNo) -> Ending {
        let action = Action::Create {
            by: session.name.clone(),
            owner,
        };
        let subject = self.ground.world.subject(owner);
        let (target, body) = if session.person == owner {
            ("/me/v1/tokens", json!({}))
        } else {
            let id = subject.map_or("", |subject| subject.id.as_str());
            let kind = match subject.map(|subject| subject.part) {
                Some(Part::Service) => "service",
                _ => "personal",
            };
            ("/admin/v1/tokens", json!({"kind": kind, "owner": id}))
        };
        let call = self
            .as_session("POST", target, session, session.realm)
            .json(&body);
        self.mint(session.realm, owner, action, &call)
    }

    pub(super) fn regenerate(&mut self, session: &HeldSession, token: &HeldToken) -> Ending {
        self.ground.book.doom_token(&token.name);
        let action = Action::Regenerate {
            by: session.name.clone(),
            token: token.name.clone(),
        };
        let target = format!(
            "{}/{}/regenerate",
            tokens_of(session, token.owner),
            token.name
        );
        let call = self
            .as_session("POST", &target, session, session.realm)
            .json(&json!({}));
        self.mint(session.realm, token.owner, action, &call)
    }

    fn mint(&mut self, realm: RealmNo, owner: SubjectNo, action: Action, call: &Call) -> Ending {
        let ground = self.ground;
        self.perform(realm, action, call, None, &mut |body| {
            let name = Name::from(text(body, "/id")?);
            ground.book.hold_token(HeldToken {
                name: name.clone(),
                secret: Some(text(body, "/token")?.to_owned()),
                realm,
                owner,
                ended: false,
            });
            Some(Effect::Minted(name))
        })
    }

    pub(super) fn revoke(&mut self, session: &HeldSession, token: &HeldToken) -> Ending {
        if self.ground.world.may_manage(session.person, token.owner) {
            self.ground.book.doom_token(&token.name);
        }
        let action = Action::Revoke {
            by: session.name.clone(),
            token: token.name.clone(),
        };
        let target = format!("{}/{}", tokens_of(session, token.owner), token.name);
        let call = self.as_session("DELETE", &target, session, session.realm);
        self.perform(session.realm, action, &call, None, &mut |_| {
            Some(Effect::Done)
        })
    }

    pub(super) fn list(&mut self, session: &HeldSession, owner: SubjectNo) {
        let action = Action::List {
            by: Some(session.name.clone()),
            owner,
        };
        let ground = self.ground;
        let id = ground
            .world
            .subject(owner)
            .map_or("", |subject| &subject.id);
        let target = if session.person == owner {
            "/me/v1/tokens?limit=1000".to_owned()
        } else {
            format!("/admin/v1/tokens?limit=1000&owner={}", escape(id))
        };
        let call = self.as_session("GET", &target, session, session.realm);
        let (_, outcome) = self.perform(session.realm, action, &call, None, &mut listed);
        let Outcome::Ok(Effect::Listed { tokens, .. }) = outcome else {
            return;
        };
        let active = tokens
            .iter()
            .filter(|(_, state)| *state == Standing::Active);
        for (name, _) in active {
            if ground.book.find_token(name).is_none() {
                ground.book.hold_token(HeldToken {
                    name: name.clone(),
                    secret: None,
                    realm: session.realm,
                    owner,
                    ended: false,
                });
            }
        }
    }

    pub(super) fn add_grant(&mut self, session: &HeldSession, owner: SubjectNo) {
        let Some(subject) = self.ground.world.subject(owner) else {
            return;
        };
        let body = json!({
            "subject": subject.id, "tenant": subject.tenant, "permission": PERMISSION,
        });
        let call = self
            .as_session("POST", "/admin/v1/grants", session, session.realm)
            .json(&body);
        let by = session.name.clone();
        let action = Action::AddGrant { by, owner };
        let _ = self.perform(session.realm, action, &call, None, &mut |_| {
            Some(Effect::Done)
        });
    }

    pub(super) fn remove_grant(&mut self, session: &HeldSession, owner: SubjectNo) {
        let Some(subject) = self.ground.world.subject(owner) else {
            return;
        };
        let target = format!(
            "/admin/v1/grants?subject={}&tenant={}&permission={}",
            escape(&subject.id),
            escape(&subject.tenant),
            escape(PERMISSION)
        );
        let call = self.as_session("DELETE", &target, session, session.realm);
        let by = session.name.clone();
        let action = Action::RemoveGrant { by, owner };
        let _ = self.perform(session.realm, action, &call, None, &mut |_| {
            Some(Effect::Done)
        });
    }

    pub(super) fn exchange(&mut self, token: &HeldToken, realm: RealmNo, reach: Reach) {
        let Some(secret) = &token.secret else { return };
        let body = match reach {
            Reach::Plain => json!({"access_token": secret}),
            Reach::Write => json!({"access_token": secret, "scope": PERMISSION}),
        };
        let call = self
            .call("POST", doorward_testkit::EXCHANGE, realm)
            .json(&body);
        let action = Action::Exchange {
            token: token.name.clone(),
            reach,
        };
        let book = &self.ground.book;
        let _ = self.perform(realm, action, &call, None, &mut |body| {
            let jwt = text(body, "/jwt")?;
            let claims = claims(jwt)?;
            let number = book.next_number();
            book.hold_jwt(HeldJwt {
                number,
                token: token.name.clone(),
                text: jwt.to_owned(),
                realm,
                reach,
            });
            Some(Effect::Exchanged {
                number,
                issuer: text(&claims, "/iss")?.to_owned(),
                subject: text(&claims, "/sub")?.to_owned(),
            })
        });
    }

    pub(super) fn use_jwt(
        &mut self,
        jwt: &HeldJwt,
        realm: RealmNo,
        reach: Reach,
        node: Option<usize>,
    ) {
        let credential = Credential::Jwt {
            number: jwt.number,
            token: jwt.token.clone(),
        };
        self.use_it(&jwt.text, credential, realm, reach, node);
    }

    pub(super) fn use_token(
        &mut self,
        token: &HeldToken,
        realm: RealmNo,
        reach: Reach,
        node: Option<usize>,
    ) {
        if let Some(secret) = &token.secret {
            let credential = Credential::Token(token.name.clone());
            self.use_it(secret, credential, realm, reach, node);
        }
    }

    pub(super) fn use_session(&mut self, session: &HeldSession, node: Option<usize>) {
        let credential = Credential::Session(session.name.clone());
        self.use_it(&session.text, credential, session.realm, Reach::Plain, node);
    }

    fn use_it(
        &mut self,
        secret: &str,
        credential: Credential,
        realm: RealmNo,
        reach: Reach,
        node: Option<usize>,
    ) {
        let target = match reach {
            Reach::Plain => "/use/it",
            Reach::Write => "/write/it",
        };
        let call = self.call("GET", target, realm).bearer(secret);
        let action = Action::Use { credential, reach };
        let _ = self.perform(realm, action, &call, node, &mut |told| {
            Some(Effect::Passed {
                subject: text(told, "/headers/x-doorward-subject")?.to_owned(),
                tenant: text(told, "/headers/x-doorward-tenant")?.to_owned(),
            })
        });
    }

    /// A request to a realm, from an address of its own: limits by address are not what
    /// is checked here.
    fn call(&mut self, method: &str, target: &str, realm: RealmNo) -> Call {
        let [a, b, c, ..] = self.dice.next().to_be_bytes();
        let from = format!("10.{a}.{b}.{c}");
        Call::to_host(method, target, &host(realm)).header("X-Forwarded-For", &from)
    }

    fn as_session(
        &mut self,
        method: &str,
        target: &str,
        session: &HeldSession,
        realm: RealmNo,
    ) -> Call {
        self.call(method, target, realm).bearer(&session.text)
    }
}

/// Where a session handles the tokens of an owner.
fn tokens_of(session: &HeldSession, owner: SubjectNo) -> &'static str {
    if session.person == owner {
        "/me/v1/tokens"
    } else {
        "/admin/v1/tokens"
    }
}

/// A refresh token and its number, which it holds in clear.
fn numbered(text: &str) -> Option<(u32, String)> {
    let number = text.rsplit('_').nth(1)?.parse().ok()?;
    Some((number, text.to_owned()))
}

/// The claims of a JWT, unverified: what is compared is what the server wrote.
fn claims(jwt: &str) -> Option<Value> {
    let payload = URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}
