//! The test kit, in parts. Each has a README; `tests/README.md` is the map.
//!
//! | part | proves, or makes |
//! | --- | --- |
//! | [`oracle`] | pushpool renders what Prefect's own ECS worker sends |
//! | [`hostile`] | bytes from outside cannot make pushpool panic, loop or leak a secret |
//! | [`conformance`] | AWS on loopback keeps the rules that AWS documents |
//! | [`chaos`] | the functions' processes keep the promises while they are killed and cut off |
//! | [`rig`] | what end-to-end tests stand on: Prefect servers, the functions' processes, roles, Python environments |
//!
//! The simulation is a crate of its own (`tests/simulation`): it needs none of these, and is built optimised even for tests.
//! These are one crate, because they share the rig and one compile is cheaper than six. Its helpers panic with a sentence rather than
//! return errors, because a test could not handle one.

pub mod chaos;
pub mod conformance;
pub mod hostile;
pub mod oracle;
pub mod rig;

pub use rig::binaries::{bootstrap, pushpool};
