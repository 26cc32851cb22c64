//! Paths that others may read in more than one way, for routes that pass them on as they
//! came: an encoded slash, a semicolon, brackets. Both readings are given, so that
//! whoever asks can see that they lead to the same place. What no reader should be given
//! stays refused: dot segments in any reading, empty segments, backslashes, control
//! characters, doubled escapes. Not here: which route takes them (`stage::route`).

use super::{PathError, check_segments, escape, is_doubled, is_path_byte, is_unreserved, unfit};

/// A path in two readings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Opaque {
    /// The one that is matched and forwarded: unreserved characters decoded, all other
    /// escapes as they came. An encoded slash is part of its segment.
    pub(crate) text: String,
    /// As one reads it who decodes slashes and leaves out what follows a semicolon.
    pub(crate) decoded: String,
}

/// Both readings of a path.
///
/// # Errors
/// [`PathError`] for what is refused in either.
pub(crate) fn read(raw: &str) -> Result<Opaque, PathError> {
    if !raw.starts_with('/') {
        return Err(PathError("not_absolute"));
    }
    let mut text = String::with_capacity(raw.len());
    let mut plain = Vec::with_capacity(raw.len());
    let mut decoded = Decoded::default();
    let mut rest = raw.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            if !is_path_byte(byte) && !matches!(byte, b';' | b'[' | b']') {
                return Err(PathError(unfit(raw)));
            }
            text.push(char::from(byte));
            plain.push(byte);
            decoded.push(byte, Written::Plainly);
            continue;
        }
        let (value, after) = escape(rest).ok_or(PathError("escape"))?;
        match value {
            b'\\' => return Err(PathError("backslash")),
            0..=0x1f | 0x7f => return Err(PathError("control_character")),
            _ => {}
        }
        plain.push(value);
        decoded.push(value, Written::AsEscape);
        if is_unreserved(value) {
            text.push(char::from(value));
        } else {
            text.push('%');
            text.extend(rest.iter().take(2).map(|&digit| char::from(digit)));
        }
        rest = after;
    }
    if std::str::from_utf8(&plain).is_err() {
        return Err(PathError("utf8"));
    }
    if is_doubled(&text) {
        return Err(PathError("doubled_escape"));
    }
    check_segments(&text)?;
    let decoded = decoded.text;
    if decoded
        .split('/')
        .any(|segment| matches!(segment, "." | ".."))
    {
        return Err(PathError("dot_segment"));
    }
    Ok(Opaque { text, decoded })
}

/// How a byte came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Plainly,
    AsEscape,
}

/// The second reading, made byte by byte.
#[derive(Default)]
struct Decoded {
    text: String,
    /// Whether what comes belongs to a parameter, up to the next slash.
    parameter: bool,
}

impl Decoded {
    fn push(&mut self, byte: u8, written: Written) {
        match byte {
            b'/' => self.parameter = false,
            b';' => self.parameter = true,
            _ => {}
        }
        if self.parameter {
            return;
        }
        if written == Written::Plainly || byte == b'/' || is_unreserved(byte) {
            self.text.push(char::from(byte));
        } else {
            // As canonical paths have it, so that patterns are compared alike.
            self.text.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::normalise;
    use proptest::prelude::*;

    #[test]
    fn both_readings_are_given() {
        for (raw, text, decoded) in [
            ("/p/a%2Fb/c", "/p/a%2Fb/c", "/p/a/b/c"),
            ("/p/a%2fb", "/p/a%2fb", "/p/a/b"),
            ("/q/%2F/name", "/q/%2F/name", "/q///name"),
            ("/r/https:%2F%2Fx", "/r/https:%2F%2Fx", "/r/https://x"),
            ("/a;v=1/b;w", "/a;v=1/b;w", "/a/b"),
            ("/a%3Bv=1%2Fb", "/a%3Bv=1%2Fb", "/a/b"),
            ("/%61/[x]%3a", "/a/[x]%3a", "/a/[x]%3A"),
            ("/caf%c3%a9%2Fx", "/caf%c3%a9%2Fx", "/caf%C3%A9/x"),
        ] {
            let read = read(raw).unwrap();
            assert_eq!((&*read.text, &*read.decoded), (text, decoded), "{raw}");
        }
    }

    #[test]
    fn what_leaves_its_place_in_any_reading_is_refused() {
        for (raw, check) in [
            ("a%2Fb", "not_absolute"),
            ("/p/..%2Fadmin", "dot_segment"),
            ("/p/%2e%2e%2fadmin", "dot_segment"),
            ("/p/x%2F..%2F..%2Fadmin", "dot_segment"),
            ("/p/x%2F%2e", "dot_segment"),
            ("/p/..;x/admin", "dot_segment"),
            ("/p/..%3Bx/admin", "dot_segment"),
            ("/p/x%2F..;/admin", "dot_segment"),
            ("/p/;/../x", "dot_segment"),
            ("/p/../a%2Fb", "dot_segment"),
            ("/p//a%2Fb", "empty_segment"),
            ("/p/a%5Cb", "backslash"),
            ("/p/a\\b%2F", "backslash"),
            ("/p/a%252Fb", "doubled_escape"),
            ("/p/a%25%32Fb", "doubled_escape"),
            ("/p/%2F%00", "control_character"),
            ("/p/%2F%c0%af", "utf8"),
            ("/p/%2F%zz", "escape"),
            ("/p/%2F|", "character"),
        ] {
            assert_eq!(read(raw), Err(PathError(check)), "{raw}");
        }
    }

    proptest! {
        #[test]
        fn a_plain_path_has_one_reading(
            raw in "/(/|%|%25|%[2367][0-9a-f]|[a-f0-9.;]|\\\\|e){0,24}"
        ) {
            if let Ok(canonical) = normalise(&raw) {
                let read = read(&raw).unwrap();
                prop_assert_eq!(&*read.decoded, &*canonical);
                prop_assert!(read.text.eq_ignore_ascii_case(&canonical));
            }
        }
    }
}
