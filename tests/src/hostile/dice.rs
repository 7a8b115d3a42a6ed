//! Randomness, and the ways in which it spoils what is in order.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

use super::odd;

/// Random choices; the same for the same seed.
pub struct Dice(SmallRng);

impl Dice {
    pub(super) fn of(seed: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed))
    }

    /// True once in `n` times.
    pub(super) fn one_in(&mut self, n: u32) -> bool {
        self.0.random_ratio(1, n)
    }

    /// A number less than `n`.
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0.random_range(0..n)
    }

    /// Any number.
    pub(super) fn bits(&mut self) -> u64 {
        self.0.random()
    }

    /// One of these.
    pub(super) fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }

    /// Puts something odd at some places of a value, or takes something away there.
    pub(super) fn spoil(&mut self, value: &mut Value) {
        let mut times = 1;
        while self.one_in(2) && times < 12 {
            times += 1;
        }
        for _ in 0..times {
            let place = self.place(value);
            match self.below(8) {
                0 => *place = Value::Null,
                1 => {
                    if let Value::Object(entries) = place
                        && !entries.is_empty()
                    {
                        let at = self.below(entries.len());
                        if let Some(name) = entries.keys().nth(at).cloned() {
                            entries.shift_remove(&name);
                        }
                    }
                }
                2 => {
                    if let Value::Object(entries) = place {
                        entries.insert(odd::name(self), odd::value(self));
                    }
                }
                3 => {
                    if let Value::Array(items) = place {
                        let copies = self.below(8);
                        if let Some(item) = items.first().cloned() {
                            items.extend(std::iter::repeat_n(item, copies));
                        }
                    }
                }
                _ => *place = odd::value(self),
            }
        }
    }

    /// A place in a value, any level alike.
    fn place<'v>(&mut self, value: &'v mut Value) -> &'v mut Value {
        let mut at = value;
        loop {
            if self.one_in(5) {
                return at;
            }
            let count = match at {
                Value::Object(entries) => entries.len(),
                Value::Array(items) => items.len(),
                _ => 0,
            };
            if count == 0 {
                return at;
            }
            let chosen = self.below(count);
            at = match at {
                Value::Object(entries) => {
                    let Some(entry) = entries.values_mut().nth(chosen) else { unreachable!("there are so many") };
                    entry
                }
                Value::Array(items) => &mut items[chosen],
                _ => unreachable!("it has parts"),
            };
        }
    }

    /// JSON, now and then spoilt as text.
    pub(super) fn written(&mut self, value: &Value) -> Vec<u8> {
        let mut text = value.to_string().into_bytes();
        if self.one_in(4) {
            self.spoil_text(&mut text);
        }
        text
    }

    /// What no JSON value can express: half of it, doubled keys, numbers beyond all numbers, halves of characters.
    pub(super) fn spoil_text(&mut self, text: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(text.len() + 1);
            match self.below(7) {
                0 => text.truncate(at),
                1 => drop(text.splice(at..at, self.pick::<[u8]>(odd::FRAGMENTS).iter().copied())),
                2 if at < text.len() => text[at] ^= 1 << self.below(8),
                3 if at < text.len() => drop(text.remove(at)),
                4 => {
                    let end = (at + self.below(60)).min(text.len());
                    let part = text[at..end].to_vec();
                    text.splice(at..at, part);
                }
                5 => self.replace_number(text, at),
                _ => {
                    let open = self.below(300);
                    text.splice(at..at, std::iter::repeat_n(b'[', open));
                }
            }
        }
    }

    /// Puts an odd number where the next one stands.
    fn replace_number(&mut self, text: &mut Vec<u8>, from: usize) {
        let Some(start) = text[from..].iter().position(u8::is_ascii_digit).map(|at| from + at) else { return };
        let end = text[start..].iter().position(|byte| !byte.is_ascii_digit()).map_or(text.len(), |at| start + at);
        text.splice(start..end, self.pick::<str>(odd::NUMBERS).bytes());
    }
}
