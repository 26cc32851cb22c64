//! Tenants in shared tables of PostgreSQL, under row-level security.
