//! Changes what the caller says about itself, and its password.

use crate::body::Body;
use crate::desk::Desk;
use crate::off::Off;
use crate::refuse::{invalid, refuse};
use crate::wire::UserView;
use doorward_base::{ErrorCode, Secret};
use doorward_identity::act::{self, SetPassword};
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
    /// The current one, needed with a new one.
    current_password: Option<String>,
    /// Another address, which is not taken here.
    email: Option<String>,
    /// Another number, likewise.
    phone: Option<String>,
    /// What the realm says of the user, which is not the user's to change.
    #[schema(value_type = Option<Object>)]
    app_metadata: Option<Value>,
}

/// What of it is done.
struct Changes {
    /// The new password and the current one.
    password: Option<(Secret, Secret)>,
    data: Metadata,
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
        (status = 400, description = "validation_failed, bad_json, current_password_required, current_password_invalid"),
        (status = 401, description = "no_authorization"),
        (status = 403, description = "bad_jwt, not_admin"),
        (status = 422, description = "weak_password, same_password, email_provider_disabled"),
        (status = 503, description = "unexpected_failure"),
    ),
)]
pub(crate) async fn update_user(
    desk: Desk,
    Body(body): Body<UserChanges>,
) -> Result<Json<UserView>, Refusal> {
    let changes = parse(body)?;
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
            current: Some(current),
        };
        act::set_password_and_stay(desk.context(), &desk.caller, request)
            .await
            .map_err(refuse)?;
    }
    if !changes.data.is_empty() {
        act::update_own_metadata(desk.context(), &desk.caller, changes.data)
            .await
            .map_err(refuse)?;
    }
    let profile = act::load_profile(desk.context(), &desk.caller, desk.subject)
        .await
        .map_err(refuse)?;
    Ok(Json(UserView::of(&profile.subject, &profile.identities)))
}

fn parse(body: UserChanges) -> Result<Changes, Refusal> {
    let given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    if body.app_metadata.is_some_and(|value| !value.is_null()) {
        return Err(Refusal::new(ErrorCode::InsufficientPermission));
    }
    if given(&body.email) || given(&body.phone) {
        return Err(Off::Address.refusal());
    }
    let password = match (body.password, body.current_password) {
        (None, _) => None,
        (Some(_), None) => {
            return Err(invalid("Current password required").because(Some("password_not_shown")));
        }
        (Some(new), Some(current)) if new == current => {
            return Err(
                invalid("New password should be different from the old password.")
                    .because(Some("password_same")),
            );
        }
        (Some(new), Some(current)) => Some((Secret::new(new), Secret::new(current))),
    };
    Ok(Changes {
        password,
        data: body.data.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_the_users_to_change_is_refused() {
        for (body, code, reason) in [
            (
                json!({"email": "a@example.org"}),
                ErrorCode::NotImplemented,
                Some("off_address"),
            ),
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
            (
                json!({"password": "p"}),
                ErrorCode::InvalidRequest,
                Some("password_not_shown"),
            ),
            (
                json!({"password": "p", "current_password": "p"}),
                ErrorCode::InvalidRequest,
                Some("password_same"),
            ),
        ] {
            let refusal = parse(serde_json::from_value(body.clone()).unwrap())
                .err()
                .unwrap();
            assert_eq!((refusal.code, refusal.reason), (code, reason), "{body}");
        }
        let body = json!({"data": {"a": null}, "email": "", "phone": null, "tenant": "acme"});
        let changes = parse(serde_json::from_value(body).unwrap()).unwrap();
        assert!(changes.password.is_none());
        assert_eq!(
            changes.data,
            Metadata::from_iter([("a".to_owned(), Value::Null)])
        );
    }
}
