//! The workspace as cargo sees it: packages and their edges, without outside crates'
//! own dependencies.

use std::path::Path;

use serde::Deserialize;

use crate::{Failure, process};

#[derive(Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
}

#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest_path: String,
    pub(crate) dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `dev`, `build`, or nothing for a normal one.
    pub(crate) kind: Option<String>,
}

impl Metadata {
    pub(crate) fn read(root: &Path) -> Result<Self, Failure> {
        let args = ["metadata", "--format-version", "1", "--no-deps"];
        Self::parse(&process::capture(&mut process::cargo(root, args))?)
    }

    pub(crate) fn parse(json: &str) -> Result<Self, Failure> {
        serde_json::from_str(json).map_err(|e| Failure::new(format!("cargo metadata: {e}")))
    }

    pub(crate) fn has_package(&self, name: &str) -> bool {
        self.packages.iter().any(|package| package.name == name)
    }
}
