//! Dates and times in the server's binary form, written as `to_json` writes them (ISO 8601),
//! intervals as PostgreSQL prints them. Not here: their meaning.

const DAY: i64 = 86_400_000_000;
const HOUR: i64 = 3_600_000_000;
const MINUTE: i64 = 60_000_000;
const SECOND: i64 = 1_000_000;

fn i64_of(raw: &[u8]) -> Option<i64> {
    Some(i64::from_be_bytes(raw.try_into().ok()?))
}

fn i32_of(raw: &[u8]) -> Option<i32> {
    Some(i32::from_be_bytes(raw.try_into().ok()?))
}

/// `2026-01-31`; days from the year 2000.
pub(super) fn date(raw: &[u8]) -> Option<String> {
    Some(match i32_of(raw)? {
        i32::MAX => "infinity".to_owned(),
        i32::MIN => "-infinity".to_owned(),
        days => {
            let (day, era) = day(i64::from(days));
            format!("{day}{era}")
        }
    })
}

/// `10:20:30.5`; microseconds.
pub(super) fn time(raw: &[u8]) -> Option<String> {
    Some(of_day(i64_of(raw)?))
}

/// `10:20:30+02`; the zone counts seconds westwards.
pub(super) fn time_tz(raw: &[u8]) -> Option<String> {
    let (micros, zone) = raw.split_at_checked(8)?;
    let west = i32_of(zone)?;
    let sign = if west > 0 { '-' } else { '+' };
    let all = west.unsigned_abs();
    let (hours, minutes, seconds) = (all / 3600, all / 60 % 60, all % 60);
    let mut text = format!("{}{sign}{hours:02}", of_day(i64_of(micros)?));
    if minutes > 0 || seconds > 0 {
        text.push_str(&format!(":{minutes:02}"));
    }
    if seconds > 0 {
        text.push_str(&format!(":{seconds:02}"));
    }
    Some(text)
}

/// `2026-01-31T10:20:30`, with the zone given; microseconds from the year 2000.
pub(super) fn timestamp(raw: &[u8], zone: &str) -> Option<String> {
    Some(match i64_of(raw)? {
        i64::MAX => "infinity".to_owned(),
        i64::MIN => "-infinity".to_owned(),
        micros => {
            let (day, era) = day(micros.div_euclid(DAY));
            let time = of_day(micros.rem_euclid(DAY));
            format!("{day}T{time}{zone}{era}")
        }
    })
}

/// `1 year 2 mons 3 days 04:05:06.7`; microseconds, days and months.
pub(super) fn interval(raw: &[u8]) -> Option<String> {
    let (micros, rest) = raw.split_at_checked(8)?;
    let (days, months) = rest.split_at_checked(4)?;
    let (micros, days, months) = (i64_of(micros)?, i32_of(days)?, i32_of(months)?);
    let mut parts: Vec<String> = Vec::new();
    let mut negative = false;
    for (count, one, many) in [
        (months / 12, "year", "years"),
        (months % 12, "mon", "mons"),
        (days, "day", "days"),
    ] {
        if count != 0 {
            // After a negative part, a positive one says so.
            let sign = if negative && count > 0 { "+" } else { "" };
            negative = count < 0;
            parts.push(format!(
                "{sign}{count} {}",
                if count == 1 { one } else { many }
            ));
        }
    }
    if micros != 0 || parts.is_empty() {
        let sign = match micros {
            ..0 => "-",
            _ if negative => "+",
            _ => "",
        };
        let all = micros.unsigned_abs();
        let hours = all / HOUR.unsigned_abs();
        let rest = i64::try_from(all % HOUR.unsigned_abs()).ok()?;
        let time = of_day(rest);
        let below = time.split_once(':').map_or("", |(_, below)| below);
        parts.push(format!("{sign}{hours:02}:{below}"));
    }
    Some(parts.join(" "))
}

fn of_day(micros: i64) -> String {
    let (hours, minutes) = (micros / HOUR, micros / MINUTE % 60);
    let (seconds, parts) = (micros / SECOND % 60, micros % SECOND);
    let mut text = format!("{hours:02}:{minutes:02}:{seconds:02}");
    if parts != 0 {
        text.push_str(format!(".{parts:06}").trim_end_matches('0'));
    }
    text
}

/// The Gregorian day that is so many days after 2000-01-01, and ` BC` where it is before the
/// year 1. By whole eras of 400 years that begin in March.
fn day(days: i64) -> (String, &'static str) {
    let days = days + 730_425;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    if year > 0 {
        (format!("{year:04}-{month:02}-{day:02}"), "")
    } else {
        (format!("{:04}-{month:02}-{day:02}", 1 - year), " BC")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_the_calendar_s() {
        for (days, text) in [
            (0, "2000-01-01"),
            (-1, "1999-12-31"),
            (59, "2000-02-29"),
            (9496, "2025-12-31"),
            (-730_119, "0001-01-01"),
        ] {
            assert_eq!(date(&i32::to_be_bytes(days)).as_deref(), Some(text));
        }
        let before = date(&i32::to_be_bytes(-730_120));
        assert_eq!(before.as_deref(), Some("0001-12-31 BC"));
    }

    #[test]
    fn a_moment_carries_its_zone() {
        let moment = timestamp(&i64::to_be_bytes(DAY + HOUR + 1_500_000), "+00:00");
        assert_eq!(moment.as_deref(), Some("2000-01-02T01:00:01.5+00:00"));
        let before = timestamp(&i64::to_be_bytes(-1), "");
        assert_eq!(before.as_deref(), Some("1999-12-31T23:59:59.999999"));
        let endless = timestamp(&i64::to_be_bytes(i64::MAX), "");
        assert_eq!(endless.as_deref(), Some("infinity"));
    }

    #[test]
    fn an_interval_is_written_as_the_server_writes_it() {
        for (micros, days, months, text) in [
            (0_i64, 0_i32, 0_i32, "00:00:00"),
            (
                4 * HOUR + 5 * MINUTE + 6_700_000,
                3,
                14,
                "1 year 2 mons 3 days 04:05:06.7",
            ),
            (-30 * HOUR, 1, 0, "1 day -30:00:00"),
            (HOUR, -2, 0, "-2 days +01:00:00"),
        ] {
            let mut raw = micros.to_be_bytes().to_vec();
            raw.extend(days.to_be_bytes());
            raw.extend(months.to_be_bytes());
            assert_eq!(interval(&raw).as_deref(), Some(text));
        }
    }
}
