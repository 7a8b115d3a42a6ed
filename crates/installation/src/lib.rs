//! An installation as data: its functions, its queues, the variables that configure the functions, and the timings that depend
//! on each other.
//!
//! The same facts are needed in many places: the functions read the variables, the Terraform module sets them, `pushpool dev`
//! and the end-to-end tests put an installation together on loopback, `doctor` and `redrive` look for its parts by name, and
//! docs/functions.md lists them. Each fact stands here once, and every reader takes it from here or is compared with it by a
//! test (`infra::installation`).
//!
//! * [`Function`] and [`Queue`]: which functions and queues there are, and which queue feeds which function.
//! * [`variables`]: name, meaning, default, readers, and who sets them; [`retired`] lists those that were given up.
//! * [`timing`]: the timings and their relations, as checks.
//! * [`page`]: the tables of the documentation.
//!
//! There is no I/O here and no dependency, so every crate may read it.

mod function;
pub mod page;
mod queue;
pub mod retired;
pub mod timing;
mod variable;
pub mod variables;

pub use function::Function;
pub use queue::Queue;
pub use variable::{Mode, Preset, SetBy, Variable};

/// The prefix of every name of an installation, unless it was given another: the module's variable `prefix`.
pub const PREFIX: &str = "pushpool";

/// Deliveries of a message before SQS moves it to the dead-letter queue.
pub const MAX_RECEIVE_COUNT: u32 = 10;

/// Fewer deliveries than this, and a short outage moves messages to the dead-letter queues: throttled deliveries count, too
/// (Lambda developer guide, "Using Lambda with Amazon SQS").
pub const FEWEST_RECEIVES: u32 = 5;

/// Most messages of one invocation.
pub const BATCH_SIZE: u32 = 10;

/// Most invocations at once that one queue causes. The fewest that Lambda takes, so that the smallest accounts can install it.
pub const MAXIMUM_CONCURRENCY: u32 = 2;

/// How long a receive waits for a message: the longest that SQS allows.
pub const RECEIVE_WAIT: std::time::Duration = std::time::Duration::from_secs(20);

/// How long a dead-letter queue keeps a message: the longest that SQS allows.
pub const DEAD_LETTER_RETENTION: std::time::Duration = std::time::Duration::from_secs(14 * 24 * 3_600);

/// The tick that makes the poller poll once, without further ticks of its own.
pub const EXTRA_TICK: &str = r#"{"version":1,"tick":"extra"}"#;
