//! Ids as the server makes them: random, so that sorting by id is no order at all (`ID_DESC` pages anyhow).

use uuid::{Builder, Uuid};

/// A seeded generator (splitmix64).
#[derive(Debug, Clone)]
pub(super) struct Ids {
    state: u64,
}

impl Ids {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    pub(super) fn next(&mut self) -> Uuid {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.random().to_le_bytes());
        bytes[8..].copy_from_slice(&self.random().to_le_bytes());
        Builder::from_random_bytes(bytes).into_uuid()
    }

    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_repeats_its_ids_and_shares_none() {
        let make = |seed| {
            let mut ids = Ids::new(seed);
            (0..1000).map(|_| ids.next()).collect::<BTreeSet<_>>()
        };
        let ids = make(1);
        assert!(ids.len() == 1000 && ids.iter().all(|id| id.get_version_num() == 4));
        assert_eq!(ids, make(1));
        assert!(ids.is_disjoint(&make(2)));
    }
}
