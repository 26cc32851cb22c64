//! Why a data call failed: our own kinds, with what SQL says of it where an engine spoke.
//! Not here: bodies.

use doorward_base::ErrorCode;
use std::fmt;

/// Why.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FaultKind {
    /// The caller acts in no tenant.
    TenantRequired,
    /// The caller may not read.
    ReadForbidden,
    /// The caller may not write.
    WriteForbidden,
    /// The schema is an operator's.
    SchemaForbidden,
    /// The SQL cannot be read.
    SyntaxInvalid,
    /// A statement or construct that callers do not have.
    StatementForbidden,
    /// Longer, deeper or wider than allowed.
    TooComplex,
    /// The request is not well-formed (a query parameter, a body).
    RequestInvalid,
    /// No such table, column or function.
    NameUnknown,
    /// A value of the wrong type or form.
    ValueInvalid,
    /// A unique, foreign or other constraint refused it.
    ConstraintViolated,
    /// A row policy refused the row.
    PolicyViolated,
    /// More rows or bytes than a result may have.
    ResultTooLarge,
    /// More rows changed than the caller allowed.
    TooManyAffected,
    /// It took longer than it may.
    TimedOut,
    /// The tenant has left too much of its answers unread.
    Unread,
    /// Another writer was in the way for too long.
    Contended,
    /// The tenant's rows, or all of them, cannot be reached now.
    Unavailable,
    /// What the engine refuses for any other reason that the caller can mend.
    Refused,
    /// A defect of ours.
    Internal,
}

impl FaultKind {
    /// The code that it is answered, counted and traced by.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::TenantRequired => ErrorCode::TenantRequired,
            Self::ReadForbidden | Self::WriteForbidden | Self::SchemaForbidden => {
                ErrorCode::InsufficientScope
            }
            Self::SyntaxInvalid => ErrorCode::SqlInvalid,
            Self::StatementForbidden | Self::PolicyViolated => ErrorCode::StatementForbidden,
            Self::TooComplex => ErrorCode::QueryTooComplex,
            Self::RequestInvalid => ErrorCode::InvalidRequest,
            Self::NameUnknown | Self::ValueInvalid | Self::Refused => ErrorCode::QueryRefused,
            Self::ConstraintViolated => ErrorCode::ConstraintViolated,
            Self::ResultTooLarge | Self::TooManyAffected => ErrorCode::ResultTooLarge,
            Self::TimedOut => ErrorCode::QueryTimeout,
            Self::Unread => ErrorCode::RateLimited,
            Self::Contended => ErrorCode::Busy,
            Self::Unavailable => ErrorCode::StoreUnavailable,
            Self::Internal => ErrorCode::Internal,
        }
    }
}

/// Five characters, as SQL has them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SqlState([u8; 5]);

impl SqlState {
    /// Of such a text; anything else is `XX000`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let plain = |bytes: &[u8; 5]| bytes.iter().all(u8::is_ascii_alphanumeric);
        match <[u8; 5]>::try_from(text.as_bytes()) {
            Ok(bytes) if plain(&bytes) => Self(bytes),
            _ => Self(*b"XX000"),
        }
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XX000")
    }
}

/// One failed data call. What it says may be shown to the caller: it names nothing of another
/// tenant, no file and no other connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Why.
    pub kind: FaultKind,
    /// In words, for the caller.
    pub message: String,
    /// More of it.
    pub details: Option<String>,
    /// What would help.
    pub hint: Option<String>,
    /// The engine's, or PostgreSQL's for the like.
    pub state: Option<SqlState>,
    /// Where in the caller's SQL, in characters from 1.
    pub position: Option<u32>,
}

impl Fault {
    /// With the code's own words.
    #[must_use]
    pub fn new(kind: FaultKind) -> Self {
        Self::because(kind, kind.code().row().message)
    }

    /// In these words.
    #[must_use]
    pub fn because(kind: FaultKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            details: None,
            hint: None,
            state: None,
            position: None,
        }
    }

    /// With what would help.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With more of it.
    #[must_use]
    pub fn details(mut self, details: impl Into<String>) -> Self {
        self.details = Some(details.into());
        self
    }

    /// With SQL's name for it.
    #[must_use]
    pub fn state(mut self, state: &str) -> Self {
        self.state = Some(SqlState::new(state));
        self
    }

    /// With where it is.
    #[must_use]
    pub const fn at(mut self, position: u32) -> Self {
        self.position = Some(position);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}
