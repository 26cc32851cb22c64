//! Names that people choose: each a type with one fallible constructor, so that
//! nothing downstream checks them again.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Why a name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {rule}")]
pub struct NameError {
    pub(crate) what: &'static str,
    pub(crate) rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks and takes the name.
            ///
            /// # Errors
            /// [`NameError`] naming the rule it breaks.
            pub fn new(text: &str) -> Result<Self, NameError> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(Arc::from(text)))
                } else {
                    Err(NameError { what: $what, rule: $rule })
                }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), &*self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

/// `scope-token` of RFC 6749 §3.3: printable ASCII without space, `"` and `\`.
fn is_scope_token(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text
            .bytes()
            .all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

fn is_slug(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

name! {
    /// A realm's name in configuration, for example `witboost`.
    RealmName, "a realm's name", "1 to 64 of a-z, 0-9, - and _, starting with a letter or digit", is_slug
}
name! {
    /// An organisation inside a realm, as its API knows it (`acme-corp`, a UUID).
    TenantId, "a tenant's id", "1 to 128 of letters, digits, ., _ and -, starting with a letter or digit", |text| {
        (1..=128).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    }
}
name! {
    /// A named action, for example `platform.users.service-accounts.edit`.
    Permission, "a permission", "1 to 128 printable ASCII characters without space, quote and backslash", is_scope_token
}
name! {
    /// A named set of permissions.
    RoleName, "a role", "1 to 128 printable ASCII characters without space, quote and backslash", is_scope_token
}
name! {
    /// The wire name of a permission (RFC 6749 §3.3). It narrows, never grants.
    Scope, "a scope", "1 to 128 printable ASCII characters without space, quote and backslash", is_scope_token
}
name! {
    /// A configured class of API tokens, for example `access`.
    ClassName, "a class's name", "1 to 64 of a-z, 0-9, - and _, starting with a letter or digit", is_slug
}
name! {
    /// An environment of an API token, for example `live`.
    Environment, "an environment", "1 to 64 of a-z, 0-9, - and _, starting with a letter or digit", is_slug
}
name! {
    /// A login elsewhere by which subjects are known, for example `github`.
    ProviderName, "a provider's name", "1 to 64 of a-z, 0-9, - and _, starting with a letter or digit", is_slug
}
name! {
    /// A recipient of access tokens (RFC 7519 §4.1.3), compared byte by byte.
    Audience, "an audience", "1 to 512 printable ASCII characters without space, quote and backslash", |text| {
        (1..=512).contains(&text.len())
            && text.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
    }
}

/// The scopes of a request or a claim: space-separated (RFC 6749 §3.3), sorted,
/// without repetition.
///
/// # Errors
/// [`NameError`] for a bad token, an empty token (doubled spaces), any other white
/// space, or more than 64 scopes.
pub fn parse_scopes(text: &str) -> Result<Vec<Scope>, NameError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut scopes = text
        .split(' ')
        .map(Scope::new)
        .collect::<Result<Vec<_>, _>>()?;
    if scopes.len() > 64 {
        return Err(NameError {
            what: "scope",
            rule: "at most 64 scopes",
        });
    }
    scopes.sort_unstable();
    scopes.dedup();
    Ok(scopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_strict() {
        assert_eq!(parse_scopes("b a b").unwrap().len(), 2);
        for bad in ["a  b", " a", "a ", "a\tb", "a\u{0}", "\"a\"", "é"] {
            assert!(parse_scopes(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_hold_their_rules() {
        assert!(TenantId::new("acme-corp").is_ok());
        for bad in ["", "-a", "a b", "a/b", "a:b"] {
            assert!(TenantId::new(bad).is_err(), "{bad:?}");
        }
        assert!(RealmName::new("Witboost").is_err());
    }
}
