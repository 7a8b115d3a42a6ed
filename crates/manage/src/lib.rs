//! What operators do with pushpool, without the command line around it.
//!
//! A front end parses, asks and draws. Everything else is here: the rules for work pools and doorbells, the checks of the
//! doctor, which dead messages go back, and where to look when a run is not as it should be. Facts come back as values with
//! public fields, so a front end writes them as text, JSON or a page. Use cases that change something return a
//! [`plan::Plan`], and nothing changes until the front end applies it.
//!
//! Nothing here parses arguments, prints, or knows a terminal; a test reads the sources for that.

pub mod account;
pub mod doctor;
pub mod doorbell;
pub mod error;
pub mod installation;
pub mod logs;
pub mod plan;
pub mod pool;
pub mod redrive;
pub mod running;
pub mod secret;
pub mod server;
pub mod times;

pub use error::{ManageError, with_sources};
pub use server::{Address, Server};
