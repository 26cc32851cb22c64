//! What caches must forget. Every writing transaction appends its changes to the
//! change log; other processes follow it.

use doorward_base::{ApiTokenId, ClientId, RealmId, SessionId, SubjectId};

/// A position in the change log. Grows by commit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ChangeSeq(pub i64);

/// One thing that changed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Change {
    /// An API token was made, re-keyed, retired or revoked.
    ApiToken(ApiTokenId),
    /// A session ended.
    Session(SessionId),
    /// A client was revoked.
    Client(ClientId),
    /// A subject was disabled, enabled or deleted, or its authority changed: its epoch
    /// grew.
    Subject(SubjectId),
    /// The realm's keys changed.
    Keys,
    /// Tenants were deleted.
    Tenants,
    /// What tenants were given of limits changed.
    Limits,
}

/// An entry of the change log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChangeRow {
    /// Its position.
    pub seq: ChangeSeq,
    /// Where it happened.
    pub realm: RealmId,
    /// What happened.
    pub change: Change,
}
