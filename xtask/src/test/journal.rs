//! The journal search: no secret that a test minted may occur in what the tests left
//! behind (logs, audit rows, traces, stores), byte for byte.
//!
//! The testkit writes one secret a line into files named `secrets.journal` below
//! `target/test-artifacts`; every other file there is searched. A hit names the file and
//! the journal's line, never the secret.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Failure;

const JOURNAL: &str = "secrets.journal";
/// Secrets are found by their first bytes; a shorter one would hit by chance.
const KEY: usize = 8;

/// What a search without secrets or without files means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Empty {
    Passes,
    Fails,
}

/// Searches everything below `artifacts` and prints the counts.
pub(crate) fn search(artifacts: &Path, empty: Empty) -> Result<(), Failure> {
    let mut files = Vec::new();
    collect_files(artifacts, &mut files)?;
    files.sort();
    let (journals, others): (Vec<PathBuf>, Vec<PathBuf>) = files
        .into_iter()
        .partition(|path| path.file_name().is_some_and(|name| name == JOURNAL));
    let secrets = Secrets::read(&journals)?;
    let mut hits = 0_usize;
    for path in &others {
        let bytes = read(path)?;
        for (offset, secret) in secrets.hits(&bytes) {
            hits += 1;
            eprintln!(
                "{}: byte {offset}: the secret of {}:{}",
                path.display(),
                secret.journal.display(),
                secret.line
            );
        }
    }
    println!(
        "journal: {} secrets, {} files searched, {hits} hits",
        secrets.count,
        others.len()
    );
    if hits > 0 {
        return Err(Failure::with_fix(
            "secrets were written in clear",
            "store a digest; log the secret's id, or its type, which prints no content",
        ));
    }
    if empty == Empty::Fails && (secrets.count == 0 || others.is_empty()) {
        return Err(Failure::new("the search proves nothing: it had no input"));
    }
    Ok(())
}

struct Secret {
    bytes: Vec<u8>,
    journal: PathBuf,
    line: usize,
}

/// Secrets by their first [`KEY`] bytes, so that a file is read once however many there are.
#[derive(Default)]
struct Secrets {
    by_key: HashMap<[u8; KEY], Vec<Secret>>,
    count: usize,
}

impl Secrets {
    fn read(journals: &[PathBuf]) -> Result<Self, Failure> {
        let mut secrets = Self::default();
        for journal in journals {
            let text = read(journal)?;
            for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
                if !line.is_empty() {
                    secrets.insert(line, journal, index + 1)?;
                }
            }
        }
        Ok(secrets)
    }

    fn insert(&mut self, bytes: &[u8], journal: &Path, line: usize) -> Result<(), Failure> {
        let Some(key) = bytes.first_chunk::<KEY>() else {
            return Err(Failure::with_fix(
                format!("{}:{line}: under {KEY} bytes", journal.display()),
                "use longer secrets in tests: a short one occurs by chance",
            ));
        };
        let same_key = self.by_key.entry(*key).or_default();
        if same_key.iter().all(|known| known.bytes != bytes) {
            same_key.push(Secret {
                bytes: bytes.to_vec(),
                journal: journal.to_path_buf(),
                line,
            });
            self.count += 1;
        }
        Ok(())
    }

    fn hits<'s>(&'s self, haystack: &[u8]) -> Vec<(usize, &'s Secret)> {
        let mut hits = Vec::new();
        for offset in 0..haystack.len() {
            let Some(rest) = haystack.get(offset..) else {
                break;
            };
            let Some(same_key) = rest.first_chunk().and_then(|key| self.by_key.get(key)) else {
                continue;
            };
            for secret in same_key {
                if rest.starts_with(&secret.bytes) {
                    hits.push((offset, secret));
                }
            }
        }
        hits
    }
}

/// Symbolic links are not followed: what they name lies elsewhere or is found anyway.
fn collect_files(dir: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(unreadable(dir, &e)),
    };
    for entry in entries {
        let entry = entry.map_err(|e| unreadable(dir, &e))?;
        let kind = entry.file_type().map_err(|e| unreadable(dir, &e))?;
        if kind.is_dir() {
            collect_files(&entry.path(), files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|e| unreadable(path, &e))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifacts(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        dir
    }

    #[test]
    fn a_secret_of_one_test_is_found_in_another_tests_binary_store() {
        let dir = artifacts(&[
            ("mint/secrets.journal", b"wbat-0123456789\n"),
            ("other/store.db", b"\0\xff..wbat-0123456789\0"),
        ]);
        assert!(search(dir.path(), Empty::Fails).is_err());
    }

    #[test]
    fn a_shared_prefix_is_no_hit_and_the_journal_itself_is_not_searched() {
        let dir = artifacts(&[
            ("a/secrets.journal", b"wbat-0123456789\n"),
            ("b/secrets.journal", b"wbat-0123456789\nwbat-0123456788\n"),
            (
                "a/logs/server.log",
                b"prefix wbat-0123 only, wbat-012345678",
            ),
        ]);
        assert!(search(dir.path(), Empty::Fails).is_ok());
    }

    #[test]
    fn every_secret_with_the_same_beginning_is_looked_for() {
        let mut secrets = Secrets::default();
        for (line, bytes) in [b"same-key-one", b"same-key-two"].iter().enumerate() {
            secrets.insert(*bytes, Path::new("j"), line).unwrap();
        }
        let hits: Vec<(usize, usize)> = secrets
            .hits(b"..same-key-two same-key-one")
            .iter()
            .map(|(offset, secret)| (*offset, secret.line))
            .collect();
        assert_eq!(hits, [(2, 1), (15, 0)]);
    }

    #[test]
    fn a_whole_run_without_secrets_or_without_files_fails() {
        let nothing = tempfile::tempdir().unwrap();
        assert!(search(&nothing.path().join("absent"), Empty::Fails).is_err());
        assert!(search(&nothing.path().join("absent"), Empty::Passes).is_ok());
        let no_files = artifacts(&[("a/secrets.journal", b"wbat-0123456789\n")]);
        assert!(search(no_files.path(), Empty::Fails).is_err());
    }

    #[test]
    fn a_secret_too_short_to_search_for_is_an_error() {
        let dir = artifacts(&[("a/secrets.journal", b"hunter2\n"), ("a/log", b"x")]);
        assert!(search(dir.path(), Empty::Fails).is_err());
    }
}
