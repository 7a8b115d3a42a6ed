//! The old settings in the terms of a push pool.

pub(crate) mod ecs_task;
pub(crate) mod findings;
pub(crate) mod foreign;
pub(crate) mod job_variables;
pub(crate) mod literal;
pub(crate) mod lost;
pub(crate) mod overrides;
pub(crate) mod patch;
pub(crate) mod pydantic;
pub(crate) mod secret;
pub(crate) mod shape;
pub(crate) mod storage;
pub(crate) mod worker;
