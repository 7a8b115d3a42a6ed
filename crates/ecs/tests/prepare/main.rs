//! What `prepare` makes of job configurations.

mod budget;
mod environment;
mod launch;
mod network;
mod properties;
mod refusals;
mod rendered;
mod roles;
mod secrets;
mod support;
mod tags;
