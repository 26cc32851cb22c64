//! TLS as whoever connects sees it: why a handshake failed, and, with the feature `rustls`,
//! the one verifier that all our clients share ([`verify`]). No connection is made here.
//!
//! Not here: whom a client trusts (each has its own setting), and our own listeners.

#[cfg(feature = "rustls")]
pub mod verify;

/// Why there is no TLS with the other end. The texts name neither it nor what its
/// certificate says: they may be shown to somebody who is not to learn what lies there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum TlsFault {
    /// The certificate is over, or not valid yet.
    #[error("the certificate has expired, or is not valid yet")]
    Expired,
    /// It is another host's.
    #[error("the certificate is not for this host name")]
    Name,
    /// It descends from nobody who is trusted.
    #[error("the certificate is of no authority that is trusted")]
    UnknownAuthority,
    /// It is not one that a server may show.
    #[error(
        "the certificate cannot be used (one that signed itself must be named as it is, \
         beside the authorities)"
    )]
    Certificate,
    /// The other end refused us.
    #[error("the other end refused the handshake")]
    Alert,
    /// The other end offers none.
    #[error("the other end offers none")]
    NotOffered,
    /// Anything else.
    #[error("the handshake failed")]
    Handshake,
}

impl TlsFault {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::Expired,
        Self::Name,
        Self::UnknownAuthority,
        Self::Certificate,
        Self::Alert,
        Self::NotOffered,
        Self::Handshake,
    ];

    /// A stable name for metrics, traces and logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Expired => "tls_expired",
            Self::Name => "tls_name",
            Self::UnknownAuthority => "tls_unknown_authority",
            Self::Certificate => "tls_certificate",
            Self::Alert => "tls_alert",
            Self::NotOffered => "tls_not_offered",
            Self::Handshake => "tls",
        }
    }
}
