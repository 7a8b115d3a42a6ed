//! Tests of the crate as its users see it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod built_in;
mod common;
mod excerpt;
mod layers;
mod limits;
mod properties;
mod references;
mod seen_job_configuration;
mod seen_templating;
mod sources;
mod templates;
mod unused;
mod validation;
