//! What Doorward talks to, for tests: a PostgreSQL cluster and a Redis of their own on
//! free ports, and a [`Proxy`] to put in front of either. Each can be killed, frozen
//! and started again, and none outlives the process that started it. Not here: Doorward
//! itself ([`crate::App`]).

mod daemon;
mod database;
mod pgbouncer;
mod port;
mod postgres;
mod process;
mod program;
mod proxy;
mod redis;
mod startup;

pub use database::{Database, Held};
pub use pgbouncer::{PgBouncer, Pooling};
pub use port::free as free_port;
pub use postgres::Postgres;
pub use program::Program;
pub(crate) use proxy::at_address;
pub use proxy::{Affected, Proxy};
pub use redis::Redis;
