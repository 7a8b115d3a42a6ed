//! The families of codes, a module each. A code is defined once, in the module of its family, and never given to another failure:
//! users search for it, and alarms count it.

pub(crate) mod answers;
pub(crate) mod deploy;
pub(crate) mod doorbell;
pub(crate) mod messages;
pub(crate) mod requests;
pub(crate) mod server;
pub(crate) mod tasks;
pub(crate) mod upgrade;
pub(crate) mod work_pool;

use crate::{Code, code::Family};

pub use answers::*;
pub use deploy::*;
pub use doorbell::*;
pub use messages::*;
pub use requests::*;
pub use server::*;
pub use tasks::*;
pub use upgrade::*;
pub use work_pool::*;

static FAMILIES: [&Family; 9] = [
    &work_pool::FAMILY,
    &requests::FAMILY,
    &answers::FAMILY,
    &messages::FAMILY,
    &server::FAMILY,
    &tasks::FAMILY,
    &doorbell::FAMILY,
    &deploy::FAMILY,
    &upgrade::FAMILY,
];

/// All families, in the order of their codes.
pub fn families() -> impl Iterator<Item = &'static Family> {
    FAMILIES.iter().copied()
}

/// All codes, in their order.
pub fn codes() -> impl Iterator<Item = Code> {
    families().flat_map(|family| family.codes().iter().copied())
}
