//! Where to look when a flow run is not as it should be.
//!
//! Four places know about a run: its states on the server, the lines that pushpool wrote into its log, its tasks in ECS, and
//! the logs of containers and functions in CloudWatch. The first three are read. For the last there are only the commands
//! that read it, because `aws logs tail` is good at that.

pub mod commands;
mod facts;

pub use self::facts::{Claim, Facts, TaskFacts, gather};
