//! The doorbell: the automation that lets ad-hoc runs start at once.
//!
//! Polling finds every run, but up to a poll period later. One automation on the server covers all pools of type `ecs:push`.
//! It calls a webhook, the doorbell function, which makes the poller look now. A doorbell is two objects: a block of type
//! `webhook` with address and token, and the automation. Both are found by name, so a second installation changes them and
//! never doubles them.

mod automation;
pub mod install;
mod installed;
mod passing;
pub mod remove;
mod ring;
mod safety;
mod steps;
pub mod test;

pub use self::{
    installed::{Installed, installed},
    passing::Passing,
    safety::{check_token, check_url, is_loopback},
    steps::{Installer, Step, apply},
};

/// Name of block and automation when the user gives none.
pub const NAME: &str = "pushpool-doorbell";
