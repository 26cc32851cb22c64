//! `[realm.NAME.data]`: its type, its schema and its lowering.
