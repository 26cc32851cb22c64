//! Where claims lie, to be read and written there. Not here: which claims there are (the
//! template).

use super::Field;
use serde_json::{Map, Value};
use std::fmt;
use std::str::FromStr;

/// Where claims carry what a caller acts as: its tenant, its role, its roles, its permissions
/// and its scopes, each as often as it is written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ClaimPlaces(Vec<(Field, ClaimPath)>);

impl ClaimPlaces {
    /// These places.
    #[must_use]
    pub const fn new(places: Vec<(Field, ClaimPath)>) -> Self {
        Self(places)
    }

    /// Writes a value in all places of a field.
    pub fn write(&self, claims: &mut Map<String, Value>, field: Field, value: &Value) {
        for (_, path) in self.0.iter().filter(|(of, _)| *of == field) {
            path.set(claims, value.clone());
        }
    }

    /// Leaves in all places of a field the names that pass, and writes none where there was
    /// none.
    pub fn narrow(
        &self,
        claims: &mut Map<String, Value>,
        field: Field,
        is_kept: &dyn Fn(&str) -> bool,
    ) {
        for (_, path) in self.0.iter().filter(|(of, _)| *of == field) {
            if let Some(mut value) = path.find(claims).cloned() {
                keep_names(&mut value, is_kept);
                path.set(claims, value);
            }
        }
    }
}

/// Leaves of a list of names, which is an array or text with spaces between, those that pass.
fn keep_names(value: &mut Value, is_kept: &dyn Fn(&str) -> bool) {
    match value {
        Value::Array(names) => names.retain(|name| name.as_str().is_some_and(is_kept)),
        Value::String(text) => {
            let kept: Vec<&str> = text.split(' ').filter(|name| is_kept(name)).collect();
            // As it is written where there is none: not at all.
            *value = if kept.is_empty() {
                Value::Null
            } else {
                Value::String(kept.join(" "))
            };
        }
        other => *other = Value::Null,
    }
}

/// Where a claim lies: member names from the top. Written with dots
/// (`user_metadata.company_id`); a name that itself has dots or slashes is written
/// in quotes (`"https://hasura.io/jwt/claims".x-hasura-user-id`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClaimPath(pub(super) Vec<String>);

impl ClaimPath {
    /// The value at this path.
    #[must_use]
    pub fn find<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        let (first, rest) = self.0.split_first()?;
        let mut value = claims.get(first)?;
        for name in rest {
            value = value.as_object()?.get(name)?;
        }
        Some(value)
    }

    /// The last of its names: what the claim itself is called.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// Puts a value there. What stands in the way and is no object makes way.
    fn set(&self, claims: &mut Map<String, Value>, value: Value) {
        let Some((last, parents)) = self.0.split_last() else {
            return;
        };
        let mut members = claims;
        for name in parents {
            let inner = members.entry(name.clone()).or_insert(Value::Null);
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            let Value::Object(inner) = inner else {
                return;
            };
            members = inner;
        }
        members.insert(last.clone(), value);
    }
}

/// The text was not a path of 1 to 8 names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a claim path such as user_metadata.company_id or \"https://hasura.io/jwt/claims\".x-hasura-role"
)]
pub struct ClaimPathError;

impl FromStr for ClaimPath {
    type Err = ClaimPathError;

    fn from_str(text: &str) -> Result<Self, ClaimPathError> {
        let mut names = Vec::new();
        let mut rest = text;
        loop {
            let (name, after) = match rest.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or(ClaimPathError)?,
                None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
            };
            if name.is_empty() || names.len() == 8 {
                return Err(ClaimPathError);
            }
            names.push(name.to_owned());
            if after.is_empty() {
                return Ok(Self(names));
            }
            rest = after.strip_prefix('.').ok_or(ClaimPathError)?;
        }
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.0.iter().enumerate() {
            let dot = if at == 0 { "" } else { "." };
            if name.contains(['.', '/']) {
                write!(f, "{dot}\"{name}\"")?;
            } else {
                write!(f, "{dot}{name}")?;
            }
        }
        Ok(())
    }
}
