//! What is looked for before rows are made and merged. Not here: the making.

use super::{Access, Given, Refusal, Statement, Writer};

/// Looks for rows that the new ones would be merged with and that the caller does not have:
/// each is told of as one that is not allowed. `None` where the rows do not give the key.
pub(super) fn hidden(
    access: Access<'_>,
    given: &Given<'_>,
    key: &[&str],
) -> Result<Option<Statement>, Refusal> {
    if !is_given(access, given, key) {
        return Ok(None);
    }
    let mut w = Writer::new(access.scope().flavour());
    let table = access.table().name.as_str();
    w.sql("SELECT FALSE FROM ").name(table).sql(" WHERE ");
    access.tenant_guard(&mut w, table)?;
    w.sql(" AND (");
    access.guard(&mut w, table)?;
    w.sql(") IS NOT TRUE AND EXISTS (SELECT 1 FROM ");
    given.source(&mut w)?;
    w.sql(" WHERE TRUE");
    same_key(&mut w, table, given, key);
    w.sql(") LIMIT 1");
    let (text, params) = w.finish();
    Ok(Some(Statement::new(text, params, false)))
}

/// Says whether some of the rows are not there yet, after a first column that is always true.
/// `None` where that need not be looked for, or the caller may not read it.
pub(super) fn is_new(
    access: Access<'_>,
    given: &Given<'_>,
    key: &[&str],
) -> Result<Option<Statement>, Refusal> {
    let is_defaulted = |name: &&str| {
        let mut columns = given.columns.iter();
        columns.any(|(column, missing)| column.name == *name && *missing)
    };
    let may_read = access.scope().require(super::Right::Read).is_ok();
    if !may_read || !is_given(access, given, key) || key.iter().any(is_defaulted) {
        return Ok(None);
    }
    let mut w = Writer::new(access.scope().flavour());
    let table = access.table().name.as_str();
    w.sql("SELECT TRUE, EXISTS (SELECT 1 FROM ");
    given.source(&mut w)?;
    w.sql(" WHERE NOT EXISTS (SELECT 1 FROM ").name(table);
    w.sql(" WHERE ");
    access.tenant_guard(&mut w, table)?;
    same_key(&mut w, table, given, key);
    w.sql("))");
    let (text, params) = w.finish();
    Ok(Some(Statement::new(text, params, false)))
}

fn is_given(access: Access<'_>, given: &Given<'_>, key: &[&str]) -> bool {
    let tenant = access.tenant_column().map(|column| column.name.as_str());
    let has = |name: &str| given.columns.iter().any(|(column, _)| column.name == name);
    key.iter().all(|&name| Some(name) == tenant || has(name))
}

fn same_key(w: &mut Writer, table: &str, given: &Given<'_>, key: &[&str]) {
    for (at, (column, _)) in given.columns.iter().enumerate() {
        if key.contains(&column.name.as_str()) {
            w.sql(" AND ").column(table, &column.name).sql(" = ");
            given.value(w, at, column);
        }
    }
}
