//! Shared support of the black-box tests.
