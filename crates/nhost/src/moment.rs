//! A moment as clients of this dialect write it: RFC 3339, or the date of HTTP (RFC 9110
//! §5.6.7), which version 2 of the product's client sends. Not here: which moments are taken.

use doorward_base::Timestamp;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The moment, if the text is one.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text).ok().or_else(|| read_http_date(text))
}

/// `Mon, 30 Nov 2026 13:00:00 GMT`. The day of the week says nothing that is not said.
fn read_http_date(text: &str) -> Option<Timestamp> {
    let (_, date) = text.strip_suffix(" GMT")?.split_once(", ")?;
    let mut parts = date.split(' ');
    let [day, month, year, time] = [(); 4].map(|()| parts.next());
    let (day, year) = (day?, year?);
    let month = MONTHS.iter().position(|name| Some(*name) == month)? + 1;
    if parts.next().is_some() || day.len() != 2 || year.len() != 4 {
        return None;
    }
    Timestamp::parse(&format!("{year}-{month:02}-{day}T{}Z", time?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_in_both_forms() {
        let at = Timestamp::parse("2026-11-30T13:00:07Z").unwrap();
        for text in [
            "2026-11-30T13:00:07Z",
            "2026-11-30T13:00:07.000Z",
            "2026-11-30T14:00:07+01:00",
            "Mon, 30 Nov 2026 13:00:07 GMT",
        ] {
            assert_eq!(read(text), Some(at), "{text}");
        }
        for text in [
            "",
            "2026-11-30",
            "Mon, 30 Nov 2026 13:00:07",
            "Mon, 30 Nov 2026 13:00:07 CET",
            "Mon, 31 Nov 2026 13:00:07 GMT",
            "Mon, 30 nov 2026 13:00:07 GMT",
            "Mon, 3 Nov 2026 13:00:07 GMT",
            "Mon, 30 Nov 2026 13:00:07 x GMT",
            "1796043607",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
