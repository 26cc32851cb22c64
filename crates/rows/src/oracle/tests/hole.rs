//! Planted holes.
