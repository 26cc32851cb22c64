//! One id type per entity, so that a session cannot be passed for a subject.
//! Not here: names that people choose (`name`).

use crate::{Entropy, Timestamp};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// The text was not a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected a UUID such as 0198c0de-0000-7000-8000-000000000000")]
pub struct IdError;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh id: UUID version 7 (RFC 9562 §5.7), so that rows made
            /// together lie together.
            #[must_use]
            pub fn mint(entropy: &dyn Entropy, now: Timestamp) -> Self {
                let millis = u64::try_from(now.as_micros() / 1000).unwrap_or(0);
                let random = crate::entropy::bytes::<10>(entropy);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }

            /// From the 16 bytes a store keeps.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes a store keeps.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.as_hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            /// Parses the hyphenated lower- or upper-case form only.
            fn from_str(text: &str) -> Result<Self, IdError> {
                if text.len() != 36 {
                    return Err(IdError);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| IdError)
            }
        }
    };
}

uuid_id! {
    /// A subject: a user, a service account or an external subject.
    SubjectId
}
uuid_id! {
    /// A subject's name at a login elsewhere.
    IdentityId
}
uuid_id! {
    /// A (subject, tenant) membership.
    MembershipId
}
uuid_id! {
    /// A stored API token. Not the secret.
    ApiTokenId
}
uuid_id! {
    /// One sign-in.
    SessionId
}
uuid_id! {
    /// An application that authenticates itself. Not the public `client_id`.
    ClientId
}
uuid_id! {
    /// One enrolled second factor of a subject.
    FactorId
}
uuid_id! {
    /// A pending single-use step. Not the secret.
    ChallengeId
}
uuid_id! {
    /// One request, shown to clients as `x-request-id` and in error bodies.
    RequestId
}

uuid_id! {
    /// A mail in the outbox, and its `Message-ID`.
    MailId
}
uuid_id! {
    /// A message to a webhook, whatever the number of attempts.
    WebhookId
}

/// The store's stable number of a realm. Configuration knows realms by name; the
/// store gives each name a number once and keeps it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RealmId(pub i64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text() {
        let id = SubjectId::from_bytes([7; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn other_spellings_of_a_uuid_are_refused() {
        for text in [
            "",
            "07070707070707070707070707070707",
            "{07070707-0707-0707-0707-070707070707}",
        ] {
            assert_eq!(text.parse::<SubjectId>(), Err(IdError), "{text}");
        }
    }
}
