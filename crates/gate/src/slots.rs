//! A request's places among those in flight: held by its answer's body and, after an
//! upgrade, by the joined connections; free when the last of them is gone. Not here: the
//! counts (`base::limit`).

use doorward_base::limit::InFlightSlot;
use std::sync::Arc;

/// The places of one request; cheap to hold twice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots(Option<Arc<[InFlightSlot]>>);

impl Slots {
    /// These places.
    pub(crate) fn of(slots: Vec<InFlightSlot>) -> Self {
        Self((!slots.is_empty()).then(|| slots.into()))
    }

    /// Whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}
