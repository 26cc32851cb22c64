//! The gate over real sockets: its listener, stages and proxy, with ports that are
//! stand-ins and an upstream that is a real server. Test names begin with the row of
//! the attack catalogue they answer, where there is one.

#[cfg(test)]
mod access;
#[cfg(test)]
mod acting;
#[cfg(test)]
mod built_in;
#[cfg(test)]
mod credential;
#[cfg(test)]
mod delegation;
#[cfg(test)]
mod drain;
#[cfg(test)]
mod exact;
#[cfg(test)]
mod form;
#[cfg(test)]
mod forward_auth;
#[cfg(test)]
mod framing;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod issuers;
#[cfg(test)]
mod limit;
#[cfg(test)]
mod listener;
#[cfg(test)]
mod listeners;
#[cfg(test)]
mod mount;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod progress;
#[cfg(test)]
mod proxying;
#[cfg(test)]
mod route_option;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod transport;
#[cfg(test)]
mod unread;
