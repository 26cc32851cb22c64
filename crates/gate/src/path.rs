//! The one reading of a request's path. What can be read in two ways is refused, so
//! that the path that is judged is the path that is forwarded. Not here: matching
//! (`policy::table`), and queries, which no rule looks at.
//!
//! Matching is case-sensitive: `/Admin` is not `/admin`, but another path.

mod opaque;

pub(crate) use opaque::read as read_opaque;

use std::borrow::Cow;

/// Why a path was refused. The text is the `check` of the denial's trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PathError(pub &'static str);

/// The canonical form: unreserved characters decoded (RFC 3986 §6.2.2.2), every other
/// escape kept in upper case. Borrows when the path is canonical already.
///
/// # Errors
/// [`PathError`] for an encoded or plain backslash, an encoded slash, `;` or NUL, a
/// doubled escape, an empty or dot segment, a control character, an escape that is
/// not UTF-8, or a character no path may have.
pub fn normalise(raw: &str) -> Result<Cow<'_, str>, PathError> {
    if !raw.starts_with('/') {
        return Err(PathError("not_absolute"));
    }
    let canonical = if raw.contains('%') {
        Cow::Owned(decode(raw)?)
    } else if raw.bytes().all(is_path_byte) {
        Cow::Borrowed(raw)
    } else {
        return Err(PathError(unfit(raw)));
    };
    check_segments(&canonical)?;
    Ok(canonical)
}

/// `pchar` of RFC 3986 §3.3 and the slash, without `;`, which some servers cut at.
const fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'/' | b'-'
                | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b'='
                | b':'
                | b'@'
        )
}

/// A path, canonical or opaque, with every escape decoded that stands for what a path may have
/// plainly: `%40` and `@` are two spellings (RFC 3986 §2.2) that most servers read as one.
/// `None` if there is no such escape.
pub(crate) fn plainly(path: &str) -> Option<String> {
    let mut out = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let spelt = (byte == b'%').then(|| escape(after)).flatten();
        let spelt = spelt.filter(|&(value, _)| value != b'/' && is_path_byte(value));
        let (plain, after) = spelt.unwrap_or((byte, after));
        out.push(plain);
        rest = after;
    }
    // What was decoded is ASCII.
    let is_shorter = out.len() < path.len();
    is_shorter.then(|| String::from_utf8(out).ok()).flatten()
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Which check a path with a character outside the alphabet failed.
fn unfit(raw: &str) -> &'static str {
    if raw.contains(';') {
        "path_parameter"
    } else if raw.contains('\\') {
        "backslash"
    } else {
        "character"
    }
}

fn decode(raw: &str) -> Result<String, PathError> {
    let mut out = String::with_capacity(raw.len());
    let mut plain = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            if !is_path_byte(byte) {
                return Err(PathError(unfit(raw)));
            }
            out.push(char::from(byte));
            plain.push(byte);
            continue;
        }
        let (value, after) = escape(rest).ok_or(PathError("escape"))?;
        match value {
            b'/' => return Err(PathError("encoded_slash")),
            b'\\' => return Err(PathError("backslash")),
            b';' => return Err(PathError("path_parameter")),
            0..=0x1f | 0x7f => return Err(PathError("control_character")),
            _ => {}
        }
        rest = after;
        plain.push(value);
        if is_unreserved(value) {
            out.push(char::from(value));
        } else {
            out.push('%');
            for digit in [value >> 4, value & 15] {
                let digit = char::from_digit(u32::from(digit), 16).unwrap_or('0');
                out.push(digit.to_ascii_uppercase());
            }
        }
    }
    if is_doubled(&out) {
        return Err(PathError("doubled_escape"));
    }
    // Rust's UTF-8 is strict: overlong forms and surrogates fail.
    match std::str::from_utf8(&plain) {
        Ok(_) => Ok(out),
        Err(_) => Err(PathError("utf8")),
    }
}

/// Whether what is left of an escape reads as another one, however its digits were
/// written.
fn is_doubled(canonical: &str) -> bool {
    let mut rest = canonical.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'%'
            && let Some((b'%', after)) = escape(after)
            && escape(after).is_some()
        {
            return true;
        }
        rest = after;
    }
    false
}

/// The value of two hexadecimal digits, and what follows them.
fn escape(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (&[high, low], after) = bytes.split_first_chunk::<2>()?;
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let value = digit(high)? * 16 + digit(low)?;
    Some((u8::try_from(value).ok()?, after))
}

/// Only the last segment may be empty, and none may be `.` or `..`.
fn check_segments(path: &str) -> Result<(), PathError> {
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." | ".." => return Err(PathError("dot_segment")),
            "" if segments.peek().is_some() => return Err(PathError("empty_segment")),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn g6_ambiguous_paths_are_refused_by_name() {
        for (raw, check) in [
            ("", "not_absolute"),
            ("*", "not_absolute"),
            ("/public/../admin", "dot_segment"),
            ("/public/%2e%2e/admin", "dot_segment"),
            ("/public/.%2E/admin", "dot_segment"),
            ("/a/./b", "dot_segment"),
            ("/a/..", "dot_segment"),
            ("/a/%2e", "dot_segment"),
            ("//admin", "empty_segment"),
            ("/a//b", "empty_segment"),
            ("/a//", "empty_segment"),
            ("/a%2fb", "encoded_slash"),
            ("/a%2Fb", "encoded_slash"),
            ("/a%5cb", "backslash"),
            ("/a\\b", "backslash"),
            ("/a;x=1/b", "path_parameter"),
            ("/a%3bx", "path_parameter"),
            ("/a%00", "control_character"),
            ("/a%0d%0ab", "control_character"),
            ("/a%7f", "control_character"),
            ("/a/%252e%252e/b", "doubled_escape"),
            ("/a%2525", "doubled_escape"),
            ("/a/%25%32%65%25%32%65/b", "doubled_escape"),
            ("/a%252%66b", "doubled_escape"),
            ("/a%25%35c", "doubled_escape"),
            ("/a%25%3200", "doubled_escape"),
            ("/a%c0%af", "utf8"),
            ("/a%c0%ae%c0%ae/b", "utf8"),
            ("/a%ed%a0%80", "utf8"),
            ("/a%ff", "utf8"),
            ("/a%", "escape"),
            ("/a%4", "escape"),
            ("/a%zz", "escape"),
            ("/a%+1", "escape"),
            ("/a b", "character"),
            ("/é", "character"),
            ("/a\"b", "character"),
        ] {
            assert_eq!(normalise(raw), Err(PathError(check)), "{raw}");
        }
    }

    #[test]
    fn one_spelling_is_left_of_each_path() {
        for (raw, canonical) in [
            ("/", "/"),
            ("/a/", "/a/"),
            ("/%61dmin", "/admin"),
            ("/a%2db%7E", "/a-b~"),
            ("/a%3ab", "/a%3Ab"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/100%25", "/100%25"),
            ("/a%ef%bc%8fb", "/a%EF%BC%8Fb"),
            ("/Admin", "/Admin"),
            ("/a.b/..c/d..", "/a.b/..c/d.."),
        ] {
            assert_eq!(normalise(raw).as_deref(), Ok(canonical), "{raw}");
        }
    }

    #[test]
    fn escapes_of_what_a_path_may_have_plainly_are_decoded() {
        for (path, plain) in [
            ("/npm/%40in/x", Some("/npm/@in/x")),
            ("/keys%3Adestroy", Some("/keys:destroy")),
            ("/keys%3adestroy", Some("/keys:destroy")),
            (
                "/%21%24%26%27%28%29%2A%2B%2C%3D%3A%40",
                Some("/!$&'()*+,=:@"),
            ),
            ("/%25%40", Some("/%25@")),
            ("/a%2Fb", None),
            ("/a%20b", None),
            ("/a%25", None),
            ("/caf%C3%A9", None),
            ("/npm/@in", None),
        ] {
            assert_eq!(plainly(path).as_deref(), plain, "{path}");
        }
    }

    proptest! {
        #[test]
        fn a_path_spelt_plainly_is_canonical_and_stays(
            raw in "/(%|%25|%[2-7][0-9a-f]|[a-f0-9.@:]){0,24}"
        ) {
            if let Ok(canonical) = normalise(&raw) && let Some(plain) = plainly(&canonical) {
                let again = normalise(&plain);
                prop_assert_eq!(again.as_deref(), Ok(&*plain));
                prop_assert_eq!(plainly(&plain), None);
            }
        }

        #[test]
        fn normalising_twice_changes_nothing(
            raw in "/(/|%|%25|%[2367][0-9a-f]|[a-f0-9.;]|\\\\|e){0,24}"
        ) {
            if let Ok(once) = normalise(&raw) {
                let twice = normalise(&once);
                prop_assert_eq!(twice.as_deref(), Ok(&*once));
            }
        }
    }
}
