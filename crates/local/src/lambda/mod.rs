//! Functions, invoked as Lambda invokes them.
//!
//! A [`Function`] is either a closure in this process ([`InProcess`]) or a real `bootstrap` binary behind the Runtime
//! API ([`RuntimeApi`]); an [`EventSourceMapping`] feeds it from a queue, a [`FunctionUrl`] with requests. The same mapping drives both, so that a test
//! can begin with a closure and end with the very binary that is deployed. [`Concurrency`] is what functions of one account share.
//!
//! # What is not modelled
//!
//! * Freezing: an environment that has answered keeps running; time that a function spends after its answer is not
//!   cut off.
//! * Memory limits, CPU share, `/tmp` of its own, the read-only file system: a function sees the host.
//! * Extensions, the telemetry and logs APIs, response streaming, SnapStart, provisioned concurrency, versions and
//!   aliases (always `$LATEST`), the control plane (CreateFunction, CreateEventSourceMapping and so on).
//! * Recursive loop detection through SNS and S3, the setting that switches it off, and functions that call functions. Only
//!   calls over the wire carry a trace header, so a function in this process that uses none begins a new chain each time.
//! * Of mappings: filters, on-failure destinations, provisioned pollers, the gradual scaling of pollers (all of the
//!   maximum concurrency is there at once).

mod bootstrap;
mod chain;
mod concurrency;
mod event;
mod function;
mod mapping;
mod runtime_api;
#[cfg(test)]
mod tests;
mod url;

pub use bootstrap::{Bootstrap, Line, Output, RuntimeApi};
pub use chain::{Chain, LONGEST_CHAIN};
pub use concurrency::{Concurrency, Places, ReserveError};
pub use function::{Function, FunctionError, InProcess, Invocation};
pub use mapping::{EventSourceMapping, Mapping, MappingCounts, MappingError};
pub use url::FunctionUrl;
