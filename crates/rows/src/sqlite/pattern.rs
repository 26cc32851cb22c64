//! `like` and `glob`, which are ours here: one call of SQLite's own takes as long as a long
//! text times a pattern, a second and more, and nothing can interrupt it. The answers are
//! SQLite's; the time is bounded by the brake of the work that asks. Not here: functions whose
//! time is the sum of their lengths (`own`).

use super::brake::Brake;
use super::open;
use super::own::text;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::{Connection, Error, ffi};

/// Steps between two looks at the brake: some tens of µs.
const STRIDE: u32 = 4_096;

/// Puts them in the place of SQLite's.
pub(super) fn give(conn: &Connection, flags: FunctionFlags) -> rusqlite::Result<()> {
    conn.create_scalar_function("glob", 2, flags, |c| call(c, &GLOB))?;
    conn.create_scalar_function("like", 2, flags, |c| call(c, &LIKE))?;
    conn.create_scalar_function("like", 3, flags, |c| call(c, &LIKE))
}

/// What stands for what in a pattern; 0 stands for nothing.
#[derive(Clone, Copy)]
struct Letters {
    all: u32,
    one: u32,
    set: u32,
    escape: u32,
    no_case: bool,
}

const GLOB: Letters = Letters {
    all: '*' as u32,
    one: '?' as u32,
    set: '[' as u32,
    escape: 0,
    no_case: false,
};
const LIKE: Letters = Letters {
    all: '%' as u32,
    one: '_' as u32,
    set: 0,
    escape: 0,
    no_case: true,
};

fn refused(code: i32, words: Option<&str>) -> Error {
    Error::SqliteFailure(ffi::Error::new(code), words.map(str::to_owned))
}

fn call(context: &Context<'_>, letters: &Letters) -> rusqlite::Result<Option<bool>> {
    let pattern = text(context.get_raw(0))?;
    let longest = usize::try_from(open::LONGEST_PATTERN).unwrap_or_default();
    if pattern.as_ref().is_some_and(|text| text.len() > longest) {
        let words = "LIKE or GLOB pattern too complex";
        return Err(refused(ffi::SQLITE_ERROR, Some(words)));
    }
    let mut letters = *letters;
    if context.len() == 3 {
        let Some(given) = text(context.get_raw(2))? else {
            return Ok(None);
        };
        let mut rest = until_zero(&given);
        letters.escape = take(&mut rest);
        if letters.escape == 0 || !rest.is_empty() {
            let words = "ESCAPE expression must be a single character";
            return Err(refused(ffi::SQLITE_ERROR, Some(words)));
        }
        for letter in [&mut letters.all, &mut letters.one] {
            *letter = if *letter == letters.escape {
                0
            } else {
                *letter
            };
        }
    }
    let (Some(pattern), Some(whole)) = (pattern, text(context.get_raw(1))?) else {
        return Ok(None);
    };
    let parts = read(until_zero(&pattern), &letters);
    matches(&parts, until_zero(&whole)).map(Some)
}

/// One part of a pattern.
#[derive(Debug)]
enum Part {
    /// Any characters.
    All,
    /// Any character.
    One,
    /// This one.
    Letter(u32),
    /// This one in either case; it is ASCII and small.
    Either(u32),
    /// One that is in these ranges, or that is in none.
    Set {
        is_not: bool,
        ranges: Vec<(u32, u32)>,
    },
    /// None: what begins here has no end.
    Nothing,
}

/// The parts of a pattern.
fn read(mut rest: &[u8], letters: &Letters) -> Vec<Part> {
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let letter = take(&mut rest);
        parts.push(if letter == letters.all {
            Part::All
        } else if letter == letters.one {
            Part::One
        } else if letter == letters.set {
            set(&mut rest)
        } else if letter == letters.escape {
            match take(&mut rest) {
                0 => Part::Nothing,
                escaped => literal(escaped, letters.no_case),
            }
        } else {
            literal(letter, letters.no_case)
        });
    }
    parts
}

fn literal(letter: u32, no_case: bool) -> Part {
    match u8::try_from(letter) {
        Ok(byte) if no_case && byte.is_ascii_alphabetic() => {
            Part::Either(u32::from(byte.to_ascii_lowercase()))
        }
        _ => Part::Letter(letter),
    }
}

/// What is between brackets, behind the first.
fn set(rest: &mut &[u8]) -> Part {
    const END: u32 = ']' as u32;
    let mut ranges = Vec::new();
    let mut before = 0;
    let mut letter = take(rest);
    let is_not = letter == '^' as u32;
    if is_not {
        letter = take(rest);
    }
    if letter == END {
        ranges.push((END, END));
        letter = take(rest);
    }
    while letter != 0 && letter != END {
        let goes_on = rest.first().is_some_and(|next| *next != b']');
        if letter == '-' as u32 && goes_on && before > 0 {
            ranges.push((before, take(rest)));
            before = 0;
        } else {
            ranges.push((letter, letter));
            before = letter;
        }
        letter = take(rest);
    }
    match letter {
        0 => Part::Nothing,
        _ => Part::Set { is_not, ranges },
    }
}

impl Part {
    /// Whether it stands for the character, and how many steps it takes to say so.
    fn takes(&self, letter: u32) -> (bool, u32) {
        match self {
            Self::All | Self::Nothing => (false, 1),
            Self::One => (true, 1),
            Self::Letter(wanted) => (letter == *wanted, 1),
            Self::Either(wanted) => (letter < 0x80 && (letter | 0x20) == *wanted, 1),
            Self::Set { is_not, ranges } => {
                let found = ranges.iter().position(|(a, z)| (*a..=*z).contains(&letter));
                let steps = found.unwrap_or(ranges.len());
                let steps = u32::try_from(steps).unwrap_or(u32::MAX);
                (found.is_some() != *is_not, steps.saturating_add(1))
            }
        }
    }

    /// Where in the text it may be first, as far as that is soon known.
    fn first_in(&self, text: &[u8]) -> Option<usize> {
        let byte = |letter: &u32| u8::try_from(*letter).ok().filter(u8::is_ascii);
        match self {
            Self::Letter(letter) => match byte(letter) {
                Some(byte) => memchr::memchr(byte, text),
                None => Some(0),
            },
            Self::Either(letter) => match byte(letter) {
                Some(byte) => memchr::memchr2(byte, byte.to_ascii_uppercase(), text),
                None => Some(0),
            },
            Self::Nothing => None,
            Self::All | Self::One | Self::Set { .. } => Some(0),
        }
    }
}

/// Whether the pattern stands for the whole text. Each part but [`Part::All`] is one
/// character, so only the last of those is ever tried again, further on.
fn matches(parts: &[Part], text: &[u8]) -> rusqlite::Result<bool> {
    let mut rest = text;
    let mut at = 0;
    // Behind the last of them, and where what follows it is tried.
    let mut again: Option<(usize, &[u8])> = None;
    let mut steps = 0_u32;
    loop {
        if steps >= STRIDE {
            steps = 0;
            if Brake::stops_this_thread() {
                return Err(refused(ffi::SQLITE_INTERRUPT, None));
            }
        }
        let part = parts.get(at);
        if matches!(part, Some(Part::All)) {
            at += 1;
            match parts.get(at) {
                None => return Ok(true),
                Some(next) => match next.first_in(rest) {
                    None => return Ok(false),
                    Some(far) => rest = rest.get(far..).unwrap_or_default(),
                },
            }
            again = Some((at, rest));
            steps += 1;
            continue;
        }
        if rest.is_empty() {
            return Ok(part.is_none());
        }
        if let Some(part) = part {
            let mut after = rest;
            let (takes, took) = part.takes(take(&mut after));
            steps += took;
            if takes {
                (at, rest) = (at + 1, after);
                continue;
            }
        }
        let Some((start, mut from)) = again else {
            return Ok(false);
        };
        take(&mut from);
        let Some(far) = parts.get(start).and_then(|next| next.first_in(from)) else {
            return Ok(false);
        };
        rest = from.get(far..).unwrap_or_default();
        at = start;
        again = Some((at, rest));
        steps += 1;
    }
}

/// A text as SQLite reads it here: up to a zero.
fn until_zero(text: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, text).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// Takes a character off, as SQLite reads UTF-8 and what is none; 0 where there is none left.
fn take(rest: &mut &[u8]) -> u32 {
    let Some((&first, mut after)) = rest.split_first() else {
        return 0;
    };
    let mut letter = u32::from(first);
    if first >= 0xc0 {
        letter = match first {
            0xc0..=0xdf => letter & 0x1f,
            0xe0..=0xef => letter & 0x0f,
            0xf0..=0xf7 => letter & 0x07,
            0xf8..=0xfb => letter & 0x03,
            0xfc..=0xfd => letter & 0x01,
            _ => 0,
        };
        while let Some((&next, more)) = after.split_first()
            && next & 0xc0 == 0x80
        {
            letter = (letter << 6).wrapping_add(u32::from(next & 0x3f));
            after = more;
        }
        let is_none = letter < 0x80 || letter & 0xffff_f800 == 0xd800 || letter & !1 == 0xfffe;
        letter = if is_none { 0xfffd } else { letter };
    }
    *rest = after;
    letter
}

#[cfg(test)]
mod tests {
    use super::super::own;
    use super::*;
    use proptest::prelude::*;
    use rusqlite::types::Value;

    fn any_value(letters: &'static [&'static str]) -> impl Strategy<Value = Value> {
        let word = prop::collection::vec(prop::sample::select(letters), 0..10);
        prop_oneof![
            1 => Just(Value::Null),
            1 => (-20_i64..200).prop_map(Value::Integer),
            1 => (-40_i32..40).prop_map(|n| Value::Real(f64::from(n) / 8.0)),
            12 => word.clone().prop_map(|w| Value::Text(w.concat())),
            2 => word.prop_map(|w| Value::Blob(w.concat().into_bytes())),
            1 => prop::collection::vec(any::<u8>(), 0..5).prop_map(Value::Blob),
        ]
    }

    const IN_TEXTS: &[&str] = &[
        "a", "A", "b", "é", "É", "€", "😀", "]", "-", "^", "%", "_", "1", "\0",
    ];
    const IN_PATTERNS: &[&str] = &[
        "a", "A", "b", "é", "€", "😀", "%", "%", "_", "*", "*", "?", "[", "[a", "[^", "]", "]",
        "-", "^", "\\", "1", "[a-b]", "[^a]", "[]", "\0",
    ];
    const ESCAPES: &[&str] = &["\\", "%", "_", "a", "A", "€", "", "ab", "[", "\0"];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn the_answers_are_those_of_sqlite(
            whole in any_value(IN_TEXTS),
            pattern in any_value(IN_PATTERNS),
            escape in prop::sample::select(ESCAPES),
        ) {
            thread_local! {
                static BOTH: [Connection; 2] = {
                    let ours = Connection::open_in_memory().unwrap();
                    own::give(&ours).unwrap();
                    [Connection::open_in_memory().unwrap(), ours]
                };
            }
            for sql in [
                "SELECT ?1 LIKE ?2, ?3 IS NULL",
                "SELECT ?1 GLOB ?2, ?3 IS NULL",
                "SELECT ?1 LIKE ?2 ESCAPE ?3",
            ] {
                let ask = |conn: &Connection| -> Result<Option<i64>, String> {
                    conn.prepare_cached(sql)
                        .unwrap()
                        .query_row((&whole, &pattern, escape), |row| row.get(0))
                        .map_err(|error| error.to_string())
                };
                let [theirs, ours] = BOTH.with(|both| both.each_ref().map(ask));
                prop_assert_eq!(theirs, ours, "{} of {:?}, {:?}, {:?}", sql, whole, pattern, escape);
            }
        }
    }

    #[test]
    fn a_pattern_is_so_long() {
        let conn = Connection::open_in_memory().unwrap();
        own::give(&conn).unwrap();
        for (length, fits) in [(256, true), (257, false)] {
            let sql = format!("SELECT 'a' LIKE '{}'", "%".repeat(length));
            let outcome = conn.query_row(&sql, [], |row| row.get::<_, bool>(0));
            assert_eq!(outcome.is_ok(), fits, "{length}: {outcome:?}");
        }
    }
}
