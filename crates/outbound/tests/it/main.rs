//! Shared limits against a real Redis.

#[cfg(test)]
mod limits;
#[cfg(test)]
mod script;
#[cfg(test)]
mod support;
