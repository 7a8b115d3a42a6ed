//! The lines of a journal.

use std::fmt;

use jiff::Timestamp;
use prefect_api::models::Object as Document;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::plan::{ServerSeen, Write};

/// Version of the format.
pub(super) const VERSION: u32 = 1;

/// An object that is written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Object {
    /// A work pool.
    WorkPool {
        /// Its name.
        name: String,
    },
    /// A work queue.
    WorkQueue {
        /// Its pool.
        pool: String,
        /// Its name.
        name: String,
    },
    /// A deployment.
    Deployment {
        /// Its id.
        id: Uuid,
        /// `flow/deployment`
        name: String,
    },
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WorkPool { name } => write!(f, "work pool \"{name}\""),
            Self::WorkQueue { pool, name } => write!(f, "queue \"{name}\" of work pool \"{pool}\""),
            Self::Deployment { name, .. } => write!(f, "deployment \"{name}\""),
        }
    }
}

/// What is about to be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Makes the object.
    Create,
    /// Changes the pool's default queue, which the server made.
    Adjust,
    /// Writes the deployment.
    Write {
        /// The request.
        write: Write,
    },
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The journal was begun. The first line, and no other.
    Opened {
        /// Version of the format.
        version: u32,
        /// Digest of the plan that is carried out.
        plan: String,
        /// The server that is written to.
        server: ServerSeen,
    },
    /// A request is about to be sent. Without a later line about the object, nothing is known about its effect.
    Writing {
        /// The object.
        object: Object,
        /// The request.
        request: Request,
        /// The object as it is; none if there is no such object.
        before: Option<Document>,
    },
    /// The request took effect.
    Written {
        /// The object.
        object: Object,
        /// The object as it is now.
        after: Document,
    },
    /// The server refused the request, and the object is as it was.
    Refused {
        /// The object.
        object: Object,
        /// Why.
        why: String,
    },
    /// A request that puts the object back is about to be sent.
    Restoring {
        /// The object.
        object: Object,
    },
    /// The object is as it was before, or gone if there was none.
    Restored {
        /// The object.
        object: Object,
    },
}

impl Event {
    /// What it is about.
    #[must_use]
    pub fn object(&self) -> Option<&Object> {
        match self {
            Self::Opened { .. } => None,
            Self::Writing { object, .. }
            | Self::Written { object, .. }
            | Self::Refused { object, .. }
            | Self::Restoring { object }
            | Self::Restored { object } => Some(object),
        }
    }
}

/// An event and its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) at: Timestamp,
    #[serde(flatten)]
    pub(super) event: Event,
}
