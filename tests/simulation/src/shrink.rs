//! Makes a violation smaller: fewer faults, runs and actions, as long as the same rule is broken.

use super::{fault::Fault, ledger::Rule, run, scenario::Scenario};

/// Most worlds that are tried.
const TRIES: u32 = 400;

/// The smallest scenario found that still breaks the rule.
#[must_use]
pub fn shrink(scenario: Scenario, rule: Rule) -> Scenario {
    let mut smallest = scenario;
    let mut tries = 0;
    let mut breaks = |candidate: &Scenario| {
        tries += 1;
        tries <= TRIES && run(candidate.clone(), false).violations.iter().any(|(broken, _)| *broken == rule)
    };
    loop {
        let before = smallest.clone();
        // The kinds that need not happen at all.
        for fault in Fault::ALL {
            if smallest.rates.of(*fault) > 0 {
                let mut candidate = smallest.clone();
                candidate.rates.0.remove(fault);
                keep(&mut smallest, candidate, &mut breaks);
            }
        }
        for index in (0..smallest.actions.len()).rev() {
            let mut candidate = smallest.clone();
            candidate.actions.remove(index);
            keep(&mut smallest, candidate, &mut breaks);
        }
        // The last runs: the numbers of the others stay what they are.
        while smallest.runs.len() > 1 {
            let mut candidate = smallest.clone();
            candidate.runs.pop();
            candidate.actions.retain(|action| super::users::concerns(action.what, candidate.runs.len()));
            if !keep(&mut smallest, candidate, &mut breaks) {
                break;
            }
        }
        for plain in [plain_clocks, plain_ecs, one_dispatcher, no_poison, plain_pools, all_can_start, plain_templates] {
            let mut candidate = smallest.clone();
            plain(&mut candidate);
            keep(&mut smallest, candidate, &mut breaks);
        }
        // No fault after the one that did it, and none before it that did not matter.
        let (mut low, mut high) = (0, run(smallest.clone(), false).faults);
        while low < high {
            let middle = u64::midpoint(low, high);
            let candidate = Scenario { budget: middle, ..smallest.clone() };
            if breaks(&candidate) { high = middle } else { low = middle + 1 }
        }
        let candidate = Scenario { budget: high, ..smallest.clone() };
        keep(&mut smallest, candidate, &mut breaks);
        for number in (0..smallest.budget.min(60)).rev() {
            let mut candidate = smallest.clone();
            if candidate.skip.insert(number) {
                keep(&mut smallest, candidate, &mut breaks);
            }
        }
        if smallest == before {
            return smallest;
        }
    }
}

fn keep(smallest: &mut Scenario, candidate: Scenario, breaks: &mut impl FnMut(&Scenario) -> bool) -> bool {
    let kept = candidate != *smallest && breaks(&candidate);
    if kept {
        *smallest = candidate;
    }
    kept
}

fn all_can_start(scenario: &mut Scenario) {
    (scenario.unreadable, scenario.page) = (None, None);
    for run in &mut scenario.runs {
        run.poison = super::server::Poison::None;
    }
}

fn plain_templates(scenario: &mut Scenario) {
    (scenario.references, scenario.untold_clusters) = (false, false);
}

fn plain_clocks(scenario: &mut Scenario) {
    scenario.skew = 0;
    scenario.launch_lead = 0;
}

fn plain_ecs(scenario: &mut Scenario) {
    scenario.slow = false;
    scenario.buckets = false;
    scenario.vcpu_quota = None;
}

fn one_dispatcher(scenario: &mut Scenario) {
    scenario.dispatchers = 1;
}

fn no_poison(scenario: &mut Scenario) {
    scenario.poison = 0;
}

fn plain_pools(scenario: &mut Scenario) {
    for pool in &mut scenario.pools {
        (pool.limit, pool.queue_limit, pool.deployment_limit, pool.grace) = (None, None, None, None);
    }
}
