//! SQL from a caller beside row policies: a policy narrows plans, and a caller's own statement
//! is none. What touches a table with policies is refused, and so is a view while there are
//! any, for it may show one. Not here: the tenant, which every statement is bound to.

use crate::engine::Engine;
use crate::fault::{Fault, FaultKind};
use crate::settings::DataSettings;
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) async fn check(
    settings: &DataSettings,
    engine: &Arc<dyn Engine>,
    tables: &BTreeSet<String>,
) -> Result<(), Fault> {
    if settings.governed.is_empty() {
        return Ok(());
    }
    let is_among = |name: &str, known: &str| name.eq_ignore_ascii_case(known);
    let governed = |name: &&String| settings.governed.iter().any(|known| is_among(name, known));
    if let Some(name) = tables.iter().find(governed) {
        return Err(refused(name, "has row policies"));
    }
    let schema = engine.schema().await?;
    let views = || schema.tables.iter().filter(|table| table.is_view);
    let view = |name: &&String| views().any(|view| is_among(name, &view.name));
    match tables.iter().find(view) {
        Some(name) => Err(refused(name, "is a view, and there are row policies")),
        None => Ok(()),
    }
}

fn refused(name: &str, why: &str) -> Fault {
    let message = format!("{name:?} {why}: SQL does not reach it");
    Fault::because(FaultKind::StatementForbidden, message).hint("REST does, as the policies say")
}
