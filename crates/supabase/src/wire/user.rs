//! A user. What is not kept here (when somebody was invited, when a mail was sent) is left
//! out, as the product does where it never happened.

use doorward_base::Timestamp;
use doorward_identity::model::{Address, LinkedIdentity, Mailbox, Metadata, Subject};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// The audience and the role of everybody who signed in, as the product calls them.
const AUTHENTICATED: &str = "authenticated";
/// The login that an address and its password are.
const EMAIL: &str = "email";

/// A user.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserView {
    /// Its id: the `sub` of its access tokens.
    id: String,
    /// Always `authenticated`.
    aud: &'static str,
    /// Always `authenticated`.
    role: &'static str,
    /// The address; empty if there is none.
    email: String,
    /// Since when the address passes for the user's.
    #[serde(skip_serializing_if = "Option::is_none")]
    email_confirmed_at: Option<String>,
    /// The telephone number, without `+`; empty if there is none.
    phone: String,
    /// Since when the number passes for the user's.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_confirmed_at: Option<String>,
    /// The earlier of both.
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed_at: Option<String>,
    /// When it last signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_sign_in_at: Option<String>,
    /// What the realm says of it, with the logins it has.
    #[schema(value_type = Object)]
    app_metadata: Metadata,
    /// What it says about itself.
    #[schema(value_type = Object)]
    user_metadata: Metadata,
    /// The logins it has.
    identities: Vec<IdentityView>,
    /// When it was made.
    created_at: String,
    /// When it last signed in, else when it was made.
    updated_at: String,
    /// Whether it came without saying who it is.
    is_anonymous: bool,
}

/// A login of a user.
#[derive(Serialize, ToSchema)]
#[schema(as = Identity)]
pub(crate) struct IdentityView {
    /// Its id.
    identity_id: String,
    /// The user's name there.
    id: String,
    /// The user.
    user_id: String,
    /// What the login says of it.
    #[schema(value_type = Object)]
    identity_data: Metadata,
    /// The login.
    provider: String,
    /// When the user last came by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_sign_in_at: Option<String>,
    /// Since when it is there.
    created_at: String,
    /// The same.
    updated_at: String,
    /// The address there.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
}

fn text(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}

impl UserView {
    /// A user with its identities at other logins. `shown` is what others read of what it says
    /// about itself.
    pub(crate) fn of(
        subject: &Subject,
        linked: &[LinkedIdentity],
        shown: impl FnOnce(&Metadata) -> Metadata,
    ) -> Self {
        let contact = subject.identifier.contact();
        let mailbox = contact.and_then(|contact| contact.email.as_ref());
        let confirmed = mailbox.and_then(Mailbox::wide).and_then(confirmed_at);
        let phone = contact.and_then(|contact| contact.phone.as_ref());
        let phone_confirmed = phone.and_then(confirmed_at);
        let own = mailbox.map(|mailbox| IdentityView::own(subject, mailbox));
        let identities: Vec<IdentityView> = own
            .into_iter()
            .chain(linked.iter().map(IdentityView::of))
            .collect();
        let last = subject.last_sign_in_at;
        Self {
            id: subject.id.to_string(),
            aud: AUTHENTICATED,
            role: AUTHENTICATED,
            email: mailbox.map_or_else(String::new, |one| one.value().to_string()),
            email_confirmed_at: text(confirmed),
            phone: phone.map_or_else(String::new, |phone| {
                phone.value.as_str().trim_start_matches('+').to_owned()
            }),
            phone_confirmed_at: text(phone_confirmed),
            confirmed_at: text(confirmed.into_iter().chain(phone_confirmed).min()),
            last_sign_in_at: text(last),
            app_metadata: app_metadata(subject, &identities),
            user_metadata: shown(&subject.user_metadata),
            identities,
            created_at: subject.created_at.to_string(),
            updated_at: last.unwrap_or(subject.created_at).to_string(),
            is_anonymous: contact.is_some_and(|contact| contact.anonymous),
        }
    }
}

const fn confirmed_at<T>(address: &Address<T>) -> Option<Timestamp> {
    address.confirmed_at
}

/// What the realm says, which wins, with the logins there are.
fn app_metadata(subject: &Subject, identities: &[IdentityView]) -> Metadata {
    let mut providers: Vec<&str> = identities.iter().map(|one| &*one.provider).collect();
    providers.dedup();
    let mut metadata = Metadata::new();
    if let Some(first) = providers.first() {
        metadata.insert("provider".to_owned(), json!(first));
        metadata.insert("providers".to_owned(), json!(providers));
    }
    metadata.extend(subject.app_metadata.clone());
    metadata
}

impl IdentityView {
    /// The login by the user's address. `email_verified` is what is proven, not what passes.
    fn own(subject: &Subject, mailbox: &Mailbox) -> Self {
        let id = subject.id.to_string();
        let email = mailbox.value().to_string();
        let data = [
            ("sub", json!(id)),
            ("email", json!(email)),
            ("email_verified", Value::Bool(mailbox.is_proven())),
            ("phone_verified", Value::Bool(false)),
        ];
        Self {
            identity_id: id.clone(),
            id: id.clone(),
            user_id: id,
            identity_data: data
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            provider: EMAIL.to_owned(),
            last_sign_in_at: text(subject.last_sign_in_at),
            created_at: subject.created_at.to_string(),
            updated_at: subject.created_at.to_string(),
            email: Some(email),
        }
    }

    fn of(linked: &LinkedIdentity) -> Self {
        let email = linked.data.get("email").and_then(Value::as_str);
        Self {
            identity_id: linked.id.to_string(),
            id: linked.sub.to_string(),
            user_id: linked.subject.to_string(),
            identity_data: linked.data.clone(),
            provider: linked.provider.to_string(),
            last_sign_in_at: text(linked.last_used_at),
            created_at: linked.created_at.to_string(),
            updated_at: linked.created_at.to_string(),
            email: email.map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_base::{Email, SubjectId};
    use doorward_identity::model::{Contact, Identifier, SubjectStatus};

    fn user(email: Option<Mailbox>) -> Subject {
        Subject {
            id: SubjectId::from_bytes([1; 16]),
            identifier: Identifier::User(Contact {
                anonymous: email.is_none(),
                email,
                phone: None,
            }),
            name: None,
            status: SubjectStatus::Active,
            user_metadata: Metadata::from_iter([("a".to_owned(), json!(1))]),
            app_metadata: Metadata::from_iter([("plan".to_owned(), json!("x"))]),
            created_at: Timestamp::from_seconds(1_800_000_000),
            last_sign_in_at: None,
        }
    }

    fn written(email: Option<Mailbox>) -> Value {
        serde_json::to_value(UserView::of(&user(email), &[], Clone::clone)).unwrap()
    }

    #[test]
    fn an_address_that_passes_is_confirmed_and_not_verified() {
        let at = Timestamp::from_seconds(1_800_000_000);
        let email = Email::new("ada@example.org").unwrap();
        let body = written(Some(Address::confirmed(email.clone(), at).into()));
        assert_eq!(body["email"], "ada@example.org");
        assert_eq!(body["email_confirmed_at"], body["created_at"]);
        assert_eq!(
            body["identities"][0]["identity_data"]["email_verified"],
            false
        );
        assert_eq!(
            body["app_metadata"],
            json!({"provider": "email", "providers": ["email"], "plan": "x"})
        );
        assert_eq!(body["user_metadata"], json!({"a": 1}));
        let body = written(Some(Address::proven(email, at).into()));
        assert_eq!(
            body["identities"][0]["identity_data"]["email_verified"],
            true
        );
    }

    #[test]
    fn what_is_not_there_is_empty_and_never_null() {
        let body = written(None);
        assert_eq!((&body["email"], &body["phone"]), (&json!(""), &json!("")));
        assert_eq!(body["is_anonymous"], true);
        assert_eq!(body["identities"], json!([]));
        assert!(
            body.as_object()
                .unwrap()
                .values()
                .all(|value| !value.is_null())
        );
    }
}
