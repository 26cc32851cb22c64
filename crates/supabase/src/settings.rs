//! `[realm.NAME.supabase]`: where the dialect is, and how it answers clients that differ
//! from the product's own. Its type, its schema and its lowering; the server only reads it.
//! Not here: the endpoints.

use crate::parts::SupabaseMount;
use doorward_base::words;
use doorward_identity::settings::RefreshMode;
use doorward_surface::setting::{Word, Wrong, is_literal};
use schemars::JsonSchema;
use serde::Deserialize;

/// How Supabase Auth is spoken.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Supabase {
    /// Whether accounts are there. false answers every path below the mount with 503
    /// "auth_not_enabled": nobody signs up or in by it, and who had a session keeps it until it
    /// ends. API tokens and tokens of other issuers open what they open. Default: true.
    pub enabled: bool,
    /// The path it lies below. Default: "/auth/v1".
    pub mount: String,
    /// Whether a body is read as JSON whatever its Content-Type says. Default: false.
    pub lenient_content_type: bool,
    /// The grant of a token request that names none. Default: none, which refuses it.
    pub default_grant: Option<Word<Grant>>,
    /// Whether the answer to a refresh carries the refresh token. false needs sessions
    /// whose refresh token stays the same (refresh = "reuse"); clients that name an API
    /// version, as the product's own do, get it all the same. Default: true.
    pub refresh_in_answer: bool,
    /// The body form of errors below the mount: "gotrue", or "realm" for the realm's.
    /// Default: "gotrue".
    pub errors: Word<Errors>,
    /// The publishable keys ("sb_publishable_…") and anon keys that the product's clients
    /// present as a bearer where nobody is signed in, which then counts for nothing. As
    /// `apikey` any is passed over. They are in every copy of an application, and no secrets.
    /// Default: none.
    pub anon_keys: Vec<String>,
}

/// A grant that a token request can be for.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Grant {
    /// An address and its password.
    #[default]
    Password,
    /// A refresh token.
    RefreshToken,
}

words!(Grant { Password = "password", RefreshToken = "refresh_token" });

/// The body form of errors below the mount.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Errors {
    /// The product's.
    #[default]
    GoTrue,
    /// The realm's.
    Realm,
}

words!(Errors { GoTrue = "gotrue", Realm = "realm" });

impl Default for Supabase {
    fn default() -> Self {
        Self {
            enabled: true,
            mount: "/auth/v1".to_owned(),
            lenient_content_type: false,
            default_grant: None,
            refresh_in_answer: true,
            errors: Word::default(),
            anon_keys: Vec::new(),
        }
    }
}

impl Supabase {
    /// Where it is mounted and how it answers, in a realm whose sessions are refreshed so.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn lower(&self, refresh: RefreshMode) -> Result<SupabaseMount, Vec<Wrong>> {
        let mut wrong = Vec::new();
        if self.mount.is_empty() || !is_literal(&self.mount) {
            let mount = &self.mount;
            wrong.push(Wrong::new(
                "mount",
                format!("{mount:?} is not a plain path such as \"/auth/v1\""),
            ));
        }
        if !self.refresh_in_answer && refresh != RefreshMode::Reuse {
            wrong.push(Wrong::new(
                "refresh_in_answer",
                "false needs [sessions] refresh = \"reuse\": else the client would lose its session",
            ));
        }
        let is_key = |key: &String| !key.is_empty() && key.bytes().all(is_of_bearer);
        if let Some(odd) = self.anon_keys.iter().find(|key| !is_key(key)) {
            let message = format!("{odd:?} is no bearer (RFC 6750 §2.1)");
            wrong.push(Wrong::new("anon_keys", message));
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Ok(SupabaseMount {
            enabled: self.enabled,
            path: self.mount.clone(),
            lenient: self.lenient_content_type,
            default_grant: self.default_grant.map(|Word(grant)| grant),
            refresh_in_answer: self.refresh_in_answer,
            errors: self.errors.0,
            anon_keys: self.anon_keys.clone(),
        })
    }
}

/// Whether a bearer may have this byte.
const fn is_of_bearer(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(refresh: RefreshMode, change: impl FnOnce(&mut Supabase)) -> Vec<&'static str> {
        let mut section = Supabase::default();
        change(&mut section);
        let wrong = section.lower(refresh).err().unwrap_or_default();
        wrong.iter().map(|wrong| wrong.key).collect()
    }

    #[test]
    fn a_mount_is_a_literal_path() {
        let of = |path: &str| keys(RefreshMode::Off, |section| section.mount = path.to_owned());
        for path in ["/auth/v1", "/a"] {
            assert_eq!(of(path), [""; 0], "{path}");
        }
        for path in ["", "/", "auth", "/auth/", "/{a}", "/a/**", "/a?b", "/%61"] {
            assert_eq!(of(path), ["mount"], "{path}");
        }
    }

    /// FL-43.
    #[test]
    fn a_publishable_key_is_what_a_bearer_can_be() {
        let of = |key: &str| {
            keys(RefreshMode::Off, |section| {
                section.anon_keys = vec![key.to_owned()];
            })
        };
        for key in ["sb_publishable_aB3", "eyJh.e30.c2ln"] {
            assert_eq!(of(key), [""; 0], "{key}");
        }
        for key in ["", "a b", "a,b", "a\n", "ä"] {
            assert_eq!(of(key), ["anon_keys"], "{key}");
        }
    }

    #[test]
    fn a_refresh_token_that_changes_is_in_the_answer() {
        for (refresh, expected) in [
            (RefreshMode::Off, &["refresh_in_answer"][..]),
            (RefreshMode::Rotate, &["refresh_in_answer"]),
            (RefreshMode::Reuse, &[]),
        ] {
            let keys = keys(refresh, |section| section.refresh_in_answer = false);
            assert_eq!(keys, expected);
        }
    }
}
