//! The API version that a client of Supabase Auth names. Not here: what it changes.

use http::{HeaderMap, HeaderName};

/// Where a client names the version and is told which it got.
pub(crate) static VERSION_HEADER: HeaderName = HeaderName::from_static("x-supabase-api-version");

/// A version that changed answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ApiVersion {
    /// Before versions, and any that cannot be read.
    Initial,
    /// 2024-01-01: errors have text codes.
    Codes,
}

const CODES: &str = "2024-01-01";

impl ApiVersion {
    /// Its name, unless it has none.
    pub(crate) const fn named(self) -> Option<&'static str> {
        match self {
            Self::Initial => None,
            Self::Codes => Some(CODES),
        }
    }
}

/// The version that a request asks for.
pub(crate) fn of_request(headers: &HeaderMap) -> ApiVersion {
    let named = headers
        .get(&VERSION_HEADER)
        .and_then(|value| value.to_str().ok());
    // Dates of this form are in the order of their texts.
    match named.filter(|text| is_date(text)) {
        Some(text) if text >= CODES => ApiVersion::Codes,
        _ => ApiVersion::Initial,
    }
}

/// Whether this is `YYYY-MM-DD`.
fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let mut number = |digits: usize, most: u32| {
        let part = parts.next().filter(|part| part.len() == digits)?;
        let all = part.bytes().all(|b| b.is_ascii_digit());
        part.parse().ok().filter(|n| all && (1..=most).contains(n))
    };
    let all = [number(4, 9999), number(2, 12), number(2, 31)];
    all.iter().all(Option::is_some) && parts.next().is_none()
}
