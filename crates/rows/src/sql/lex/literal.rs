//! Literals, each in one form. Not here: names.
//!
//! The printer of the parsed tree guesses whether a quote inside a text is already doubled,
//! and takes one after a backslash for escaped: `'a\''b'` would print as `'a\'b'`, and the
//! text would end at the third quote. So the tree never holds a bare quote: texts are given
//! with their quotes doubled, which the guess leaves as they are, and on PostgreSQL a text
//! with a backslash is given as `E'…'`, which means the same whatever the server's settings.

use super::syntax;
use crate::engine::Flavour;
use crate::fault::Fault;
use sqlparser::tokenizer::Token;

/// What to put in a token's place, if anything.
pub(super) fn normal(
    token: &Token,
    flavour: Flavour,
    starts_with_digit: impl FnOnce() -> bool,
) -> Result<Option<Token>, Fault> {
    let postgres = flavour == Flavour::Postgres;
    Ok(Some(match token {
        Token::SingleQuotedString(value) => text(value, flavour)?,
        Token::EscapedStringLiteral(value) | Token::UnicodeStringLiteral(value) if postgres => {
            text(value, flavour)?
        }
        Token::DollarQuotedString(quoted) if postgres => text(&quoted.value, flavour)?,
        Token::SingleQuotedByteStringLiteral(bits)
            if postgres && bits.bytes().all(|bit| matches!(bit, b'0' | b'1')) =>
        {
            return Ok(None);
        }
        // `0x1F` is a number; the tokenizer gives it as it gives the bytes `X'1F'`.
        Token::HexStringLiteral(digits) if starts_with_digit() => {
            match i64::from_str_radix(&digits.replace('_', ""), 16) {
                Ok(number) => Token::Number(number.to_string(), false),
                Err(_) => return Err(syntax("The hexadecimal number is too large.")),
            }
        }
        Token::HexStringLiteral(digits)
            if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) =>
        {
            return Ok(None);
        }
        Token::Number(digits, false) if digits.contains('_') => {
            Token::Number(digits.replace('_', ""), false)
        }
        Token::Number(_, true)
        | Token::DoubleQuotedString(_)
        | Token::TripleSingleQuotedString(_)
        | Token::TripleDoubleQuotedString(_)
        | Token::DollarQuotedString(_)
        | Token::SingleQuotedByteStringLiteral(_)
        | Token::DoubleQuotedByteStringLiteral(_)
        | Token::TripleSingleQuotedByteStringLiteral(_)
        | Token::TripleDoubleQuotedByteStringLiteral(_)
        | Token::SingleQuotedRawStringLiteral(_)
        | Token::DoubleQuotedRawStringLiteral(_)
        | Token::TripleSingleQuotedRawStringLiteral(_)
        | Token::TripleDoubleQuotedRawStringLiteral(_)
        | Token::NationalStringLiteral(_)
        | Token::QuoteDelimitedStringLiteral(_)
        | Token::NationalQuoteDelimitedStringLiteral(_)
        | Token::EscapedStringLiteral(_)
        | Token::UnicodeStringLiteral(_)
        | Token::HexStringLiteral(_) => {
            return Err(syntax("The SQL holds a literal of an unknown form."));
        }
        Token::Char(_) | Token::LBrace | Token::RBrace | Token::Backslash => {
            return Err(syntax(format!("The SQL holds a stray {token}.")));
        }
        _ => return Ok(None),
    }))
}

fn text(value: &str, flavour: Flavour) -> Result<Token, Fault> {
    if value.contains('\0') {
        return Err(syntax("A text holds a NUL character."));
    }
    Ok(match flavour {
        Flavour::Postgres if value.contains('\\') => Token::EscapedStringLiteral(value.to_owned()),
        _ => Token::SingleQuotedString(value.replace('\'', "''")),
    })
}
