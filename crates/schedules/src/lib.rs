//! Schedules as Prefect has them: checked, converted to what the API takes, and their next times.
//!
//! Three programs have a say in a schedule of `prefect.yaml`. `prefect deploy` reads it with pydantic, the server checks it
//! again when it is stored, and the server's scheduler computes times from it with croniter, dateutil and its own arithmetic
//! for intervals. They do not agree: `0 0 30 2 *` and `FREQ=DAILY;INTERVAL=0` are stored, and then the scheduler fails on the
//! one and never comes back from the other. So a schedule is checked here by all three, before anything is sent.
//!
//! ```
//! use schedules::{ScheduleError, parse};
//! use serde_json::json;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now = "2026-03-07T12:00:00Z".parse()?;
//! let schedule = parse(&json!({"cron": "30 2 * * *", "timezone": "America/New_York"}), now).map_err(|errors| errors[0].clone())?;
//! let next: Vec<String> = schedule.next(now, 2)?.iter().map(|time| time.datetime().to_string()).collect();
//! assert_eq!(next, ["2026-03-08T03:30:00", "2026-03-09T02:30:00"]); // 02:30 is skipped on the 8th
//!
//! let errors = parse(&json!({"cron": "30 2 * * *", "tz": "UTC"}), now).unwrap_err();
//! assert_eq!(errors[0].to_string(), "unknown key `tz`: did you mean `timezone`?");
//! # Ok(())
//! # }
//! ```
//!
//! # Why not a library for each kind
//!
//! The next times are shown to a user as the server's, so they have to be the server's: croniter reads `59/5` as every five
//! minutes and skips the first of March in `0 0 1,30 * *`, and dateutil moves a skipped hour back where cron moves it forward.
//! `croner` and `saffron` follow other crons (no ranges that wrap around, other rules for two day fields), and the `rrule` crate
//! refuses rules that dateutil takes and brings a second calendar and a second database of zones. What is taken from libraries:
//! time zones and calendar from `jiff`, with the zones compiled in so that a check has one answer everywhere, and durations
//! from `speedate`, which is pydantic's own parser.
//!
//! # What is not as in Prefect 3.9.1
//!
//! `tests/prefect.rs` compares 1819 next times and 159 items with the real package and lists every difference with its reason.
//! In short: what can never fire, or makes the scheduler fail, is refused, and so are months and years as intervals (pydantic
//! takes 30 and 365 days), six fields with every second, `R`, and numbers or truth values as dates and intervals. Dates in
//! rules are read in the forms of iCalendar and ISO 8601 only. Keys of older versions are taken with a [`Warning`]. Rules with
//! an offset in `UNTIL` and no `DTSTART` are taken with a warning, because they are common and stored, although the scheduler
//! fails on them. After 2037 dateutil knows no changes of the clock; the times here do. Where a cron expression with years has
//! fewer times left than asked for, the server's scheduler fails; here they are fewer.
//!
//! No text makes a search endless: cron gives up after 50 years, as croniter does, and rules after one cycle of the calendar
//! without a time or after a fixed number of steps.

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
    zone::{local as local_zone, names as zones},
};
