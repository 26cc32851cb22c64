//! Which rows of one table belong to a row of another, by the foreign keys that the caller
//! may see. Not here: what is read of them.

use super::access::Access;
use super::refusal::{Candidate, Refusal};
use super::suggest::nearest;
use super::tree::Link;
use crate::schema::ForeignKey;
use std::collections::BTreeSet;

/// One relationship from a table to another.
#[derive(Clone, Debug)]
pub(crate) struct Relation<'a> {
    pub(crate) parent: Access<'a>,
    pub(crate) child: Access<'a>,
    pub(crate) link: Link<'a>,
    pub(crate) many: bool,
    cardinality: &'static str,
    /// Whether the foreign key is the outer table's.
    owns_key: bool,
    /// The foreign key's name; the join table's where there is one.
    by: &'a str,
    /// The names of the foreign keys it goes by.
    keys: Vec<&'a str>,
    /// The only column of the outer table, and the other table's, where there is just one.
    single: Option<(&'a str, &'a str)>,
}

/// The relationship from this table that is meant.
///
/// # Errors
/// [`Refusal::RelationUnknown`] and [`Refusal::RelationAmbiguous`].
pub(crate) fn find<'a>(
    parent: Access<'a>,
    target: &str,
    hint: Option<&str>,
) -> Result<Relation<'a>, Refusal> {
    let all = relations(parent);
    let meant = |relation: &&Relation<'a>| match hint {
        None => relation.is_called(target),
        Some(hint) => relation.child.table().name == target && relation.is_hinted(hint),
    };
    let mut found: Vec<&Relation<'a>> = all.iter().filter(meant).collect();
    // A key of a table to itself is one relationship either way; by the table's name, the rows
    // that refer to this one are meant.
    if let [first, second] = found.as_slice()
        && first.child.table().name == parent.table().name
        && second.child.table().name == parent.table().name
        && first.by == second.by
        && first.many != second.many
    {
        found.retain(|relation| relation.many);
    }
    match found.as_slice() {
        [only] => Ok((*only).clone()),
        [] => {
            let names = all
                .iter()
                .map(|relation| relation.child.table().name.as_str());
            Err(Refusal::RelationUnknown {
                parent: parent.table().name.clone(),
                child: target.to_owned(),
                hint: hint.map(str::to_owned),
                near: nearest(target, names),
            })
        }
        several => {
            let mut found: Vec<Candidate> = several
                .iter()
                .map(|relation| relation.candidate())
                .collect();
            found.sort_by(|one, other| one.by.cmp(&other.by));
            Err(Refusal::RelationAmbiguous {
                parent: parent.table().name.clone(),
                child: target.to_owned(),
                found,
            })
        }
    }
}

impl<'a> Relation<'a> {
    fn is_called(&self, target: &str) -> bool {
        let by_column = self.owns_key && self.single.is_some_and(|(near, _)| near == target);
        self.child.table().name == target || self.keys == [target] || by_column
    }

    fn is_hinted(&self, hint: &str) -> bool {
        let by_column = self
            .single
            .is_some_and(|(near, far)| near == hint || far == hint);
        self.by == hint || self.keys.contains(&hint) || by_column
    }

    fn candidate(&self) -> Candidate {
        let tenant = |of: Access<'a>| of.tenant_column().map(|column| column.name.as_str());
        let hidden = [tenant(self.parent), tenant(self.child)];
        let list = |columns: Vec<&str>| {
            let shown = columns.into_iter();
            let shown = shown.filter(|&column| !hidden.contains(&Some(column)));
            shown.collect::<Vec<_>>().join(", ")
        };
        let first = |pairs: &[(&str, &str)]| list(pairs.iter().map(|pair| pair.0).collect());
        let second = |pairs: &[(&str, &str)]| list(pairs.iter().map(|pair| pair.1).collect());
        let (parent, child) = (&self.parent.table().name, &self.child.table().name);
        let using = match &self.link {
            Link::Direct(pairs) => format!(
                "{} using {parent}({}) and {child}({})",
                self.by,
                first(pairs),
                second(pairs)
            ),
            Link::Through { near, far, .. } => {
                let keys: Vec<String> = self
                    .keys
                    .iter()
                    .zip([second(near), first(far)])
                    .map(|(key, columns)| format!("{key}({columns})"))
                    .collect();
                format!("{} using {}", self.by, keys.join(" and "))
            }
        };
        Candidate {
            cardinality: self.cardinality,
            parent: parent.clone(),
            child: child.clone(),
            by: self.by.to_owned(),
            using,
        }
    }
}

/// Every relationship from this table.
fn relations(parent: Access<'_>) -> Vec<Relation<'_>> {
    let mut all: Vec<Relation<'_>> = visible_keys(parent)
        .map(|(key, child)| referred(parent, child, key))
        .collect();
    for other in parent.scope().tables() {
        let keys: Vec<_> = visible_keys(other).collect();
        let to_parent = keys
            .iter()
            .filter(|(_, table)| table.table().name == parent.table().name);
        for &(near, _) in to_parent {
            all.push(referring(parent, other, near));
            let joined = keys
                .iter()
                .filter(|(far, _)| far.name != near.name && joins(other, near, far));
            all.extend(joined.map(|&(far, child)| through(parent, other, near, far, child)));
        }
    }
    all
}

/// The foreign keys of a table whose columns, here and there, the caller may read.
fn visible_keys<'a>(table: Access<'a>) -> impl Iterator<Item = (&'a ForeignKey, Access<'a>)> {
    let readable = |of: Access<'a>, columns: &'a [String]| {
        of.own(columns).all(|column| of.grant().selects(column))
    };
    table.table().foreign_keys.iter().filter_map(move |key| {
        let other = table.scope().table(&key.table).ok()?;
        let seen = readable(table, &key.columns) && readable(other, &key.foreign_columns);
        seen.then_some((key, other))
    })
}

fn pairs<'a>(left: &'a [String], right: &'a [String]) -> Vec<(&'a str, &'a str)> {
    let left = left.iter().map(String::as_str);
    left.zip(right.iter().map(String::as_str)).collect()
}

/// The one pair of columns beside the tenant's.
fn single<'a>(
    table: Access<'a>,
    columns: &'a [String],
    others: &'a [String],
) -> Option<(&'a str, &'a str)> {
    let mut own = table.own(columns);
    let only = own.next().filter(|_| own.next().is_none())?;
    pairs(columns, others)
        .into_iter()
        .find(|pair| pair.0 == only)
}

/// Whether at most one row of the table has the same values in these columns.
fn is_unique(table: Access<'_>, columns: &[String]) -> bool {
    let wanted: BTreeSet<&str> = table.own(columns).collect();
    table
        .keys()
        .any(|key| table.own(key).collect::<BTreeSet<_>>() == wanted)
}

fn referred<'a>(parent: Access<'a>, child: Access<'a>, key: &'a ForeignKey) -> Relation<'a> {
    Relation {
        parent,
        child,
        link: Link::Direct(pairs(&key.columns, &key.foreign_columns)),
        many: false,
        cardinality: if is_unique(parent, &key.columns) {
            "one-to-one"
        } else {
            "many-to-one"
        },
        owns_key: true,
        by: &key.name,
        keys: vec![&key.name],
        single: single(parent, &key.columns, &key.foreign_columns),
    }
}

fn referring<'a>(parent: Access<'a>, child: Access<'a>, key: &'a ForeignKey) -> Relation<'a> {
    let many = !is_unique(child, &key.columns);
    let near_and_far = single(child, &key.columns, &key.foreign_columns);
    Relation {
        parent,
        child,
        link: Link::Direct(pairs(&key.foreign_columns, &key.columns)),
        many,
        cardinality: if many { "one-to-many" } else { "one-to-one" },
        owns_key: false,
        by: &key.name,
        keys: vec![&key.name],
        single: near_and_far.map(|(theirs, ours)| (ours, theirs)),
    }
}

/// Whether a table joins two others by these keys: its rows are one for each pair.
fn joins(junction: Access<'_>, near: &ForeignKey, far: &ForeignKey) -> bool {
    let primary: BTreeSet<&str> = junction.own(&junction.table().primary_key).collect();
    let mut both = junction
        .own(&near.columns)
        .chain(junction.own(&far.columns));
    !primary.is_empty() && both.all(|column| primary.contains(column))
}

fn through<'a>(
    parent: Access<'a>,
    junction: Access<'a>,
    near: &'a ForeignKey,
    far: &'a ForeignKey,
    child: Access<'a>,
) -> Relation<'a> {
    Relation {
        parent,
        child,
        link: Link::Through {
            junction,
            near: pairs(&near.foreign_columns, &near.columns),
            far: pairs(&far.columns, &far.foreign_columns),
        },
        many: true,
        cardinality: "many-to-many",
        owns_key: false,
        by: &junction.table().name,
        keys: vec![&near.name, &far.name],
        single: None,
    }
}
