//! Dxtra's guide against the running binary. Each test is named after the row of the
//! requirements list it holds the binary to (`dx_12`: row DX-12); the clients are curl,
//! Python's `requests`, Node's `fetch` and Nhost's own, as published, with the address filled in.
#![cfg(test)]

mod client;
mod engine;
mod furnished;
mod off;
mod pat;
mod role;
mod session;
mod snippet;
