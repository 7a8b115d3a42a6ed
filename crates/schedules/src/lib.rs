//! Schedules as Prefect has them: checked, and their next times.
