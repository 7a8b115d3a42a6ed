//! Amazon ECS on loopback: the operations pushpool uses, with the semantics its launch protocol rests on, and tasks as
//! host processes.
//!
//! # Why not an emulator
//!
//! Those there are accept nearly anything and start a task for it: two tasks for one client token, overrides of any
//! length, sizes Fargate does not have, inactive definitions. Code tested against them fails on its first day on AWS.
//! Here a request that AWS refuses is refused, with AWS's exception and, where it has been seen, AWS's message; each
//! rule says where it is written.
//!
//! # Shape
//!
//! [`Engine`] is a state machine without clock, I/O or randomness: `(now, request)` in, answer out, and
//! [`Engine::advance`] for what time brings. [`Ecs`] gives it the clock, runs the processes and hands out the events.
//! A simulation uses the engine alone.
//!
//! A container becomes a process: `entryPoint` and `command` with the overrides of the request, behind the wrapper of
//! its image ([`HostImage`]); the variables of definition, overrides and resolved `secrets` above a few of the host's;
//! standard output and error in one file per container; a process group of its own, which StopTask sends SIGTERM and,
//! after `stopTimeout`, SIGKILL.
//!
//! # What is not modelled
//!
//! * Isolation: images are names; processes see the host's files, network and CPUs. `cpu`, `memory`, `user`, `ulimits`,
//!   `mountPoints`, `volumes`, `workingDirectory`, `readonlyRootFilesystem` and the like are checked, kept and shown,
//!   and change nothing. Nothing is killed for using too much memory.
//! * `environmentFiles`, `dependsOn` (all containers start at once), `healthCheck` (always UNKNOWN), `restartPolicy`,
//!   ECS Exec, FireLens, log drivers other than the file.
//! * The metadata and credentials endpoints: `ECS_CONTAINER_METADATA_URI_V4` and
//!   `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` are not set.
//! * Sidecars: a container that is not essential runs as a process only if the settings name its image; otherwise it
//!   seems to run until the task ends.
//! * Windows containers, GPUs, inference accelerators, App Mesh proxies: kept and shown.
//! * IAM: roles must be named where AWS requires them, and are not looked up. Subnets and security groups are checked
//!   for their form, not for their existence.
//! * Services, deployments, task sets, StartTask, DeleteTaskDefinitions, capacity provider resources, attributes,
//!   account settings; task protection; EBS volumes at launch; EXTERNAL and MANAGED_INSTANCES, which never have hosts.
//! * Placement strategies and constraints: EC2 tasks go to the first instance with room. Capacity providers of EC2 do
//!   not scale; Fargate's launch rate (as opposed to the RunTask rate) and its capacity are unlimited unless injected.
//! * Eventual consistency: every answer is up to date, and an inactive definition is refused at once, not within ten
//!   minutes.
//! * Service events, container instance events, and delivery to targets: events are handed out by [`Ecs::subscribe`].

mod buckets;
mod clusters;
mod config;
mod definition;
mod definition_rules;
mod definitions;
mod engine;
mod errors;
mod fargate;
mod faults;
mod ids;
mod life;
mod model;
mod paging;
mod process;
mod run_task;
mod run_task_rules;
mod shapes;
mod shell;
mod tags;
mod task;
mod tasks;
#[cfg(test)]
mod tests;

pub use buckets::{Bucket, Throttles};
pub use config::{Config, ContainerInstance, Dwell, HostImage, Runner, Secrets};
pub use engine::{ContainerId, Effect, Engine, Environment, Launch, Signal};
pub use faults::{Failure, StartFailure, StartStage, TaskFault, TaskRule};
pub use ids::{Ids, RandomIds, SeededIds};
pub use shell::Ecs;
pub use task::{Status, StopCode, TaskView};
