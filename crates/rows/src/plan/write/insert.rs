//! Making rows, and merging them with those that are there. All rows of a request are one
//! parameter, a JSON document that both engines take apart themselves.

mod look;

use super::{
    Access, BTreeSet, Column, Flavour, Json, MAX_BARE_ROWS, Map, NEW, Refusal, Right, Statement,
    Told, WritePlan, Writer, begin, definitions, denied, given_column, literal, refuse_foreign,
    returning,
};
use crate::schema::ColumnKind;

/// Rows to be made.
#[derive(Clone, PartialEq, Debug)]
pub struct Insert {
    /// The columns that are given, each once.
    pub columns: Vec<String>,
    /// What each row has of them; whatever else it has is left alone.
    pub rows: Vec<Map<String, Json>>,
    /// Whether what a row does not have is the column's default. Otherwise it is NULL.
    pub missing_is_default: bool,
    /// What becomes of rows that are there already. Without it, they refuse the request.
    pub conflict: Option<Conflict>,
}

/// What becomes of rows that are there already.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conflict {
    /// The columns of the key that tells; the primary key's without any.
    pub key: Vec<String>,
    /// Whether they take the new values. Otherwise they stay as they are.
    pub merge: bool,
}

/// How a document's rows are called in a statement.
const ROWS: &str = "~rows";

/// Makes the rows.
///
/// # Errors
/// [`Refusal`].
pub fn insert<'a>(
    access: Access<'a>,
    asked: &Insert,
    told: Told<'_, 'a>,
) -> Result<WritePlan, Refusal> {
    let mut w = begin(access, false, told)?;
    let grant = access.grant();
    if !access
        .table()
        .columns
        .iter()
        .any(|column| grant.inserts(&column.name))
    {
        return Err(denied(access));
    }
    let given = Given::of(access, asked)?;
    if asked.rows.is_empty() {
        return Ok(WritePlan {
            statements: Vec::new(),
            checked: false,
            columns: Vec::new(),
            tells_new: false,
        });
    }
    let target = asked
        .conflict
        .as_ref()
        .map(|conflict| target(access, conflict));
    let target = target.transpose()?;
    let merged = match (&target, &asked.conflict) {
        (Some(key), Some(conflict)) if conflict.merge => Some(merged(access, &given, key)?),
        _ => None,
    };
    let (before, tells_new) = match (&target, &merged) {
        (Some(key), Some(_)) => looks(access, &given, key)?,
        _ => (Vec::new(), false),
    };
    let tenant = access
        .tenant_column()
        .filter(|_| w.flavour() == Flavour::Postgres);
    let table = access.table().name.as_str();
    w.sql("INSERT INTO ").name(table);
    if given.columns.is_empty() && tenant.is_none() {
        return bare(w, access, asked, told, before);
    }
    values(&mut w, access, &given, tenant)?;
    w.sql(" WHERE TRUE");
    if let Some(key) = target {
        on_conflict(&mut w, access, &key, merged.as_deref())?;
    }
    Ok(WritePlan {
        tells_new,
        ..returning(w, access, told, before)?
    })
}

/// What is looked for before rows are merged, and whether the first of it says if there are
/// new ones.
fn looks(
    access: Access<'_>,
    given: &Given<'_>,
    key: &[&str],
) -> Result<(Vec<Statement>, bool), Refusal> {
    let new = look::is_new(access, given, key)?;
    let tells_new = new.is_some();
    let mut all: Vec<Statement> = new.into_iter().collect();
    if access.grant().filter().is_some() {
        access.scope().require(Right::Read)?;
        all.extend(look::hidden(access, given, key)?);
    }
    Ok((all, tells_new))
}

/// The columns that are written, and the rows for them.
fn values(
    w: &mut Writer,
    access: Access<'_>,
    given: &Given<'_>,
    tenant: Option<&Column>,
) -> Result<(), Refusal> {
    w.sql(" (");
    let named = given
        .columns
        .iter()
        .map(|(column, _)| *column)
        .chain(tenant);
    w.separated(", ", named, |w, column| {
        w.name(&column.name);
        Ok::<_, Refusal>(())
    })?;
    w.sql(") SELECT ");
    for (at, (column, _)) in given.columns.iter().enumerate() {
        w.sql(if at > 0 { ", " } else { "" });
        given.value(w, at, column);
    }
    if let Some(column) = tenant {
        w.sql(if given.columns.is_empty() { "" } else { ", " });
        literal::write(w, column, &access.scope().tenant())?;
    }
    w.sql(" FROM ");
    given.source(w)
}

/// Rows without a column: each is a statement.
fn bare<'a>(
    mut w: Writer,
    access: Access<'a>,
    asked: &Insert,
    told: Told<'_, 'a>,
    mut before: Vec<Statement>,
) -> Result<WritePlan, Refusal> {
    if asked.rows.len() > MAX_BARE_ROWS {
        return Err(Refusal::TooComplex("rows without columns"));
    }
    w.sql(" DEFAULT VALUES");
    let mut plan = returning(w, access, told, Vec::new())?;
    let each = plan.statements.first().cloned();
    before.extend(each.into_iter().cycle().take(asked.rows.len()));
    plan.statements = before;
    Ok(plan)
}

/// What is given, as a document that the engine takes apart.
struct Given<'a> {
    /// The columns, and whether some row takes its default.
    columns: Vec<(&'a Column, bool)>,
    document: String,
}

impl<'a> Given<'a> {
    fn of(access: Access<'a>, asked: &Insert) -> Result<Self, Refusal> {
        let may = |column: &str| access.grant().inserts(column);
        let named = asked.columns.iter();
        // All of them before any row is looked at.
        let named = named.map(|name| given_column(access, name, may));
        let mut columns = Vec::new();
        for column in named.collect::<Result<Vec<_>, _>>()? {
            let values = asked.rows.iter().map(|row| row.get(&column.name));
            for value in values.clone().flatten() {
                literal::refuse_nul_within(column, value)?;
                if column.is_tenant {
                    refuse_foreign(access, value)?;
                }
            }
            if column.is_tenant {
                continue;
            }
            let missing = asked.missing_is_default && values.clone().any(|value| value.is_none());
            // A column that no row has is left to its default altogether.
            if !missing || values.flatten().next().is_some() {
                columns.push((column, missing));
            }
        }
        let rows = asked.rows.iter();
        let document: Vec<Json> = match access.scope().flavour() {
            Flavour::Postgres => rows.map(|row| object(&columns, row)).collect(),
            Flavour::Sqlite => rows
                .map(|row| list(&columns, row))
                .collect::<Result<_, _>>()?,
        };
        Ok(Self {
            columns,
            document: Json::Array(document).to_string(),
        })
    }

    /// Writes where the rows come from.
    fn source(&self, w: &mut Writer) -> Result<(), Refusal> {
        match w.flavour() {
            Flavour::Sqlite => {
                w.sql("json_each(")
                    .text(self.document.as_str())
                    .sql(") AS ")
                    .name(ROWS);
                Ok(())
            }
            Flavour::Postgres => {
                w.sql("json_array_elements(").text(self.document.as_str());
                w.sql("::json) AS ").name(ROWS).sql("(value)");
                if self.columns.is_empty() {
                    return Ok(());
                }
                w.sql(", LATERAL json_to_record(").column(ROWS, "value");
                w.sql(") AS ").name(NEW).sql("(");
                definitions(w, self.columns.iter().map(|(column, _)| *column))?;
                w.sql(")");
                Ok(())
            }
        }
    }

    /// Writes one value of a row.
    fn value(&self, w: &mut Writer, at: usize, column: &Column) {
        let defaulted = self.columns.get(at).is_some_and(|(_, missing)| *missing);
        if defaulted {
            let default = column.default.as_deref().unwrap_or("NULL");
            match w.flavour() {
                Flavour::Sqlite => {
                    let path = format!(", '$[{at}]') WHEN 'array' THEN (");
                    w.sql("CASE json_type(").column(ROWS, "value").sql(&path);
                }
                Flavour::Postgres => {
                    w.sql("CASE WHEN ").column(ROWS, "value").sql(" -> ");
                    w.text(column.name.as_str()).sql(" IS NULL THEN (");
                }
            }
            w.sql(default).sql(") ELSE ");
        }
        match w.flavour() {
            Flavour::Postgres => {
                w.column(NEW, &column.name);
            }
            Flavour::Sqlite => {
                let bytes = column.kind == ColumnKind::Bytes;
                w.sql(if bytes { "unhex(" } else { "" });
                let path = format!(", '$[{at}]')");
                w.sql("json_extract(").column(ROWS, "value").sql(&path);
                w.sql(if bytes { ")" } else { "" });
            }
        }
        if defaulted {
            w.sql(" END");
        }
    }
}

fn object(columns: &[(&Column, bool)], row: &Map<String, Json>) -> Json {
    let members = columns.iter().filter_map(|(column, _)| {
        let value = row.get(&column.name)?.clone();
        Some((column.name.clone(), value))
    });
    Json::Object(members.collect::<Map<_, _>>())
}

/// On SQLite a row is a list of plain values; an empty list stands for the default.
fn list(columns: &[(&Column, bool)], row: &Map<String, Json>) -> Result<Json, Refusal> {
    let values = columns
        .iter()
        .map(|(column, missing)| match (row.get(&column.name), missing) {
            (Some(value), _) => literal::cell(column, value),
            (None, true) => Ok(Json::Array(Vec::new())),
            (None, false) => Ok(Json::Null),
        });
    values.collect::<Result<_, _>>().map(Json::Array)
}

/// The key by which a row is there already, the tenant's column with it.
fn target<'a>(access: Access<'a>, conflict: &Conflict) -> Result<Vec<&'a str>, Refusal> {
    let wanted: BTreeSet<&str> = if conflict.key.is_empty() {
        access.own(&access.table().primary_key).collect()
    } else {
        for name in &conflict.key {
            access.column(name)?;
        }
        access.own(&conflict.key).collect()
    };
    let found = access
        .keys()
        .find(|key| access.own(key).collect::<BTreeSet<_>>() == wanted);
    let key = found.filter(|_| !wanted.is_empty()).ok_or(Refusal::NoKey)?;
    Ok(key.iter().map(String::as_str).collect())
}

/// The columns that a row which is there takes.
fn merged<'a>(
    access: Access<'a>,
    given: &Given<'a>,
    key: &[&'a str],
) -> Result<Vec<&'a str>, Refusal> {
    let mut set = Vec::new();
    for (column, _) in &given.columns {
        let name = column.name.as_str();
        if key.contains(&name) {
            continue;
        }
        if !access.grant().updates(name) {
            let what = format!("column {name} of table {}", access.table().name);
            return Err(Refusal::Denied(what));
        }
        set.push(name);
    }
    if set.is_empty() {
        // Nothing changes, and yet the row is told of.
        let tenant = access.tenant_column().map(|column| column.name.as_str());
        set.extend(key.iter().copied().filter(|&name| Some(name) != tenant));
    }
    Ok(set)
}

fn on_conflict(
    w: &mut Writer,
    access: Access<'_>,
    key: &[&str],
    merged: Option<&[&str]>,
) -> Result<(), Refusal> {
    w.sql(" ON CONFLICT (");
    w.separated(", ", key, |w, name| {
        w.name(name);
        Ok::<_, Refusal>(())
    })?;
    let Some(set) = merged else {
        w.sql(") DO NOTHING");
        return Ok(());
    };
    w.sql(") DO UPDATE SET ");
    w.separated(", ", set, |w, name| {
        w.name(name).sql(" = excluded.").name(name);
        Ok::<_, Refusal>(())
    })?;
    w.sql(" WHERE ");
    access.guard(w, &access.table().name)
}
