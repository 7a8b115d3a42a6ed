//! One binary for all black-box tests.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod chains;
mod cli;
mod conformance;
mod conformance_local;
mod conformance_mapping;
mod conformance_sdk;
mod deploy;
mod differential;
mod documents;
mod flood;
mod functions;
mod goldens;
mod hostile;
mod infra;
mod large_parameters;
mod launching;
mod pools;
mod prefect_harness;
mod prefect_observer;
mod prefect_settings;
mod secrets;
mod served;
mod simulated_server;
mod standalone;
mod upgrade;
mod wired;
