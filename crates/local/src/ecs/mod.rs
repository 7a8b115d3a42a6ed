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
//! # The rules
//!
//! Those of the two requests are [`::ecs::rules`], which a run is checked by before it is sent: what is refused here is
//! refused there.
//!
//! "Model" is the ECS service model (botocore, `ecs/2014-11-13/service-2.json`), which the API reference is made from;
//! "guide" the ECS developer guide. The code says at each rule which words it rests on.
//!
//! | request | rule | where |
//! |---|---|---|
//! | any | unknown members are ignored; another JSON type is a SerializationException; required members, enumerations | Model, AWS JSON 1.1 |
//! | any, if switched on | token buckets, ThrottlingException "Rate exceeded" | guide, "Request throttling", "AWS Fargate throttling quotas" |
//! | any with tags | 50 tags, keys 1-128, values 0-256 characters of `[\p{L}\p{Z}\p{N}_.:/=+\-@]`, unique, no `aws:` | Model `Tag`, `TagKey`, `TagValue` |
//! | RegisterTaskDefinition | names of families and containers `[A-Za-z0-9_-]{1,255}`; revisions count up and are not used again | Model `family`, `ContainerDefinition.name` |
//! | | one essential container; unique names; CPU and memory of containers within the task's; secrets and variables apart | Model `ContainerDefinition` |
//! | | for FARGATE: awsvpc, task-level cpu and memory out of the table of pairs, stop and start timeouts 2-120 s, log drivers, no privileged, links, GPUs, host volumes, placement constraints | Model `cpu`, `memory`, `networkMode`, `stopTimeout`, `LogConfiguration`; guide, "differences for Fargate" |
//! | | `executionRoleArn` for awslogs, secrets and ECR images; ephemeral storage 21-200 GiB; 64 KiB | guide, "Task execution IAM role"; Model `EphemeralStorage`; AWS's answer |
//! | RunTask | a client token per cluster: same request, same answer; another, ConflictException with the tasks; 24 hours or one hour after the tasks | API reference, "Ensuring idempotency"; Model `ConflictException` |
//! | | overrides of at most 8,192 characters of JSON; for containers of the definition only; sizes after overrides must be Fargate's | Model `overrides`, `ContainerOverride`; AWS's answers |
//! | | count 1-10; startedBy `[A-Za-z0-9/_-]{0,128}`; clientToken 64 characters of 33-126 | Model `RunTaskRequest` |
//! | | launch type or strategy, not both; providers of the cluster; 20 at most, one base, not all weights 0 | Model `capacityProviderStrategy`, `CapacityProviderStrategyItem` |
//! | | `networkConfiguration` with awsvpc and only then; 1-16 subnets, at most 5 security groups; a public address on Fargate only | Model `networkConfiguration`, `AwsVpcConfiguration`; AWS's answer |
//! | | the definition is there, ACTIVE, and suits the launch type | Model DeregisterTaskDefinition; AWS's answers |
//! | | EC2: no instances is an error, no room is `failures` RESOURCE:MEMORY or RESOURCE:CPU; Fargate: the vCPU quota is `failures` | AWS's answer; guide, "API failure reasons", "service quotas" |
//! | StopTask | SIGTERM, SIGKILL after `stopTimeout` (30 s); the task's tags are deleted | Model StopTask, `ContainerDefinition.stopTimeout` |
//! | DescribeTasks | 1-100 tasks; unknown ones are `failures` MISSING; tags only if asked for; stopped tasks for an hour | Model DescribeTasks; guide, "API failure reasons" |
//! | ListTasks | RUNNING unless said otherwise, PENDING finds nothing; pages of 1-100; startedBy with no other filter, `desiredStatus` included unless the settings say otherwise | Model `ListTasksRequest` |
//! | events | one per change, `version` counts them; times in ISO 8601; no tags | Model `Task.version`; guide, "task state change events" |
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
//! * Eventual consistency, unless [`Config::lag`] is set; an inactive definition is refused at once, not within ten minutes.
//! * Service events, container instance events, and delivery to targets: events are handed out by [`Ecs::subscribe`].

mod buckets;
mod clusters;
mod config;
mod definition;
mod engine;
mod errors;
mod families;
mod faults;
mod ids;
mod life;
mod model;
mod paging;
mod process;
mod run_task;
mod run_task_request;
mod shapes;
mod shell;
mod tags;
mod task;
mod task_calls;
#[cfg(test)]
mod tests;

pub use buckets::{Bucket, Throttles};
pub use config::{Config, ContainerInstance, Dwell, HostImage, Lag, Runner, Secrets};
pub use engine::{ContainerId, Effect, Engine, Environment, Launch, Signal};
pub use faults::{Failure, StartFailure, StartStage, TaskFault, TaskRule};
pub use ids::{Ids, RandomIds, SeededIds};
pub use shell::Ecs;
pub use task::{Status, StopCode, TaskView};
