//! Which of the rows: `Range`, and what an answer says of it. Not here: `limit` and `offset`
//! as they are read.

use super::error::{RangeError, Refusal};
use http::{HeaderMap, header};

/// A part of all rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Window {
    pub(super) offset: u64,
    pub(super) limit: Option<u64>,
}

impl Window {
    /// This part, and of it what the request's `Range` asks for. A range in another unit or
    /// form is as if it were not there (RFC 9110 §14.2).
    ///
    /// # Errors
    /// [`Refusal::Range`] where it ends before it begins.
    pub(super) fn within(self, headers: &HeaderMap) -> Result<Self, Refusal> {
        let text = headers
            .get(header::RANGE)
            .and_then(|value| value.to_str().ok());
        let unit = headers
            .get("range-unit")
            .and_then(|value| value.to_str().ok());
        let Some(text) = text.filter(|_| unit.is_none_or(|unit| unit == "items")) else {
            return Ok(self);
        };
        let text = text.strip_prefix("items=").unwrap_or(text);
        let Some((from, to)) = text.split_once('-') else {
            return Ok(self);
        };
        let from: u64 = match from.parse() {
            Ok(from) => from,
            Err(_) => return Ok(self),
        };
        let end = match to {
            "" => None,
            to => match to.parse::<u64>() {
                Ok(to) if to < from => return Err(Refusal::Range(RangeError::Reversed)),
                Ok(to) => Some(to.saturating_add(1)),
                Err(_) => return Ok(self),
            },
        };
        let own_end = self.limit.map(|limit| self.offset.saturating_add(limit));
        let offset = self.offset.max(from);
        let end = match (own_end, end) {
            (Some(own), Some(end)) => Some(own.min(end)),
            (own, end) => own.or(end),
        };
        Ok(Self {
            offset,
            limit: end.map(|end| end.saturating_sub(offset)),
        })
    }

    /// Whether it begins after the last row: there is no such part.
    pub(super) fn beyond(self, total: Option<u64>) -> Result<(), Refusal> {
        match total {
            Some(total) if self.offset > total => Err(Refusal::Range(RangeError::Beyond {
                offset: self.offset,
                total,
            })),
            _ => Ok(()),
        }
    }
}

/// `Content-Range`.
pub(super) fn content_range(offset: u64, rows: u64, total: Option<u64>) -> String {
    let total = total.map_or_else(|| "*".to_owned(), |total| total.to_string());
    match rows.checked_sub(1) {
        Some(last) => format!("{offset}-{}/{total}", offset.saturating_add(last)),
        None => format!("*/{total}"),
    }
}

/// 206 where there are more rows than these, and the client asked how many.
pub(super) fn status(rows: u64, total: Option<u64>) -> u16 {
    match total {
        Some(total) if rows < total => 206,
        _ => 200,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn within(offset: u64, limit: Option<u64>, range: &'static str) -> Option<(u64, Option<u64>)> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_static(range));
        let window = Window { offset, limit }.within(&headers).ok()?;
        Some((window.offset, window.limit))
    }

    #[test]
    fn a_range_narrows_what_the_query_asks_for() {
        for (offset, limit, range, expected) in [
            (0, None, "0-9", Some((0, Some(10)))),
            (0, None, "10-", Some((10, None))),
            (5, Some(10), "0-9", Some((5, Some(5)))),
            (20, Some(10), "0-9", Some((20, Some(0)))),
            (0, Some(3), "items=0-9", Some((0, Some(3)))),
            (0, None, "9-0", None),
            (0, Some(1), "bytes=0-9", Some((0, Some(1)))),
            (0, None, "0-18446744073709551615", Some((0, Some(u64::MAX)))),
            (0, None, "-1", Some((0, None))),
        ] {
            assert_eq!(within(offset, limit, range), expected, "{range}");
        }
    }

    #[test]
    fn what_was_answered_is_said_as_postgrest_says_it() {
        assert_eq!(content_range(10, 5, Some(20)), "10-14/20");
        assert_eq!(content_range(0, 0, None), "*/*");
        assert_eq!(status(5, Some(20)), 206);
        assert_eq!(status(20, Some(20)), 200);
        assert_eq!(status(5, None), 200);
    }
}
