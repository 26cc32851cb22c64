//! The data API: SQL, REST and GraphQL over rows that belong to tenants. One executor
//! ([`engine::Engine`]), three ways in.
//!
//! A call reaches an engine only with a [`Caller`], which cannot exist without its tenant,
//! and with statements that only this crate makes: checked SQL of a caller's, or a plan's.
//!
//! Not here: who the caller is (`gate`), and Doorward's own records (`store`).

pub mod caller;
pub mod engine;
pub mod fault;
pub mod http;
pub mod open;
pub mod oracle;
pub mod plan;
pub mod postgres;
pub mod prove;
pub mod rest;
pub mod schema;
pub mod settings;
pub mod sql;
pub mod sqlite;
pub mod value;

pub use caller::{Caller, Rights};
pub use engine::{Bounds, Engine, Flavour, ResultSet, Statement, Work};
pub use fault::{Fault, FaultKind, SqlState};
pub use http::{DataTarget, describe, openapi};
pub use open::DataRealm;
pub use schema::{Column, ColumnKind, ForeignKey, Returns, Routine, Schema, Table};
pub use value::Value;
