//! What stands beside the binary: the upstream behind everyone, and the gate whose
//! figures ours are held against. The binary itself is not here (`doorward`).

pub(crate) mod haproxy;
pub(crate) mod nginx;
