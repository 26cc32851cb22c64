//! The first word of a text: which statements callers have, and the name of each that they do
//! not, before a parser sees it. Not here: what is inside a statement.

use super::{forbidden, lex};
use crate::engine::Flavour;
use crate::fault::Fault;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// Commands of either engine that callers do not have.
const COMMANDS: &[&str] = &[
    "ABORT",
    "ALTER",
    "ANALYZE",
    "ATTACH",
    "BEGIN",
    "CALL",
    "CHECKPOINT",
    "CLOSE",
    "CLUSTER",
    "COMMENT",
    "COMMIT",
    "COPY",
    "CREATE",
    "DEALLOCATE",
    "DECLARE",
    "DESC",
    "DESCRIBE",
    "DETACH",
    "DISCARD",
    "DO",
    "DROP",
    "END",
    "EXECUTE",
    "EXPLAIN",
    "FETCH",
    "GRANT",
    "IMPORT",
    "LISTEN",
    "LOAD",
    "LOCK",
    "MERGE",
    "MOVE",
    "NOTIFY",
    "PRAGMA",
    "PREPARE",
    "REASSIGN",
    "REFRESH",
    "REINDEX",
    "RELEASE",
    "REPLACE",
    "RESET",
    "REVOKE",
    "ROLLBACK",
    "SAVEPOINT",
    "SECURITY",
    "SET",
    "SHOW",
    "START",
    "TABLE",
    "TRUNCATE",
    "UNLISTEN",
    "USE",
    "VACUUM",
];

/// What a step of a schema begins with.
const SCHEMA: &[&str] = &["ALTER", "COMMENT", "CREATE", "DROP"];

/// Refuses a text that is not one statement of a kind that callers have.
pub(super) fn permit(tokens: &[TokenWithSpan], flavour: Flavour, text: &str) -> Result<(), Fault> {
    let word = match tokens.first() {
        None => return Err(lex::syntax("There is no statement.").at(1)),
        Some(first) => match &first.token {
            Token::LParen => return single(tokens),
            Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_uppercase(),
            other => {
                let message = format!("A statement cannot begin with {other}.");
                return Err(lex::syntax(message).at(lex::position(text, first.span.start)));
            }
        },
    };
    match word.as_str() {
        "SELECT" | "WITH" | "VALUES" | "INSERT" | "UPDATE" | "DELETE" => single(tokens),
        "REPLACE" if flavour == Flavour::Sqlite => single(tokens),
        command if SCHEMA.contains(&command) => {
            Err(forbidden(name(command, tokens)).hint("The schema is an operator's."))
        }
        command if COMMANDS.contains(&command) => Err(forbidden(command)),
        _ => {
            let at = tokens
                .first()
                .map_or(1, |first| lex::position(text, first.span.start));
            Err(lex::syntax("The statement is none that SQL has.").at(at))
        }
    }
}

/// `CREATE TABLE` rather than `CREATE`.
fn name(command: &str, tokens: &[TokenWithSpan]) -> String {
    match tokens.get(1).map(|second| &second.token) {
        Some(Token::Word(word)) if word.quote_style.is_none() => {
            let object: String = word.value.chars().take(30).collect();
            format!("{command} {}", object.to_ascii_uppercase())
        }
        _ => command.to_owned(),
    }
}

fn single(tokens: &[TokenWithSpan]) -> Result<(), Fault> {
    let mut after = tokens
        .iter()
        .skip_while(|token| token.token != Token::SemiColon);
    match after.find(|token| token.token != Token::SemiColon) {
        Some(_) => Err(forbidden("More than one statement")),
        None => Ok(()),
    }
}
