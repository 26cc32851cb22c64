//! SQLite's `AS MATERIALIZED (` and `AS NOT MATERIALIZED (` of a `WITH` query, which the
//! parser does not know. They say how a query is best run, and nothing of what it answers:
//! they are left out, and SQLite decides.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// The tokens without such words.
pub(super) fn without(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut kept: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    for token in tokens {
        if token.token == Token::LParen {
            let said = said(&kept);
            kept.truncate(kept.len() - said);
        }
        kept.push(token);
    }
    kept
}

/// How many of the last tokens, before a parenthesis, are the words.
fn said(before: &[TokenWithSpan]) -> usize {
    let words: Vec<Keyword> = before.iter().rev().take(3).map(keyword).collect();
    match words.as_slice() {
        [Keyword::MATERIALIZED, Keyword::AS, ..] => 1,
        [Keyword::MATERIALIZED, Keyword::NOT, Keyword::AS] => 2,
        _ => 0,
    }
}

fn keyword(token: &TokenWithSpan) -> Keyword {
    match &token.token {
        Token::Word(word) if word.quote_style.is_none() => word.keyword,
        _ => Keyword::NoKeyword,
    }
}
