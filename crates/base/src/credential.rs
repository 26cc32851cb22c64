//! By what a caller presents itself. Not here: verifying it (`gate`), and the id of what
//! was presented ([`crate::principal::CredentialId`]).

/// A kind of credential, as routes and mounts accept them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum CredentialKind {
    /// An access token (JWT).
    #[default]
    Jwt,
    /// An API token presented itself, by header, query or bearer.
    ApiToken,
    /// HTTP Basic with an API token as the password; a route that accepts it names a
    /// module that is on.
    Basic,
    /// A client's id and secret by HTTP Basic (RFC 6749 §2.3.1), at mounts.
    Client,
    /// The cookie of a sign-in, at mounts.
    Session,
}

crate::words!(CredentialKind {
    Jwt = "jwt",
    ApiToken = "api_token",
    Basic = "basic",
    Client = "client",
    Session = "session",
});
