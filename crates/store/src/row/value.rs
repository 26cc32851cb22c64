//! A value that a statement binds, in one form for both engines; each says how it binds
//! it.

use doorward_base::secret::TokenDigest;
use doorward_base::{
    ApiTokenId, Audience, ClassName, ClientId, Email, FactorId, MembershipId, Permission,
    RequestId, RoleName, SessionId, SubjectId, TenantId, Timestamp,
};
use std::borrow::Cow;

/// A value.
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
    /// Text.
    Text(Cow<'v, str>),
    /// Bytes, such as a digest.
    Bytes(&'v [u8]),
    /// Ids as one value, for the engine that has arrays.
    Ids(Vec<[u8; 16]>),
    /// Numbers as one value, for the engine that has arrays.
    Ints(Vec<i64>),
}

/// The values of `?2`, `?3`, … of a statement; the first is the realm.
pub(crate) type Values<'v> = &'v [Value<'v>];

/// Gathers what a statement binds.
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        &[$(crate::row::Value::from($value)),*]
    };
}

pub(crate) use values;

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
    ClientId,
    FactorId,
    MembershipId,
    RequestId,
    SessionId,
    SubjectId
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
    Audience, ClassName, Email, Permission, RoleName, TenantId, String
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
