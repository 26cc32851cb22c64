//! Stores with many API tokens, written by SQL: one token is made as users make theirs,
//! and copied. The first copies are tokens whose secrets are known, so that they can be
//! presented; the rest only fill the tables. Not here: what is measured on them (`plan`).

use crate::database::{Cluster, Database};
use crate::doorward::{Installation, KEY_PREFIX, Shape, Wanted};
use crate::failure::{Context as _, Failure};
use crate::farm::expect;
use crate::load::ask;
use crate::meter;
use crate::site::{Site, UPSTREAM_BODY, write_lines};
use crate::start::wait_for_answer;
use doorward_base::testing::SeededEntropy;
use doorward_base::token_format::{TokenBody, TokenFormat};
use doorward_jose::{DigestKey, MasterKey};
use doorward_testkit::Request;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Tokens whose secrets are known, at most.
pub(crate) const KNOWN: usize = 100_000;
/// Uses of one token, by which the cache is measured.
const USES: usize = 20_000;
/// Copies a statement.
const CHUNK: usize = 1000;

/// An installation with many tokens.
#[derive(Debug)]
pub(crate) struct Filled {
    pub(crate) size: usize,
    pub(crate) installation: Installation,
    /// Secrets, one a line, each once.
    pub(crate) each: PathBuf,
    /// One secret, over and over.
    pub(crate) same: PathBuf,
    /// From its start until it answers, seconds.
    pub(crate) start: f64,
    /// Its memory then, MiB.
    pub(crate) idle: f64,
}

/// Fills a store on each engine in each size.
pub(crate) fn all(
    site: &Site,
    binary: &Path,
    upstream: SocketAddr,
    cluster: &Cluster,
    sizes: &[usize],
) -> Result<Vec<Filled>, Failure> {
    let mut filled = Vec::new();
    for &size in sizes {
        let sqlite = Database::Sqlite(site.file(&format!("tokens-{size}.db")));
        for database in [sqlite, cluster.create_database()] {
            eprintln!("filling {} with {size} API tokens", database.engine());
            filled.push(Filled::make(site, binary, upstream, &database, size)?);
        }
    }
    Ok(filled)
}

impl Filled {
    fn make(
        site: &Site,
        binary: &Path,
        upstream: SocketAddr,
        database: &Database,
        size: usize,
    ) -> Result<Self, Failure> {
        let name = format!("tokens-{size}-{}", database.engine());
        let wanted = Wanted {
            database: Some(database.clone()),
            ..Wanted::new(&name, Shape::Gate)
        };
        let installation = Installation::write(site, binary, &wanted, upstream)?;
        let first = installation.make_gate_key()?;
        let made = Made::read(site, &installation, database, &first)?;
        let known = size.min(KNOWN);
        let secrets = mint(known)?;
        let script = made.script(database, &secrets, size - known);
        database.run(&site.write("fill.sql", &script)?)?;
        let (each, same) = (
            site.file(&format!("{name}.each")),
            site.file(&format!("{name}.same")),
        );
        write_lines(&each, &secrets)?;
        write_lines(&same, std::iter::repeat_n(&first, USES))?;
        let begun = Instant::now();
        let running = installation.start()?;
        wait_for_answer(installation.addr, "/healthz")?;
        let start = begun.elapsed().as_secs_f64();
        let idle = meter::resident_mib(running.pid())?;
        let last = secrets.last().during("a token")?;
        let answer = ask(&Request::new(installation.addr, "GET", "/key/1").bearer(last))?;
        expect(
            "doorward, a token written by SQL",
            &answer,
            200,
            UPSTREAM_BODY,
        )?;
        Ok(Self {
            size,
            installation,
            each,
            same,
            start,
            idle,
        })
    }
}

fn mint(count: usize) -> Result<Vec<String>, Failure> {
    let format = TokenFormat::new(KEY_PREFIX, Vec::new(), TokenBody::Checked);
    let format = format.during("the class's format")?;
    let entropy = SeededEntropy::new(4);
    let secrets = std::iter::repeat_with(|| format.mint(None, &entropy).expose().to_owned());
    Ok(secrets.take(count).collect())
}

/// What the copies are made from.
struct Made {
    digests: DigestKey,
    /// Of the token that is copied, hexadecimal.
    digest: String,
}

impl Made {
    /// Finds the key of the digests as the binary does.
    fn read(
        site: &Site,
        installation: &Installation,
        database: &Database,
        secret: &str,
    ) -> Result<Self, Failure> {
        let hex = |column: &str| match database {
            Database::Sqlite(_) => format!("hex({column})"),
            Database::Postgres(..) => format!("encode({column}, 'hex')"),
        };
        let script = format!(
            "SELECT realm_key.realm, realm_key.kid, {}, {} FROM realm_key \
             JOIN api_token ON api_token.realm = realm_key.realm \
             WHERE realm_key.purpose = 'digest';\n",
            hex("realm_key.sealed"),
            hex("api_token.digest")
        );
        let row = database.run(&site.write("made.sql", &script)?)?;
        let columns: Vec<&str> = row.trim().split('|').collect();
        let [realm, kid, sealed, digest] = *columns.as_slice() else {
            return Err(Failure::new(format!("one token was made, not {row:?}")));
        };
        let master = std::fs::read_to_string(installation.master()).during("the master key")?;
        let master = MasterKey::from_text(&master).during("the master key")?;
        let sealed = unhex(sealed).during("a sealed key")?;
        let generation = master.open(&format!("realm/{realm}/key/digest/{kid}"), &sealed);
        let generation = generation.during("the digests' key")?;
        let generation = String::from_utf8_lossy(&generation);
        let label = format!("realm/{realm}/{generation}/api-token");
        let digests = DigestKey::derive(&master, &label).during("the digests' key")?;
        let digest = digest.to_lowercase();
        if hexadecimal(digests.digest(secret.as_bytes()).as_bytes()) == digest {
            Ok(Self { digests, digest })
        } else {
            Err(Failure::new("the binary digests tokens otherwise by now"))
        }
    }

    /// The SQL that copies the token.
    fn script(&self, database: &Database, secrets: &[String], further: usize) -> String {
        let columns = "realm, class, kind, owner, tenant, roles, permissions, audiences, \
            environment, name, state, state_at, created_at, created_by, replaces, expires_at, \
            last_used_at, digest_key";
        let (begin, end, id, digest) = match database {
            Database::Sqlite(_) => (
                "PRAGMA synchronous = off;\nPRAGMA cache_size = -1000000;\nBEGIN;\n",
                "COMMIT;\nANALYZE;\nPRAGMA wal_checkpoint(truncate);\n",
                "randomblob(16)",
                "randomblob(32)",
            ),
            Database::Postgres(..) => (
                // References are not checked: every copy has the original's.
                "BEGIN;\nSET LOCAL session_replication_role = replica;\n",
                "COMMIT;\nVACUUM ANALYZE api_token;\nCHECKPOINT;\n",
                "gen_random_uuid()",
                "sha256(uuid_send(gen_random_uuid()))",
            ),
        };
        let bytes = |hex: &str| match database {
            Database::Sqlite(_) => format!("x'{hex}'"),
            Database::Postgres(..) => format!("'\\x{hex}'::bytea"),
        };
        let original = format!("WHERE api_token.digest = {}", bytes(&self.digest));
        let mut text = begin.to_owned();
        for chunk in secrets.chunks(CHUNK) {
            let values: Vec<String> = chunk
                .iter()
                .map(|secret| hexadecimal(self.digests.digest(secret.as_bytes()).as_bytes()))
                .map(|digest| format!("({})", bytes(&digest)))
                .collect();
            let values = values.join(",");
            let _ = writeln!(
                text,
                "WITH given (new) AS (VALUES {values}) \
                 INSERT INTO api_token (id, digest, {columns}) \
                 SELECT {id}, given.new, {columns} FROM api_token, given {original};"
            );
        }
        if further > 0 {
            let _ = writeln!(
                text,
                "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {further}) \
                 INSERT INTO api_token (id, digest, {columns}) \
                 SELECT {id}, {digest}, {columns} FROM api_token, n {original};"
            );
        }
        text.push_str(end);
        text
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_as_text() {
        assert_eq!(unhex("00fF10").unwrap(), [0, 255, 16]);
        assert_eq!(hexadecimal(&[0, 255, 16]), "00ff10");
        assert_eq!(unhex("0g"), None);
    }

    #[test]
    fn what_is_minted_is_different_and_well_formed() {
        let secrets = mint(3).unwrap();
        assert!(secrets.iter().all(|secret| secret.starts_with(KEY_PREFIX)));
        assert!(secrets[0] != secrets[1] && secrets[1] != secrets[2]);
    }
}
