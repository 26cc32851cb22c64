//! What would become of a statement if somebody else asked: the decision and the plan, and
//! no rows. For operators.

use super::query::{bounds, check, names};
use super::wire::{ExplainAs, Explained, QueryRequest, Rows};
use super::{Call, body, refusal};
use crate::caller::Caller;
use crate::engine::{Engine, Flavour, Statement, Work};
use crate::fault::{Fault, FaultKind};
use doorward_base::principal::{CredentialId, PrincipalParts};
use doorward_base::{ErrorCode, Principal, RoleName, Scope, TenantId};
use doorward_surface::{Body, Refusal};
use http::Response;
use std::fmt::Display;
use std::sync::Arc;

pub(super) async fn explain(
    call: &Call<'_>,
    wanted: QueryRequest,
) -> Result<Response<Body>, Refusal> {
    let scopes = &call.data.settings().scopes;
    if !scopes.of(call.principal).schema {
        return Err(call.refuse(&Fault::new(FaultKind::SchemaForbidden)));
    }
    let bounds = bounds(call, wanted.timeout_ms)?;
    let engine = call.engine().await?;
    let Some(subject) = wanted.explain_as else {
        return Err(Refusal::new(ErrorCode::Internal));
    };
    let caller = stand_in(call, subject)?;
    let rights = caller.rights();
    let statement = check(call, engine, &wanted.sql, wanted.params, rights).await;
    let planned = match &statement {
        Ok(statement) => plan(engine, &caller, statement, bounds).await,
        Err(fault) => Err(fault.clone()),
    };
    let shown = statement.ok().map(|statement| statement.text().to_owned());
    body::answer(explained(&caller, shown, planned))
}

async fn plan(
    engine: &Arc<dyn Engine>,
    caller: &Caller,
    statement: &Statement,
    bounds: crate::Bounds,
) -> Result<Rows, Fault> {
    let verb = match engine.flavour() {
        Flavour::Sqlite => "EXPLAIN QUERY PLAN",
        Flavour::Postgres => "EXPLAIN",
    };
    let text = format!("{verb} {}", statement.text());
    let params = statement.params().to_vec();
    let work = Work {
        rollback: true,
        ..Work::one(Statement::new(text, params, statement.writes()))
    };
    let mut results = engine.run(caller, work, bounds).await?;
    let result = results
        .pop()
        .ok_or_else(|| Fault::new(FaultKind::Internal))?;
    Ok(Rows::from(result))
}

fn explained(
    caller: &Caller,
    statement: Option<String>,
    planned: Result<Rows, Fault>,
) -> Explained {
    let (plan, fault) = match planned {
        Ok(plan) => (Some(plan), None),
        Err(fault) => (None, Some(fault)),
    };
    Explained {
        decision: if fault.is_none() { "allow" } else { "refuse" },
        code: fault.as_ref().map(|fault| fault.kind.code().as_str()),
        message: fault.as_ref().map(refusal::text),
        tenant: caller.tenant().to_string(),
        rights: names(caller.rights()),
        statement,
        plan,
    }
}

/// The caller that the operator names. It has no credential, and is nobody beyond this.
fn stand_in(call: &Call<'_>, named: ExplainAs) -> Result<Caller, Refusal> {
    let settings = call.data.settings();
    let tenant = TenantId::new(&named.tenant).map_err(|error| wrong(&error))?;
    let role = named.role.as_deref().map(RoleName::new).transpose();
    let role = role.map_err(|error| wrong(&error))?;
    let mut scopes = match named.scopes {
        None => vec![settings.scopes.read.clone()],
        Some(names) => names
            .iter()
            .map(|name| Scope::new(name))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| wrong(&error))?,
    };
    scopes.sort_unstable();
    scopes.dedup();
    let operator: &PrincipalParts = call.principal;
    let parts = PrincipalParts {
        sub: named
            .sub
            .map_or_else(|| Arc::clone(&operator.sub), Arc::from),
        subject: None,
        tenant: Some(tenant),
        permissions: Vec::new(),
        roles: role.iter().cloned().collect(),
        role,
        scopes,
        lost_role: None,
        crosses: false,
        credential: CredentialId::Foreign,
        client: None,
        actors: Vec::new(),
        environment: None,
        claims: Arc::new(named.claims),
        ..operator.clone()
    };
    Caller::of(&Principal::new(parts), &settings.scopes).map_err(|fault| call.refuse(&fault))
}

fn wrong(error: &dyn Display) -> Refusal {
    Refusal::new(ErrorCode::InvalidRequest).with_message(format!("explain_as: {error}"))
}
