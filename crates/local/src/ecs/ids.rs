//! Where ids come from. The engine makes none of its own, so that a simulation can replay it.

use std::fmt;

/// A source of ids that do not repeat.
pub trait Ids: fmt::Debug + Send {
    /// The next id; its low 64 bits alone do not repeat either.
    fn next(&mut self) -> u128;
}

/// Random ids.
#[derive(Debug, Default, Clone, Copy)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn next(&mut self) -> u128 {
        uuid::Uuid::new_v4().as_u128()
    }
}

/// Ids that follow from a seed and look random: two engines with the same seed and inputs behave the same.
#[derive(Debug, Clone)]
pub struct SeededIds(u64);

impl SeededIds {
    /// The sequence of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64 (Steele, Lea, Flood 2014): a permutation of its counter, hence without repetition.
    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Ids for SeededIds {
    fn next(&mut self) -> u128 {
        (u128::from(self.next_u64()) << 64) | u128::from(self.next_u64())
    }
}
