//! The wire forms that several endpoints share. Not here: what one endpoint alone takes
//! or gives; that is in its file.

mod client;
mod input;
mod view;

pub use client::{ClientView, InvitationView, NewClientView};
pub(crate) use input::{
    NewExpiry, ceiling, expiry, grant, owner, page, parse, parse_all, parse_some, placement,
};
pub(crate) use view::{
    GrantView, IdentityView, Listing, MembershipView, NewTokenView, SessionView, SubjectView,
    TenantView, TokenView,
};

#[cfg(test)]
mod tests;
