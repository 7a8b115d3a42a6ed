//! Schedules as Prefect has them: checked, and their next times.

mod anchor;
mod cron;
mod deployment;
mod error;
mod interval;
mod item;
mod rrule;
mod same;
mod schedule;
mod times;
mod value;
mod zone;

pub use crate::{
    deployment::{Declared, Problem, parse_all},
    error::{NextError, ScheduleError, Warning},
    item::{KEYS, parse},
    schedule::{Kind, Schedule},
    zone::names as zones,
};
