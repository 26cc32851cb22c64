//! From a host to the addresses that may be reached, looked up once: what was checked
//! is what is connected to. Not here: which addresses those are (`address`).

use super::address::Reach;
use doorward_base::egress::{EgressError, EgressHost};
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;

/// How many addresses of a host are tried.
const TRIED: usize = 4;

/// What a look-up comes to.
pub type LookingUp<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Looks names up.
pub trait Resolve: Send + Sync {
    /// The addresses of a name, best first.
    fn look_up<'a>(&'a self, name: &'a str) -> LookingUp<'a>;
}

/// The system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn look_up<'a>(&'a self, name: &'a str) -> LookingUp<'a> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// The addresses of the host that may be reached; at least one.
pub(super) async fn addresses(
    resolver: &dyn Resolve,
    reach: &Reach,
    host: &EgressHost,
) -> Result<Vec<IpAddr>, EgressError> {
    let found = match host {
        EgressHost::Address(address) => vec![*address],
        EgressHost::Name(name) => resolver
            .look_up(name)
            .await
            .map_err(|_| EgressError::NotFound)?,
    };
    if found.is_empty() {
        return Err(EgressError::NotFound);
    }
    let mut reachable: Vec<IpAddr> = found
        .into_iter()
        .filter(|address| reach.covers(*address))
        .collect();
    reachable.truncate(TRIED);
    if reachable.is_empty() {
        return Err(EgressError::Forbidden);
    }
    Ok(reachable)
}
