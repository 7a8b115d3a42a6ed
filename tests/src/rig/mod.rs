//! What end-to-end tests stand on. Nothing here asserts what pushpool promises.
//!
//! [`served`] is pushpool as it is deployed, on one machine: the functions' own [`binaries`] between AWS on loopback and a
//! real Prefect server ([`prefect`]), each within the role that Terraform gives it ([`applied`]). [`python`] makes the Python
//! environments that the servers and flows run in.

pub mod applied;
pub mod binaries;
pub mod prefect;
pub mod python;
pub mod served;
