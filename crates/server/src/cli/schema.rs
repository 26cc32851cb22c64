//! `doorward config`.

use super::{Failure, output};
use crate::config::schema::schema_json;
use clap::Subcommand;

#[derive(Subcommand, Debug)]
pub(super) enum Config {
    /// Print the JSON Schema of the configuration file
    Schema,
}

impl Config {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Schema => output::line(schema_json().trim_end()),
        }
        Ok(())
    }
}
