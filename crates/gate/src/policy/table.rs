//! The route table: patterns compiled to a trie over path segments. The most specific
//! pattern decides: a literal segment before `{name}`, `{name}` before `**`. Its
//! methods decide alone: a broader pattern never answers for a narrower one's missing
//! method. A path that ends with a slash belongs to the pattern of the path without
//! it, unless a pattern names the slash: most frameworks take the two for one, so a
//! broader pattern must not answer for `/admin/` where `/admin` has rules of its own.
//! Not here: what a target does.

use crate::path::{normalise, plainly};
use std::fmt;
use std::str::FromStr;

/// A parsed pattern: literal segments, `{name}` for one segment, `**` for the rest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern {
    segments: Vec<Segment>,
    text: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Segment {
    Literal(Box<str>),
    One,
    /// Any number of segments, none included: `/a/**` matches `/a`.
    Rest,
}

/// Why a pattern was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It does not begin with a slash.
    #[error("a path pattern begins with /")]
    NotAbsolute,
    /// A literal part is not in canonical form, so no request could match it.
    #[error(
        "a path pattern is written in canonical form, without escapes of what a path has plainly (letters, @, :), //, ;, . or .."
    )]
    NotCanonical,
    /// Braces or stars in other places than `{name}` and a last `**`.
    #[error("a segment is literal, {{name}}, or ** at the end")]
    Wildcard,
}

/// How two patterns relate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Relation {
    /// No path matches both.
    Disjoint,
    /// They match the same paths.
    Same,
    /// The first is more specific wherever both match.
    Narrower,
    /// The second is more specific wherever both match.
    Broader,
    /// Both match some path and neither is more specific.
    Ambiguous,
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let rest = text.strip_prefix('/').ok_or(PatternError::NotAbsolute)?;
        let mut segments = Vec::new();
        let mut parts = rest.split('/').peekable();
        while let Some(part) = parts.next() {
            let named = part
                .strip_prefix('{')
                .and_then(|part| part.strip_suffix('}'))
                .is_some_and(|name| {
                    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
                });
            segments.push(match part {
                "**" if parts.peek().is_none() => Segment::Rest,
                _ if named => Segment::One,
                _ if part.contains(['{', '}', '*']) => return Err(PatternError::Wildcard),
                "" if parts.peek().is_some() => return Err(PatternError::NotCanonical),
                _ => {
                    let path = format!("/{part}");
                    let same = normalise(&path).is_ok_and(|canonical| canonical == path);
                    if !same || plainly(&path).is_some() {
                        return Err(PatternError::NotCanonical);
                    }
                    Segment::Literal(part.into())
                }
            });
        }
        Ok(Self {
            segments,
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Pattern {
    /// How this pattern relates to `other`.
    #[must_use]
    pub fn relation(&self, other: &Self) -> Relation {
        let (mut narrower, mut broader) = (false, false);
        let mut at = 0;
        loop {
            match (self.segments.get(at), other.segments.get(at)) {
                (None, None) | (Some(Segment::Rest), Some(Segment::Rest)) => break,
                (Some(Segment::Rest), _) => {
                    broader = true;
                    break;
                }
                (_, Some(Segment::Rest)) => {
                    narrower = true;
                    break;
                }
                (None, Some(_)) if other.names_slash(at) => {
                    return claims_slash(narrower, broader);
                }
                (Some(_), None) if self.names_slash(at) => {
                    return claims_slash(broader, narrower).flipped();
                }
                (None, Some(_)) | (Some(_), None) => return Relation::Disjoint,
                (Some(Segment::Literal(a)), Some(Segment::Literal(b))) if a != b => {
                    return Relation::Disjoint;
                }
                (Some(Segment::Literal(text)), Some(Segment::One)) => {
                    // `{name}` is never empty.
                    if text.is_empty() {
                        return Relation::Disjoint;
                    }
                    narrower = true;
                }
                (Some(Segment::One), Some(Segment::Literal(text))) => {
                    if text.is_empty() {
                        return Relation::Disjoint;
                    }
                    broader = true;
                }
                _ => {}
            }
            at += 1;
        }
        match (narrower, broader) {
            (false, false) => Relation::Same,
            (true, false) => Relation::Narrower,
            (false, true) => Relation::Broader,
            (true, true) => Relation::Ambiguous,
        }
    }
}

impl Pattern {
    /// Whether its first segment is a name.
    pub(super) fn is_rooted(&self) -> bool {
        matches!(self.segments.first(), Some(Segment::Literal(_)))
    }

    /// Whether it goes on where `other` ends.
    pub(super) fn is_below(&self, other: &Self) -> bool {
        self.segments.len() > other.segments.len() && self.segments.starts_with(&other.segments)
    }

    /// Whether all that is left from this segment on is the slash at the end.
    fn names_slash(&self, at: usize) -> bool {
        self.segments.len() == at + 1
            && matches!(self.segments.get(at), Some(Segment::Literal(text)) if text.is_empty())
    }
}

/// How a pattern relates to one that names the slash at the end, by the segments before
/// it. The slash decides for the second, a narrower segment for the first.
const fn claims_slash(narrower: bool, broader: bool) -> Relation {
    match (narrower, broader) {
        (false, false) => Relation::Disjoint,
        (false, true) => Relation::Broader,
        (true, _) => Relation::Ambiguous,
    }
}

impl Relation {
    const fn flipped(self) -> Self {
        match self {
            Self::Narrower => Self::Broader,
            Self::Broader => Self::Narrower,
            Self::Disjoint | Self::Same | Self::Ambiguous => self,
        }
    }
}

/// The trie. A leaf holds the targets of one pattern, by number.
#[derive(Debug, Default)]
pub struct Table {
    root: Node,
}

/// Whether `**` matches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rests {
    Taken,
    Skipped,
}

#[derive(Debug, Default)]
struct Node {
    /// Sorted by text.
    literals: Vec<(Box<str>, Self)>,
    one: Option<Box<Self>>,
    rest: Vec<usize>,
    here: Vec<usize>,
}

impl Table {
    /// Adds a target under a pattern.
    pub fn insert(&mut self, pattern: &Pattern, target: usize) {
        let mut node = &mut self.root;
        for segment in &pattern.segments {
            match segment {
                Segment::Rest => {
                    node.rest.push(target);
                    return;
                }
                Segment::One => node = node.one.get_or_insert_default(),
                Segment::Literal(text) => node = node.literal(text),
            }
        }
        node.here.push(target);
    }

    /// The targets of the most specific pattern that matches the canonical path;
    /// empty if none does.
    #[must_use]
    pub fn find(&self, path: &str) -> &[usize] {
        let rest = path.strip_prefix('/').unwrap_or(path);
        let found = match rest.strip_suffix('/') {
            Some(bare) => self
                .root
                .find(Some(rest), Rests::Skipped)
                .or_else(|| self.root.find(Some(bare), Rests::Taken)),
            None => self.root.find(Some(rest), Rests::Taken),
        };
        found.unwrap_or_default()
    }
}

impl Node {
    fn literal(&mut self, text: &str) -> &mut Self {
        let at = match self
            .literals
            .binary_search_by(|(known, _)| (**known).cmp(text))
        {
            Ok(at) => at,
            Err(at) => {
                self.literals.insert(at, (text.into(), Self::default()));
                at
            }
        };
        // `at` was just found or filled.
        #[expect(
            clippy::indexing_slicing,
            reason = "the index comes from the search above"
        )]
        &mut self.literals[at].1
    }

    /// `path` is what is left after the last slash; `None` is nothing at all, which
    /// differs from an empty last segment.
    fn find(&self, path: Option<&str>, rests: Rests) -> Option<&[usize]> {
        let rest = (rests == Rests::Taken && !self.rest.is_empty()).then_some(&*self.rest);
        let Some(path) = path else {
            return (!self.here.is_empty()).then_some(&*self.here).or(rest);
        };
        let (segment, after) = match path.split_once('/') {
            Some((segment, after)) => (segment, Some(after)),
            None => (path, None),
        };
        let literal = self
            .literals
            .binary_search_by(|(known, _)| (**known).cmp(segment))
            .ok()
            .and_then(|at| self.literals.get(at))
            .and_then(|(_, node)| node.find(after, rests));
        if literal.is_some() {
            return literal;
        }
        if !segment.is_empty()
            && let Some(found) = self.one.as_ref().and_then(|node| node.find(after, rests))
        {
            return Some(found);
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        text.parse().unwrap()
    }

    #[test]
    fn g30_the_most_specific_pattern_decides() {
        let patterns = [
            "/", "/a", "/a/", "/a/b", "/a/{x}", "/a/**", "/c/{x}/d", "/e/**",
        ];
        let mut table = Table::default();
        for (number, text) in patterns.iter().enumerate() {
            table.insert(&pattern(text), number);
        }
        for (path, wanted) in [
            ("/", Some("/")),
            ("/a", Some("/a")),
            ("/a/", Some("/a/")),
            ("/a/b", Some("/a/b")),
            ("/a/c", Some("/a/{x}")),
            ("/a/b/c", Some("/a/**")),
            ("/a/b/", Some("/a/b")),
            ("/a/c/", Some("/a/{x}")),
            ("/a/b/c/", Some("/a/**")),
            ("/A", None),
            ("/c//d", None),
            ("/c/1/d", Some("/c/{x}/d")),
            ("/c/1/d/", Some("/c/{x}/d")),
            ("/c/1/", None),
            ("/e", Some("/e/**")),
            ("/e/", Some("/e/**")),
            ("/ee", None),
        ] {
            let found = table.find(path).first().map(|&number| patterns[number]);
            assert_eq!(found, wanted, "{path}");
        }
    }

    #[test]
    fn g30_a_slash_at_the_end_finds_no_broader_pattern() {
        let patterns = ["/**", "/admin", "/users/{id}", "/b", "/b/**", "/x/{y}/"];
        let mut table = Table::default();
        for (number, text) in patterns.iter().enumerate() {
            table.insert(&pattern(text), number);
        }
        for (path, wanted) in [
            ("/admin/", "/admin"),
            ("/users/1/", "/users/{id}"),
            ("/users/", "/**"),
            ("/b/", "/b"),
            ("/b/c/", "/b/**"),
            ("/x/2/", "/x/{y}/"),
            ("/x/2", "/**"),
            ("/other/", "/**"),
            ("/", "/**"),
        ] {
            let found = table.find(path).first().map(|&number| patterns[number]);
            assert_eq!(found, Some(wanted), "{path}");
        }
    }

    #[test]
    fn relations_tell_narrower_from_ambiguous() {
        for (a, b, wanted) in [
            ("/a", "/b", Relation::Disjoint),
            ("/a", "/a/", Relation::Disjoint),
            ("/a", "/a/b", Relation::Disjoint),
            ("/a/b", "/a", Relation::Disjoint),
            ("/{x}", "/a/b", Relation::Disjoint),
            ("/a/b", "/{x}", Relation::Disjoint),
            ("/a/{x}", "/a/{y}", Relation::Same),
            ("/a/b", "/a/{x}", Relation::Narrower),
            ("/a/**", "/a/{x}", Relation::Broader),
            ("/a", "/a/**", Relation::Narrower),
            ("/a/", "/a/{x}", Relation::Disjoint),
            ("/x/{y}", "/x/1/", Relation::Broader),
            ("/x/1/", "/x/{y}", Relation::Narrower),
            ("/x/{y}/", "/x/1", Relation::Ambiguous),
            ("/x/1", "/x/{y}/", Relation::Ambiguous),
            ("/x/1", "/y/1/", Relation::Disjoint),
            ("/{x}/b", "/a/{y}", Relation::Ambiguous),
            ("/{x}/b", "/a/**", Relation::Ambiguous),
            ("/**", "/**", Relation::Same),
        ] {
            assert_eq!(pattern(a).relation(&pattern(b)), wanted, "{a} {b}");
        }
    }

    #[test]
    fn a_pattern_prints_as_it_was_written() {
        for text in ["/", "/a/{some_id}/", "/{x}/b/**"] {
            assert_eq!(pattern(text).to_string(), text);
        }
    }

    #[test]
    fn a_pattern_is_below_one_that_ends_where_it_goes_on() {
        for (a, b, below) in [
            ("/a/b", "/a", true),
            ("/a/{x}/**", "/a/{y}", true),
            ("/a", "/a", false),
            ("/a", "/a/b", false),
            ("/ab", "/a", false),
            ("/b/c", "/a", false),
            ("/b", "/a/b", false),
        ] {
            assert_eq!(pattern(a).is_below(&pattern(b)), below, "{a} {b}");
        }
    }

    #[test]
    fn a_rooted_pattern_begins_with_a_name() {
        for (text, rooted) in [("/a/{x}", true), ("/{x}/a", false), ("/**", false)] {
            assert_eq!(pattern(text).is_rooted(), rooted, "{text}");
        }
    }

    #[test]
    fn patterns_no_request_could_match_are_refused() {
        for (text, error) in [
            ("a", PatternError::NotAbsolute),
            ("", PatternError::NotAbsolute),
            ("/**/a", PatternError::Wildcard),
            ("/a*", PatternError::Wildcard),
            ("/{}", PatternError::Wildcard),
            ("/x{y}", PatternError::Wildcard),
            ("/{x-y}", PatternError::Wildcard),
            ("/a//b", PatternError::NotCanonical),
            ("/%61", PatternError::NotCanonical),
            ("/%40scope", PatternError::NotCanonical),
            ("/..", PatternError::NotCanonical),
            ("/a;b", PatternError::NotCanonical),
        ] {
            assert_eq!(text.parse::<Pattern>(), Err(error), "{text}");
        }
    }
}
