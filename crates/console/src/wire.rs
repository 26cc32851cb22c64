//! The wire forms that several endpoints share. Not here: what one endpoint alone takes
//! or gives; that is in its file.

mod audit;
mod client;
mod input;
mod limit;
mod view;

pub use audit::AuditView;
pub use client::{ClientView, InvitationView, NewClientView};
pub(crate) use input::{
    NewExpiry, TokenTenant, ceiling, expiry, grant, owner, page, parse, parse_all, parse_some,
    placement,
};
pub use limit::TenantLimitView;
pub use view::{
    GrantView, MembershipView, NewTokenView, SessionView, SubjectView, TenantView, TokenView,
};
pub(crate) use view::{IdentityView, Listing};

#[cfg(test)]
mod tests;
