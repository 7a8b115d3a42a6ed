//! One binary for all black-box tests.

mod differential;
mod goldens;
mod launching;
