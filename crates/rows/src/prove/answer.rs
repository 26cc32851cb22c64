//! What the server answered, in its own words, as one text. Not here: whether two are the
//! same answer (`interfere`).

use tokio_postgres::error::ErrorPosition;
use tokio_postgres::{Client, Error, SimpleColumn, SimpleQueryMessage};

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) is_error: bool,
    /// Cut short by the time or by other work.
    pub(super) is_cut: bool,
}

/// Runs a text and takes down what comes: columns, rows in an order of their own, counts, or
/// the error with all its fields; its details count where they are `exact`.
pub(super) async fn ask(client: &Client, sql: &str, exact: bool) -> Answer {
    match client.simple_query(sql).await {
        Ok(messages) => Answer {
            text: told(&messages),
            is_error: false,
            is_cut: false,
        },
        Err(error) => refused(&error, exact),
    }
}

fn told(messages: &[SimpleQueryMessage]) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut rows: Vec<String> = Vec::new();
    for message in messages {
        match message {
            SimpleQueryMessage::RowDescription(columns) => {
                let names: Vec<&str> = columns.iter().map(SimpleColumn::name).collect();
                lines.push(format!("({})", names.join(", ")));
            }
            SimpleQueryMessage::Row(row) => {
                let values: Vec<String> = (0..row.len())
                    .map(|at| match row.try_get(at) {
                        Ok(Some(value)) => format!("{value:?}"),
                        _ => "NULL".to_owned(),
                    })
                    .collect();
                rows.push(values.join(" | "));
            }
            SimpleQueryMessage::CommandComplete(count) => {
                rows.sort();
                lines.append(&mut rows);
                lines.push(format!("{count} rows"));
            }
            _ => {}
        }
    }
    lines.join("\n")
}

fn refused(error: &Error, exact: bool) -> Answer {
    let Some(said) = error.as_db_error() else {
        return Answer {
            text: error.to_string(),
            is_error: true,
            is_cut: true,
        };
    };
    let code = said.code().code();
    let mut text = format!("ERROR {code}: {}", said.message());
    let more = [said.detail().filter(|_| exact), said.hint()];
    for more in more.into_iter().flatten() {
        text.push('\n');
        text.push_str(more);
    }
    if let Some(ErrorPosition::Original(at)) = said.position() {
        text.push_str(&format!("\nat character {at}"));
    }
    Answer {
        text,
        is_error: true,
        is_cut: matches!(code, "57014" | "55P03" | "40P01" | "40001"),
    }
}
