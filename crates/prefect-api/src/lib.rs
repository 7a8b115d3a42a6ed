//! The calls pushpool makes to a Prefect server, self-hosted (3.x and 2.20) or Prefect Cloud.
//!
//! Everything here but the socket is pure of the network: a [`Client`] is generic over its [`Transport`], and retries,
//! CSRF tokens, and what an answer means are the same over HTTP (feature `http`) and over a simulated server.
//!
//! # What is on purpose not done
//!
//! * No `X-PREFECT-API-VERSION` header: without it the server speaks its latest version.
//! * A User-Agent of our own: the server reads versions out of Prefect's and changes what it does for old ones
//!   (prefect 3.8.8, `server/utilities/user_agent.py`), which is none of our business.
//! * Answers are read leniently (unknown fields are ignored, most are optional), requests hold only what every served
//!   release knows.

mod calls;
mod client;
mod connection;
mod error;
#[cfg(feature = "http")]
pub mod http;
pub mod models;
mod pages;
mod retry;
pub mod settings;
mod transport;

pub use calls::PAGE;
pub use client::Client;
pub use connection::{Auth, Connection, Credentials, is_cloud};
pub use error::ApiError;
pub use pages::{Each, Page, Unread};
pub use retry::Patience;
pub use transport::{Method, Request, Response, Room, Transport, TransportError};
