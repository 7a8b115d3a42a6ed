//! `push_to_s3` and `pull_from_s3`.

mod client;
mod files;
mod ignored;
mod parameters;
mod pull;
mod push;

pub(crate) use parameters::needs_python;
pub(crate) use pull::pull;
pub(crate) use push::push;

/// Files that move at once.
const AT_ONCE: usize = 10;
