//! From the times of a clock to moments: what happens where the clock of a zone changes.
//!
//! Prefect has two rules. A cron time that the clock skips fires as much later as the clock jumped, and one that comes twice
//! fires the first time. A recurrence's time that is skipped fires as much *earlier* (dateutil counts it with the offset
//! after the change), and one that comes twice fires the first time.

use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan as _, ZonedDateTime, civil::DateTime, tz::TimeZone};

use crate::{
    NextError,
    cron::Cron,
    rrule::{Budget, Recurrence},
};

/// How many candidates Prefect looks at before it gives up.
const MAX_ITERATIONS: usize = 1_000;

/// The next `n` times of a cron expression at or after `after`.
pub(crate) fn of_cron(
    cron: &Cron,
    zone: &TimeZone,
    after: Timestamp,
    n: usize,
) -> Result<Vec<ZonedDateTime>, NextError> {
    let local = zone.to_datetime(after);
    let mut from = if local.subsec_nanosecond() == 0 { earlier(local, 1) } else { local };
    let mut skipped: Vec<Timestamp> = Vec::new();
    if let Some(change) = Change::before(zone, after) {
        if change.within(after, -change.jump) {
            // Cron times of the hour that comes twice fired in its first pass.
            from = earlier(change.local, change.jump + 1);
        } else if change.within(after, change.jump) {
            let walls = walls(cron, earlier(from, change.jump)).take_while(|wall| *wall < change.local);
            skipped = walls.take(MAX_ITERATIONS + 2).filter_map(|wall| compatible(zone, wall)).collect();
        }
    }
    let regular = walls(cron, from).map_while(|wall| compatible(zone, wall));
    let mut times = BTreeSet::new();
    let candidates = Merge { first: skipped.into_iter().peekable(), second: regular.peekable() };
    for time in candidates.take(MAX_ITERATIONS + 2) {
        if times.len() >= n {
            break;
        }
        if time >= after {
            times.insert(time);
        }
    }
    collected(times, zone, n, NextError::Never)
}

/// The next `n` times of a recurrence rule at or after `after`.
pub(crate) fn of_rrule(
    rule: &Recurrence,
    zone: &TimeZone,
    after: Timestamp,
    n: usize,
    mut budget: Budget,
) -> Result<Vec<ZonedDateTime>, NextError> {
    if rule.fails() {
        return Err(NextError::Fails);
    }
    // Zones differ from UTC by less than two days, and so do the two readings of a time that is skipped.
    let mut walls = rule.times(earlier(zone.to_datetime(after), 2 * 86_400));
    let mut times = BTreeSet::new();
    let mut seen = 0;
    while times.len() < n && seen <= MAX_ITERATIONS {
        let Some(wall) = walls.next(&mut budget) else { break };
        let Ok(time) = zone.to_ambiguous_timestamp(wall).earlier() else { break };
        if time >= after {
            times.insert(time);
            seen += 1;
        }
    }
    if budget.is_spent() && times.len() < n {
        // One of several rules may have been given up before its first time.
        return Err(NextError::TooFar);
    }
    collected(times, zone, n, NextError::Never)
}

fn collected(
    times: BTreeSet<Timestamp>,
    zone: &TimeZone,
    n: usize,
    otherwise: NextError,
) -> Result<Vec<ZonedDateTime>, NextError> {
    if times.is_empty() && n > 0 {
        return Err(otherwise);
    }
    Ok(times.into_iter().map(|time| time.to_zoned_datetime(zone.clone())).collect())
}

/// The last change of a zone's offset.
struct Change {
    at: Timestamp,
    /// The clock right after it.
    local: DateTime,
    /// How many seconds the clock went forward.
    jump: i64,
}

impl Change {
    fn before(zone: &TimeZone, after: Timestamp) -> Option<Self> {
        let at = zone.preceding(after.checked_add(1.second()).ok()?).next()?.timestamp();
        let earlier = at.checked_sub(1.second()).ok()?;
        let jump = i64::from(zone.to_offset(at).seconds()) - i64::from(zone.to_offset(earlier).seconds());
        Some(Self { at, local: zone.to_datetime(at), jump })
    }

    /// Whether a moment lies in the given seconds after the change.
    fn within(&self, moment: Timestamp, seconds: i64) -> bool {
        let since = moment.duration_since(self.at).as_secs();
        moment >= self.at && since < seconds
    }
}

fn walls(cron: &Cron, from: DateTime) -> impl Iterator<Item = DateTime> {
    std::iter::successors(cron.after(from), |wall| cron.after(*wall))
}

fn compatible(zone: &TimeZone, wall: DateTime) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(wall).compatible().ok()
}

fn earlier(at: DateTime, seconds: i64) -> DateTime {
    at.saturating_sub(seconds.seconds())
}

/// Two ordered sequences in one order.
struct Merge<A: Iterator<Item = Timestamp>, B: Iterator<Item = Timestamp>> {
    first: std::iter::Peekable<A>,
    second: std::iter::Peekable<B>,
}

impl<A: Iterator<Item = Timestamp>, B: Iterator<Item = Timestamp>> Iterator for Merge<A, B> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        match (self.first.peek(), self.second.peek()) {
            (Some(first), Some(second)) if second < first => self.second.next(),
            (Some(_), _) => self.first.next(),
            _ => self.second.next(),
        }
    }
}
