//! Identity, as the gate asks for it: each port of the gate over the use-cases; and the way
//! out that identity asks for.

mod courier;
mod exposed;
mod introspect;
mod keys;
mod minter;
mod news;
mod plans;
mod revocations;
mod tenants;

pub(crate) use courier::EgressCourier;
pub(crate) use introspect::TokenIntrospect;
pub(crate) use keys::RealmKeys;
pub(crate) use minter::InternalMinter;
pub(crate) use news::FeedNews;
pub(crate) use plans::LivePlans;
pub(crate) use revocations::{FeedRevocations, LEASE};

use crate::realms::Served;
use doorward_base::ErrorCode;
use doorward_gate::port::{Facts, Rejected};
use doorward_identity::act::{Call, Failure};
use doorward_identity::decide::refusal::Reason;
use doorward_surface::RealmHandle;
use std::sync::Arc;

/// The request as identity wants it.
fn call(facts: Facts) -> Call {
    Call {
        now: facts.now,
        request: facts.request,
        peer: Some(facts.peer),
    }
}

/// A realm that the gate knows and identity does not cannot be answered for.
const NO_REALM: Rejected = Rejected {
    code: ErrorCode::Internal,
    check: "realm",
};

/// The realm that a request came to.
fn served(realm: &RealmHandle) -> Result<&Arc<Served>, Rejected> {
    realm.get().ok_or(NO_REALM)
}

/// What the gate is told of a refused credential.
fn rejected<R: Reason>(failure: &Failure<R>) -> Rejected {
    match failure {
        Failure::Refused(refusal) => Rejected {
            code: failure.code(),
            check: refusal.name(),
        },
        Failure::Store(error) => {
            tracing::error!(%error, "a credential could not be looked up");
            Rejected {
                code: failure.code(),
                check: "store",
            }
        }
        Failure::Busy | Failure::Internal(_) => {
            tracing::error!(error = %failure, "a credential could not be looked up");
            Rejected {
                code: failure.code(),
                check: "internal",
            }
        }
    }
}
