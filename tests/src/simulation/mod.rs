//! What the deterministic simulation is made of.

pub mod server;
