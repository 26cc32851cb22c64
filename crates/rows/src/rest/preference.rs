//! `Prefer` (RFC 7240): what a client would like of an answer. Not here: whether it gets it.

use super::error::Refusal;
use http::HeaderMap;

/// How many preferences are read.
const MAX_PREFERENCES: usize = 32;

/// What a client prefers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Preferences {
    pub(super) returned: Option<Returned>,
    pub(super) count: Option<Count>,
    pub(super) resolution: Option<Resolution>,
    pub(super) missing: Option<Missing>,
    pub(super) rollback: Option<bool>,
    pub(super) strict: Option<bool>,
    pub(super) max_affected: Option<u64>,
}

/// What is told of changed rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Returned {
    Minimal,
    HeadersOnly,
    Representation,
}

/// How the number of all rows is found. Here it is always exact: neither engine's estimate
/// knows the caller's rows from the others'.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Count {
    Exact,
    Planned,
    Estimated,
}

/// What becomes of rows that are there already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Resolution {
    Merge,
    Ignore,
}

/// What a column is that a row does not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Missing {
    Default,
    Null,
}

impl Preferences {
    /// Reads them; of one that is given twice, the first holds.
    ///
    /// # Errors
    /// [`Refusal::PreferencesUnknown`] where the client wants that.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut found = Self::default();
        let mut unknown = Vec::new();
        let values = headers.get_all("prefer").iter();
        let texts = values.filter_map(|value| value.to_str().ok());
        let each = texts.flat_map(|text| text.split(',')).map(str::trim);
        for preference in each.filter(|text| !text.is_empty()).take(MAX_PREFERENCES) {
            if !found.take(preference) {
                unknown.push(preference.to_owned());
            }
        }
        if found.strict == Some(true) && !unknown.is_empty() {
            return Err(Refusal::PreferencesUnknown(unknown));
        }
        Ok(found)
    }

    fn take(&mut self, preference: &str) -> bool {
        fn first<T>(place: &mut Option<T>, value: T) -> bool {
            place.get_or_insert(value);
            true
        }
        match preference {
            "return=minimal" => first(&mut self.returned, Returned::Minimal),
            "return=headers-only" => first(&mut self.returned, Returned::HeadersOnly),
            "return=representation" => first(&mut self.returned, Returned::Representation),
            "count=exact" => first(&mut self.count, Count::Exact),
            "count=planned" => first(&mut self.count, Count::Planned),
            "count=estimated" => first(&mut self.count, Count::Estimated),
            "resolution=merge-duplicates" => first(&mut self.resolution, Resolution::Merge),
            "resolution=ignore-duplicates" => first(&mut self.resolution, Resolution::Ignore),
            "missing=default" => first(&mut self.missing, Missing::Default),
            "missing=null" => first(&mut self.missing, Missing::Null),
            "tx=rollback" => first(&mut self.rollback, true),
            "tx=commit" => first(&mut self.rollback, false),
            "handling=strict" => first(&mut self.strict, true),
            "handling=lenient" => first(&mut self.strict, false),
            _ => match preference.strip_prefix("max-affected=").map(str::parse) {
                Some(Ok(most)) => first(&mut self.max_affected, most),
                _ => false,
            },
        }
    }

    /// How many rows may change: asked for, and asked to be kept to.
    pub(super) fn most_affected(&self) -> Option<u64> {
        self.max_affected.filter(|_| self.strict == Some(true))
    }

    /// `Preference-Applied`: those that had a part in the answer.
    pub(super) fn applied(&self, writes: bool) -> Option<String> {
        let returned = self.returned.map(|returned| match returned {
            Returned::Minimal => "return=minimal",
            Returned::HeadersOnly => "return=headers-only",
            Returned::Representation => "return=representation",
        });
        let count = self.count.map(|count| match count {
            Count::Exact => "count=exact",
            Count::Planned => "count=planned",
            Count::Estimated => "count=estimated",
        });
        let resolution = self.resolution.map(|resolution| match resolution {
            Resolution::Merge => "resolution=merge-duplicates",
            Resolution::Ignore => "resolution=ignore-duplicates",
        });
        let missing = self.missing.map(|missing| match missing {
            Missing::Default => "missing=default",
            Missing::Null => "missing=null",
        });
        let end = self.rollback.map(|rollback| match rollback {
            true => "tx=rollback",
            false => "tx=commit",
        });
        let handling = self.strict.map(|strict| match strict {
            true => "handling=strict",
            false => "handling=lenient",
        });
        let most = self
            .most_affected()
            .map(|most| format!("max-affected={most}"));
        let of_writes = [resolution, missing, returned].map(|one| one.filter(|_| writes));
        let most = most.as_deref().filter(|_| writes);
        let all = of_writes.into_iter().chain([count, end, handling, most]);
        let all: Vec<&str> = all.flatten().collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(values: &[&'static str]) -> Result<Preferences, Refusal> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("prefer", HeaderValue::from_static(value));
        }
        Preferences::read(&headers)
    }

    #[test]
    fn preferences_come_in_one_header_or_several_and_the_first_holds() {
        let found = read(&[
            "return=minimal,count=exact",
            "tx=rollback, return=representation",
        ]);
        let found = found.unwrap();
        assert_eq!(found.returned, Some(Returned::Minimal));
        assert_eq!(
            found.applied(true).as_deref(),
            Some("return=minimal, count=exact, tx=rollback")
        );
        assert_eq!(
            found.applied(false).as_deref(),
            Some("count=exact, tx=rollback")
        );
    }

    #[test]
    fn an_unknown_preference_is_refused_only_when_asked_to() {
        assert_eq!(
            read(&["foo, count=exact"]).unwrap().count,
            Some(Count::Exact)
        );
        assert_eq!(
            read(&["handling=strict, foo, max-affected=x"]),
            Err(Refusal::PreferencesUnknown(vec![
                "foo".to_owned(),
                "max-affected=x".to_owned()
            ]))
        );
    }

    #[test]
    fn a_most_affected_holds_only_when_handled_strictly() {
        assert_eq!(read(&["max-affected=2"]).unwrap().most_affected(), None);
        let strict = read(&["max-affected=2, handling=strict"]).unwrap();
        assert_eq!(strict.most_affected(), Some(2));
    }
}
