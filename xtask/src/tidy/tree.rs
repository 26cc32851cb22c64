//! The repository's text files as the rules see them: those git tracks or would add.
//! Build output, ignored files and binary files are not here.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use crate::{Failure, process};

/// Longer files are data (test vectors), which no rule reads.
const MAX_BYTES: u64 = 1 << 20;

#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    pub(crate) files: Vec<SourceFile>,
}

pub(crate) struct SourceFile {
    /// From the repository's root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Tree {
    pub(crate) fn read(root: &Path) -> Result<Self, Failure> {
        let args = ["ls-files", "--cached", "--others", "--exclude-standard"];
        let listed = process::capture(Command::new("git").current_dir(root).args(args))?;
        let mut files = Vec::new();
        for path in listed.lines() {
            if let Some(text) = read_text(&root.join(path))? {
                files.push(SourceFile {
                    path: path.to_owned(),
                    text,
                });
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        Ok(Self {
            root: root.to_path_buf(),
            files,
        })
    }

    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        let file = self.files.iter().find(|file| file.path == path)?;
        Some(&file.text)
    }

    pub(crate) fn with_extension<'t>(
        &'t self,
        extension: &'static str,
    ) -> impl Iterator<Item = &'t SourceFile> {
        self.files.iter().filter(move |file| {
            Path::new(&file.path)
                .extension()
                .is_some_and(|found| found == extension)
        })
    }
}

/// A tree of the given files, for the rules' tests.
#[cfg(test)]
impl Tree {
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files = files
            .iter()
            .map(|(path, text)| SourceFile {
                path: (*path).to_owned(),
                text: (*text).to_owned(),
            })
            .collect();
        Self {
            root: PathBuf::new(),
            files,
        }
    }
}

/// Nothing for a file that is deleted but still tracked, long, or not UTF-8.
fn read_text(path: &Path) -> Result<Option<String>, Failure> {
    let failed = |e: io::Error| Failure::new(format!("{}: {e}", path.display()));
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(e)),
    };
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return Ok(None);
    }
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == io::ErrorKind::InvalidData => Ok(None),
        Err(e) => Err(failed(e)),
    }
}
