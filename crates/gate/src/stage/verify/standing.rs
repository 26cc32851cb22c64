//! Whether what a caller hangs on still stands: the credential, the client it was issued
//! to, and each actor's; and the authority that it was given. The one rule, for requests
//! and for what they opened. Not here: who is asked when (`jwt`, `stream`), and expiry.

use super::read;
use crate::policy::compiled::Realm;
use crate::port::Revocations;
use doorward_base::{Principal, Timestamp};
use doorward_surface::RealmHandle;

/// Why a caller does not stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fallen {
    /// It cannot be known now.
    Unknown,
    /// Something that it hangs on was revoked or ended.
    Revoked,
    /// Its authority, or an actor's, changed since.
    Older,
}

/// Nothing, if the caller stands.
pub(crate) fn check(
    revocations: &dyn Revocations,
    realm: &RealmHandle,
    principal: &Principal,
    now: Timestamp,
) -> Result<(), Fallen> {
    if !revocations.is_current(realm, now) {
        return Err(Fallen::Unknown);
    }
    let is_revoked = |credential| revocations.is_revoked(realm, &credential, now);
    if principal.credentials().any(is_revoked) {
        return Err(Fallen::Revoked);
    }
    let tenant = principal.tenant.as_ref();
    let own = principal.subject.map(|subject| (subject, principal.epoch));
    let actors = principal.actors.iter();
    let is_older = |(of, epoch)| revocations.epoch(realm, of, tenant) > epoch;
    if own
        .into_iter()
        .chain(actors.map(|actor| (actor.subject, actor.epoch)))
        .any(is_older)
    {
        return Err(Fallen::Older);
    }
    Ok(())
}

/// Whether every role that gave a token its authority is still what it was then.
pub(crate) fn has_its_roles(realm: &Realm, principal: &Principal) -> bool {
    let in_force = |mark: &str| realm.role_marks.contains(mark);
    read::role_marks(&principal.claims)
        .is_some_and(|mut marks| marks.all(|mark| mark.is_some_and(in_force)))
}
