//! Changes what the caller says about itself, and its password.

use crate::body::Body;
use crate::desk::Desk;
use crate::off::Off;
use crate::refuse::{invalid, refuse};
use crate::wire::UserView;
use doorward_base::{Email, ErrorCode, Secret};
use doorward_identity::act::{self, Failure, SetPassword};
use doorward_identity::decide::refusal::ManageRefusal;
use doorward_identity::model::Metadata;
use doorward_surface::Refusal;
use doorward_surface::extract::Json;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What changes. Members that are not named here are ignored.
#[derive(Deserialize, ToSchema)]
pub(crate) struct UserChanges {
    /// Members of what the user says about itself; one that is null is removed.
    #[schema(value_type = Option<Object>)]
    data: Option<Metadata>,
    /// A new password: the user's other sessions end.
    password: Option<String>,
    /// The current one, which a new one needs unless the realm takes a recent sign-in.
    current_password: Option<String>,
    /// A code that the product mails for a new password. None is mailed here.
    nonce: Option<String>,
    /// The address: the one there is. Another is not taken here.
    email: Option<String>,
    /// Another number, likewise.
    phone: Option<String>,
    /// What the realm says of the user, which is not the user's to change.
    #[schema(value_type = Option<Object>)]
    app_metadata: Option<Value>,
}

/// What of it is done.
struct Changes {
    /// The new password and, if it is shown, the current one.
    password: Option<(Secret, Option<Secret>)>,
    data: Metadata,
    /// The address that the account shall have.
    email: Option<Email>,
    /// Whether a code that was mailed is shown. None is mailed.
    has_nonce: bool,
}

/// Changes what the caller says about itself, and its password.
#[utoipa::path(
    put,
    path = "/auth/v1/user",
    operation_id = "update_user",
    tag = "user",
    request_body = UserChanges,
    responses(
        (status = 200, description = "The caller", body = UserView),
        (status = 400, description = "validation_failed, bad_json, current_password_required, current_password_invalid, reauthentication_needed"),
        (status = 401, description = "no_authorization"),
        (status = 403, description = "bad_jwt, session_not_found, session_expired, user_banned, user_not_found, not_admin"),
        (status = 422, description = "weak_password, same_password, reauthentication_not_valid, email_provider_disabled"),
        (status = 503, description = "unexpected_failure"),
    ),
)]
pub(crate) async fn update_user(
    desk: Desk,
    Body(body): Body<UserChanges>,
) -> Result<Json<UserView>, Refusal> {
    let changes = parse(body)?;
    if let Some(email) = &changes.email {
        let profile = act::load_profile(desk.context(), &desk.caller, desk.subject);
        let profile = profile.await.map_err(refuse)?;
        if profile.subject.identifier.email() != Some(email) {
            return Err(Off::Address.refusal());
        }
    }
    // Before the password changes, so that nothing is half done.
    if changes.password.is_some() && !changes.data.is_empty() {
        act::check_own_metadata(desk.context(), &desk.caller, changes.data.clone())
            .await
            .map_err(refuse)?;
    }
    if let Some((new, current)) = changes.password {
        let request = SetPassword {
            subject: desk.subject,
            new,
            current,
        };
        let done = act::set_password_and_stay(desk.context(), &desk.caller, request);
        let has_nonce = changes.has_nonce;
        done.await
            .map_err(|failure| refuse_password(failure, has_nonce))?;
    }
    if !changes.data.is_empty() {
        act::update_own_metadata(desk.context(), &desk.caller, changes.data)
            .await
            .map_err(refuse)?;
    }
    let profile = act::load_profile(desk.context(), &desk.caller, desk.subject)
        .await
        .map_err(refuse)?;
    Ok(Json(desk.view(&profile)))
}

/// A code is no better than none, and is told so.
fn refuse_password(failure: Failure<ManageRefusal>, has_nonce: bool) -> Refusal {
    let refusal = refuse(failure);
    match refusal.reason {
        Some("reauthentication_needed") if has_nonce => refusal.because(Some("nonce_unknown")),
        _ => refusal,
    }
}

fn parse(body: UserChanges) -> Result<Changes, Refusal> {
    let given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    if body.app_metadata.is_some_and(|value| !value.is_null()) {
        return Err(Refusal::new(ErrorCode::InsufficientPermission));
    }
    if given(&body.phone) {
        return Err(Off::Address.refusal());
    }
    let email = body.email.filter(|text| !text.is_empty());
    let email = email
        .map(|text| Email::new(&text))
        .transpose()
        .map_err(|_| invalid("Unable to validate email address: invalid format"))?;
    let current = body.current_password.filter(|text| !text.is_empty());
    Ok(Changes {
        password: body
            .password
            .map(|new| (Secret::new(new), current.map(Secret::new))),
        data: body.data.unwrap_or_default(),
        email,
        has_nonce: given(&body.nonce),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_the_users_to_change_is_refused() {
        for (body, code, reason) in [
            (json!({"email": "a"}), ErrorCode::InvalidRequest, None),
            (
                json!({"phone": "+1"}),
                ErrorCode::NotImplemented,
                Some("off_address"),
            ),
            (
                json!({"app_metadata": {}}),
                ErrorCode::InsufficientPermission,
                None,
            ),
        ] {
            let refusal = parse(serde_json::from_value(body.clone()).unwrap())
                .err()
                .unwrap();
            assert_eq!((refusal.code, refusal.reason), (code, reason), "{body}");
        }
        let body = json!({"data": {"a": null}, "email": "", "phone": null, "tenant": "acme"});
        let changes = parse(serde_json::from_value(body).unwrap()).unwrap();
        assert!(changes.password.is_none() && changes.email.is_none());
        assert_eq!(
            changes.data,
            Metadata::from_iter([("a".to_owned(), Value::Null)])
        );
    }
}
