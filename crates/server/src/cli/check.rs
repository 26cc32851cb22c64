//! `doorward check`.

use super::args::{Installation, Target};
use super::manage::run;
use super::{Failure, output};
use crate::check::check;
use crate::config::Overrides;
use crate::engine::{load_configuration, wrong};
use clap::Args;
use doorward_base::RealmName;
use doorward_identity::act::hasura_secret;

/// Validates the configuration and proves its expectations
#[derive(Args, Debug)]
#[command(
    after_help = "Example, of what a Hasura or Constellation engine needs to accept a realm's tokens; for\nHS256 it has the signing key, a secret:\n  HASURA_GRAPHQL_JWT_SECRET=$(doorward check --config doorward.toml --hasura acme)"
)]
pub(super) struct Check {
    #[command(flatten)]
    installation: Installation,
    /// Print the HASURA_GRAPHQL_JWT_SECRET of this realm instead
    #[arg(long, value_name = "REALM")]
    hasura: Option<RealmName>,
}

impl Check {
    pub(super) fn run(self) -> Result<(), Failure> {
        if let Some(realm) = self.hasura {
            return tell_hasura(self.installation, realm);
        }
        let loaded = load_configuration(&self.installation, Overrides::default())?;
        let report = check(&loaded).map_err(|problems| wrong(&problems))?;
        for warning in &report.warnings {
            output::note(&format!("warning: {warning}"));
        }
        for failure in &report.failures {
            output::note(&failure.to_string());
        }
        if !report.failures.is_empty() {
            let of = report.failures.len() + report.held;
            return Err(Failure::Refused(format!(
                "{} of {of} expectations do not hold",
                report.failures.len()
            )));
        }
        output::line(&format!(
            "{} is sound: {} realms, {} expectations hold",
            loaded.file().display(),
            report.realms,
            report.held
        ));
        Ok(())
    }
}

/// Prints what an engine needs to accept the tokens of a realm.
fn tell_hasura(installation: Installation, realm: RealmName) -> Result<(), Failure> {
    let target = Target {
        installation,
        realm,
        json: true,
    };
    let secret = run(&target, async |management| {
        hasura_secret(&management.realm).map_err(|error| Failure::Refused(error.to_string()))
    })?;
    output::line(secret.expose());
    Ok(())
}
