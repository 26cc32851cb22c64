//! Functions of SQLite's that are ours here, because one call of SQLite's own takes time by
//! the product of two lengths and nothing can interrupt it: `instr`, `replace` and `trim` with
//! a set of characters. The answers are SQLite's; the time is the sum of the lengths. `like`
//! and `glob` are in `pattern`.

use super::{open, pattern};
use memchr::memmem;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Error, ToSql, ffi};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashSet;

/// The longest character that `trim` takes off; longer ones are no UTF-8.
const LONGEST_CHARACTER: usize = 4;

thread_local! {
    /// Writes numbers as SQLite does.
    static SCRIBE: RefCell<Option<Connection>> = const { RefCell::new(None) };
}

/// Puts them in the place of SQLite's.
pub(super) fn give(conn: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    pattern::give(conn, flags)?;
    conn.create_scalar_function("instr", 2, flags, instr)?;
    conn.create_scalar_function("replace", 3, flags, replace)?;
    conn.create_scalar_function("trim", 2, flags, |c| trim(c, true, true))?;
    conn.create_scalar_function("ltrim", 2, flags, |c| trim(c, true, false))?;
    conn.create_scalar_function("rtrim", 2, flags, |c| trim(c, false, true))
}

/// A function's answer: text may be no UTF-8.
enum Answer {
    Null,
    Text(Vec<u8>),
}

impl ToSql for Answer {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Text(text) => ValueRef::Text(text),
        }))
    }
}

fn instr(context: &Context<'_>) -> rusqlite::Result<Option<i64>> {
    let (whole, part) = (context.get_raw(0), context.get_raw(1));
    let counts_bytes = matches!((whole, part), (ValueRef::Blob(_), ValueRef::Blob(_)));
    let (Some(whole), Some(part)) = (text(whole)?, text(part)?) else {
        return Ok(None);
    };
    let found = if part.is_empty() {
        Some(0)
    } else if !counts_bytes && part.first().is_some_and(|byte| is_inside(*byte)) {
        // It is looked for where characters begin.
        whole.starts_with(&part).then_some(0)
    } else {
        memmem::find(&whole, &part)
    };
    let Some(at) = found else {
        return Ok(Some(0));
    };
    let before = whole.get(1..=at).unwrap_or_default();
    let steps = if counts_bytes {
        at
    } else {
        before.iter().filter(|byte| !is_inside(**byte)).count()
    };
    Ok(i64::try_from(steps + 1).ok())
}

fn replace(context: &Context<'_>) -> rusqlite::Result<Answer> {
    let (Some(whole), Some(part)) = (text(context.get_raw(0))?, text(context.get_raw(1))?) else {
        return Ok(Answer::Null);
    };
    if matches!(part.first(), None | Some(0)) {
        return Ok(Answer::Text(whole.into_owned()));
    }
    let Some(other) = text(context.get_raw(2))? else {
        return Ok(Answer::Null);
    };
    let most = usize::try_from(open::LONGEST).unwrap_or_default();
    let mut made = Vec::with_capacity(whole.len());
    let mut from = 0;
    for at in memmem::find_iter(&whole, &part) {
        made.extend_from_slice(whole.get(from..at).unwrap_or_default());
        made.extend_from_slice(&other);
        from = at + part.len();
        if made.len() > most {
            return Err(Error::SqliteFailure(
                ffi::Error::new(ffi::SQLITE_TOOBIG),
                None,
            ));
        }
    }
    made.extend_from_slice(whole.get(from..).unwrap_or_default());
    Ok(Answer::Text(made))
}

fn trim(context: &Context<'_>, left: bool, right: bool) -> rusqlite::Result<Answer> {
    let (Some(whole), Some(set)) = (text(context.get_raw(0))?, text(context.get_raw(1))?) else {
        return Ok(Answer::Null);
    };
    let set = characters(&set);
    let mut rest: &[u8] = &whole;
    let lengths = || 1..=LONGEST_CHARACTER;
    while left && !rest.is_empty() {
        let starts = lengths().filter_map(|length| rest.split_at_checked(length));
        match starts.into_iter().find(|(start, _)| set.contains(start)) {
            Some((_, after)) => rest = after,
            None => break,
        }
    }
    while right && !rest.is_empty() {
        let ends =
            lengths().filter_map(|length| rest.split_at_checked(rest.len().checked_sub(length)?));
        match ends.into_iter().find(|(_, end)| set.contains(end)) {
            Some((before, _)) => rest = before,
            None => break,
        }
    }
    Ok(Answer::Text(rest.to_vec()))
}

/// The characters of a text, which ends at a zero for `trim`.
fn characters(text: &[u8]) -> HashSet<&[u8]> {
    let end = memchr::memchr(0, text).unwrap_or(text.len());
    let mut rest = text.get(..end).unwrap_or_default();
    let mut found = HashSet::new();
    while let Some((first, after)) = rest.split_first() {
        let more = if *first >= 0xc0 {
            after.iter().take_while(|byte| is_inside(**byte)).count()
        } else {
            0
        };
        let (character, after) = rest.split_at_checked(more + 1).unwrap_or((rest, &[]));
        found.insert(character);
        rest = after;
    }
    found
}

/// Whether a byte of UTF-8 goes on with a character.
const fn is_inside(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// What SQLite takes the value for where it wants a text.
pub(super) fn text(value: ValueRef<'_>) -> rusqlite::Result<Option<Cow<'_, [u8]>>> {
    Ok(match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(Cow::Owned(number.to_string().into_bytes())),
        ValueRef::Real(number) => Some(Cow::Owned(written(number)?.into_bytes())),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(Cow::Borrowed(bytes)),
    })
}

fn written(number: f64) -> rusqlite::Result<String> {
    SCRIBE.with_borrow_mut(|scribe| {
        let conn = match scribe.take() {
            Some(conn) => conn,
            None => Connection::open_in_memory()?,
        };
        let conn = scribe.insert(conn);
        conn.prepare_cached("SELECT CAST(?1 AS TEXT)")?
            .query_row([number], |row| row.get(0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rusqlite::types::Value;

    fn any_value() -> impl Strategy<Value = Value> {
        // Few letters, so that much is found; some of more than one byte.
        let letters = prop::sample::select(vec!['a', 'b', ' ', 'é', '€', '😀', '1', '.', '\0']);
        let word = prop::collection::vec(letters, 0..8);
        prop_oneof![
            Just(Value::Null),
            (-20_i64..2_000).prop_map(Value::Integer),
            any::<i64>().prop_map(Value::Integer),
            (-40_i32..40).prop_map(|n| Value::Real(f64::from(n) / 8.0)),
            any::<f64>().prop_map(Value::Real),
            word.clone().prop_map(|w| Value::Text(w.iter().collect())),
            word.clone().prop_map(|w| Value::Text(w.iter().collect())),
            word.prop_map(|w| Value::Blob(w.iter().collect::<String>().into_bytes())),
            prop::collection::vec(any::<u8>(), 0..5).prop_map(Value::Blob),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn the_answers_are_those_of_sqlite(a in any_value(), b in any_value(), c in any_value()) {
            thread_local! {
                static BOTH: [Connection; 2] = {
                    let ours = Connection::open_in_memory().unwrap();
                    give(&ours).unwrap();
                    [Connection::open_in_memory().unwrap(), ours]
                };
            }
            for call in [
                "instr(?1, ?2)",
                "replace(?1, ?2, ?3)",
                "trim(?1, ?2)",
                "ltrim(?1, ?2)",
                "rtrim(?1, ?2)",
            ] {
                let sql = format!(
                    "SELECT typeof({call}), hex({call}), ?1 IS NULL, ?2 IS NULL, ?3 IS NULL"
                );
                let ask = |conn: &Connection| -> (String, String) {
                    conn.prepare_cached(&sql)
                        .unwrap()
                        .query_row((&a, &b, &c), |row| Ok((row.get(0)?, row.get(1)?)))
                        .unwrap()
                };
                let [theirs, ours] = BOTH.with(|both| both.each_ref().map(ask));
                prop_assert_eq!(theirs, ours, "{} of {:?}, {:?}, {:?}", call, a, b, c);
            }
        }
    }
}
