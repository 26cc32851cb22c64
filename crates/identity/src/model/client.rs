//! An application that authenticates itself. Its secrets exist only in the answers that
//! make them. Not here: who may manage one (`decide::client`).

use super::Ceiling;
use doorward_base::secret::TokenDigest;
use doorward_base::{ClientId, SubjectId, TenantId, Timestamp};
use std::net::IpAddr;
use std::str::FromStr;

/// Whether an application can keep a secret (RFC 6749 §2.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ClientKind {
    /// It can, and authenticates by one.
    Confidential,
    /// It cannot: an application in a browser or on a device.
    Public,
}

impl ClientKind {
    /// `confidential` or `public`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confidential => "confidential",
            Self::Public => "public",
        }
    }
}

impl FromStr for ClientKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "confidential" => Ok(Self::Confidential),
            "public" => Ok(Self::Public),
            other => Err(format!(
                "unknown kind {other:?}; known: confidential, public"
            )),
        }
    }
}

/// Where a client is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientState {
    /// It works.
    Active,
    /// It never works again.
    Revoked {
        /// Since when.
        at: Timestamp,
    },
}

/// A client of a realm.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Client {
    /// Its id: what the application presents as `client_id`.
    pub id: ClientId,
    /// What it is called, at most 200 characters.
    pub name: String,
    /// Whether it keeps a secret.
    pub kind: ClientKind,
    /// The most it may carry. Its tenant is whose client it is; without one it is the
    /// realm's.
    pub ceiling: Ceiling,
    /// Where an authorization may return to (RFC 6749 §3.1.2), compared byte by byte.
    pub redirect_uris: Vec<String>,
    /// Where it is in its life.
    pub state: ClientState,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it; `None` is an operator at the command line.
    pub created_by: Option<SubjectId>,
}

impl Client {
    /// The tenant whose client it is.
    #[must_use]
    pub const fn tenant(&self) -> Option<&TenantId> {
        self.ceiling.tenant.as_ref()
    }
}

/// One of a client's secrets, without the secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClientSecret {
    /// The keyed digest of the secret: it names it.
    pub digest: TokenDigest,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops: a replaced one at the end of the overlap.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the flush interval.
    pub last_used_at: Option<Timestamp>,
    /// From where.
    pub last_used_from: Option<IpAddr>,
}

impl ClientSecret {
    /// Whether it works at `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// A client with what it takes to check its secret, loaded at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientDossier {
    /// The client.
    pub client: Client,
    /// Whether its tenant is there, if it has one: what a deleted tenant owned is dead.
    pub tenant_stands: bool,
    /// Its secrets, the newest first.
    pub secrets: Vec<ClientSecret>,
}

/// One use of a client's secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SecretUse {
    /// Which.
    pub digest: TokenDigest,
    /// When.
    pub at: Timestamp,
    /// From where.
    pub from: Option<IpAddr>,
}
