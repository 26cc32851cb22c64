//! The data API: SQL, REST and GraphQL over rows that belong to a tenant, as a target
//! of the gate. A request and a row policy become a plan whose type cannot exist
//! without its tenant; one module per engine runs it.
//!
//! Not here: signing in, verifying tokens and routing (the gate hands over a finished
//! principal), and the control store, which is another database.
