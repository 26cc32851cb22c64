//! PUT: one row, which the filters name by the whole primary key and the body has.

use super::super::body::Given;
use super::super::error::Refusal;
use crate::plan::access::Access;
use crate::plan::request::{Among, Comparison, Condition, Test};
use serde_json::Value as Json;

/// Refuses filters that are not the key's, and a body that is another row.
pub(super) fn refuse_other_rows(
    access: Access<'_>,
    filters: &[Condition],
    given: &Given,
) -> Result<(), Refusal> {
    let key: Vec<&str> = access.own(&access.table().primary_key).collect();
    let mut named: Vec<(&str, &str)> = Vec::new();
    for filter in filters {
        match filter {
            Condition::Test(field, Test::Compare(Comparison::Equal, Among::One(value)))
                if field.path.is_empty() && key.contains(&field.column.as_str()) =>
            {
                named.push((&field.column, value));
            }
            _ => return Err(Refusal::KeyFilters),
        }
    }
    let names_all = key
        .iter()
        .all(|column| named.iter().any(|(name, _)| name == column));
    if key.is_empty() || named.len() != key.len() || !names_all {
        return Err(Refusal::KeyFilters);
    }
    let [row] = given.rows.as_slice() else {
        return Err(Refusal::KeyMismatch);
    };
    let same = named.iter().all(|(name, wanted)| {
        let value = row.get(*name);
        match value.filter(|_| given.columns.iter().any(|column| column == name)) {
            Some(Json::String(text)) => text == wanted,
            Some(value) => serde_json::from_str(wanted).is_ok_and(|wanted: Json| wanted == *value),
            None => false,
        }
    });
    if same {
        Ok(())
    } else {
        Err(Refusal::KeyMismatch)
    }
}
