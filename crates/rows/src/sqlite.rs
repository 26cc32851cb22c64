//! A tenant is a file of SQLite.
