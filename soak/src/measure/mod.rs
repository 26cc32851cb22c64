//! The measuring modes: each runs its own load, counts or times something, and answers
//! with one line of figures and whether they are good enough. Not here: the checker's
//! modes (`run`).

mod balancer;
mod desk;
mod hostile;
mod limits;
mod revocation;
mod rolling;
mod times;

pub use hostile::hostile;
pub use limits::limits;
pub use revocation::revocation;
pub use rolling::rolling;
