//! Says what an access token of this realm is good for that came in a body, where no gate looks
//! at it: its signature, its life, and that what it was made from still stands. Not here:
//! credentials of requests, which the gate verifies.

use super::caller::load_standing;
use super::work::{Failure, Query, Stop};
use super::{Caller, Context, Realm};
use crate::decide::refusal::{ManageRefusal, UseRefusal};
use crate::port::Read;
use async_trait::async_trait;
use doorward_base::claims::Field;
use doorward_base::principal::CredentialId;
use doorward_base::{RoleName, Secret, SubjectId, Timestamp, Words as _};
use doorward_jose::jws::JwsError;
use doorward_jose::{Expectations, JwtError, TypRule, UnverifiedJwt, VerifiedClaims};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;

/// What a good access token says.
#[derive(Clone, Debug)]
pub struct CheckedToken {
    /// All its claims.
    pub claims: Map<String, Value>,
    /// The roles that may be selected with it.
    pub roles: Vec<RoleName>,
    /// The role in force.
    pub role: Option<RoleName>,
    /// When it expires.
    pub expires_at: Timestamp,
}

impl CheckedToken {
    /// The role that is in force when this one is asked for, or none in particular.
    ///
    /// # Errors
    /// [`UseRefusal::RoleNotAllowed`].
    pub fn role(&self, asked: Option<&str>) -> Result<Option<&RoleName>, UseRefusal> {
        let Some(asked) = asked else {
            return Ok(self.role.as_ref());
        };
        let held = self.roles.iter().find(|role| role.as_str() == asked);
        held.map(Some).ok_or(UseRefusal::RoleNotAllowed)
    }
}

/// Checks an access token.
///
/// # Errors
/// [`Failure`] with a [`UseRefusal`].
pub async fn check_token(
    ctx: Context<'_>,
    token: &Secret,
) -> Result<CheckedToken, Failure<UseRefusal>> {
    let mut verified = verify(ctx, token);
    if matches!(verified, Err(UseRefusal::Unknown))
        && let Some(news) = ctx.realm.news.get()
    {
        // Another process may have put a key to use that this one has not heard of yet.
        news.catch_up().await?;
        verified = verify(ctx, token);
    }
    let verified = verified.map_err(Failure::Refused)?;
    let expires_at = verified.exp();
    let claims = verified.into_claims();
    let (subject, credential) =
        origin_of(&claims).ok_or(Failure::Refused(UseRefusal::Malformed))?;
    let caller = Caller::Subject {
        subject,
        credential,
        carries: None,
    };
    let stands = Stands {
        realm: ctx.realm(),
        caller,
        now: ctx.call.now,
    };
    ctx.query(stands).await?;
    let template = &ctx.realm.settings.tokens.claims;
    let roles = template.locate(Field::Roles);
    let roles = roles.and_then(|place| place.find(&claims)?.as_array().cloned());
    let role = template.locate(Field::Role);
    let role = role.and_then(|place| RoleName::new(place.find(&claims)?.as_str()?).ok());
    Ok(CheckedToken {
        roles: roles
            .into_iter()
            .flatten()
            .filter_map(|role| RoleName::new(role.as_str()?).ok())
            .collect(),
        role,
        expires_at,
        claims,
    })
}

fn verify(ctx: Context<'_>, token: &Secret) -> Result<VerifiedClaims, UseRefusal> {
    let settings = &ctx.realm.settings;
    let keyring = ctx.realm.keyring();
    let typ = TypRule::one_of([settings.tokens.typ.word()]);
    let expected = Expectations {
        issuer: &settings.issuer,
        audiences: Some(&settings.tokens.audiences),
        typ: &typ,
        leeway: Duration::ZERO,
        require_exp: true,
        max_lifetime: None,
    };
    let parsed = UnverifiedJwt::parse(token.expose()).map_err(|_| UseRefusal::Malformed)?;
    let verified = parsed.verify(&**keyring.inbound(), &expected, ctx.call.now);
    verified.map_err(|error| match error {
        JwtError::Expired => UseRefusal::Expired,
        JwtError::Jws(JwsError::KidUnknown) => UseRefusal::Unknown,
        _ => UseRefusal::Malformed,
    })
}

/// Whose it is, and what it was made from, as `decide::claims` writes it.
fn origin_of(claims: &Map<String, Value>) -> Option<(SubjectId, CredentialId)> {
    let own = claims.get("dw")?.as_object()?;
    let text = |name: &str| own.get(name).and_then(Value::as_str);
    let sub = claims.get("sub").and_then(Value::as_str);
    let subject = text("s").or(sub)?.parse().ok()?;
    let session = claims.get("sid").and_then(Value::as_str);
    let credential = match (session, text("t")) {
        (Some(session), None) => CredentialId::Session(session.parse().ok()?),
        (None, Some(token)) => CredentialId::ApiToken(token.parse().ok()?),
        _ => return None,
    };
    Some((subject, credential))
}

/// Whether what the token was made from still stands.
struct Stands {
    realm: Arc<Realm>,
    caller: Caller,
    now: Timestamp,
}

#[async_trait]
impl Query for Stands {
    type Done = ();
    type Refusal = UseRefusal;

    async fn run(&self, tx: &mut dyn Read) -> Result<(), Stop<UseRefusal>> {
        let standing = load_standing(tx, &self.realm.settings, &self.caller, self.now).await;
        match standing {
            Ok(_) => Ok(()),
            Err(Stop::Store(error)) => Err(Stop::Store(error)),
            Err(Stop::Refused(refusal)) => Err(Stop::Refused(match refusal {
                ManageRefusal::CallerGone | ManageRefusal::CallerBanned => {
                    UseRefusal::OwnerDisabled
                }
                _ => UseRefusal::Revoked,
            })),
        }
    }
}
