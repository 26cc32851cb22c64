//! Forwarding: a request with a [`Permit`](crate::stage::decide::Permit) goes to its
//! upstream, bodies streamed both ways. Not here: deciding (`stage::decide`).

mod connect;
pub(crate) mod echo;
mod failure;
mod frames;
pub(crate) mod headers;
pub(crate) mod pool;
pub(crate) mod tls;
pub(crate) mod upgrade;
pub(crate) mod upload;
pub(crate) mod upstream;
mod wire;
