//! What is derived from the master key's seed: the caller role's password and the keys by
//! which contexts are proven. Nothing of it is kept anywhere but in the database. Not here:
//! the checking of a MAC, which is the database's (`auth.sql`).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::pbkdf2;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_base::Secret;
use std::fmt::Write as _;
use std::num::NonZeroU32;

/// The block of SHA-256, to which RFC 2104 pads a key.
const BLOCK: usize = 64;
/// PostgreSQL's own.
const ROUNDS: NonZeroU32 = match NonZeroU32::new(4096) {
    Some(rounds) => rounds,
    None => NonZeroU32::MIN,
};

/// The secrets of one login role.
pub(super) struct Secrets {
    password: Secret,
    salt: [u8; 16],
    open: hmac::Key,
    open_bytes: [u8; 32],
    seal_bytes: [u8; 32],
}

impl Secrets {
    /// The same seed, database and realm give the same secrets on every node.
    pub(super) fn derive(seed: &[u8; 32], database: &str, realm: &str) -> Self {
        let seed = hmac::Key::new(hmac::HMAC_SHA256, seed);
        let part = |purpose: &str| -> [u8; 32] {
            // None of the three holds a zero byte.
            let text = format!("doorward rows\0{purpose}\0{database}\0{realm}");
            sha(&hmac::sign(&seed, text.as_bytes()))
        };
        let open_bytes = part("open");
        let [salt, _] = halves(part("salt"));
        Self {
            password: Secret::new(hex(&part("password"))),
            salt,
            open: hmac::Key::new(hmac::HMAC_SHA256, &open_bytes),
            open_bytes,
            seal_bytes: part("seal"),
        }
    }

    /// What the role logs in with.
    pub(super) const fn password(&self) -> &Secret {
        &self.password
    }

    /// The password as PostgreSQL keeps it (RFC 5802): no log shows what it was made from.
    pub(super) fn verifier(&self) -> String {
        let mut salted = [0; 32];
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            ROUNDS,
            &self.salt,
            self.password.expose().as_bytes(),
            &mut salted,
        );
        let salted = hmac::Key::new(hmac::HMAC_SHA256, &salted);
        let client = hmac::sign(&salted, b"Client Key");
        let stored = digest(&SHA256, client.as_ref());
        let server = hmac::sign(&salted, b"Server Key");
        format!(
            "SCRAM-SHA-256${ROUNDS}:{}${}:{}",
            STANDARD.encode(self.salt),
            STANDARD.encode(stored.as_ref()),
            STANDARD.encode(server.as_ref())
        )
    }

    /// The four padded keys of `doorward.rows_key`, in its columns' order.
    pub(super) fn pads(&self) -> [Vec<u8>; 4] {
        let pad = |key: &[u8; 32], with: u8| {
            let mut padded = vec![with; BLOCK];
            for (byte, key) in padded.iter_mut().zip(key) {
                *byte ^= key;
            }
            padded
        };
        [
            pad(&self.open_bytes, 0x36),
            pad(&self.open_bytes, 0x5c),
            pad(&self.seal_bytes, 0x36),
            pad(&self.seal_bytes, 0x5c),
        ]
    }

    /// Proves a context to `auth.begin`, for one session, until a second of its clock.
    pub(super) fn prove(&self, claims: &str, pid: i32, until: i64) -> [u8; 32] {
        let mut said = hmac::Context::with_key(&self.open);
        said.update(&pid.to_be_bytes());
        said.update(format!("{until:012}").as_bytes());
        said.update(claims.as_bytes());
        let tag = said.sign();
        let mut out = [0; 32];
        for (to, from) in out.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        out
    }
}

/// The name of a realm's caller role. Roles are the whole server's, so the database is in it.
pub(super) fn role_name(database: &str, realm: &str) -> String {
    let tag = digest(&SHA256, format!("{database}\0{realm}").as_bytes());
    let short: String = realm.chars().take(32).collect();
    let tag: String = hex(tag.as_ref()).chars().take(8).collect();
    format!("doorward_rows_{short}_{tag}")
}

/// The digest of a text, in hexadecimal.
pub(super) fn digest_of(text: &str) -> String {
    hex(digest(&SHA256, text.as_bytes()).as_ref())
}

fn sha(tag: &hmac::Tag) -> [u8; 32] {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    out
}

fn halves(bytes: [u8; 32]) -> [[u8; 16]; 2] {
    let mut halves = [[0; 16]; 2];
    for (half, from) in halves.iter_mut().zip(bytes.chunks_exact(16)) {
        half.copy_from_slice(from);
    }
    halves
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
