//! Texts on their way to a terminal or a log: what would command the one or forge a line
//! of the other is written as an escape. Whoever prints passes through here, whatever was
//! checked when the text came in. Not here: pages, whose templates escape (`surface`).

use crate::address::is_invisible;
use std::fmt::{self, Write as _};

/// Whether a character does something other than show itself: a control character, a
/// separator of lines, or one that is not seen.
const fn acts(c: char) -> bool {
    matches!(c, '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{2028}' | '\u{2029}') || is_invisible(c)
}

/// A text in which nothing acts: `\u{1b}` stands for the escape character, `\n` for the
/// end of a line. A backslash stays as it is: this is for people.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a>(pub &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(acts) {
            let (plain, after) = rest.split_at(at);
            f.write_str(plain)?;
            let mut chars = after.chars();
            match chars.next() {
                Some('\t') => f.write_str("\\t")?,
                Some('\n') => f.write_str("\\n")?,
                Some('\r') => f.write_str("\\r")?,
                Some(c) => write!(f, "{}", c.escape_unicode())?,
                None => {}
            }
            rest = chars.as_str();
        }
        f.write_str(rest)
    }
}

/// The same, where the ends of lines are the text's own and stay.
#[must_use]
pub fn lines(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            shown.push('\n');
        }
        // Writing to a text does not fail.
        let _ = write!(shown, "{}", Shown(line));
    }
    shown
}

/// A text of JSON whose strings hold nothing that acts either: JSON itself escapes but
/// the first of the control characters (RFC 8259 §7).
#[must_use]
pub fn json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || !acts(c) {
            shown.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(shown, "\\u{unit:04x}");
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BAD: &[&str] = &[
        "\u{1b}]0;pwned\u{7}",
        "\u{1b}[31m",
        "a\ncode     permitted\r",
        "\u{9b}2J",
        "\u{202e}txt.exe",
        "a\u{200b}b\u{feff}",
        "\u{2028}",
        "\u{e0041}",
        "\0\t\u{7f}\u{85}",
    ];

    #[test]
    fn nothing_acts() {
        for bad in BAD {
            assert!(!Shown(bad).to_string().contains(acts), "{bad:?}");
            assert!(!lines(bad).replace('\n', "").contains(acts), "{bad:?}");
        }
        assert_eq!(
            Shown("\u{1b}[2J\n\u{202e}x\\").to_string(),
            "\\u{1b}[2J\\n\\u{202e}x\\"
        );
        assert_eq!(lines("a\nb\r\n"), "a\nb\\r\n");
        let plain = "caf\u{e9} \u{2014} \u{1f511} \\n";
        assert_eq!(Shown(plain).to_string(), plain);
        assert_eq!(
            (lines(plain), json(plain)),
            (plain.to_owned(), plain.to_owned())
        );
    }

    proptest! {
        #[test]
        fn json_stays_what_it_says(text in "\\PC*|[\\x00-\\x1f\\x7f-\u{a0}\u{202a}-\u{202e}\u{e0041}a\"\\\\]*") {
            let written = format!("{:#}", serde_json::json!([text]));
            let shown = json(&written);
            prop_assert!(!shown.replace('\n', "").contains(acts));
            let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
            prop_assert_eq!(read, serde_json::json!([text]));
        }
    }
}
