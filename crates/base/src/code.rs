//! Every refusal Doorward can answer with, in one closed table: the stable code,
//! its HTTP status, how loudly it is logged, whether a retry may help, and the text
//! that may be shown. Not here: bodies (`surface::error`) and internal causes, which
//! are logged and never rendered.

use std::fmt;
use std::str::FromStr;

/// How loudly a refusal is logged. It lives here so that there is no second list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// Expected traffic.
    Debug,
    /// Worth a line.
    Info,
    /// Somebody should look, when it keeps happening.
    Warn,
    /// Somebody must look.
    Error,
}

/// One row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CodeRow {
    /// The stable code, for example `insufficient_scope`.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The level of its log line.
    pub level: Level,
    /// Whether the same request may succeed later without a change.
    pub retryable: bool,
    /// A text that may be shown to anyone.
    pub message: &'static str,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:literal, $level:ident, $retry:literal, $message:literal;)*) => {
        /// A stable refusal code.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum ErrorCode {
            $($(#[$doc])* $variant,)*
        }

        impl ErrorCode {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its row.
            #[must_use]
            pub const fn row(self) -> CodeRow {
                match self {
                    $(Self::$variant => CodeRow {
                        code: $code,
                        status: $status,
                        level: Level::$level,
                        retryable: $retry,
                        message: $message,
                    },)*
                }
            }
        }
    };
}

codes! {
    /// The request is not well-formed (RFC 6749 §5.2 uses the same word).
    InvalidRequest = "invalid_request", 400, Debug, false, "The request is malformed";
    /// The body is not the JSON that was expected.
    BodyMalformed = "body_malformed", 400, Debug, false, "The body is not valid JSON of the expected shape";
    /// SQL that cannot be read.
    SqlInvalid = "sql_invalid", 400, Debug, false, "The SQL cannot be read";
    /// The database refuses the query for a reason that the caller can mend.
    QueryRefused = "query_refused", 400, Debug, false, "The query names something that is not there or has a value of the wrong type";
    /// A query longer, deeper or wider than allowed.
    QueryTooComplex = "query_too_complex", 400, Debug, false, "The query is too long, too deep or too wide";
    /// A requested duration is not a whole number of seconds within the bounds.
    DurationInvalid = "duration_invalid", 400, Debug, false, "The duration must be a whole number of seconds, at least 1, and no longer than allowed";
    /// A requested scope lies outside the caller's authority (RFC 6749 §5.2).
    InvalidScope = "invalid_scope", 400, Debug, false, "A requested scope is malformed or exceeds what this credential may have";
    /// The path can be read in two ways.
    PathAmbiguous = "path_ambiguous", 400, Info, false, "The path can be read in more than one way";
    /// More than one credential in one request.
    CredentialConflict = "credential_conflict", 400, Info, false, "More than one credential was presented";
    /// A header that has one value came twice, or the framing is ambiguous.
    FramingAmbiguous = "framing_ambiguous", 400, Info, false, "The request's framing is ambiguous";
    /// No credential.
    CredentialMissing = "unauthorized", 401, Debug, false, "Missing authorization header";
    /// The Authorization header is not of a known form.
    CredentialMalformed = "invalid_token_format", 401, Debug, false, "Invalid Token Format";
    /// A token that does not verify, is unknown, revoked, or not accepted here.
    TokenInvalid = "invalid_token", 401, Debug, false, "Token is invalid";
    /// A bearer of another login that only that login can read: it was asked for without an
    /// audience.
    TokenOpaque = "token_opaque", 401, Debug, false, "This is an opaque token and not a JWT: ask its issuer for an access token with the audience of this API";
    /// An ID token where an access token belongs (RFC 9068 §5, OpenID Connect Core §2).
    TokenForLogin = "token_for_login", 401, Debug, false, "This is an ID token, which tells an application who signed in: send the access token that came with it";
    /// A token that verified and is past its expiry.
    TokenExpired = "token_expired", 401, Debug, false, "Token has expired";
    /// Wrong password or unknown user: one answer for both.
    SignInRefused = "invalid_credentials", 401, Info, false, "Invalid e-mail or password";
    /// A quota that can be extended for money is used up (RFC 9110 §15.5.3).
    PaymentRequired = "payment_required", 402, Debug, false, "The quota is used up";
    /// The scope the route needs is not in the token (RFC 6750 §3.1).
    InsufficientScope = "insufficient_scope", 403, Debug, false, "The token lacks a required scope";
    /// The permission the action needs is not held.
    InsufficientPermission = "insufficient_permission", 403, Debug, false, "A required permission is missing";
    /// The requested role is not among the caller's roles.
    RoleNotAllowed = "role_not_allowed", 403, Debug, false, "Your requested role is not in allowed roles";
    /// A statement or construct that callers do not have.
    StatementForbidden = "statement_forbidden", 403, Debug, false, "This statement is not allowed here";
    /// The route needs a tenant and the caller has none.
    TenantRequired = "tenant_required", 403, Debug, false, "This request needs a tenant and the credential has none";
    /// The caller may not act in that tenant.
    TenantForbidden = "tenant_forbidden", 403, Info, false, "This tenant is not yours";
    /// The credential's environment is not accepted here.
    EnvironmentForbidden = "environment_forbidden", 403, Debug, false, "This credential belongs to another environment";
    /// Plain HTTP where the realm demands TLS.
    HttpsRequired = "https_required", 403, Debug, false, "HTTPS is required";
    /// A request that another site made a browser send, or that cannot be told from one.
    RequestForged = "request_forged", 403, Info, false, "The request does not come from a page of this site";
    /// No such thing, or not yours: the same answer for both.
    NotFound = "not_found", 404, Debug, false, "Not found";
    /// No route matches.
    RouteUnknown = "route_unknown", 404, Debug, false, "No route matches this request";
    /// The route exists, for other methods.
    MethodNotAllowed = "method_not_allowed", 405, Debug, false, "Method not allowed";
    /// The owner already has as many active tokens of this class as it may have.
    TokenLimitReached = "token_limit_reached", 409, Debug, false, "The owner already has the maximum number of active tokens of this class; revoke or regenerate one";
    /// The name or address is taken.
    AlreadyExists = "already_exists", 409, Debug, false, "It already exists";
    /// A constraint of the tables refuses the change.
    ConstraintViolated = "constraint_violated", 409, Debug, false, "A constraint refuses the change";
    /// The body is larger than the cap.
    BodyTooLarge = "body_too_large", 413, Debug, false, "The body is too large";
    /// The request line is longer than the cap.
    UriTooLong = "uri_too_long", 414, Debug, false, "The request target is too long";
    /// The authority is not one this listener serves (RFC 9110 §15.5.20).
    HostUnknown = "host_unknown", 421, Debug, false, "No realm answers for this host";
    /// The result has more rows or bytes than allowed.
    ResultTooLarge = "result_too_large", 422, Debug, false, "The result is larger than allowed; ask for less";
    /// A limit was reached.
    RateLimited = "rate_limited", 429, Debug, true, "Too many requests";
    /// The header section is larger than the caps.
    HeadersTooLarge = "headers_too_large", 431, Debug, false, "The header section is too large";
    /// A defect of ours.
    Internal = "internal_error", 500, Error, false, "Internal error";
    /// The method or protocol feature is not implemented.
    NotImplemented = "not_implemented", 501, Debug, false, "Not implemented";
    /// The upstream could not be reached or answered nonsense.
    UpstreamFailed = "upstream_failed", 502, Warn, true, "The upstream did not answer properly";
    /// The store cannot answer now; nothing was written.
    StoreUnavailable = "store_unavailable", 503, Error, true, "The store cannot answer now";
    /// No key set is known yet for the token's issuer.
    KeysUnavailable = "keys_unavailable", 503, Error, true, "The issuer's keys cannot be had now";
    /// Accounts are off in this realm, and may be turned on.
    AuthNotEnabled = "auth_not_enabled", 503, Debug, true, "Authentication is not enabled here";
    /// A bounded pool is full.
    Busy = "busy", 503, Warn, true, "Busy, try again";
    /// An endpoint of ours took longer than its deadline. What it began may be done.
    DeadlinePassed = "deadline_passed", 504, Warn, true, "It took too long; what was asked may have been done";
    /// A query ran longer than it may.
    QueryTimeout = "query_timeout", 504, Info, true, "The query took too long and was cancelled";
    /// The upstream took too long.
    UpstreamTimeout = "upstream_timeout", 504, Warn, true, "The upstream took too long";
}

impl ErrorCode {
    /// The stable code as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().code
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        self.row().status
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such code")]
pub struct UnknownCode;

impl FromStr for ErrorCode {
    type Err = UnknownCode;
    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.as_str() == text)
            .ok_or(UnknownCode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_distinct_and_survive_their_text() {
        let distinct: HashSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(distinct.len(), ErrorCode::ALL.len());
        for &code in ErrorCode::ALL {
            assert_eq!(code.as_str().parse(), Ok(code));
        }
    }

    #[test]
    fn only_what_may_pass_by_itself_is_retryable() {
        for &code in ErrorCode::ALL {
            assert_eq!(
                code.row().retryable,
                matches!(code.status(), 429 | 502..=504),
                "{code}"
            );
        }
    }
}
