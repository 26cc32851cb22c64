//! How much a caller may say: the length of display names and of lists. Not here: the
//! form of identifying names (`base`), and the sizes of passwords and metadata (`act`).

use super::refusal::ManageRefusal;
use crate::model::{Ceiling, Metadata};
use doorward_base::address::{is_invisible, mixes_scripts};

/// The longest display name, in characters.
pub const MAX_NAME: usize = 200;
/// The most names in one list of roles, permissions or audiences.
pub const MAX_LIST: usize = 64;

/// Checks the display name of a subject, tenant or token. Names are shown on operators'
/// terminals, where a control character is a command, and to people, who go by how they
/// look.
///
/// # Errors
/// [`ManageRefusal::NameInvalid`].
pub fn check_name(name: Option<&str>) -> Result<(), ManageRefusal> {
    // Joiners and variation selectors are part of how some scripts are written.
    let shows = |c: char| {
        let joins = matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}');
        !c.is_control() && (joins || !is_invisible(c))
    };
    let fits = |name: &str| {
        name.chars().count() <= MAX_NAME && name.chars().all(shows) && !mixes_scripts(name)
    };
    if name.is_none_or(fits) {
        Ok(())
    } else {
        Err(ManageRefusal::NameInvalid)
    }
}

/// The longest metadata of a subject or an identity, in bytes of JSON.
pub const MAX_METADATA: usize = 16 * 1024;

/// Checks the size of an object kept beside a subject; `what` it is is said in the refusal.
///
/// # Errors
/// [`ManageRefusal::TooLong`].
pub fn check_metadata(what: &'static str, metadata: &Metadata) -> Result<(), ManageRefusal> {
    let size = serde_json::to_string(metadata).map_or(usize::MAX, |text| text.len());
    if size <= MAX_METADATA {
        Ok(())
    } else {
        Err(ManageRefusal::TooLong(what))
    }
}

/// Checks the length of a list; `what` it lists is said in the refusal.
///
/// # Errors
/// [`ManageRefusal::TooMany`].
pub const fn check_list<T>(what: &'static str, list: &[T]) -> Result<(), ManageRefusal> {
    if list.len() <= MAX_LIST {
        Ok(())
    } else {
        Err(ManageRefusal::TooMany(what))
    }
}

/// Checks each list of a ceiling.
///
/// # Errors
/// [`ManageRefusal::TooMany`].
pub fn check_ceiling(ceiling: &Ceiling) -> Result<(), ManageRefusal> {
    check_list("roles", ceiling.roles.as_deref().unwrap_or_default())?;
    check_list("scopes", ceiling.permissions.as_deref().unwrap_or_default())?;
    check_list(
        "audiences",
        ceiling.audiences.as_deref().unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{audience, permission, role};
    use super::*;

    #[test]
    fn a_name_is_short_and_says_nothing_to_a_terminal() {
        let long = "\u{e9}".repeat(200);
        for good in [
            None,
            Some(""),
            Some("CI/CD \u{2014} caf\u{e9}"),
            Some(
                "\u{646}\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645} \u{2764}\u{fe0f}",
            ),
            Some(long.as_str()),
        ] {
            assert_eq!(check_name(good), Ok(()), "{good:?}");
        }
        let longer = format!("{long}x");
        for bad in [
            "\u{1b}[2J",
            "a\0b",
            "a\nb",
            "a\tb",
            "\u{7f}",
            "\u{9b}2J",
            "\u{202e}ecila",
            "a\u{200b}lice",
            "\u{feff}alice",
            "\u{410}lice",
            "Bob Adm\u{456}n",
            &longer,
        ] {
            assert_eq!(
                check_name(Some(bad)),
                Err(ManageRefusal::NameInvalid),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn each_list_of_a_ceiling_is_bounded() {
        let with = |n: usize| {
            [
                Ceiling {
                    roles: Some(vec![role("r"); n]),
                    ..Ceiling::default()
                },
                Ceiling {
                    permissions: Some(vec![permission("p"); n]),
                    ..Ceiling::default()
                },
                Ceiling {
                    audiences: Some(vec![audience("https://a"); n]),
                    ..Ceiling::default()
                },
            ]
        };
        for ceiling in with(64) {
            assert_eq!(check_ceiling(&ceiling), Ok(()));
        }
        for (ceiling, what) in with(65).iter().zip(["roles", "scopes", "audiences"]) {
            assert_eq!(check_ceiling(ceiling), Err(ManageRefusal::TooMany(what)));
        }
    }

    #[test]
    fn metadata_has_at_most_16_kib_as_json() {
        let of = |size: usize| {
            let text = "x".repeat(size - r#"{"a":""}"#.len());
            Metadata::from_iter([("a".to_owned(), text.into())])
        };
        assert_eq!(check_metadata("user_metadata", &of(16 * 1024)), Ok(()));
        let refused = check_metadata("user_metadata", &of(16 * 1024 + 1));
        assert_eq!(refused, Err(ManageRefusal::TooLong("user_metadata")));
    }
}
