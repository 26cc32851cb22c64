//! An axum router as a local target.
