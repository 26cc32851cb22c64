//! The management surfaces over Doorward's use-cases: `/admin/v1` for whoever holds a
//! management permission, `/me/v1` for every subject about itself, and the sign-in that
//! gives a user a session to call them with.
//!
//! Will live here: the dashboard and the hosted pages. Not here: who may do what; the
//! use-cases decide, on authority read live from the store.

mod admin;
mod desk;
mod errors;
mod me;
mod wire;

pub use admin::{AdminParts, admin_openapi};
pub use me::{MeParts, SignInParts, me_openapi};
pub use wire::{
    AuditView, ClientView, GrantView, InvitationView, LeavingTokenView, LeavingView,
    MembershipView, NewClientView, NewTokenView, SessionView, SubjectView, TenantLimitView,
    TenantView, TokenView,
};

/// Where the sign-in is mounted, for any caller, POST only.
pub const SIGN_IN_PATH: &str = "/me/v1/session";
/// Where [`SignInParts`] is mounted too, for any caller, POST only: whoever has a refresh
/// token uses it here.
pub const REFRESH_PATH: &str = "/me/v1/session/refresh";
/// Where [`SignInParts`] is mounted too, for any caller, POST only: whoever has the secret
/// of an invitation takes it here.
pub const ACCEPT_PATH: &str = "/me/v1/invitations/accept";
/// Where [`MeParts`] is mounted for DELETE only, with an access token: the sign-out.
pub const SIGN_OUT_PATH: &str = "/me/v1/session";
/// Where [`MeParts`] is mounted for every method, with an access token.
pub const ME_PATHS: &[&str] = &[
    "/me/v1",
    "/me/v1/delete",
    "/me/v1/identities/**",
    "/me/v1/invitations/**",
    "/me/v1/memberships/**",
    "/me/v1/password",
    "/me/v1/session/switch",
    "/me/v1/sessions/**",
    "/me/v1/tokens/**",
];
/// Where [`AdminParts`] is mounted for every method, with an access token.
pub const ADMIN_PATHS: &[&str] = &["/admin/v1/**"];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::collections::HashSet;

    fn references<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                into.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|value| references(value, into));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, into)),
            _ => {}
        }
    }

    #[test]
    fn descriptions_are_whole_and_their_operation_ids_distinct() {
        let mut ids = HashSet::new();
        let mut count = 0;
        for (prefix, description) in [("/admin/v1/", admin_openapi()), ("/me/v1", me_openapi())] {
            let description = serde_json::to_value(description).unwrap();
            let mut found = Vec::new();
            references(&description, &mut found);
            assert!(!found.is_empty());
            for reference in found {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(description.pointer(pointer).is_some(), "{reference}");
            }
            for (path, operations) in description["paths"].as_object().unwrap() {
                assert!(path.starts_with(prefix), "{path}");
                for operation in operations.as_object().unwrap().values() {
                    count += 1;
                    ids.insert(operation["operationId"].as_str().unwrap().to_owned());
                }
            }
        }
        assert_eq!(ids.len(), count);
        assert_eq!(count, 60);
    }
}
