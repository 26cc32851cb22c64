//! `doorward tenant limit`.

use super::Failure;
use super::args::Target;
use super::manage::{refused, run, show, show_list};
use crate::config::text::FromText as _;
use crate::config::value::Rate;
use clap::{Args, Subcommand};
use doorward_base::TenantId;
use doorward_base::limit::{Allowance, Amount, Period, Quota};
use doorward_console::TenantLimitView;
use doorward_identity::act::{self, Caller};
use std::fmt::Display;

#[derive(Subcommand, Debug)]
pub(super) enum Limit {
    /// List what a tenant was given
    List(List),
    /// Give a tenant an amount of a limit; a running server goes by it within a second
    Set(Set),
    /// Take it back: the configuration counts again
    Clear(Clear),
}

#[derive(Args, Debug)]
pub(super) struct List {
    #[command(flatten)]
    target: Target,
    /// The tenant's id
    id: TenantId,
}

#[derive(Args, Debug)]
pub(super) struct Set {
    #[command(flatten)]
    target: Target,
    /// The tenant's id
    id: TenantId,
    /// The limit's name in the configuration
    limit: String,
    #[command(flatten)]
    amount: Given,
    /// How many at once, of a rate [default: the rate's count]
    #[arg(long, requires = "rate")]
    burst: Option<u32>,
}

/// One of them.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Given {
    /// How often, such as 500/1m
    #[arg(long, value_parser = rate)]
    rate: Option<Rate>,
    /// How many may be open at the same time
    #[arg(long)]
    in_flight: Option<u32>,
    /// How many in the quota's period
    #[arg(long)]
    quota: Option<u64>,
}

#[derive(Args, Debug)]
pub(super) struct Clear {
    #[command(flatten)]
    target: Target,
    /// The tenant's id
    id: TenantId,
    /// The limit's name in the configuration
    limit: String,
}

fn rate(text: &str) -> Result<Rate, String> {
    Rate::from_text(text)
}

impl Limit {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(command) => list(&command),
            Self::Set(command) => set(command),
            Self::Clear(command) => clear(command),
        }
    }
}

fn list(command: &List) -> Result<(), Failure> {
    let given = run(&command.target, async |management| {
        let tenant = command.id.clone();
        act::list_tenant_limits(management.ctx(), &Caller::Operator, tenant)
            .await
            .map_err(refused)
    })?;
    let views = given.iter().map(TenantLimitView::from);
    let members = [
        "limit",
        "count",
        "per_seconds",
        "burst",
        "in_flight",
        "quota",
        "changed_at",
    ];
    show_list(command.target.json, &members, views);
    Ok(())
}

fn set(command: Set) -> Result<(), Failure> {
    let amount = amount(&command)?;
    let given = run(&command.target, async |management| {
        let (tenant, limit) = (command.id, command.limit);
        act::set_tenant_limit(
            management.ctx(),
            &Caller::Operator,
            tenant,
            limit,
            Some(amount),
        )
        .await
        .map_err(refused)
    })?;
    if let Some(given) = &given {
        show(command.target.json, &TenantLimitView::from(given));
    }
    Ok(())
}

fn amount(command: &Set) -> Result<Amount, Failure> {
    let usage = |error: &dyn Display| Failure::Usage(error.to_string());
    let Given {
        rate,
        in_flight,
        quota,
    } = &command.amount;
    if let Some(Rate { count, per }) = *rate {
        let burst = command.burst.unwrap_or(count);
        let rate = Quota::new(count, per, burst);
        return rate.map(Amount::Rate).map_err(|error| usage(&error));
    }
    if let Some(most) = in_flight.filter(|most| *most > 0) {
        return Ok(Amount::InFlight(most));
    }
    let most = quota.ok_or_else(|| usage(&"--in-flight must be at least 1"))?;
    Allowance::new(most, Period::Day).map_err(|error| usage(&error))?;
    Ok(Amount::Calendar(most))
}

fn clear(command: Clear) -> Result<(), Failure> {
    run(&command.target, async |management| {
        let (tenant, limit) = (command.id, command.limit);
        act::set_tenant_limit(management.ctx(), &Caller::Operator, tenant, limit, None)
            .await
            .map_err(refused)
            .map(drop)
    })
}
