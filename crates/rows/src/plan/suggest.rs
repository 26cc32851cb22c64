//! The name that was meant: the nearest among those the caller may know.

/// The most changed letters that still count as a slip.
const MAX_DISTANCE: usize = 2;

/// The longest name that is compared; nobody mistypes a longer one by two letters only.
const MAX_LENGTH: usize = 64;

/// The nearest of these names, if one is near.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let wanted: Vec<char> = name.chars().take(MAX_LENGTH + 1).collect();
    if wanted.len() > MAX_LENGTH {
        return None;
    }
    let distances = known
        .into_iter()
        .map(|known| (distance(&wanted, known), known));
    distances
        .filter(|&(distance, known)| {
            (1..=MAX_DISTANCE).contains(&distance) && 2 * distance <= known.chars().count()
        })
        .min()
        .map(|(_, known)| known.to_owned())
}

/// How many letters are added, left out or changed.
fn distance(wanted: &[char], known: &str) -> usize {
    let mut row: Vec<usize> = (0..=wanted.len()).collect();
    for (line, letter) in known.chars().take(MAX_LENGTH).enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        let mut next = vec![left];
        for (&other, &above) in wanted.iter().zip(row.iter().skip(1)) {
            let changed = diagonal + usize::from(other != letter);
            left = changed.min(above + 1).min(left + 1);
            next.push(left);
            diagonal = above;
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_mended_and_another_word_is_not() {
        let known = ["name", "created_at", "id", "price"];
        for (asked, meant) in [
            ("nme", Some("name")),
            ("naem", Some("name")),
            ("createdat", Some("created_at")),
            ("name", None),
            ("ix", Some("id")),
            ("owner", None),
            ("", None),
        ] {
            assert_eq!(nearest(asked, known).as_deref(), meant, "{asked}");
        }
    }
}
