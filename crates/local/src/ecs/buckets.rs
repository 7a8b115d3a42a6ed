//! The token buckets of the API.

use std::collections::BTreeMap;

use crate::clock::Millis;

/// One token bucket: `burst` calls at once, `rate` calls a second in the long run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Size of the bucket.
    pub burst: u32,
    /// Tokens a second.
    pub rate: u32,
}

/// Buckets by operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Throttles {
    /// Operations with their own bucket.
    pub operations: BTreeMap<String, Bucket>,
    /// Bucket of every other operation, each its own.
    pub others: Bucket,
}

impl Default for Throttles {
    /// RunTask 20 at once and 20 a second ("AWS Fargate throttling quotas", ECS developer guide);
    /// RegisterTaskDefinition 20 at once and 1 a second ("Request throttling for the Amazon ECS API", as quoted in
    /// aws-actions/amazon-ecs-deploy-task-definition issue 502). The figures of the other action groups were not to be
    /// had; 100 and 50 are an assumption that should not be what a test trips over.
    fn default() -> Self {
        let operations =
            [("RunTask", Bucket { burst: 20, rate: 20 }), ("RegisterTaskDefinition", Bucket { burst: 20, rate: 1 })];
        Self {
            operations: operations.map(|(name, bucket)| (name.to_owned(), bucket)).into(),
            others: Bucket { burst: 100, rate: 50 },
        }
    }
}

/// How full the buckets are.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    /// Thousandths of a token, so that a millisecond adds a whole number of them, and when that was true.
    levels: BTreeMap<String, (u64, Millis)>,
}

impl Buckets {
    /// Takes a token for `operation`, or says that there is none.
    pub(super) fn take(&mut self, throttles: &Throttles, operation: &str, now: Millis) -> bool {
        let bucket = throttles.operations.get(operation).unwrap_or(&throttles.others);
        let full = u64::from(bucket.burst) * 1000;
        let (level, since) = self.levels.entry(operation.to_owned()).or_insert((full, now));
        *level = full.min(*level + now.saturating_sub(*since) * u64::from(bucket.rate));
        *since = now;
        let enough = *level >= 1000;
        if enough {
            *level -= 1000;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(buckets: &mut Buckets, operation: &str, now: Millis, calls: usize) -> usize {
        (0..calls).filter(|_| buckets.take(&Throttles::default(), operation, now)).count()
    }

    #[test]
    fn a_burst_then_the_rate() {
        let mut buckets = Buckets::default();
        assert_eq!(taken(&mut buckets, "RunTask", 0, 30), 20);
        assert_eq!(taken(&mut buckets, "RunTask", 49, 5), 0);
        assert_eq!(taken(&mut buckets, "RunTask", 50, 5), 1);
        assert_eq!(taken(&mut buckets, "RunTask", 1050, 30), 20);
        assert_eq!(taken(&mut buckets, "RunTask", 60_000, 30), 20);
    }

    #[test]
    fn operations_have_their_own_buckets() {
        let mut buckets = Buckets::default();
        assert_eq!(taken(&mut buckets, "RegisterTaskDefinition", 0, 30), 20);
        assert_eq!(taken(&mut buckets, "RegisterTaskDefinition", 999, 5), 0);
        assert_eq!(taken(&mut buckets, "RegisterTaskDefinition", 1000, 5), 1);
        assert_eq!(taken(&mut buckets, "DescribeTasks", 0, 200), 100);
        assert_eq!(taken(&mut buckets, "ListTasks", 0, 200), 100);
    }
}
