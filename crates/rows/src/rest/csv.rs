//! Comma-separated values (RFC 4180), both ways.

/// Why a text is not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Invalid {
    /// A quote does not close or stands where none may.
    Malformed,
    /// It has more values than it may.
    TooMany,
}

/// The rows of a text, of `most` values in all.
pub(super) fn read(text: &str, most: usize) -> Result<Vec<Vec<Field>>, Invalid> {
    let mut left = most;
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut letters = text.chars().peekable();
    while letters.peek().is_some() {
        let quoted = letters.next_if_eq(&'"').is_some();
        let mut value = String::new();
        if quoted {
            loop {
                match letters.next().ok_or(Invalid::Malformed)? {
                    '"' if letters.next_if_eq(&'"').is_some() => value.push('"'),
                    '"' => break,
                    letter => value.push(letter),
                }
            }
        } else {
            while let Some(letter) = letters.next_if(|&letter| !",\r\n".contains(letter)) {
                if letter == '"' {
                    return Err(Invalid::Malformed);
                }
                value.push(letter);
            }
        }
        left = left.checked_sub(1).ok_or(Invalid::TooMany)?;
        row.push(Field { value, quoted });
        match letters.next() {
            Some(',') if letters.peek().is_none() => row.push(Field::default()),
            Some(',') => continue,
            Some('\r') if letters.next_if_eq(&'\n').is_some() => {}
            Some('\n') | None => {}
            Some(_) => return Err(Invalid::Malformed),
        }
        rows.push(std::mem::take(&mut row));
    }
    if !row.is_empty() {
        rows.push(row);
    }
    Ok(rows)
}

/// One value.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Field {
    pub(super) value: String,
    pub(super) quoted: bool,
}

/// Writes one value, quoted where it must be.
pub(super) fn write(out: &mut String, value: &str) {
    let plain = !value.contains(['"', ',', '\n', '\r', '\\']) && value.trim() == value;
    if plain && !value.is_empty() {
        out.push_str(value);
        return;
    }
    out.push('"');
    out.push_str(&value.replace('"', "\"\""));
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Option<Vec<Vec<String>>> {
        let rows = read(text, 100).ok()?.into_iter();
        Some(
            rows.map(|row| row.into_iter().map(|field| field.value).collect())
                .collect(),
        )
    }

    #[test]
    fn rows_are_read_with_their_quotes_and_line_ends() {
        for (text, expected) in [
            (
                "a,b\r\n1,\"x,\"\"y\n\"\r\n",
                Some(vec![vec!["a", "b"], vec!["1", "x,\"y\n"]]),
            ),
            ("a,b\n1,", Some(vec![vec!["a", "b"], vec!["1", ""]])),
            ("", Some(vec![])),
            ("\"a", None),
            ("a\"b", None),
            ("\"a\"b", None),
        ] {
            let expected = expected.map(|rows| {
                rows.into_iter()
                    .map(|row| row.into_iter().map(str::to_owned).collect::<Vec<_>>())
                    .collect::<Vec<_>>()
            });
            assert_eq!(values(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_was_written_is_read_back() {
        let all = ["plain", "", "a,b", "say \"so\"", "two\nlines", " x "];
        let mut text = String::new();
        for (at, value) in all.iter().enumerate() {
            text.push_str(if at > 0 { "," } else { "" });
            write(&mut text, value);
        }
        assert_eq!(values(&text), Some(vec![all.map(str::to_owned).to_vec()]));
    }
}
