//! What SQLite asks about every statement before it runs, and our answer. The second lock:
//! it holds whatever the check of a statement's text let through.

use super::function;
use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Table-valued functions that callers may read from.
const READABLE: [&str; 4] = ["json_each", "json_tree", "jsonb_each", "jsonb_tree"];
/// What begins so is ours or SQLite's.
const RESERVED: [&str; 3] = ["sqlite_", "doorward_", "pragma_"];
/// Other tables that are there in every database.
const BUILT_IN: [&str; 2] = ["dbstat", "fts3tokenize"];

/// The tables and views that callers have.
pub(super) struct Names(HashSet<String>);

impl Names {
    /// These, whatever their case.
    pub(super) fn of<'n>(names: impl Iterator<Item = &'n str>) -> Arc<Self> {
        Arc::new(Self(names.map(str::to_ascii_lowercase).collect()))
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains(&name.to_ascii_lowercase())
    }
}

/// Whether a name is not an author's to give.
pub(super) fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    RESERVED.iter().any(|start| name.starts_with(start)) || BUILT_IN.contains(&name.as_str())
}

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// Statements that do not write.
    Read,
    /// Work that writes.
    Write,
}

/// Lets callers' statements on this connection do what its purpose is, with these tables, and
/// nothing else. While the answer is set, we speak ourselves: transactions and settings are ours.
pub(super) fn callers(
    conn: &mut Connection,
    purpose: Purpose,
    names: Arc<Names>,
) -> rusqlite::Result<Arc<AtomicBool>> {
    let ours = Arc::new(AtomicBool::new(false));
    let we_speak = Arc::clone(&ours);
    conn.authorizer(Some(move |asked: AuthContext<'_>| {
        let allowed = match asked.action {
            AuthAction::Transaction { .. } | AuthAction::Pragma { .. } => {
                we_speak.load(Ordering::Relaxed)
            }
            _ => is_callers(&asked, purpose, &names),
        };
        answer(allowed)
    }))?;
    Ok(ours)
}

/// Lets the steps of a schema run, which are an operator's, and keeps them to the tables.
pub(super) fn steps(conn: &mut Connection) -> rusqlite::Result<()> {
    conn.authorizer(Some(|asked: AuthContext<'_>| answer(is_steps(&asked))))
}

/// Asks nothing any more: only our own statements follow.
pub(super) fn nobody(conn: &mut Connection) -> rusqlite::Result<()> {
    conn.authorizer(None::<fn(AuthContext<'_>) -> Authorization>)
}

const fn answer(allowed: bool) -> Authorization {
    if allowed {
        Authorization::Allow
    } else {
        Authorization::Deny
    }
}

fn is_callers(asked: &AuthContext<'_>, purpose: Purpose, names: &Names) -> bool {
    if matches!(asked.database_name, Some(name) if name != "main") {
        return false;
    }
    match asked.action {
        AuthAction::Select | AuthAction::Recursive => true,
        AuthAction::Function { function_name } => function::is_allowed(function_name),
        // Asked of what is in FROM without a column of it being read; it may be a name that
        // the statement itself gave, so only what is not an author's is refused.
        AuthAction::Read {
            table_name,
            column_name: "",
        } => names.has(table_name) || !is_reserved(table_name),
        AuthAction::Read { table_name, .. } => {
            names.has(table_name) || READABLE.contains(&table_name.to_ascii_lowercase().as_str())
        }
        AuthAction::Insert { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::Delete { table_name } => purpose == Purpose::Write && names.has(table_name),
        _ => false,
    }
}

fn is_steps(asked: &AuthContext<'_>) -> bool {
    match asked.action {
        // Altering a table looks at its rows so.
        AuthAction::Pragma { pragma_name, .. } => pragma_name == "quick_check",
        AuthAction::Function { function_name } => {
            // Altering a table calls functions of its own.
            function_name.starts_with("sqlite_") || function::is_allowed(function_name)
        }
        AuthAction::CreateTable { table_name } | AuthAction::DropTable { table_name } => {
            // SQLite makes it for AUTOINCREMENT, and lets no author name it.
            table_name == "sqlite_sequence" || !is_reserved(table_name)
        }
        AuthAction::Insert { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::Delete { table_name } => !table_name.starts_with("doorward_"),
        AuthAction::Unknown { .. }
        | AuthAction::Attach { .. }
        | AuthAction::Detach { .. }
        | AuthAction::CreateTempIndex { .. }
        | AuthAction::CreateTempTable { .. }
        | AuthAction::CreateTempTrigger { .. }
        | AuthAction::CreateTempView { .. }
        | AuthAction::CreateVtable { .. }
        | AuthAction::DropVtable { .. }
        | AuthAction::CreateTrigger { .. }
        | AuthAction::Transaction { .. }
        | AuthAction::Savepoint { .. } => false,
        _ => true,
    }
}
