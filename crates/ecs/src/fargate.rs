//! Sizes of a Fargate task.
//!
//! ECS refuses others when the definition is registered ("No Fargate configuration exists for given values"), or, for
//! the sizes in overrides, when the task is run. The table is that of the AWS ECS API reference, RegisterTaskDefinition,
//! `memory`; no service model contains it.

use std::fmt;

/// CPU units and MiB of a Fargate task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// CPU units; 1,024 are one vCPU.
    pub cpu: u32,
    /// MiB.
    pub memory: u32,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cpu {} with memory {}", self.cpu, self.memory)
    }
}

/// CPU units, and the least, greatest and step of their memory in MiB.
const SIZES: [(u32, u32, u32, u32); 7] = [
    (256, 512, 2_048, 0),
    (512, 1_024, 4_096, 1_024),
    (1_024, 2_048, 8_192, 1_024),
    (2_048, 4_096, 16_384, 1_024),
    (4_096, 8_192, 30_720, 1_024),
    (8_192, 16_384, 61_440, 4_096),
    (16_384, 32_768, 122_880, 8_192),
];

/// How many alternatives an error names.
const NEAREST: usize = 3;

/// GiB of ephemeral storage that may be asked for (AWS ECS API reference, EphemeralStorage).
pub(crate) const STORAGE: std::ops::RangeInclusive<i64> = 21..=200;

fn memories((_, least, greatest, step): (u32, u32, u32, u32)) -> impl Iterator<Item = u32> {
    // The smallest CPU doubles: 512, 1,024, 2,048.
    std::iter::successors(Some(least), move |memory| Some(if step == 0 { memory * 2 } else { memory + step }))
        .take_while(move |memory| *memory <= greatest)
}

fn all() -> impl Iterator<Item = Size> {
    SIZES.into_iter().flat_map(|row| memories(row).map(move |memory| Size { cpu: row.0, memory }))
}

/// Checks a pair; where one of the two is not known, the other on its own.
///
/// # Errors
/// The nearest pairs there are.
pub(crate) fn check(cpu: Option<&str>, memory: Option<&str>) -> Result<(), Vec<Size>> {
    let units = cpu.map(parse_cpu);
    let mib = memory.map(parse_memory);
    let fits = |size: &Size| {
        units.is_none_or(|units| units == Some(size.cpu)) && mib.is_none_or(|mib| mib == Some(size.memory))
    };
    if all().any(|size| fits(&size)) {
        return Ok(());
    }
    let mut sizes: Vec<Size> = all().collect();
    let distance = |size: &Size| {
        let apart = |wanted: Option<f64>, there: u32| wanted.map_or(0.0, |it| (it / f64::from(there)).log2().abs());
        apart(units.flatten().map(f64::from), size.cpu) + apart(mib.flatten().map(f64::from), size.memory)
    };
    sizes.sort_by(|one, other| distance(one).total_cmp(&distance(other)));
    sizes.truncate(NEAREST);
    Err(sizes)
}

/// CPU units: `1024`, `1 vCPU`, `.5 vcpu`.
#[must_use]
pub fn parse_cpu(text: &str) -> Option<u32> {
    parse(text, "vcpu")
}

/// MiB: `2048`, `2GB`, `0.5 GB`.
#[must_use]
pub fn parse_memory(text: &str) -> Option<u32> {
    parse(text, "gb")
}

/// Number of 1,024ths of the unit; a bare number is one of them already. None for zero and for what is no size at all.
fn parse(text: &str, unit: &str) -> Option<u32> {
    let text = text.trim().to_ascii_lowercase();
    let thousandths = match text.strip_suffix(unit) {
        Some(number) => number.trim().parse::<f64>().ok()? * 1024.0,
        None => f64::from(text.parse::<u32>().ok()?),
    };
    let whole = thousandths.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(&thousandths);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    whole.then_some(thousandths as u32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_documented_sizes_are_there() {
        assert_eq!(all().count(), 3 + 4 + 7 + 13 + 23 + 12 + 12);
        for (cpu, memory) in [
            ("256", "512"),
            ("256", "2048"),
            (".25 vCPU", "0.5GB"),
            ("1 vCPU", "2 GB"),
            ("1vcpu", "8gb"),
            ("4096", "30720"),
            ("8192", "16384"),
            ("8192", "61440"),
            ("16384", "32768"),
            ("16 vCPU", "120 GB"),
        ] {
            assert_eq!(check(Some(cpu), Some(memory)), Ok(()), "{cpu} {memory}");
        }
    }

    #[test]
    fn the_nearest_are_named() {
        let nearest = |cpu, memory| -> Vec<(u32, u32)> {
            check(cpu, memory).unwrap_err().iter().map(|size| (size.cpu, size.memory)).collect()
        };
        assert_eq!(nearest(Some("256"), Some("4096")), [(256, 2_048), (512, 4_096), (512, 3_072)]);
        assert_eq!(nearest(Some("1000"), Some("2000")), [(1_024, 2_048), (1_024, 3_072), (512, 2_048)]);
        assert_eq!(nearest(Some("8192"), Some("17408")), [(8_192, 16_384), (8_192, 20_480), (8_192, 24_576)]);
        assert_eq!(nearest(Some("32768"), None), [(16_384, 32_768), (16_384, 40_960), (16_384, 49_152)]);
        assert_eq!(nearest(Some("lots"), Some("2048")), [(256, 2_048), (512, 2_048), (1_024, 2_048)]);
        assert_eq!(check(None, Some("2048")), Ok(()));
        assert_eq!(check(Some("512"), None), Ok(()));
        for nonsense in ["", "0", "-1", "1.5", "NaN GB", "inf GB", "GB", "999999999999", "1 TB"] {
            assert!(check(None, Some(nonsense)).is_err(), "{nonsense}");
        }
    }

    proptest! {
        #[test]
        fn what_is_named_is_valid(cpu in 0_u32..40_000, memory in 0_u32..200_000) {
            let (cpu, memory) = (cpu.to_string(), memory.to_string());
            if let Err(nearest) = check(Some(&cpu), Some(&memory)) {
                prop_assert_eq!(nearest.len(), NEAREST);
                for size in nearest {
                    prop_assert_eq!(check(Some(&size.cpu.to_string()), Some(&size.memory.to_string())), Ok(()));
                }
            }
        }
    }
}
