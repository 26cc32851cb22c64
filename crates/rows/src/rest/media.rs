//! Media types and schemas, as a client asks for them.

use super::error::Refusal;
use http::{HeaderMap, HeaderName, Method, header};

/// How many media types are read.
const MAX_TYPES: usize = 32;

/// What an answer is written as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Accept {
    pub(super) format: Format,
    /// Whether members that are null are left out.
    pub(super) strips_nulls: bool,
}

/// The formats there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Format {
    /// An array of rows.
    Array,
    /// The only row.
    Object,
    /// Comma-separated values.
    Csv,
}

impl Accept {
    /// The best of those accepted.
    ///
    /// # Errors
    /// [`Refusal::MediaUnavailable`] where there is none.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Refusal> {
        let values = headers.get_all(header::ACCEPT).iter();
        let texts = values.filter_map(|value| value.to_str().ok());
        let each = texts.flat_map(|text| text.split(',')).map(str::trim);
        let mut wanted: Vec<(u16, &str)> = each
            .filter(|text| !text.is_empty())
            .take(MAX_TYPES)
            .map(|text| (quality(text), text))
            .filter(|&(quality, _)| quality > 0)
            .collect();
        if wanted.is_empty() {
            wanted.push((1000, "*/*"));
        }
        wanted.sort_by_key(|&(quality, _)| std::cmp::Reverse(quality));
        let found = wanted.iter().find_map(|(_, text)| Self::of(text));
        found.ok_or_else(|| {
            let names = wanted.iter().map(|(_, text)| (*text).to_owned());
            Refusal::MediaUnavailable(names.collect())
        })
    }

    fn of(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let format = match parts.next()?.to_ascii_lowercase().as_str() {
            "*/*"
            | "application/*"
            | "application/json"
            | "application/vnd.pgrst.array+json"
            | "application/vnd.pgrst.array" => Format::Array,
            "application/vnd.pgrst.object+json" | "application/vnd.pgrst.object" => Format::Object,
            "text/csv" => Format::Csv,
            _ => return None,
        };
        let strips_nulls = text.contains("vnd.pgrst") && parts.any(|part| part == "nulls=stripped");
        Some(Self {
            format,
            strips_nulls,
        })
    }

    /// The answer's `Content-Type`.
    pub(super) const fn content_type(self) -> &'static str {
        match (self.format, self.strips_nulls) {
            (Format::Array, false) => "application/json; charset=utf-8",
            (Format::Array, true) => {
                "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8"
            }
            (Format::Object, false) => "application/vnd.pgrst.object+json; charset=utf-8",
            (Format::Object, true) => {
                "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8"
            }
            (Format::Csv, _) => "text/csv; charset=utf-8",
        }
    }
}

/// The weight of a media type, in thousandths.
fn quality(text: &str) -> u16 {
    let weight = text
        .split(';')
        .find_map(|part| part.trim().strip_prefix("q=")?.parse::<f32>().ok());
    match weight {
        Some(weight) if (0.0..=1.0).contains(&weight) => (0..=1000_u16)
            .rev()
            .find(|&thousandths| f32::from(thousandths) <= weight * 1000.0)
            .unwrap_or(0),
        _ => 1000,
    }
}

/// Refuses another schema than the one there is.
pub(super) fn profile(method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
    let reads = [Method::GET, Method::HEAD].contains(method);
    let name = HeaderName::from_static(if reads {
        "accept-profile"
    } else {
        "content-profile"
    });
    match headers.get(name).map(|value| value.to_str()) {
        None | Some(Ok("public")) => Ok(()),
        Some(Ok(other)) => Err(Refusal::SchemaUnknown(other.chars().take(100).collect())),
        Some(Err(_)) => Err(Refusal::SchemaUnknown(String::new())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(accept: &'static str) -> Option<(Format, bool)> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        let accept = Accept::read(&headers).ok()?;
        Some((accept.format, accept.strips_nulls))
    }

    #[test]
    fn the_best_of_the_accepted_types_is_taken() {
        for (accept, expected) in [
            ("", Some((Format::Array, false))),
            ("application/json", Some((Format::Array, false))),
            ("text/html, */*;q=0.1", Some((Format::Array, false))),
            (
                "application/json;q=0.5, text/csv",
                Some((Format::Csv, false)),
            ),
            (
                "application/vnd.pgrst.object+json;nulls=stripped",
                Some((Format::Object, true)),
            ),
            ("text/csv;q=0, text/html", None),
            ("application/vnd.pgrst.plan+json", None),
            ("application/octet-stream", None),
        ] {
            assert_eq!(read(accept), expected, "{accept}");
        }
    }
}
