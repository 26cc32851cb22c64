//! The stages every request passes, in order: guard, route, verify, limit, decide.
//! Each is a function that passes or stops; [`crate::gate`] puts them in sequence.
//! Not here: what happens after a permit (`proxy`, local targets).

pub(crate) mod cors;
pub(crate) mod decide;
pub(crate) mod forwarded;
pub(crate) mod guard;
pub(crate) mod limit;
pub(crate) mod reserved;
pub(crate) mod route;
pub(crate) mod verify;

use crate::policy::compiled::Realm;
use doorward_base::ErrorCode;
use doorward_surface::Refusal;
use http::header::WWW_AUTHENTICATE;
use http::{HeaderName, HeaderValue};

/// A stage's refusal, with what its trace needs.
#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) refusal: Refusal,
    pub(crate) stage: &'static str,
    pub(crate) check: &'static str,
    pub(crate) required: Vec<String>,
    pub(crate) held: Vec<String>,
    /// Headers its standard asks for, such as `Allow`.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Stop {
    /// A refusal by `check` of `stage`. Boxed, because passing is the rule and a
    /// refusal is large.
    pub(crate) fn new(code: ErrorCode, stage: &'static str, check: &'static str) -> Box<Self> {
        Box::new(Self {
            refusal: Refusal::new(code),
            stage,
            check,
            required: Vec::new(),
            held: Vec::new(),
            headers: Vec::new(),
        })
    }

    /// With a challenge for the scheme that the route takes beside Bearer (RFC 9110
    /// §11.6.1): Maven, Gradle, wget and git send Basic only when asked.
    pub(crate) fn with_basic_challenge(mut self: Box<Self>, realm: &Realm) -> Box<Self> {
        let challenge = format!("Basic realm=\"{}\", charset=\"UTF-8\"", realm.name);
        if let Ok(challenge) = HeaderValue::from_str(&challenge) {
            self.headers.push((WWW_AUTHENTICATE, challenge));
        }
        self
    }

    /// With what was required and what was held.
    pub(crate) fn between(
        mut self: Box<Self>,
        required: Vec<String>,
        held: Vec<String>,
    ) -> Box<Self> {
        self.required = required;
        self.held = held;
        self
    }
}

/// What a stage answers.
pub(crate) type Passed<T> = Result<T, Box<Stop>>;
