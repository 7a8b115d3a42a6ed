//! PP08: reserved for moving agents and blocks to push work pools.

use crate::code::{Family, family};

family! {
    "PP08", "Upgrades",
    "Reserved for moving agents, infrastructure blocks and storage blocks to push work pools.";
}
