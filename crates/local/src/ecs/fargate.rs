//! Task sizes.

/// CPU units and MiB of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Size {
    pub(super) cpu: u32,
    pub(super) memory: u32,
}

/// Whether Fargate has this size.
///
/// ECS service model, RegisterTaskDefinitionRequest.memory (and "Task size" in the ECS developer guide): 256 with 0.5,
/// 1 or 2 GB; 512 with 1-4 GB; 1024 with 2-8 GB; 2048 with 4-16 GB; 4096 with 8-30 GB, each in steps of 1 GB; 8192 with
/// 16-60 GB in steps of 4 GB; 16384 with 32-120 GB in steps of 8 GB.
pub(super) fn is_fargate_size(size: Size) -> bool {
    const GB: u32 = 1024;
    let (least, most, step) = match size.cpu {
        256 => return [512, GB, 2 * GB].contains(&size.memory),
        512 => (GB, 4 * GB, GB),
        1024 => (2 * GB, 8 * GB, GB),
        2048 => (4 * GB, 16 * GB, GB),
        4096 => (8 * GB, 30 * GB, GB),
        8192 => (16 * GB, 60 * GB, 4 * GB),
        16384 => (32 * GB, 120 * GB, 8 * GB),
        _ => return false,
    };
    (least..=most).contains(&size.memory) && (size.memory - least).is_multiple_of(step)
}

/// CPU units out of `"1024"`, `"1 vCPU"`, `".5 vcpu"`.
///
/// ECS service model, RegisterTaskDefinitionRequest.cpu: an integer of CPU units or a string of vCPUs, converted to
/// units on registration.
pub(super) fn cpu_units(text: &str) -> Option<u32> {
    quantity(text, &["vcpu"], 1024.0)
}

/// MiB out of `"2048"`, `"2GB"`, `"0.5 GB"` (RegisterTaskDefinitionRequest.memory, as for `cpu`).
pub(super) fn memory_mib(text: &str) -> Option<u32> {
    quantity(text, &["gb"], 1024.0)
}

fn quantity(text: &str, units: &[&str], factor: f64) -> Option<u32> {
    let text = text.trim().to_ascii_lowercase();
    for unit in units {
        if let Some(number) = text.strip_suffix(unit) {
            let number: f64 = number.trim().parse().ok()?;
            let units = number * factor;
            return (number.is_finite() && number > 0.0 && units.fract() == 0.0 && units < f64::from(u32::MAX))
                .then_some(units as u32);
        }
    }
    text.parse().ok().filter(|units| *units > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pairs_of_the_table() {
        let mut pairs = Vec::new();
        for cpu in [128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768] {
            let count =
                (0..=131_072).step_by(512).filter(|memory| is_fargate_size(Size { cpu, memory: *memory })).count();
            pairs.push((cpu, count));
        }
        let expected =
            [(128, 0), (256, 3), (512, 4), (1024, 7), (2048, 13), (4096, 23), (8192, 12), (16384, 12), (32768, 0)];
        assert_eq!(pairs, expected);
        assert!(!is_fargate_size(Size { cpu: 256, memory: 8192 }));
        assert!(!is_fargate_size(Size { cpu: 512, memory: 512 }));
    }

    #[test]
    fn units_are_read_as_aws_reads_them() {
        assert_eq!(cpu_units("1024"), Some(1024));
        assert_eq!(cpu_units("1 vCPU"), Some(1024));
        assert_eq!(cpu_units(".25 vcpu"), Some(256));
        assert_eq!(cpu_units("1 core"), None);
        assert_eq!(cpu_units("-1"), None);
        assert_eq!(cpu_units(""), None);
        assert_eq!(memory_mib("0.5GB"), Some(512));
        assert_eq!(memory_mib("30 GB"), Some(30_720));
        assert_eq!(memory_mib("2g"), None);
    }
}
