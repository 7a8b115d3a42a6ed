//! Hostile input for every edge (`pushpool_tests::hostile`), as much as one likes.
//!
//! `cargo run --profile simulation -p pushpool-tests --bin hostile -- --inputs 10000000` deals the inputs out to the edges by
//! their shares and prints, for each: how many, how many were taken and how many refused with which code, the most memory that
//! one took, and what failed. `--target NAME` runs one edge only, `--seed N` begins elsewhere, `--input FILE` (with
//! `--target`) runs one input again, `--directory D` is where inputs that failed are kept (`target/hostile`).
//!
//! Every edge has a process of its own with 2 GiB of memory, which writes down the seed that it is at: an overflow of the
//! stack, an allocation without end and a loop without end end that process, the input is kept, and another one goes on
//! behind it. Two of them run at once.

use std::{
    collections::BTreeMap,
    error::Error,
    fs::{self, File, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use pushpool_tests::hostile::{TARGETS, Target, Verdict, keep_panics_quiet, on_small_stack};
use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};
use serde::{Deserialize, Serialize};

type Failure = Box<dyn Error + Send + Sync>;

/// How long one input may take before its process is taken to be in a loop. Not a measure of anything: inputs take
/// microseconds.
const STUCK: Duration = Duration::from_secs(60);

/// Memory of a process.
const MEMORY: u64 = 2 << 30;

/// Processes at once.
const AT_ONCE: usize = 2;

/// Failures of an edge after which it is left alone.
const ENOUGH: usize = 10;

fn main() -> Result<(), Failure> {
    let options = Options::read(std::env::args().skip(1))?;
    fs::create_dir_all(&options.directory)?;
    if let Some(file) = &options.input {
        return again(options.only.ok_or("--input needs --target")?, file);
    }
    if let Some(report) = &options.report {
        return work(options.only.ok_or("--report needs --target")?, &options, report);
    }
    let started = Instant::now();
    let mut waiting: Vec<Edge> = TARGETS
        .iter()
        .filter(|it| options.only.is_none_or(|only| only.name == it.name))
        .map(|target| {
            let inputs =
                if options.only.is_some() { options.inputs } else { options.inputs / 100 * u64::from(target.share) };
            Edge::new(target, options.seed, inputs)
        })
        .collect();
    waiting.reverse();
    let (mut running, mut done): (Vec<Edge>, Vec<Edge>) = (Vec::new(), Vec::new());
    loop {
        while running.len() < AT_ONCE
            && let Some(mut edge) = waiting.pop()
        {
            edge.start(&options.directory)?;
            running.push(edge);
        }
        if running.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
        for mut edge in std::mem::take(&mut running) {
            if !edge.has_ended(&options.directory)? {
                running.push(edge);
            } else if edge.next < edge.end && edge.total.failures.len() < ENOUGH {
                edge.start(&options.directory)?;
                running.push(edge);
            } else {
                edge.print();
                done.push(edge);
            }
        }
    }
    let inputs: u64 = done.iter().map(|edge| edge.total.inputs()).sum();
    let failures: usize = done.iter().map(|edge| edge.total.failures.len()).sum();
    println!("{inputs} inputs, {failures} failures, {:.0} s", started.elapsed().as_secs_f64());
    if failures > 0 { Err("some inputs failed".into()) } else { Ok(()) }
}

struct Options {
    inputs: u64,
    seed: u64,
    only: Option<&'static Target>,
    input: Option<PathBuf>,
    directory: PathBuf,
    /// For a process of an edge: where it writes what it found.
    report: Option<PathBuf>,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut options = Self {
            inputs: 10_000_000,
            seed: 0,
            only: None,
            input: None,
            directory: Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/hostile"),
            report: None,
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--inputs" => options.inputs = value.parse()?,
                "--seed" => options.seed = value.parse()?,
                "--target" => {
                    let known = TARGETS.iter().find(|target| target.name == value);
                    options.only = Some(known.ok_or_else(|| {
                        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
                        format!("there is no target `{value}`; there are: {}", names.join(", "))
                    })?);
                }
                "--input" => options.input = Some(value.into()),
                "--directory" => options.directory = value.into(),
                "--report" => options.report = Some(value.into()),
                _ => return Err(format!("`{name}` is no option").into()),
            }
        }
        Ok(options)
    }
}

/// Runs one input again, and shows what it does.
fn again(target: &'static Target, file: &Path) -> Result<(), Failure> {
    let input = fs::read(file)?;
    println!("{:?}", on_small_stack(move || (target.drive)(&input)));
    Ok(())
}

/// What a process found.
#[derive(Default, Serialize, Deserialize)]
struct Report {
    accepted: u64,
    refused: BTreeMap<String, u64>,
    /// The most memory at a moment, and whose seed it was.
    largest: (u64, u64),
    longest: usize,
    /// Seed and problem.
    failures: Vec<(u64, String)>,
}

impl Report {
    fn inputs(&self) -> u64 {
        self.accepted + self.refused.values().sum::<u64>() + self.failures.len() as u64
    }

    fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        for (code, count) in other.refused {
            *self.refused.entry(code).or_default() += count;
        }
        self.largest = self.largest.max(other.largest);
        self.longest = self.longest.max(other.longest);
        self.failures.extend(other.failures);
    }
}

/// Seeds between two writings of the report.
const PORTION: u64 = 20_000;

/// What a process of an edge does: seeds from `--seed`, `--inputs` of them.
fn work(target: &'static Target, options: &Options, path: &Path) -> Result<(), Failure> {
    // Whoever stops the driver stops this, too.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    setrlimit(Resource::As, Rlimit { current: Some(MEMORY), maximum: Some(MEMORY) })?;
    let at = OpenOptions::new().create(true).write(true).truncate(false).open(path.with_extension("at"))?;
    let (path, directory) = (path.to_owned(), options.directory.clone());
    let (first, end) = (options.seed, options.seed + options.inputs);
    on_small_stack(move || -> Result<(), Failure> {
        keep_panics_quiet();
        let mut report = Report::default();
        for seed in first..end {
            at.write_all_at(&seed.to_le_bytes(), 0)?;
            let input = target.input(seed);
            report.longest = report.longest.max(input.len());
            match target.try_input(&input) {
                Ok((Verdict::Accepted, allocated)) => {
                    report.accepted += 1;
                    report.largest = report.largest.max((allocated.bytes_max, seed));
                }
                Ok((Verdict::Refused(code), allocated)) => {
                    // `entry` would make a text of each.
                    match report.refused.get_mut(code) {
                        Some(count) => *count += 1,
                        None => drop(report.refused.insert(code.to_owned(), 1)),
                    }
                    report.largest = report.largest.max((allocated.bytes_max, seed));
                }
                Err(problem) => {
                    fs::write(kept(&directory, target, seed), &input)?;
                    report.failures.push((seed, problem));
                }
            }
            if (seed + 1 - first).is_multiple_of(PORTION) || report.failures.len() >= ENOUGH {
                write(&path, &report, seed + 1)?;
            }
            if report.failures.len() >= ENOUGH {
                return Ok(());
            }
        }
        write(&path, &report, end)
    })
}

/// Writes what was found before the seed `next`.
fn write(path: &Path, report: &Report, next: u64) -> Result<(), Failure> {
    fs::write(path.with_extension("new"), serde_json::to_vec(&(next, report))?)?;
    Ok(fs::rename(path.with_extension("new"), path)?)
}

fn kept(directory: &Path, target: &Target, seed: u64) -> PathBuf {
    directory.join(format!("{}-{seed}.input", target.name.replace(' ', "-")))
}

/// An edge, and the process that is at it.
struct Edge {
    target: &'static Target,
    next: u64,
    end: u64,
    total: Report,
    process: Option<Child>,
    /// The seed it was last seen at, and since when.
    seen: (u64, Instant),
    spent: Duration,
    began: Instant,
}

impl Edge {
    fn new(target: &'static Target, seed: u64, inputs: u64) -> Self {
        let now = Instant::now();
        Self {
            target,
            next: seed,
            end: seed + inputs,
            total: Report::default(),
            process: None,
            seen: (u64::MAX, now),
            spent: Duration::ZERO,
            began: now,
        }
    }

    fn report(&self, directory: &Path) -> PathBuf {
        directory.join(format!("{}.report", self.target.name.replace(' ', "-")))
    }

    fn start(&mut self, directory: &Path) -> Result<(), Failure> {
        let report = self.report(directory);
        for file in [report.clone(), report.with_extension("at")] {
            let _ = fs::remove_file(file);
        }
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--target", self.target.name, "--seed", &self.next.to_string()]);
        command.args(["--inputs", &(self.end - self.next).to_string()]);
        command.arg("--directory").arg(directory).arg("--report").arg(report).stdin(Stdio::null());
        command.stderr(File::create(self.report(directory).with_extension("stderr"))?);
        self.process = Some(command.spawn()?);
        (self.began, self.seen) = (Instant::now(), (u64::MAX, Instant::now()));
        Ok(())
    }

    /// Whether its process is over; then what it found is added.
    fn has_ended(&mut self, directory: &Path) -> Result<bool, Failure> {
        let path = self.report(directory);
        let at = fs::read(path.with_extension("at")).ok().and_then(|at| Some(u64::from_le_bytes(at.try_into().ok()?)));
        if let Some(at) = at.filter(|at| *at != self.seen.0) {
            self.seen = (at, Instant::now());
        }
        let process = self.process.as_mut().ok_or("there is no process")?;
        let stuck = self.seen.1.elapsed() > STUCK;
        if stuck {
            process.kill()?;
        }
        let Some(status) = (if stuck { Some(process.wait()?) } else { process.try_wait()? }) else { return Ok(false) };
        self.spent += self.began.elapsed();
        if let Ok(written) = fs::read(&path) {
            let (next, report): (u64, Report) = serde_json::from_slice(&written)?;
            self.next = next;
            self.total.add(report);
        }
        if !status.success() {
            let seed = at.ok_or_else(|| format!("{} did not begin: {status}", self.target.name))?;
            let problem = if stuck { "it did not end".to_owned() } else { format!("the process died: {status}") };
            fs::write(kept(directory, self.target, seed), self.target.input(seed))?;
            self.total.failures.push((seed, problem));
            // What was found since the last writing is found again by nobody.
            self.next = seed + 1;
        }
        Ok(true)
    }

    fn print(&self) {
        let Report { accepted, refused, largest, longest, failures } = &self.total;
        let mebibytes = largest.0 >> 10;
        println!(
            "{}: {} inputs in {:.0} s, {accepted} taken, the longest {longest} bytes, at most {mebibytes} KiB at a moment \
             (seed {}), {} failures",
            self.target.name,
            self.total.inputs(),
            self.spent.as_secs_f64(),
            largest.1,
            failures.len()
        );
        let codes: Vec<String> = refused.iter().map(|(code, count)| format!("{code} {count}")).collect();
        println!("    refused: {}", codes.join(", "));
        for (seed, problem) in failures {
            let problem: String = problem.chars().take(300).collect();
            println!("    FAILED, seed {seed}: {problem}");
        }
    }
}
