//! Forwarding: a request with a [`Permit`](crate::stage::decide::Permit) goes to its
//! upstream, bodies streamed both ways. Not here: deciding (`stage::decide`).

pub(crate) mod echo;
pub(crate) mod headers;
mod upgrade;
pub(crate) mod upstream;
