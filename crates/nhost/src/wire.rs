//! What several endpoints answer: a user and a session, as Nhost Auth writes them. Not here:
//! refusals (`auth`).

use doorward_base::{RoleName, Secret, SessionId};
use doorward_identity::act::{Issued, SignedIn};
use doorward_identity::model::{Address, Mailbox, Metadata, Subject};
use serde::Serialize;
use utoipa::ToSchema;

/// The answer of what has nothing to say but that it is done.
pub(crate) const OK: &str = "OK";

/// The language of whoever names none. No other is kept.
const LOCALE: &str = "en";

/// A user.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserView {
    /// Its id: the `sub` of its access tokens.
    id: String,
    /// Always null: there are no second factors here.
    active_mfa_type: Option<String>,
    /// Always empty.
    avatar_url: &'static str,
    /// When it was made.
    created_at: String,
    /// The role in force where a request selects none.
    default_role: String,
    /// What it is called; without a name, its address.
    display_name: String,
    /// The address, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// Whether somebody answers for the address.
    email_verified: bool,
    /// Whether it came without saying who it is.
    is_anonymous: bool,
    /// Its language.
    locale: &'static str,
    /// What it says about itself.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Metadata>,
    /// The telephone number, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<String>,
    /// Whether somebody answers for the number.
    phone_number_verified: bool,
    /// The roles that may be selected.
    roles: Vec<String>,
}

impl UserView {
    /// A user with the roles that its credential gives it.
    pub(crate) fn of(subject: &Subject, roles: &[RoleName], role: Option<&RoleName>) -> Self {
        let contact = subject.identifier.contact();
        let mailbox = contact.and_then(|contact| contact.email.as_ref());
        let phone = contact.and_then(|contact| contact.phone.as_ref());
        let email = subject.identifier.email().map(ToString::to_string);
        let called = subject.name.clone().or_else(|| email.clone());
        Self {
            id: subject.id.to_string(),
            active_mfa_type: None,
            avatar_url: "",
            created_at: subject.created_at.to_string(),
            default_role: role.map(ToString::to_string).unwrap_or_default(),
            display_name: called.unwrap_or_default(),
            email,
            email_verified: mailbox.is_some_and(Mailbox::is_proven),
            is_anonymous: contact.is_some_and(|contact| contact.anonymous),
            locale: LOCALE,
            metadata: Some(subject.user_metadata.clone()).filter(|said| !said.is_empty()),
            phone_number: phone.map(|phone| phone.value.to_string()),
            phone_number_verified: phone.is_some_and(Address::is_proven),
            roles: roles.iter().map(ToString::to_string).collect(),
        }
    }
}

/// A session.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionView {
    /// The JWT.
    access_token: String,
    /// Seconds until it expires.
    access_token_expires_in: u64,
    /// What the session is refreshed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// The session: the same after each refresh.
    refresh_token_id: String,
    /// Whose it is.
    user: UserView,
}

impl SessionView {
    /// The one place where a session's secrets are written out.
    pub(crate) fn of(
        issued: &Issued,
        (session, refresh): (SessionId, Option<&Secret>),
        subject: &Subject,
    ) -> Self {
        Self {
            access_token: issued.jwt.expose().to_owned(),
            access_token_expires_in: issued.expires_in,
            refresh_token: refresh.map(|secret| secret.expose().to_owned()),
            refresh_token_id: session.to_string(),
            user: UserView::of(subject, &issued.roles, issued.role.as_ref()),
        }
    }
}

/// What a sign-in answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignedInView {
    /// The session that began.
    session: SessionView,
}

impl SignedInView {
    /// A session that has just begun.
    pub(crate) fn of(signed_in: &SignedIn) -> Self {
        let carried = (signed_in.session, signed_in.refresh_token.as_ref());
        Self {
            session: SessionView::of(&signed_in.issued, carried, &signed_in.subject),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_base::{Email, SubjectId, Timestamp};
    use doorward_identity::model::{Contact, Identifier, SubjectStatus};
    use serde_json::{Value, json};

    fn written(identifier: Identifier, name: Option<&str>) -> Value {
        let subject = Subject {
            id: SubjectId::from_bytes([1; 16]),
            identifier,
            name: name.map(str::to_owned),
            status: SubjectStatus::Active,
            user_metadata: Metadata::new(),
            app_metadata: Metadata::from_iter([("plan".to_owned(), json!("x"))]),
            created_at: Timestamp::from_seconds(1_800_000_000),
            last_sign_in_at: None,
        };
        let role: RoleName = "me".parse().unwrap();
        let user = UserView::of(&subject, std::slice::from_ref(&role), Some(&role));
        serde_json::to_value(user).unwrap()
    }

    /// DX-13. An address that passes is not verified until somebody showed it.
    #[test]
    fn dx_13_a_user_has_an_id_an_address_and_a_default_role() {
        let at = Timestamp::from_seconds(1_800_000_000);
        let email = Email::new("ada@example.org").unwrap();
        let said = written(
            Identifier::user(Address::confirmed(email.clone(), at)),
            None,
        );
        assert_eq!(
            said,
            json!({
                "id": SubjectId::from_bytes([1; 16]).to_string(),
                "activeMfaType": null,
                "avatarUrl": "",
                "createdAt": at.to_string(),
                "defaultRole": "me",
                "displayName": "ada@example.org",
                "email": "ada@example.org",
                "emailVerified": false,
                "isAnonymous": false,
                "locale": "en",
                "metadata": null,
                "phoneNumberVerified": false,
                "roles": ["me"],
            })
        );
        let proven = written(Identifier::user(Address::proven(email, at)), Some("Ada"));
        assert_eq!(
            (&proven["emailVerified"], &proven["displayName"]),
            (&json!(true), &json!("Ada"))
        );
        let nobody = written(
            Identifier::User(Contact {
                anonymous: true,
                ..Contact::default()
            }),
            None,
        );
        assert_eq!(nobody.get("email"), None);
        assert_eq!(
            (&nobody["isAnonymous"], &nobody["displayName"]),
            (&json!(true), &json!(""))
        );
    }
}
