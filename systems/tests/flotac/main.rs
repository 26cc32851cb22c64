//! Flotac's guide against the running binary, with an upstream that knows no tokens and
//! filters by the company that the gate names. Each test is named after the row of the
//! requirements list it holds the binary to (`fl_12`: row FL-12); the clients are curl,
//! Node's `fetch` and Python's `requests`, as published, with the host and the key filled in.
#![cfg(test)]
#![expect(clippy::string_slice, reason = "tokens are ASCII, and a test may fail")]

mod envelope;
mod furnished;
mod keys_at_the_gate;
mod limits;
mod session;
