//! Random runs, rendered by Prefect's own worker and by pushpool.
//!
//! A fixed list of seeds, so that a change is not failed by a case that nobody has seen. `PUSHPOOL_SEED=n` runs that
//! seed's cases only, to look for new ones; `PUSHPOOL_CASES=n` changes how many there are. Before them come the hand-picked cases of `data/cases`: those that once showed
//! a bug, and one for each intended difference that chance alone would need too long for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pushpool_tests::oracle::compare::{Verdict, compare};
use pushpool_tests::oracle::{Case, Oracle};
use pushpool_tests::oracle::{differences, generate, shrink::shrink};
use serde_json::{Map, Value, json};

/// Seeds of every run; each stands for a stretch of cases.
const SEEDS: [u64; 3] = [1, 20_241_123, 2_832_159_576];
/// Cases of one seed. Three seeds make 2,100.
const CASES: u64 = 700;
/// Mismatches of different kinds that are shown before a run gives up.
const SHOWN: usize = 12;

#[test]
fn pushpool_renders_what_the_worker_renders() {
    let mut oracle = Oracle::start();
    let mut tally = Tally::default();
    for (name, case) in hand_picked() {
        tally.check(&mut oracle, &case, &name);
    }
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let seeds = match number("PUSHPOOL_SEED") {
        Some(seed) => vec![seed],
        None => SEEDS.to_vec(),
    };
    let cases = number("PUSHPOOL_CASES").unwrap_or(CASES);
    println!("seeds {seeds:?}, {cases} cases each");
    let built_in = oracle.hello().default_template.clone();
    for seed in &seeds {
        for index in 0..cases {
            // Far apart, so that the stretches of two seeds do not meet.
            let case = generate::case((seed << 24) + index, &built_in);
            tally.check(&mut oracle, &case, &format!("seed {seed}, case {index}"));
        }
    }
    println!("{}", tally.summary());
    tally.report();
    if seeds.len() > 1 {
        tally.check_that_it_proves_something();
    }
}

/// What all cases came to.
#[derive(Debug, Default)]
struct Tally {
    same_requests: usize,
    both_refuse: usize,
    refused_on_purpose: usize,
    needed: BTreeMap<&'static str, usize>,
    mismatches: BTreeMap<String, (usize, String)>,
}

impl Tally {
    fn check(&mut self, oracle: &mut Oracle, case: &Case, origin: &str) {
        let comparison = compare(oracle, case);
        for name in comparison.needed {
            *self.needed.entry(name).or_default() += 1;
        }
        match comparison.verdict {
            Verdict::SameRequests => self.same_requests += 1,
            Verdict::BothRefuse { theirs, ours } => {
                self.both_refuse += 1;
                if std::env::var_os("PUSHPOOL_REASONS").is_some() {
                    let reason: String = theirs.replace('\n', " ").chars().take(150).collect();
                    println!("REASON {ours} {reason}");
                }
            }
            Verdict::RefusedOnPurpose => self.refused_on_purpose += 1,
            Verdict::Mismatch(mismatch) => {
                let kind = mismatch.kind.clone();
                let key = format!("{kind:?}");
                if let Some((count, _)) = self.mismatches.get_mut(&key) {
                    *count += 1;
                    return;
                }
                if self.mismatches.len() >= SHOWN {
                    self.mismatches.insert(key, (1, format!("({origin})\n")));
                    return;
                }
                let same_kind = |found: &Verdict| matches!(found, Verdict::Mismatch(found) if found.kind == kind);
                let smallest = shrink(case, |candidate| same_kind(&compare(oracle, candidate).verdict));
                let comparison = compare(oracle, &smallest);
                let Verdict::Mismatch(mismatch) = comparison.verdict else { unreachable!("a shrunk case still fails") };
                let text = format!(
                    "({origin})\nminimal case: {}\ndifferences taken out: {:?}\n{mismatch}",
                    essence(&smallest),
                    comparison.needed
                );
                self.mismatches.insert(key, (1, text));
            }
        }
    }

    fn summary(&self) -> String {
        let Self { same_requests, both_refuse, refused_on_purpose, needed, .. } = self;
        format!(
            "{same_requests} cases render the same, {both_refuse} are refused by both, {refused_on_purpose} by pushpool on \
             purpose; differences needed: {needed:#?}"
        )
    }

    fn report(&self) {
        let mut report = String::new();
        for (kind, (count, text)) in &self.mismatches {
            report.push_str(&format!("\n=== {count} x {kind} {text}"));
        }
        assert!(report.is_empty(), "{report}");
    }

    /// A generator that only makes nonsense, or a difference that is none, would let anything pass.
    fn check_that_it_proves_something(&self) {
        let total = self.same_requests + self.both_refuse + self.refused_on_purpose;
        assert!(total >= 2_000, "{total} cases are too few");
        assert!(self.same_requests * 2 > total, "only {} of {total} cases render", self.same_requests);
        let unused: Vec<&str> =
            differences::all().map(|it| it.name).filter(|name| !self.needed.contains_key(name)).collect();
        assert!(unused.is_empty(), "intended differences that no case needed: {unused:#?}");
    }
}

/// A case without what is empty.
fn essence(case: &Case) -> String {
    let mut case = serde_json::to_value(case).expect("a case is JSON");
    let empty = |value: &Value| [json!(null), json!([]), json!({}), json!(false)].contains(value);
    case.as_object_mut().expect("a case is an object").retain(|name, value| name == "template" || !empty(value));
    serde_json::to_string_pretty(&case).expect("JSON")
}

/// The hand-picked cases: what is not said in a file is as in [`BASE`].
fn hand_picked() -> Vec<(String, Case)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/cases");
    let mut paths: Vec<_> =
        std::fs::read_dir(directory).expect("data/cases exists").map(|entry| entry.expect("entry").path()).collect();
    paths.sort();
    let read = |path: &Path| -> serde_json::Result<Case> {
        let Value::Object(mut case) = serde_json::from_str(BASE)? else { unreachable!("BASE is an object") };
        case.extend(serde_json::from_str::<Map<String, Value>>(
            &std::fs::read_to_string(path).expect("a case can be read"),
        )?);
        let mut case: Case = serde_json::from_value(Value::Object(case))?;
        generate::existing_definitions(&mut case);
        Ok(case)
    };
    let named = |path: &PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let case = read(path).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, case)
    };
    paths.iter().map(named).collect()
}

const BASE: &str = r#"{
    "deployment_job_variables": {},
    "flow_run_job_variables": null,
    "work_pool": {"id": "44444444-4444-4444-4444-444444444444", "name": "push pool"},
    "deployment": {"id": "11111111-1111-1111-1111-111111111111", "name": "nightly"},
    "flow": {"id": "22222222-2222-2222-2222-222222222222", "name": "etl"},
    "flow_run": {"id": "33333333-3333-3333-3333-333333333333", "name": "fuzzy-cat"}
}"#;
