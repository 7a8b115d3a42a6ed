//! Schedules as Prefect has them: checked, and their next times.

mod deployment;
mod error;
mod item;
mod schedule;

pub use crate::{
    deployment::{Declared, Problem, parse_all},
    error::{NextError, ScheduleError, Warning},
    item::{KEYS, parse, warnings},
    schedule::{Kind, Schedule},
};
