//! A value that a statement binds, in one form for both engines; each says how it binds
//! it.

use doorward_base::secret::TokenDigest;
use doorward_base::{
    ApiTokenId, Audience, ChallengeId, ClassName, ClientId, Email, FactorId, IdentityId, MailId,
    MembershipId, Permission, Phone, ProviderName, RequestId, RoleName, SessionId, SubjectId,
    TenantId, Timestamp, WebhookId,
};
use doorward_identity::port::Page;
use std::borrow::Cow;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Value<'v> {
    /// None.
    Null,
    /// Yes or no.
    Flag(bool),
    /// A number, a time in microseconds, a limit.
    Int(i64),
    /// Sixteen bytes.
    Id([u8; 16]),
    Text(Cow<'v, str>),
    /// Bytes, such as a digest.
    Bytes(&'v [u8]),
    /// Ids as one value: an array, or a JSON array of hexadecimal texts.
    Ids(Vec<[u8; 16]>),
    /// Texts as one value: an array, or a JSON array.
    Texts(Vec<&'v str>),
    /// Numbers as one value, for the engine that has arrays.
    Ints(Vec<i64>),
}

/// The values of `$2`, `$3`, … of a statement; the first is the realm.
pub(crate) type Values<'v> = &'v [Value<'v>];

/// Gathers what a statement binds.
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        &[$(crate::row::Value::from($value)),*]
    };
}

pub(crate) use values;

/// Where a page of ids begins, whether that id is part of it (it is when no page was
/// before), and how long it is at the most. For `id >= $2 AND ($3 OR id > $2)`, which an
/// index serves, and `LIMIT $4`.
pub(crate) fn page<I: Id>(page: Page<I>) -> [Value<'static>; 3] {
    let page = super::bounded(page);
    [
        Value::Id(page.after.map_or([0; 16], Id::bytes)),
        Value::Flag(page.after.is_none()),
        Value::from(page.limit),
    ]
}

/// The ids of entities: how they are bound and read.
pub(crate) trait Id: Copy {
    /// From the sixteen bytes.
    fn from_bytes(bytes: [u8; 16]) -> Self;
    /// The sixteen bytes.
    fn bytes(self) -> [u8; 16];
}

macro_rules! ids {
    ($($id:ident),* $(,)?) => {
        $(
            impl Id for $id {
                fn from_bytes(bytes: [u8; 16]) -> Self {
                    Self::from_bytes(bytes)
                }

                fn bytes(self) -> [u8; 16] {
                    *self.as_bytes()
                }
            }

            impl From<$id> for Value<'_> {
                fn from(id: $id) -> Self {
                    Self::Id(id.bytes())
                }
            }

            impl From<&[$id]> for Value<'_> {
                fn from(ids: &[$id]) -> Self {
                    Self::Ids(ids.iter().map(|id| id.bytes()).collect())
                }
            }
        )*
    };
}

ids!(
    ApiTokenId,
    ChallengeId,
    ClientId,
    FactorId,
    IdentityId,
    MailId,
    MembershipId,
    RequestId,
    SessionId,
    SubjectId,
    WebhookId
);

macro_rules! names {
    ($($name:ident),* $(,)?) => {
        $(impl<'v> From<&'v $name> for Value<'v> {
            fn from(name: &'v $name) -> Self {
                Self::Text(Cow::Borrowed(name.as_str()))
            }
        })*
    };
}

names!(
    Audience,
    ClassName,
    Email,
    Permission,
    Phone,
    ProviderName,
    RoleName,
    String,
    TenantId
);

impl<'v> From<&'v str> for Value<'v> {
    fn from(text: &'v str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl<'v> From<&'v TokenDigest> for Value<'v> {
    fn from(digest: &'v TokenDigest) -> Self {
        Self::Bytes(digest.as_bytes())
    }
}

impl<'v> From<&'v [u8]> for Value<'v> {
    fn from(bytes: &'v [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'v> From<&'v [TenantId]> for Value<'v> {
    fn from(tenants: &'v [TenantId]) -> Self {
        Self::Texts(tenants.iter().map(TenantId::as_str).collect())
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Int(i64::from(number))
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(at: Timestamp) -> Self {
        Self::Int(at.as_micros())
    }
}

impl<'v, T> From<Option<T>> for Value<'v>
where
    Value<'v>: From<T>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::from)
    }
}
