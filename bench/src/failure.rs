//! Why the benchmark stopped, in words for the person at the terminal. Not a missed
//! budget: that is a result, and the table shows it.

use std::fmt;

/// What went wrong.
#[derive(Debug)]
pub(crate) struct Failure(String);

/// A result that says what was being done when it failed.
pub(crate) trait Context<T> {
    /// Names what was being done.
    fn during(self, what: impl fmt::Display) -> Result<T, Failure>;
}

impl Failure {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<T, E: fmt::Display> Context<T> for Result<T, E> {
    fn during(self, what: impl fmt::Display) -> Result<T, Failure> {
        self.map_err(|error| Failure(format!("{what}: {error}")))
    }
}

impl<T> Context<T> for Option<T> {
    fn during(self, what: impl fmt::Display) -> Result<T, Failure> {
        self.ok_or_else(|| Failure(what.to_string()))
    }
}
