//! The folder of a run: everything that is written lies there, and it goes away with
//! the run. Here are also the files that several parties read: tokens, keys, the
//! upstream's answer. Not here: the configurations (`peer`, `doorward`).

use crate::failure::{Context as _, Failure};
use crate::process::capture;
use crate::token::{Issuer, Zipf};
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The upstream's answer: 126 bytes of JSON.
pub(crate) const UPSTREAM_BODY: &str = r#"{"id":"3f8a1c52-9d4e-4b7a-8c61-5e2f7d903b14","name":"acme bills","state":"active","tags":["billing","eu"],"items":7,"ok":true}"#;

/// The files of a run.
#[derive(Debug)]
pub(crate) struct Site {
    dir: tempfile::TempDir,
    pub(crate) issuer: Issuer,
    /// One access token that every check lets pass.
    pub(crate) token: String,
    /// Different access tokens, one a line.
    pub(crate) tokens: PathBuf,
    /// Line numbers of `tokens`, drawn by Zipf.
    pub(crate) zipf: PathBuf,
}

impl Site {
    /// Makes keys and tokens.
    pub(crate) fn make(tokens: usize) -> Result<Self, Failure> {
        let dir = fresh_dir().during("a folder for the run")?;
        let issuer = Issuer::make()?;
        let site = Self {
            token: issuer.mint(0)?,
            tokens: dir.path().join("tokens"),
            zipf: dir.path().join("zipf"),
            dir,
            issuer,
        };
        site.write("issuer.jwks.json", &site.issuer.key_set()?)?;
        site.write_keys()?;
        write_lines(&site.tokens, site.issuer.mint_many(tokens)?)?;
        write_lines(&site.zipf, Zipf::new(tokens).take(1 << 20))?;
        Ok(site)
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A file of the run.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        let path = self.file(name);
        fs::write(&path, text).during(name)?;
        Ok(path)
    }

    /// The issuer's public key and a certificate for TLS, as PEM.
    fn write_keys(&self) -> Result<(), Failure> {
        let private = self.file("issuer.der");
        fs::write(&private, self.issuer.private_key()?).during("issuer.der")?;
        let mut public = Command::new("openssl");
        public
            .args(["pkey", "-inform", "DER", "-pubout", "-in"])
            .arg(&private);
        self.write("issuer.pem", &capture(&mut public)?)?;
        let (cert, key) = (self.file("tls.pem"), self.file("tls.key"));
        let mut request = Command::new("openssl");
        request
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
            ])
            .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&cert);
        capture(&mut request)?;
        let both = [cert, key].map(|path| fs::read_to_string(path).during("the certificate"));
        let both: Result<String, Failure> = both.into_iter().collect();
        self.write("tls.both.pem", &both?)?;
        Ok(())
    }
}

/// A folder beside the build, so on a disk like a store's. Its name is fixed: a run that
/// was cut off leaves it to the next, which wipes it.
fn fresh_dir() -> std::io::Result<tempfile::TempDir> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).unwrap_or(Path::new("."));
    let name = "bench-run";
    match fs::remove_dir_all(target.join(name)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    tempfile::Builder::new()
        .prefix(name)
        .rand_bytes(0)
        .tempdir_in(target)
}

/// Writes a file of the run, one item a line.
pub(crate) fn write_lines<T: std::fmt::Display>(
    path: &Path,
    lines: impl IntoIterator<Item = T>,
) -> Result<(), Failure> {
    let file = fs::File::create(path).during(path.display())?;
    let mut file = BufWriter::new(file);
    for line in lines {
        writeln!(file, "{line}").during(path.display())?;
    }
    file.flush().during(path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upstream_answers_126_bytes_of_json() {
        assert_eq!(UPSTREAM_BODY.len(), 126);
        assert!(serde_json::from_str::<serde_json::Value>(UPSTREAM_BODY).is_ok());
    }
}
