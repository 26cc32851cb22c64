//! The ways in over HTTP: SQL and the schema.
