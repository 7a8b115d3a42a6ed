//! One binary for all black-box tests.

mod conformance;
mod conformance_sdk;
mod differential;
mod goldens;
mod launching;
mod pools;
