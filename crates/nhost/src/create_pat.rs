//! Makes a personal access token.

use crate::desk::{Body, Visit};
use crate::moment;
use crate::refuse::{invalid, refuse};
use doorward_identity::act::{self, CreateToken, OwnerRef};
use doorward_identity::model::{Ceiling, Metadata, TokenKind};
use doorward_surface::Refusal;
use doorward_surface::extract::{AnyJson, Json};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A token about to be made. Members that are not named here are ignored.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewPat {
    /// When it stops by itself (RFC 3339, or the form of HTTP dates, which older clients of the
    /// product send). Without it, the realm says.
    expires_at: Option<String>,
    /// What is said about it: its `name` is kept, as the token's.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Metadata>,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PatView {
    /// Its id, by which it is ended.
    id: String,
    /// The token itself: in this answer and nowhere else.
    personal_access_token: String,
}

/// Makes a personal access token of the caller. Only a session of its own may: what a token
/// began must not make itself a successor.
#[utoipa::path(
    post,
    path = "/v1/pat",
    operation_id = "create_pat",
    tag = "tokens",
    request_body = NewPat,
    responses(
        (status = 200, description = "The token", body = PatView),
        (status = 400, description = "invalid-request, invalid-expiry-date"),
        (status = 401, description = "unauthorized"),
        (status = 403, description = "elevated-claim-required: the session is one that a token began"),
        (status = 409, description = "conflict: there are as many as may be"),
        (status = 429, description = "too-many-requests"),
        (status = 503, description = "internal-server-error"),
    ),
)]
pub(crate) async fn create_pat(
    visit: Visit,
    AnyJson(body): Body<NewPat>,
) -> Result<Json<PatView>, Refusal> {
    let (caller, subject) = visit.caller()?;
    let expires_at = match body.expires_at.as_deref() {
        Some(text) => Some(moment::read(text).ok_or_else(|| {
            invalid("`expiresAt` is no moment of RFC 3339").because(Some("expiry_malformed"))
        })?),
        None => None,
    };
    let tenant = visit.principal().and_then(|one| one.tenant.clone());
    let request = CreateToken {
        kind: TokenKind::Personal,
        owner: OwnerRef::Subject(subject),
        name: body.metadata.as_ref().and_then(name_of),
        ceiling: Ceiling {
            tenant,
            ..Ceiling::default()
        },
        expires_at,
    };
    let minted = act::create_token(visit.context(), &caller, request)
        .await
        .map_err(refuse)?;
    Ok(Json(PatView {
        id: minted.token.id.to_string(),
        personal_access_token: minted.secret.expose().to_owned(),
    }))
}

/// What the maker calls it.
fn name_of(metadata: &Metadata) -> Option<String> {
    let name = metadata.get("name").and_then(Value::as_str)?;
    (!name.is_empty()).then(|| name.to_owned())
}
