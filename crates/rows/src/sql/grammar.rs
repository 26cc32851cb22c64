//! The parser's dialects, made narrower and metered, and its errors in our words.
//! Not here: what a caller may use of what parses.

use super::lex;
use crate::engine::Flavour;
use crate::fault::{Fault, FaultKind};
use sqlparser::ast::{Expr, Statement};
use sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence, SQLiteDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::TokenWithSpan;
use std::any::TypeId;
use std::cell::Cell;

/// How deep the parser may recurse; with `lex`'s bounds this is the whole of its stack.
const RECURSION: usize = 50;

/// How often the parser may begin an expression, a token: it tries some forms one after the
/// other, and nested tries multiply.
const TRIES: usize = 8;

/// The statements of these tokens.
pub(super) fn parse(
    tokens: Vec<TokenWithSpan>,
    flavour: Flavour,
    text: &str,
) -> Result<Vec<Statement>, Fault> {
    let meter = Meter::new(tokens.len());
    let parsed = match flavour {
        Flavour::Postgres => run(&Postgres(meter), tokens),
        Flavour::Sqlite => run(&Sqlite(meter), tokens),
    };
    parsed.map_err(|error| fault(error, text))
}

fn run(dialect: &dyn Dialect, tokens: Vec<TokenWithSpan>) -> Result<Vec<Statement>, ParserError> {
    Parser::new(dialect)
        .with_recursion_limit(RECURSION)
        .with_tokens_with_locations(tokens)
        .parse_statements()
}

fn fault(error: ParserError, text: &str) -> Fault {
    let said = match error {
        ParserError::RecursionLimitExceeded => {
            let message = "The SQL nests too deep.";
            return Fault::because(FaultKind::TooComplex, message).state("54001");
        }
        ParserError::TokenizerError(said) | ParserError::ParserError(said) => said,
    };
    // The parser gives a place only inside its message, and none at the end of the text.
    let (words, place) = said.rsplit_once(" at Line: ").unwrap_or((&said, ""));
    let place = place
        .split_once(", Column: ")
        .and_then(|(line, column)| Some((line.parse::<u64>().ok()?, column.parse::<u64>().ok()?)));
    let at = place.map_or_else(
        || lex::end(text),
        |(line, column)| lex::position(text, sqlparser::tokenizer::Location { line, column }),
    );
    let words = match words.strip_prefix("Internal parser error") {
        Some(_) => "The SQL cannot be read.".to_owned(),
        None => words.chars().take(200).collect(),
    };
    lex::syntax(words).at(at)
}

/// Counts down what a parse may take.
#[derive(Debug)]
struct Meter(Cell<usize>);

impl Meter {
    fn new(tokens: usize) -> Self {
        Self(Cell::new(tokens.saturating_mul(TRIES).saturating_add(256)))
    }

    fn spend(&self) -> Option<Result<Expr, ParserError>> {
        match self.0.get().checked_sub(1) {
            Some(left) => {
                self.0.set(left);
                None
            }
            // The one error that the parser does not take for "try another form".
            None => Some(Err(ParserError::RecursionLimitExceeded)),
        }
    }
}

/// PostgreSQL as callers have it: without optimizer hints, XML and extensions, and without
/// `a JOIN b JOIN c ON … ON …`, for which the parser would recurse at every JOIN.
#[derive(Debug)]
struct Postgres(Meter);

impl Dialect for Postgres {
    fn dialect(&self) -> TypeId {
        TypeId::of::<PostgreSqlDialect>()
    }

    fn parse_prefix(&self, _parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        self.0.spend()
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        PostgreSqlDialect {}.is_delimited_identifier_start(ch)
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        PostgreSqlDialect {}.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        PostgreSqlDialect {}.is_identifier_part(ch)
    }

    fn is_custom_operator_part(&self, ch: char) -> bool {
        PostgreSqlDialect {}.is_custom_operator_part(ch)
    }

    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        PostgreSqlDialect {}.is_reserved_for_identifier(keyword)
    }

    fn is_table_alias(&self, keyword: &Keyword, parser: &mut Parser<'_>) -> bool {
        PostgreSqlDialect {}.is_table_alias(keyword, parser)
    }

    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        PostgreSqlDialect {}.get_next_precedence(parser)
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        PostgreSqlDialect {}.prec_value(precedence)
    }

    fn supports_unicode_string_literal(&self) -> bool {
        true
    }

    fn supports_string_escape_constant(&self) -> bool {
        true
    }

    fn supports_nested_comments(&self) -> bool {
        true
    }

    fn supports_numeric_literal_underscores(&self) -> bool {
        true
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn allow_extract_custom(&self) -> bool {
        true
    }

    fn allow_extract_single_quotes(&self) -> bool {
        true
    }

    fn supports_bitwise_shift_operators(&self) -> bool {
        true
    }

    fn supports_empty_projections(&self) -> bool {
        true
    }

    fn supports_array_typedef_with_brackets(&self) -> bool {
        true
    }

    fn supports_geometric_types(&self) -> bool {
        true
    }

    fn supports_notnull_operator(&self) -> bool {
        true
    }

    fn supports_interval_options(&self) -> bool {
        true
    }

    fn supports_insert_table_alias(&self) -> bool {
        true
    }

    fn supports_comma_separated_trim(&self) -> bool {
        true
    }

    fn supports_comment_on(&self) -> bool {
        true
    }

    fn supports_create_index_with_clause(&self) -> bool {
        true
    }

    fn supports_left_associative_joins_without_parens(&self) -> bool {
        true
    }
}

/// SQLite as callers have it.
#[derive(Debug)]
struct Sqlite(Meter);

impl Dialect for Sqlite {
    fn dialect(&self) -> TypeId {
        TypeId::of::<SQLiteDialect>()
    }

    fn parse_prefix(&self, _parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        self.0.spend()
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        SQLiteDialect {}.is_delimited_identifier_start(ch)
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        SQLiteDialect {}.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        SQLiteDialect {}.is_identifier_part(ch)
    }

    fn parse_statement(&self, parser: &mut Parser<'_>) -> Option<Result<Statement, ParserError>> {
        SQLiteDialect {}.parse_statement(parser)
    }

    fn parse_infix(
        &self,
        parser: &mut Parser<'_>,
        expr: &Expr,
        precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        SQLiteDialect {}.parse_infix(parser, expr, precedence)
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_in_empty_list(&self) -> bool {
        true
    }

    fn supports_limit_comma(&self) -> bool {
        true
    }

    fn supports_asc_desc_in_column_definition(&self) -> bool {
        true
    }

    fn supports_dollar_placeholder(&self) -> bool {
        true
    }

    fn supports_notnull_operator(&self) -> bool {
        true
    }

    fn supports_comma_separated_trim(&self) -> bool {
        true
    }

    fn supports_numeric_literal_underscores(&self) -> bool {
        true
    }
}

/// The dialect for the tokenizer, which needs no meter.
pub(super) fn tokenizer(flavour: Flavour) -> Box<dyn Dialect> {
    match flavour {
        Flavour::Postgres => Box::new(Postgres(Meter::new(0))),
        Flavour::Sqlite => Box::new(Sqlite(Meter::new(0))),
    }
}
