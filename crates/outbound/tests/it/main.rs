//! Shared limits against a real Redis, and the guarded client against servers that
//! misbehave.

#[cfg(test)]
mod egress;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod rogue;
#[cfg(test)]
mod script;
#[cfg(test)]
mod support;
