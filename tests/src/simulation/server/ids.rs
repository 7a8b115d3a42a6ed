//! Ids as the server makes them: random, but greater the later they are made (UUID version 7), so that sorting by id is
//! sorting by age.

use jiff::Timestamp;
use uuid::Uuid;

/// A seeded generator (splitmix64).
#[derive(Debug, Clone)]
pub(super) struct Ids {
    state: u64,
    made: u64,
}

impl Ids {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed, made: 0 }
    }

    /// The next id. The count stands where version 7 has its sub-millisecond bits and the first random ones: ids of one
    /// millisecond keep their order.
    pub(super) fn next(&mut self, now: Timestamp) -> Uuid {
        self.made += 1;
        let milliseconds = u64::try_from(now.as_millisecond()).unwrap_or(0);
        let high = milliseconds << 16 | 0x7000 | self.made >> 30 & 0xfff;
        let low = 0b10 << 62 | (self.made & 0x3fff_ffff) << 32 | u64::from(self.random());
        Uuid::from_u64_pair(high, low)
    }

    fn random(&mut self) -> u32 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_ids_are_greater_and_a_seed_repeats_them() {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let make = |seed| {
            let mut ids = Ids::new(seed);
            (0..1000).map(|_| ids.next(now)).collect::<Vec<_>>()
        };
        let ids = make(1);
        assert!(ids.is_sorted() && ids.iter().all(|id| id.get_version_num() == 7));
        assert_eq!(ids, make(1));
        assert_ne!(ids, make(2));
    }
}
