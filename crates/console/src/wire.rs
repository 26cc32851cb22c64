//! The wire forms that several endpoints share. Not here: what one endpoint alone takes
//! or gives; that is in its file.

mod audit;
mod client;
mod input;
mod limit;
mod token;
mod view;

pub use audit::AuditView;
pub use client::{ClientView, InvitationView, NewClientView};
pub(crate) use input::{
    Replacement, TokenTenant, ceiling, expiry, grant, owner, page, parse, parse_all, parse_some,
    placement,
};
pub use limit::TenantLimitView;
pub use token::{LeavingTokenView, LeavingView, NewTokenView, TokenView};
pub use view::{GrantView, MembershipView, SessionView, SubjectView, TenantView};
pub(crate) use view::{IdentityView, Listing};

#[cfg(test)]
mod tests;
