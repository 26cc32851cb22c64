//! `doorward openapi`: the committed API descriptions, generated.

use super::Failure;
use clap::Args;
use std::path::PathBuf;

/// Writes the OpenAPI documents
#[derive(Args, Debug)]
pub(super) struct Openapi {
    /// Where to
    #[arg(long)]
    dir: PathBuf,
}

impl Openapi {
    pub(super) fn run(self) -> Result<(), Failure> {
        let documents = [
            ("oauth.json", doorward_oauth::openapi()),
            ("nhost.json", doorward_nhost::openapi()),
            ("supabase.json", doorward_supabase::openapi()),
            ("admin.json", doorward_console::admin_openapi()),
            ("data.json", doorward_rows::openapi()),
            ("me.json", doorward_console::me_openapi()),
        ];
        let fail = |error: &dyn std::fmt::Display| {
            Failure::Refused(format!("cannot write the OpenAPI documents: {error}"))
        };
        std::fs::create_dir_all(&self.dir).map_err(|error| fail(&error))?;
        for (name, document) in documents {
            let text = document.to_pretty_json().map_err(|error| fail(&error))?;
            std::fs::write(self.dir.join(name), text + "\n").map_err(|error| fail(&error))?;
        }
        std::fs::write(
            self.dir.join("configuration.schema.json"),
            crate::config::schema::schema_json(),
        )
        .map_err(|error| fail(&error))
    }
}
