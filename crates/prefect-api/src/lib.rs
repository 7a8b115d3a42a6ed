//! The calls pushpool makes to a Prefect server, self-hosted (3.x and 2.20) or Prefect Cloud.
//!
//! Everything here but the socket is pure of the network: a [`Client`] is generic over its [`Transport`], and retries,
//! CSRF tokens, and what an answer means are the same over HTTP (feature `http`) and over a simulated server.
//!
//! Each resource of the API has a module with its models and calls: flow runs, their states, work pools, queues,
//! deployments, schedules, and so on. The calls are methods of [`Client`], and [`models`] names all models. Paths and
//! bodies are those of the OpenAPI schema of prefect 3.8.8, and work on 2.20.26 too unless a call says otherwise.
//!
//! Functions make most of these calls, many times a minute. What a run costs in requests is what a Prefect server feels
//! of pushpool, and what Prefect Cloud counts.
//!
//! # What is on purpose not done
//!
//! * No `X-PREFECT-API-VERSION` header: without it the server speaks its latest version.
//! * A User-Agent of our own: the server reads versions out of Prefect's and changes what it does for old ones
//!   (prefect 3.8.8, `server/utilities/user_agent.py`), which is none of our business.
//! * Answers are read leniently (unknown fields are ignored, most are optional), requests hold only what every served
//!   release knows.

mod automations;
mod blocks;
mod bulk;
mod client;
mod concurrency;
mod connection;
mod deployments;
mod documents;
mod error;
mod events;
#[cfg(test)]
mod fake;
pub mod filters;
mod flow_runs;
mod flows;
#[cfg(feature = "http")]
pub mod http;
mod lists;
mod logs;
pub mod models;
mod pages;
mod patch;
mod pools;
mod queues;
mod retry;
mod schedules;
mod server;
pub mod settings;
mod states;
mod transport;
mod variables;

pub use client::Client;
pub use connection::{Auth, Connection, Credentials, is_cloud, without_userinfo};
pub use error::ApiError;
pub use lists::{Apart, PAGE};
pub use pages::{Each, Page, Unread};
pub use retry::Patience;
pub use transport::{Method, Request, Response, Room, Transport, TransportError};
