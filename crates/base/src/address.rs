//! Where a person can be reached: e-mail addresses and phone numbers, folded so that one
//! address is one value however it is typed. Not here: whether anybody showed that an
//! address is theirs (`identity`).

use crate::name::NameError;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

/// The longest address as typed, in bytes: folding must not be given a book.
const MAX_TYPED: usize = 1024;

/// Whether a character shows nothing, or changes how others show: two texts that differ
/// only in such characters look the same to whoever reads them. The characters of the
/// Unicode property `Default_Ignorable_Code_Point`, and the annotation marks.
#[must_use]
pub const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The scripts of which some letters look like some of another: Latin, Greek, Cyrillic,
/// Armenian, Cherokee.
fn script(c: char) -> Option<u8> {
    if !c.is_alphabetic() {
        return None;
    }
    match c {
        'A'..='Z' | 'a'..='z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Some(0),
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Some(1),
        '\u{400}'..='\u{52f}'
        | '\u{1c80}'..='\u{1c8f}'
        | '\u{2de0}'..='\u{2dff}'
        | '\u{a640}'..='\u{a69f}' => Some(2),
        '\u{530}'..='\u{58f}' => Some(3),
        '\u{13a0}'..='\u{13ff}' | '\u{ab70}'..='\u{abbf}' => Some(4),
        _ => None,
    }
}

/// Whether a word has letters of two scripts that look alike, so that it reads as another
/// word: nobody writes so but to be taken for somebody else.
#[must_use]
pub fn mixes_scripts(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    words.any(|word| {
        let mut scripts = word.chars().filter_map(script);
        let first = scripts.next();
        scripts.any(|script| Some(script) != first)
    })
}

/// A text composed (Unicode normalization form C), as the same keys give different
/// sequences on different systems.
#[must_use]
pub fn composed(text: &str) -> Cow<'_, str> {
    if is_nfc(text) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

/// An e-mail address: the key by which a realm knows a user or service account. The
/// local part is composed and in lower case (RFC 6532 §3.1), the domain in the ASCII form
/// of UTS #46: `ADA@München.example` and `ada@xn--mnchen-3ya.example` are one address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(Arc<str>);

impl Email {
    /// Checks and folds the address: one `@`, a local part without white space, control
    /// or invisible characters, letters that look like those of another script or form, and
    /// mail-header syntax, a domain name; at most 64 and 254 bytes (RFC 5321 §4.5.3.1).
    ///
    /// # Errors
    /// [`NameError`] when it is not an address.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let fold = |text: &str| {
            (text.len() <= MAX_TYPED)
                .then(|| fold_email(text))
                .flatten()
        };
        let folded = fold(text.trim());
        // Lower case may decompose what was composed: an address is its own folded form.
        match folded {
            Some(once) if fold(&once).as_ref() == Some(&once) => Ok(Self(Arc::from(once))),
            Some(_) | None => Err(NameError {
                what: "an e-mail address",
                rule: "name@host, at most 254 bytes, without invisible characters and letters that look like others",
            }),
        }
    }

    /// The folded address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn fold_email(text: &str) -> Option<String> {
    // Before anything is folded: UTS #46 would silently drop some of them.
    if text.chars().any(is_invisible) {
        return None;
    }
    let (local, host) = text.rsplit_once('@')?;
    let local = composed(&composed(local).to_lowercase()).into_owned();
    let is_special = |c: char| {
        matches!(
            c,
            '@' | ',' | ';' | ':' | '<' | '>' | '"' | '\\' | '(' | ')' | '[' | ']'
        )
    };
    // Letters of a special form (full width, mathematical, ligatures) show as the usual ones.
    let is_plain = local.nfkc().eq(local.chars());
    let is_clean = !local.is_empty()
        && is_plain
        && !mixes_scripts(&local)
        && !local
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || is_invisible(c) || is_special(c));
    let host = Uts46::new()
        .to_ascii(
            host.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::Allow,
            DnsLength::Verify,
        )
        .ok()?;
    let folded = format!("{local}@{host}");
    (is_clean && local.len() <= 64 && folded.len() <= 254).then_some(folded)
}

/// A phone number in the form of E.164: `+`, then 2 to 15 digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(Arc<str>);

impl Phone {
    /// Checks and folds the number: a country code after `+`; spaces, dots, hyphens and
    /// parentheses are only for reading and are left out.
    ///
    /// # Errors
    /// [`NameError`] when it is not a number of E.164.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let is_for_reading = |c: char| matches!(c, ' ' | '.' | '-' | '(' | ')');
        let folded: String = text
            .chars()
            .take(64)
            .filter(|&c| !is_for_reading(c))
            .collect();
        let is_number = text.len() <= 64
            && folded.strip_prefix('+').is_some_and(|digits| {
                (2..=15).contains(&digits.len())
                    && !digits.starts_with('0')
                    && digits.bytes().all(|b| b.is_ascii_digit())
            });
        if is_number {
            Ok(Self(Arc::from(folded)))
        } else {
            Err(NameError {
                what: "a phone number",
                rule: "+ and 2 to 15 digits, beginning with a country code",
            })
        }
    }

    /// The folded number, with its `+`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! shown {
    ($($name:ident)*) => {$(
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
    )*};
}

shown!(Email Phone);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_address_are_one() {
        for (typed, folded) in [
            (" Ada@Example.ORG ", "ada@example.org"),
            ("jose\u{301}@example.org", "jos\u{e9}@example.org"),
            ("JOS\u{c9}@example.org", "jos\u{e9}@example.org"),
            ("ada@M\u{fc}nchen.example", "ada@xn--mnchen-3ya.example"),
            ("ada@mu\u{308}nchen.example", "ada@xn--mnchen-3ya.example"),
            ("ada@XN--Mnchen-3ya.example", "ada@xn--mnchen-3ya.example"),
            ("ada@ex\u{ff41}mple.org", "ada@example.org"),
            (
                "o'brien+tag.x@r3---sn.example",
                "o'brien+tag.x@r3---sn.example",
            ),
            ("ada@localhost", "ada@localhost"),
        ] {
            assert_eq!(Email::new(typed).unwrap().as_str(), folded, "{typed:?}");
        }
    }

    #[test]
    fn what_is_no_address_or_looks_like_another_is_refused() {
        let long = format!("{}@b", "\u{e9}".repeat(33));
        for bad in [
            "",
            "a",
            "@b",
            "a@",
            "a b@c",
            "a@b@c",
            "a@b\r\nBcc: x@y",
            "a@.b",
            "a@b..c",
            "a@b.",
            "a,b@c",
            "<a@b>",
            "a;b@c",
            "a:b@c",
            "(a)b@c",
            "a@[192.0.2.1]",
            "a@b_c",
            "a@xn--\u{fc}",
            "a@xn--a",
            &long,
        ] {
            assert!(Email::new(bad).is_err(), "{bad:?}");
        }
        for c in [
            "\u{200b}", "\u{202e}", "\u{ad}", "\u{feff}", "\u{fe0f}", "\u{200d}", "\u{2066}",
        ] {
            assert!(Email::new(&format!("a{c}da@example.org")).is_err(), "{c:?}");
            assert!(Email::new(&format!("ada@exa{c}mple.org")).is_err(), "{c:?}");
        }
    }

    /// E2: what reads as another address is none.
    #[test]
    fn letters_that_look_like_others_are_refused() {
        for bad in [
            "\u{430}da@example.org",
            "ad\u{3b1}@example.org",
            "pay\u{440}al@example.org",
            "x.\u{43e}l\u{435}g@example.org",
            "\u{ff41}da@example.org",
            "\u{1d41a}da@example.org",
            "o\u{fb03}ce@example.org",
            "a\u{2024}b@example.org",
        ] {
            assert!(Email::new(bad).is_err(), "{bad:?}");
        }
        for good in [
            "\u{430}\u{43d}\u{43d}\u{430}@example.org",
            "\u{3b1}\u{3b2}\u{3b3}.smith@example.org",
            "jos\u{e9}.\u{142}uk@example.org",
            "\u{7528}\u{6237}1@example.org",
        ] {
            assert!(Email::new(good).is_ok(), "{good:?}");
        }
        assert!(
            mixes_scripts("Bob \u{410}dmin") && !mixes_scripts("Bob \u{410}\u{43d}\u{43d}\u{430}")
        );
    }

    #[test]
    fn a_number_is_one_however_it_is_typed() {
        for typed in ["+491701234567", "+49 170 123-45.67", "+49 (170) 1234567"] {
            assert_eq!(Phone::new(typed).unwrap().as_str(), "+491701234567");
        }
        for bad in [
            "",
            "+",
            "+1",
            "491701234567",
            "0170 1234567",
            "+0491701234567",
            "+49170x",
            "+1234567890123456",
            "+49\u{200b}170",
            "+\u{664}\u{664}\u{664}",
            "++4917",
        ] {
            assert!(Phone::new(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        /// A store reads back what it wrote.
        #[test]
        fn a_folded_address_folds_to_itself(text in "[\\PC]{1,12}@[\\PC]{1,12}\\.[a-zA-Z\u{e9}\u{df}\u{130}]{2,5}") {
            if let Ok(email) = Email::new(&text) {
                prop_assert_eq!(Email::new(email.as_str()), Ok(email));
            }
        }
    }
}
