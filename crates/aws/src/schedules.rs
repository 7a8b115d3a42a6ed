//! The one-time schedules of a standalone dispatcher, in EventBridge Scheduler.

use aws_config::SdkConfig;
use dispatch::{
    codes,
    ports::{Failure, Look, Schedules},
};
use ecs::failure::Class;
use jiff::{Timestamp, Unit};
use serde_json::json;

use crate::call::CreateSchedule;

/// Where schedules are made, and what they send to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleSettings {
    /// Their group.
    pub group: String,
    /// ARN of the role that they send as.
    pub role_arn: String,
    /// ARN of the run queue.
    pub run_queue_arn: String,
}

/// [`Schedules`] in EventBridge Scheduler.
#[derive(Debug, Clone)]
pub struct EventBridgeSchedules {
    create_schedule: CreateSchedule,
    settings: ScheduleSettings,
}

impl EventBridgeSchedules {
    /// Schedules as these settings say.
    #[must_use]
    pub fn new(config: &SdkConfig, settings: ScheduleSettings) -> Self {
        Self { create_schedule: CreateSchedule::new(config), settings }
    }
}

impl Schedules for EventBridgeSchedules {
    async fn send_at(&self, look: &Look, body: String) -> Result<(), Failure> {
        let ScheduleSettings { group, role_arn, run_queue_arn } = &self.settings;
        // EventBridge Scheduler API reference, CreateSchedule; the time zone is UTC unless another is named.
        let input = json!({
            "GroupName": group,
            "ScheduleExpression": expression(look.at),
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ActionAfterCompletion": "DELETE",
            "Target": {"Arn": run_queue_arn, "RoleArn": role_arn, "Input": body},
        });
        match self.create_schedule.call(&look.name, &input).await {
            Ok(_) => Ok(()),
            // Made by another delivery of the message, or by this one, whose answer was lost.
            Err(error) if error.is("ConflictException") => Ok(()),
            Err(error) => {
                Err(Failure { class: Class::Transient, diagnosis: codes::schedule_failed(&error.to_string()) })
            }
        }
    }
}

/// In whole seconds, rounded up: a message must not come before its time.
fn expression(at: Timestamp) -> String {
    let ceiling = jiff::TimestampRound::new().smallest(Unit::Second).mode(jiff::RoundMode::Ceil);
    let text = at.round(ceiling).unwrap_or(at).to_string();
    format!("at({})", text.trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_the_service_wants_it() {
        let written = |text: &str| expression(text.parse().unwrap());
        assert_eq!(written("2026-01-20T23:59:59Z"), "at(2026-01-20T23:59:59)");
        assert_eq!(written("2026-01-20T23:59:59.000000001Z"), "at(2026-01-21T00:00:00)");
    }
}
