//! Events.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    client::Client,
    error::ApiError,
    models::Object,
    transport::{Method, Transport},
};

/// An event (prefect 3.8.8, `server/events/schemas/events.py`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// Its id; the same id is the same event.
    pub id: Uuid,
    /// When it happened.
    pub occurred: Timestamp,
    /// Its name: `prefect.ecs.task.running`.
    pub event: String,
    /// Labels of what it happened to, with `prefect.resource.id`.
    pub resource: Object,
    /// Labels of what is involved, each with `prefect.resource.id` and `prefect.resource.role`.
    pub related: Vec<Object>,
    /// Whatever else there is to say.
    pub payload: Object,
}

impl<T: Transport> Client<T> {
    /// Emits events (3.x).
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn emit(&self, events: &[Event]) -> Result<(), ApiError> {
        self.send(Method::Post, "/events".into(), Some(&events)).await
    }
}
