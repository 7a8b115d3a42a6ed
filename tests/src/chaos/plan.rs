//! What is done when: a pure function of the seed and the sizes.

use std::{collections::BTreeMap, time::Duration};

use rand::{RngExt, SeedableRng, rngs::SmallRng, seq::SliceRandom};

use crate::rig::prefect::Fault;

/// What becomes of a run if nothing goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// It completes.
    Completes,
    /// It completes, in Python.
    Python,
    /// It completes, in a work pool with a limit.
    Limited,
    /// It fails, and says so.
    Fails,
    /// Its container ends with code 3 while it is RUNNING.
    Exits,
    /// Its container ends with code 1 before it is RUNNING.
    Never,
    /// It takes no notice of anything, and is cancelled.
    Cancelled,
    /// Its job variables are such that no task can be made of them.
    Refused,
}

impl Kind {
    /// All of them.
    pub(super) const ALL: [Self; 8] = [
        Self::Completes,
        Self::Python,
        Self::Limited,
        Self::Fails,
        Self::Exits,
        Self::Never,
        Self::Cancelled,
        Self::Refused,
    ];

    /// Of a hundred runs. The rest complete.
    fn share(self) -> usize {
        match self {
            Self::Completes => 0,
            Self::Python | Self::Fails => 4,
            Self::Limited => 12,
            Self::Exits => 5,
            Self::Never => 3,
            Self::Cancelled => 8,
            Self::Refused => 2,
        }
    }
}

/// A run to make.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Due {
    /// What becomes of it.
    pub(super) kind: Kind,
    /// How long after it was made a [`Kind::Cancelled`] one is cancelled.
    pub(super) cancel_after: Duration,
}

/// A process of a function to kill.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Kill {
    /// Not before.
    pub(super) at: Duration,
    /// If set: once one of its processes is seen at work, and this much later.
    pub(super) into_work: Option<Duration>,
}

/// What is between the functions and a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// To the Prefect server.
    Prefect,
    /// To AWS.
    Aws,
}

/// A time without a way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Outage {
    /// From when.
    pub(super) at: Duration,
    /// Which.
    pub(super) way: Way,
    /// Whether connections are taken and nothing is ever heard on them; otherwise they are closed at once.
    pub(super) silent: bool,
    /// How long.
    pub(super) lasts: Duration,
}

/// An end of the Prefect server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Restart {
    /// When.
    pub(super) at: Duration,
    /// SIGKILL; otherwise it is asked to end.
    pub(super) killed: bool,
    /// How long it is away, besides the time it takes to start.
    pub(super) away: Duration,
}

/// A small misfortune.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Trouble {
    /// The next requests of the functions to the Prefect server.
    Prefect {
        /// What is done to them.
        fault: Fault,
        /// Part of their path.
        path: &'static str,
        /// How many of them.
        times: u32,
    },
    /// The next requests of containers to the Prefect server.
    Containers {
        /// What is done to them.
        fault: Fault,
        /// How many of them.
        times: u32,
    },
    /// The next calls of an operation to AWS.
    Aws {
        /// What is done to them.
        fault: Fault,
        /// `X-Amz-Target`; none is any.
        target: Option<&'static str>,
        /// How many of them.
        times: u32,
    },
    /// The next RunTask calls are throttled.
    Throttle {
        /// How many.
        times: u64,
    },
    /// The next RunTask calls find no capacity.
    NoCapacity {
        /// How many.
        times: u64,
    },
    /// The next task gets no network interface.
    NoNetwork,
    /// The image of the next task cannot be pulled.
    NoImage,
    /// The next task stays PROVISIONING.
    Stuck,
    /// Connections that nothing is under way on are closed.
    DropIdle(Way),
    /// All connections are closed, in the middle of a request, too.
    DropAll(Way),
    /// A message that can never be read, to the run queue.
    Poison,
    /// The messages that are in the run queue come once more.
    Duplicates,
}

/// All of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    /// Runs that are due together.
    pub(super) bursts: Vec<(Duration, Vec<Due>)>,
    /// Kills by function, in order.
    pub(super) kills: BTreeMap<&'static str, Vec<Kill>>,
    /// Outages, in order.
    pub(super) outages: Vec<Outage>,
    /// Restarts, in order.
    pub(super) restarts: Vec<Restart>,
    /// The rest, in order.
    pub(super) troubles: Vec<(Duration, Trouble)>,
}

/// The functions, and how many of a hundred kills are theirs.
pub(super) const FUNCTIONS: [(&str, u32); 5] =
    [("dispatcher", 50), ("observer", 20), ("poller", 15), ("reconciler", 10), ("doorbell", 5)];

/// Targets of faults on the way to AWS: what the launch protocol rests on, and any.
const TARGETS: [Option<&str>; 4] = [
    Some("AmazonEC2ContainerServiceV20141113.RunTask"),
    Some("AmazonEC2ContainerServiceV20141113.RunTask"),
    Some("AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition"),
    None,
];

/// The same on the way to the Prefect server: claims and other states, records, reads, and any.
const PATHS: [&str; 5] = ["/set_state", "/set_state", "/flow_runs/", "/flow_runs/filter", "/"];

impl Plan {
    /// A plan for `runs` runs and `kills` kills within `length`.
    #[must_use]
    pub(super) fn new(seed: u64, runs: usize, kills: usize, length: Duration) -> Self {
        let mut dice = Dice(SmallRng::seed_from_u64(seed));
        let minutes = length.as_secs_f64() / 60.0;
        Self {
            bursts: dice.bursts(runs, length),
            kills: dice.kills(kills, length),
            outages: dice.outages(count(minutes * 1.5).max(2), length),
            restarts: dice.restarts(count(minutes / 3.0).max(1), length),
            troubles: dice.troubles(count(minutes * 15.0).max(20), length),
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some hundreds")]
fn count(number: f64) -> usize {
    number.round() as usize
}

struct Dice(SmallRng);

impl Dice {
    /// So many moments, in order.
    fn moments(&mut self, count: usize, length: Duration) -> Vec<Duration> {
        let mut moments: Vec<Duration> = (0..count).map(|_| length.mul_f64(self.0.random())).collect();
        moments.sort_unstable();
        moments
    }

    fn seconds(&mut self, from: f64, to: f64) -> Duration {
        Duration::from_secs_f64(self.0.random_range(from..to))
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.0.random_range(0..choices.len())]
    }

    fn bursts(&mut self, runs: usize, length: Duration) -> Vec<(Duration, Vec<Due>)> {
        let mut kinds: Vec<Kind> = Kind::ALL
            .iter()
            .flat_map(|kind| {
                // One of each at least, however few there are.
                let count = if kind.share() == 0 { 0 } else { (runs * kind.share() / 100).max(1) };
                std::iter::repeat_n(*kind, count)
            })
            .collect();
        kinds.resize(runs.max(kinds.len()), Kind::Completes);
        kinds.shuffle(&mut self.0);
        let mut bursts = Vec::new();
        while !kinds.is_empty() {
            let size = self.0.random_range(1..=12).min(kinds.len());
            let burst = kinds.split_off(kinds.len() - size).into_iter();
            bursts.push(burst.map(|kind| Due { kind, cancel_after: self.seconds(0.0, 8.0) }).collect::<Vec<Due>>());
        }
        self.moments(bursts.len(), length).into_iter().zip(bursts).collect()
    }

    fn kills(&mut self, kills: usize, length: Duration) -> BTreeMap<&'static str, Vec<Kill>> {
        let mut all: BTreeMap<&str, Vec<Kill>> = FUNCTIONS.map(|(name, _)| (name, Vec::new())).into();
        for at in self.moments(kills, length) {
            let mut die = self.0.random_range(0..100);
            let hit = FUNCTIONS.iter().find(|(_, share)| {
                let hit = die < *share;
                die = die.saturating_sub(*share);
                hit
            });
            // Mostly in the middle of something: idle processes are of little interest. A batch takes some tens of
            // milliseconds, and many times that while something is slow.
            let into_work = self.0.random_ratio(4, 5).then(|| self.seconds(0.0, 0.4).mul_f64(self.0.random()));
            let name = hit.map_or("dispatcher", |(name, _)| name);
            all.entry(name).or_default().push(Kill { at, into_work });
        }
        all
    }

    fn outages(&mut self, outages: usize, length: Duration) -> Vec<Outage> {
        let moments = self.moments(outages, length);
        let outage = |(number, at): (usize, Duration)| Outage {
            at,
            way: if number.is_multiple_of(2) { Way::Aws } else { Way::Prefect },
            silent: number % 4 >= 2,
            // Beyond the timeouts of one try: 8 s to AWS, 10 s to the Prefect server.
            lasts: self.seconds(1.0, 12.0),
        };
        moments.into_iter().enumerate().map(outage).collect()
    }

    fn restarts(&mut self, restarts: usize, length: Duration) -> Vec<Restart> {
        let slice = length / u32::try_from(restarts).unwrap_or(u32::MAX);
        (0..u32::try_from(restarts).unwrap_or(u32::MAX))
            .map(|number| Restart {
                at: slice * number + slice.mul_f64(self.0.random_range(0.3..0.8)),
                killed: number.is_multiple_of(2),
                away: self.seconds(0.0, 6.0),
            })
            .collect()
    }

    fn troubles(&mut self, troubles: usize, length: Duration) -> Vec<(Duration, Trouble)> {
        let moments = self.moments(troubles, length);
        // In turn, so that a short plan has all kinds, and in an order that depends on the seed.
        let mut kinds: Vec<usize> = (0..troubles).map(|number| number % 20).collect();
        kinds.shuffle(&mut self.0);
        moments.into_iter().zip(kinds).map(|(at, kind)| (at, self.trouble(kind))).collect()
    }

    fn trouble(&mut self, kind: usize) -> Trouble {
        let few = self.0.random_range(1..=3);
        match kind {
            0 => self.prefect(Fault::LostRequest, few),
            1 | 2 => self.prefect(Fault::LostAnswer, few),
            3 => {
                let retry_after = self.0.random_bool(0.5).then_some(1);
                let times = self.0.random_range(5..=15);
                self.prefect(Fault::Unavailable { retry_after }, times)
            }
            4 => {
                let fault = Fault::Delay(self.seconds(0.5, 12.0));
                self.prefect(fault, few)
            }
            5 => {
                let fault = Fault::LateAnswer(self.seconds(0.5, 12.0));
                self.prefect(fault, few)
            }
            6 => {
                let fault = Fault::Delay(self.seconds(0.5, 10.0));
                self.aws(fault, few)
            }
            7 => {
                let fault = Fault::LateAnswer(self.seconds(0.5, 10.0));
                self.aws(fault, few)
            }
            8 => self.aws(Fault::LostRequest, few),
            9 | 10 => self.aws(Fault::LostAnswer, few),
            11 => {
                let times = self.0.random_range(3..=10);
                self.aws(Fault::Unavailable { retry_after: None }, times)
            }
            12 => Trouble::Throttle { times: u64::from(few) },
            13 => Trouble::NoCapacity { times: u64::from(few) },
            14 => match self.0.random_range(0..3) {
                0 => Trouble::NoNetwork,
                1 => Trouble::NoImage,
                _ => Trouble::Stuck,
            },
            15 => Trouble::DropIdle(self.pick(&[Way::Aws, Way::Prefect])),
            16 => Trouble::DropAll(self.pick(&[Way::Aws, Way::Prefect])),
            17 => Trouble::Poison,
            18 => Trouble::Duplicates,
            _ => {
                let late = Fault::LateAnswer(self.seconds(0.5, 5.0));
                let faults = [Fault::LostAnswer, Fault::Unavailable { retry_after: None }, late];
                Trouble::Containers { fault: self.pick(&faults), times: few }
            }
        }
    }

    fn prefect(&mut self, fault: Fault, times: u32) -> Trouble {
        Trouble::Prefect { fault, path: self.pick(&PATHS), times }
    }

    fn aws(&mut self, fault: Fault, times: u32) -> Trouble {
        Trouble::Aws { fault, target: self.pick(&TARGETS), times }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_a_function_of_its_seed_and_has_what_was_asked_for() {
        let length = Duration::from_secs(60);
        let plan = |seed| Plan::new(seed, 40, 25, length);
        assert_eq!(plan(1), plan(1));
        assert_ne!(plan(1), plan(2));
        let one = plan(1);
        let runs: Vec<Kind> = one.bursts.iter().flat_map(|(_, burst)| burst.iter().map(|due| due.kind)).collect();
        assert_eq!(runs.len(), 40);
        assert!(Kind::ALL.iter().all(|kind| runs.contains(kind)), "{runs:?}");
        assert_eq!(one.kills.values().map(Vec::len).sum::<usize>(), 25);
        assert!(one.outages.iter().any(|it| it.way == Way::Aws) && one.outages.iter().any(|it| it.way == Way::Prefect));
        assert!(!one.restarts.is_empty() && one.restarts.iter().all(|it| it.at < length));
    }
}
