//! How API tokens are written, and the one place where a token's secret is
//! ([`NewTokenView`]).

use super::view::Listing;
use doorward_base::Timestamp;
use doorward_identity::act::{Leaving, MintedToken, TokenPage};
use doorward_identity::model::{ApiToken, Ceiling, TokenState};
use serde::Serialize;
use utoipa::ToSchema;

impl Listing<TokenView> {
    /// A page of tokens as they stand at `now`.
    pub(crate) fn of_tokens(page: &TokenPage, now: Timestamp) -> Self {
        let tokens = page.tokens.iter();
        Self {
            items: tokens.map(|token| TokenView::at(token, now)).collect(),
            next: page.next.map(|id| id.to_string()),
        }
    }
}

/// An API token without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiToken)]
pub struct TokenView {
    /// Its id.
    pub(crate) id: String,
    /// Its class.
    pub(crate) class: String,
    /// `personal`, `service` or `key`.
    pub(crate) kind: &'static str,
    /// Its owner's subject id.
    pub(crate) owner: String,
    /// The tenant it is bound to.
    pub(crate) tenant: Option<String>,
    /// What it is called.
    pub(crate) name: Option<String>,
    /// `active`, `retiring`, `expired` or `revoked`.
    pub(crate) state: &'static str,
    /// The scopes it may carry; null is whatever its owner may.
    pub(crate) scopes: Option<Vec<String>>,
    /// Its environment.
    pub(crate) environment: Option<String>,
    /// When it was made.
    pub(crate) created_at: String,
    /// Who made it; null is an operator at the command line.
    pub(crate) created_by: Option<String>,
    /// When it stops by itself.
    pub(crate) expires_at: Option<String>,
    /// When it was last used, to about a minute.
    pub(crate) last_used_at: Option<String>,
    /// From which address.
    pub(crate) last_used_from: Option<String>,
    /// The token that it replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replaces: Option<String>,
    /// When it stops because it was replaced, for a `retiring` one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retires_at: Option<String>,
}

impl TokenView {
    /// The token as it stands at `now`.
    #[must_use]
    pub fn at(token: &ApiToken, now: Timestamp) -> Self {
        let Ceiling {
            tenant,
            permissions,
            environment,
            ..
        } = &token.ceiling;
        let scopes = permissions.as_ref();
        Self {
            id: token.id.to_string(),
            class: token.class.to_string(),
            kind: token.kind.as_str(),
            owner: token.owner.to_string(),
            tenant: tenant.as_ref().map(ToString::to_string),
            name: token.name.clone(),
            state: token.life(now).as_str(),
            scopes: scopes.map(|all| all.iter().map(ToString::to_string).collect()),
            environment: environment.as_ref().map(ToString::to_string),
            created_at: token.created_at.to_string(),
            created_by: token.created_by.as_ref().map(ToString::to_string),
            expires_at: token.expires_at.as_ref().map(ToString::to_string),
            last_used_at: token.last_used_at.as_ref().map(ToString::to_string),
            last_used_from: token.last_used_from.as_ref().map(ToString::to_string),
            replaces: token.replaces.as_ref().map(ToString::to_string),
            retires_at: match token.state {
                TokenState::Retiring { until } if until > now => Some(until.to_string()),
                _ => None,
            },
        }
    }
}

/// A new API token with its secret, which is shown here and never again.
#[derive(Serialize, ToSchema)]
#[schema(as = NewApiToken)]
pub struct NewTokenView {
    /// The secret. Shown once.
    pub(crate) token: String,
    /// The rest.
    #[serde(flatten)]
    pub(crate) view: TokenView,
}

impl NewTokenView {
    /// The one place where a token's secret is written out.
    #[must_use]
    pub fn of(minted: &MintedToken, now: Timestamp) -> Self {
        Self {
            token: minted.secret.expose().to_owned(),
            view: TokenView::at(&minted.token, now),
        }
    }
}

/// What the end of a membership ends, and what it leaves.
#[derive(Serialize, ToSchema)]
#[schema(as = Leaving)]
pub struct LeavingView {
    /// The member's own tokens in the tenant: they end with it.
    pub ends: Vec<LeavingTokenView>,
    /// Tokens that it made there for others: they stay.
    pub stays: Vec<TokenView>,
}

/// A token that ends with its owner's membership.
#[derive(Serialize, ToSchema)]
#[schema(as = LeavingToken)]
pub struct LeavingTokenView {
    /// The permissions that it has now.
    pub opens: Vec<String>,
    /// The rest.
    #[serde(flatten)]
    pub view: TokenView,
}

impl LeavingView {
    /// As it stands at `now`.
    #[must_use]
    pub fn at(leaving: &Leaving, now: Timestamp) -> Self {
        let ends = leaving.ends.iter().map(|(token, opens)| LeavingTokenView {
            opens: opens.iter().map(ToString::to_string).collect(),
            view: TokenView::at(token, now),
        });
        let stays = leaving.stays.iter();
        Self {
            ends: ends.collect(),
            stays: stays.map(|token| TokenView::at(token, now)).collect(),
        }
    }
}
