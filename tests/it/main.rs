//! One binary for all black-box tests.

mod goldens;
