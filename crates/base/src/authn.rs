//! How somebody proved who they are: the methods of a sign-in and how strong they are
//! together. Not here: checking any of them (`identity`).

use crate::Timestamp;
use std::fmt;
use std::str::FromStr;

macro_rules! closed_texts {
    ($(#[$doc:meta])* $name:ident, $what:literal; $($(#[$of:meta])* $variant:ident = $text:literal;)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name { $($(#[$of])* $variant,)* }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable text.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|one| one.as_str() == text)
                    .ok_or_else(|| format!(concat!("unknown ", $what, " {:?}"), text))
            }
        }
    };
}

closed_texts! {
    /// One way of proving who one is: a value of `amr` (RFC 8176 §1 leaves the names to
    /// whoever writes them; these are Supabase Auth's, the widest list there is).
    AuthMethod, "authentication method";
    /// A password.
    Password = "password";
    /// A code that was sent.
    Otp = "otp";
    /// A link that was sent.
    MagicLink = "magiclink";
    /// A link for those who lost their password.
    Recovery = "recovery";
    /// An invitation.
    Invite = "invite";
    /// A link that confirmed a new account's address.
    SignUp = "email/signup";
    /// A link that confirmed a new address.
    EmailChange = "email_change";
    /// A login of another provider.
    OAuth = "oauth";
    /// An authorization code of our own.
    OAuthCode = "oauth_provider/authorization_code";
    /// SAML.
    Saml = "sso/saml";
    /// Nothing: an anonymous account.
    Anonymous = "anonymous";
    /// A passkey.
    Passkey = "passkey";
    /// A code of a shared secret (RFC 6238), as a second factor.
    Totp = "totp";
    /// A code sent to a phone, as a second factor.
    MfaPhone = "mfa/phone";
    /// A security key, as a second factor.
    MfaWebauthn = "mfa/webauthn";
    /// A recovery code, as a second factor.
    RecoveryCode = "mfa/recovery_code";
}

closed_texts! {
    /// How sure it is who somebody is (the names of NIST SP 800-63B's first two levels).
    AssuranceLevel, "assurance level";
    /// By one factor.
    Aal1 = "aal1";
    /// By two.
    Aal2 = "aal2";
}

impl AuthMethod {
    /// Whether it is a second factor.
    #[must_use]
    pub const fn is_second_factor(self) -> bool {
        matches!(
            self,
            Self::Totp | Self::MfaPhone | Self::MfaWebauthn | Self::RecoveryCode
        )
    }
}

/// One step of a sign-in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AuthStep {
    /// By what.
    pub method: AuthMethod,
    /// When.
    pub at: Timestamp,
}

/// `METHOD@MICROSECONDS`, as stores keep it.
impl fmt::Display for AuthStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.method, self.at.as_micros())
    }
}

impl FromStr for AuthStep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (method, at) = text.split_once('@').ok_or("a step without its time")?;
        let at = at.parse().map_err(|_| "a step whose time is no number")?;
        Ok(Self {
            method: method.parse()?,
            at: Timestamp::from_micros(at),
        })
    }
}

/// The most steps a session keeps.
pub const MAX_STEPS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_and_level_survives_its_text() {
        for method in AuthMethod::ALL {
            assert_eq!(method.as_str().parse(), Ok(*method));
        }
        for level in AssuranceLevel::ALL {
            assert_eq!(level.as_str().parse(), Ok(*level));
        }
        let step = AuthStep {
            method: AuthMethod::MfaWebauthn,
            at: Timestamp::from_micros(-5),
        };
        assert_eq!(step.to_string().parse(), Ok(step));
        for bad in ["", "otp", "otp@", "pwd@1", "otp@1s"] {
            assert!(bad.parse::<AuthStep>().is_err(), "{bad}");
        }
        assert!("pwd".parse::<AuthMethod>().is_err());
        assert!("AAL2".parse::<AssuranceLevel>().is_err());
    }
}
