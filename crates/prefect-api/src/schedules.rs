//! Schedules of deployments.
//!
//! Calls: prefect 3.9.1, `server/api/deployments.py`; the same on 2.20.26, whose schedules have neither slugs nor
//! parameters. Shapes as `prefect deploy` sends them and as servers answered.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    client::Client,
    error::ApiError,
    models::Object,
    transport::{Method, Transport},
};

/// When runs are due. A server fills in what is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Timing {
    /// By a cron expression.
    Cron {
        /// `0 4 * * *`
        cron: String,
        /// Name of the time zone it is read in; UTC if none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timezone: Option<String>,
        /// Whether a day has to match the day of the month *or* the day of the week, where both are said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        day_or: Option<bool>,
    },
    /// Again and again after some time.
    Interval {
        /// Seconds.
        interval: f64,
        /// A time that one of the runs is due at: RFC 3339, as it was written, because the server takes the time zone
        /// from its offset where `timezone` is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        anchor_date: Option<String>,
        /// Name of the time zone whose daylight saving it follows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timezone: Option<String>,
    },
    /// By a recurrence rule of RFC 5545.
    Rrule {
        /// `FREQ=MONTHLY;BYDAY=-1FR`. To a rule without a start 3.9.1 adds one, and answers
        /// `DTSTART:20200101T000000`, a line break, and the rule (seen).
        rrule: String,
        /// Name of the time zone it is read in; UTC if none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timezone: Option<String>,
    },
    /// A kind of a later release.
    Other(Object),
}

/// A schedule of a deployment.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Schedule {
    /// Its id.
    pub id: Uuid,
    /// When runs are due.
    pub schedule: Timing,
    /// Whether it makes runs.
    pub active: bool,
    /// How many runs it makes ahead; none is the server's setting.
    #[serde(default)]
    pub max_scheduled_runs: Option<u32>,
    /// Parameters of its runs, over those of the deployment (3.x).
    #[serde(default)]
    pub parameters: Object,
    /// Its name, unique within the deployment (3.x).
    #[serde(default)]
    pub slug: Option<String>,
}

/// A schedule to make or to change. Of a change, what is left out stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ScheduleSpec {
    /// When runs are due. A schedule to make has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Timing>,
    /// Whether it makes runs; a new one does if none is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// How many runs it makes ahead. 3.9.1 drops it from a new deployment (`server/models/deployments.py`), but not from
    /// a schedule that is added to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_scheduled_runs: Option<u32>,
    /// Parameters of its runs, over those of the deployment (3.x).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Object>,
    /// Its name, unique within the deployment (3.x).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// Slug of the schedule whose place it takes (3.x).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
}

impl<T: Transport> Client<T> {
    /// The schedules of a deployment.
    ///
    /// # Errors
    /// [`ApiError`]; not found if there is no such deployment.
    pub async fn schedules(&self, deployment: Uuid) -> Result<Vec<Schedule>, ApiError> {
        self.get(format!("/deployments/{deployment}/schedules")).await
    }

    /// Adds schedules to a deployment.
    ///
    /// # Errors
    /// [`ApiError`]; a conflict if the deployment has a schedule of such a slug.
    pub async fn create_schedules(
        &self,
        deployment: Uuid,
        schedules: &[ScheduleSpec],
    ) -> Result<Vec<Schedule>, ApiError> {
        self.post(format!("/deployments/{deployment}/schedules"), &schedules).await
    }

    /// Changes a schedule of a deployment. The server deletes the deployment's future runs that schedules made, and
    /// makes them anew.
    ///
    /// # Errors
    /// [`ApiError`]; not found if there is no such schedule.
    pub async fn update_schedule(
        &self,
        deployment: Uuid,
        schedule: Uuid,
        changes: &ScheduleSpec,
    ) -> Result<(), ApiError> {
        self.send(Method::Patch, format!("/deployments/{deployment}/schedules/{schedule}"), Some(changes)).await
    }

    /// Deletes a schedule of a deployment, and the future runs that its schedules made.
    ///
    /// # Errors
    /// [`ApiError`]; not found if there is no such schedule.
    pub async fn delete_schedule(&self, deployment: Uuid, schedule: Uuid) -> Result<(), ApiError> {
        let path = format!("/deployments/{deployment}/schedules/{schedule}");
        self.send(Method::Delete, path, None::<&ScheduleSpec>).await
    }
}

#[cfg(test)]
mod tests;
