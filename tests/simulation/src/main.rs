//! The long run of the simulation: `cargo run --profile simulation -p simulation -- --seeds 1000000`.
//!
//! Prints seeds, steps, faults injected by kind, invariants checked and violations; for a violation the seed, the smallest
//! scenario that still shows it, and its trace. Ends with 1 if there was one.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use simulation::{Outcome, fault::Fault, ledger::Rule, mutation::Mutation, run, scenario::Scenario, shrink::shrink};

const USAGE: &str = "usage: simulate [--seeds COUNT] [--from SEED] [--jobs COUNT] [--mutation NAME] [--all]
       simulate --trace SEED | --replay FILE

--seeds COUNT    how many worlds (default 10000)
--from SEED      the first seed (default 0)
--jobs COUNT     how many at once (default: one for each core)
--mutation NAME  with this bug in the protocol; ends with the first world that shows it
--all            goes on after a violation
--trace SEED     one world, with everything that happens in it
--replay FILE    the same for a scenario that was printed before";

#[derive(Default)]
struct Arguments {
    seeds: u64,
    from: u64,
    jobs: usize,
    mutation: Option<Mutation>,
    all: bool,
    trace: Option<u64>,
    replay: Option<PathBuf>,
}

fn arguments() -> Result<Arguments, String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut arguments = Arguments { seeds: 10_000, jobs: cores, ..Arguments::default() };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        let mut value = || given.next().ok_or_else(|| format!("{name} wants a value"));
        let number = |text: String| text.parse::<u64>().map_err(|_| format!("{text} is no number"));
        match name.as_str() {
            "--seeds" => arguments.seeds = number(value()?)?,
            "--from" => arguments.from = number(value()?)?,
            "--jobs" => arguments.jobs = usize::try_from(number(value()?)?).map_err(|error| error.to_string())?.max(1),
            "--mutation" => {
                let name = value()?;
                let found = Mutation::ALL.iter().find(|mutation| format!("{mutation:?}") == name);
                arguments.mutation =
                    Some(*found.ok_or_else(|| format!("there is no mutation {name}: {:?}", Mutation::ALL))?);
            }
            "--all" => arguments.all = true,
            "--trace" => arguments.trace = Some(number(value()?)?),
            "--replay" => arguments.replay = Some(value()?.into()),
            other => return Err(format!("{other}?\n{USAGE}")),
        }
    }
    Ok(arguments)
}

fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    if let Some(file) = &arguments.replay {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => {
                eprintln!("{}: {error}", file.display());
                return ExitCode::from(2);
            }
        };
        return match serde_json::from_str(&text) {
            Ok(scenario) => show(scenario),
            Err(error) => {
                eprintln!("{}: {error}", file.display());
                ExitCode::from(2)
            }
        };
    }
    if let Some(seed) = arguments.trace {
        return show(scenario(seed, arguments.mutation));
    }
    many(&arguments)
}

fn scenario(seed: u64, mutation: Option<Mutation>) -> Scenario {
    let scenario = Scenario::of(seed);
    match mutation {
        Some(mutation) => scenario.with(mutation),
        None => scenario,
    }
}

/// One world, in full.
fn show(scenario: Scenario) -> ExitCode {
    println!("{}", serde_json::to_string(&scenario).unwrap_or_default());
    let outcome = run(scenario, true);
    for line in &outcome.trace {
        println!("{line}");
    }
    println!("{:#?}", outcome.outcomes);
    for (rule, what) in &outcome.violations {
        println!("{rule:?}: {what}");
    }
    ExitCode::from(u8::from(!outcome.violations.is_empty()))
}

/// Sums over all worlds.
#[derive(Default)]
struct Total {
    worlds: u64,
    faulty: u64,
    sum: Outcome,
    broken: BTreeMap<Rule, u64>,
    first: Vec<(u64, Rule, String)>,
    rests: Vec<u64>,
}

impl Total {
    fn add(&mut self, seed: u64, outcome: Outcome) {
        self.worlds += 1;
        self.faulty += u64::from(!outcome.violations.is_empty());
        let sum = &mut self.sum;
        sum.steps += outcome.steps;
        sum.faults += outcome.injected.values().sum::<u64>();
        sum.runs += outcome.runs;
        sum.tasks += outcome.tasks;
        sum.attempts += outcome.attempts;
        sum.run_tasks += outcome.run_tasks;
        sum.requests += outcome.requests;
        sum.seconds += outcome.seconds;
        for (fault, count) in outcome.injected {
            *sum.injected.entry(fault).or_default() += count;
        }
        for (rule, count) in outcome.checked {
            *sum.checked.entry(rule).or_default() += count;
        }
        for (name, count) in outcome.outcomes {
            *sum.outcomes.entry(name).or_default() += count;
        }
        let rest = usize::try_from(outcome.rest_after / 60).unwrap_or_default();
        self.rests.resize(self.rests.len().max(rest + 1), 0);
        self.rests[rest] += 1;
        for (rule, what) in outcome.violations {
            *self.broken.entry(rule).or_default() += 1;
            if self.first.len() < 40 {
                self.first.push((seed, rule, what));
            }
        }
    }
}

fn many(arguments: &Arguments) -> ExitCode {
    let started = Instant::now();
    let total = Mutex::new(Total::default());
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= arguments.seeds {
                        return;
                    }
                    let seed = arguments.from + number;
                    let outcome = run(scenario(seed, arguments.mutation), false);
                    if !outcome.violations.is_empty() && !arguments.all {
                        stop.store(true, Ordering::Relaxed);
                    }
                    let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
                    total.add(seed, outcome);
                    if total.worlds.is_multiple_of(50_000) {
                        eprintln!("{} worlds in {:?}", total.worlds, started.elapsed());
                    }
                }
            });
        }
    });
    let mut total = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    total.first.sort();
    print(&total, started);
    let Some((seed, rule, what)) = total.first.first().cloned() else { return ExitCode::SUCCESS };
    println!("\nsmallest scenario for seed {seed}, {rule:?}: {what}");
    let smallest = shrink(scenario(seed, arguments.mutation), rule);
    show(smallest);
    ExitCode::FAILURE
}

fn print(total: &Total, started: Instant) {
    let Total { worlds, faulty, sum, broken, first, rests } = total;
    let elapsed = started.elapsed();
    println!("worlds               {worlds} in {:.0} s", elapsed.as_secs_f64());
    println!("simulated            {} hours", sum.seconds / 3_600);
    println!("steps                {}", sum.steps);
    println!("flow runs            {}", sum.runs);
    println!("attempts with a task {}", sum.attempts);
    println!("tasks                {}", sum.tasks);
    println!("RunTask calls        {}", sum.run_tasks);
    println!("Prefect requests     {}", sum.requests);
    println!("faults injected      {}", sum.faults);
    for fault in Fault::ALL {
        println!("  {:<19}{}", format!("{fault:?}"), sum.injected.get(fault).copied().unwrap_or_default());
    }
    println!("invariants checked   {}", sum.checked.values().sum::<u64>());
    for rule in Rule::ALL {
        let checked = sum.checked.get(rule).copied().unwrap_or_default();
        println!("  {:<19}{checked}, broken {}", format!("{rule:?}"), broken.get(rule).copied().unwrap_or_default());
    }
    println!(
        "minutes to rest      {}",
        rests.iter().enumerate().map(|(at, worlds)| format!("{at}:{worlds}")).collect::<Vec<_>>().join(" ")
    );
    println!("outcomes");
    for (name, count) in &sum.outcomes {
        println!("  {count:>9} {name}");
    }
    println!("violations           in {faulty} worlds");
    for (seed, rule, what) in first {
        println!("  seed {seed}: {rule:?}: {what}");
    }
}
