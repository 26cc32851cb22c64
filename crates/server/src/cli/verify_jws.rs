//! `doorward verify-jws`.

use super::{Failure, output};
use clap::Args;
use doorward_jose::command::{MAX_INPUT, verify_jws};
use std::io::Read as _;

/// Reads a JWK or JWK set as one JSON value, white space, and a compact JWS from
/// standard input; prints `valid`, or `invalid` and the check that failed (exit 1)
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  cat key.jwk token.jwt | doorward verify-jws")]
pub(super) struct VerifyJws {
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

impl VerifyJws {
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut input = String::new();
        let cap = u64::try_from(MAX_INPUT)
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        std::io::stdin()
            .lock()
            .take(cap)
            .read_to_string(&mut input)
            .map_err(|error| {
                Failure::Usage(format!("cannot read standard input as text: {error}"))
            })?;
        let verdict = verify_jws(&input);
        if self.json {
            output::json(&serde_json::json!({"valid": verdict.valid, "code": verdict.code}));
        } else {
            output::line(&verdict.to_string());
        }
        if verdict.valid {
            Ok(())
        } else {
            Err(Failure::Refused(format!(
                "the token is refused: {}",
                verdict.code
            )))
        }
    }
}
