//! `[realm.NAME.exchange]`: where API tokens are exchanged for access tokens, and what
//! the members of the body are called. Its type, its schema and its lowering; the server
//! only reads it. Not here: the endpoint.

use crate::parts::{ExchangeMount, ExchangeNames};
use doorward_identity::settings::UnknownScope;
use doorward_surface::setting::{Word, Wrong, is_literal};
use schemars::JsonSchema;
use serde::Deserialize;

/// How API tokens are exchanged for access tokens.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Exchange {
    /// The path. Default: "/oauth/exchange".
    pub path: String,
    /// The member that carries the API token. Default: "access_token".
    pub token_field: String,
    /// The member that asks for a life, in seconds. Default: "duration_seconds".
    pub duration_field: String,
    /// The member that asks for scopes. Default: "scope".
    pub scope_field: String,
    /// The member of the answer that carries the JWT. Default: "jwt".
    pub answer_field: String,
    /// What becomes of a requested scope outside the caller's authority. Default:
    /// "refuse".
    pub unknown_scope: Word<UnknownScope>,
    /// Whether who asks for the same again gets the same access token while at least 70 % of
    /// its life is left, at each process by itself. Default: false.
    pub reuse: bool,
}

impl Default for Exchange {
    fn default() -> Self {
        Self {
            path: "/oauth/exchange".to_owned(),
            token_field: "access_token".to_owned(),
            duration_field: "duration_seconds".to_owned(),
            scope_field: "scope".to_owned(),
            answer_field: "jwt".to_owned(),
            unknown_scope: Word::default(),
            reuse: false,
        }
    }
}

impl Exchange {
    /// Where it is mounted and how its members are called.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn lower(&self) -> Result<ExchangeMount, Vec<Wrong>> {
        let mut wrong = Vec::new();
        // A router and the gate's table take it as it stands.
        if self.path.is_empty() || !is_literal(&self.path) {
            let path = &self.path;
            wrong.push(Wrong::new(
                "path",
                format!("{path:?} is not a plain path such as \"/oauth/exchange\""),
            ));
        }
        let fields = [
            ("token_field", &self.token_field),
            ("duration_field", &self.duration_field),
            ("scope_field", &self.scope_field),
        ];
        for (at, (key, field)) in fields.iter().enumerate() {
            if fields.iter().take(at).any(|(_, earlier)| earlier == field) {
                let message = format!("{field:?} is the name of another field too");
                wrong.push(Wrong::new(key, message));
            }
        }
        let answer = ("answer_field", &self.answer_field);
        let all = fields.iter().chain([&answer]);
        let empty = all.filter(|(_, field)| field.is_empty());
        wrong.extend(empty.map(|(key, _)| Wrong::new(key, "must not be empty")));
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Ok(ExchangeMount {
            path: self.path.clone(),
            reuse: self.reuse,
            names: ExchangeNames {
                token_field: self.token_field.clone(),
                duration_field: self.duration_field.clone(),
                scope_field: self.scope_field.clone(),
                answer_field: self.answer_field.clone(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(change: impl FnOnce(&mut Exchange)) -> Vec<&'static str> {
        let mut exchange = Exchange::default();
        change(&mut exchange);
        let wrong = exchange.lower().err().unwrap_or_default();
        wrong.iter().map(|wrong| wrong.key).collect()
    }

    #[test]
    fn a_path_that_a_router_would_read_as_a_pattern_is_refused() {
        let of = |path: &str| keys(|exchange| exchange.path = path.to_owned());
        assert_eq!(of("/api/auth/access-tokens/jwt"), [""; 0]);
        for path in [
            "", "/", "api", "/a//b", "/a/", "/{a}", "/:a", "/*a", "/a?b", "/a b", "/%61", "/a;b",
        ] {
            assert_eq!(of(path), ["path"], "{path}");
        }
    }

    #[test]
    fn names_are_there_and_distinct_in_the_request() {
        let same = |exchange: &mut Exchange| exchange.scope_field = "access_token".to_owned();
        assert_eq!(keys(same), ["scope_field"]);
        assert_eq!(
            keys(|exchange| exchange.token_field.clear()),
            ["token_field"]
        );
        assert_eq!(
            keys(|exchange| exchange.answer_field.clear()),
            ["answer_field"]
        );
        // The answer is another object.
        let answer = |exchange: &mut Exchange| exchange.answer_field = "access_token".to_owned();
        assert_eq!(keys(answer), [""; 0]);
    }
}
