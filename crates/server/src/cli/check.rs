//! `doorward check`.

use super::args::Installation;
use super::{Failure, output};
use crate::check::check;
use crate::config::Overrides;
use crate::engine::{load_configuration, wrong};
use clap::Args;

/// Validates the configuration and proves its expectations
#[derive(Args, Debug)]
pub(super) struct Check {
    #[command(flatten)]
    installation: Installation,
}

impl Check {
    pub(super) fn run(self) -> Result<(), Failure> {
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
