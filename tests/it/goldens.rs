//! The recorded requests of the real ECS worker, `data/goldens/*.json`.
//!
//! They were recorded once, with prefect 3.9.1 and prefect-aws 0.7.12. Two things are checked against them: that the
//! oracle (which the differential test believes) still does what was recorded, and that pushpool renders the same.

use std::path::Path;

use pushpool_tests::oracle::compare::{Verdict, compare};
use pushpool_tests::oracle::{Call, Case, Exception, Oracle, Thing};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Version that the recordings carry in `prefect.io/version` and in the default image.
const RECORDED_WITH: &str = "3.9.1";

/// A recording.
#[derive(Deserialize)]
struct Golden {
    scenario: String,
    deployment_job_variables: Value,
    flow_run_job_variables: Value,
    work_pool: String,
    #[serde(default)]
    error: Option<String>,
    calls: Vec<Call>,
}

impl Golden {
    /// The question that was put to the worker. The recordings do not hold ids (the requests in them do) nor templates.
    fn case(&self) -> Case {
        let id = |digit: &str| {
            Uuid::parse_str(&[8, 4, 4, 4, 12].map(|length| digit.repeat(length)).join("-")).expect("digits make an id")
        };
        let thing = |digit: &str, name: &str| Thing { id: id(digit), name: name.to_owned() };
        let template = match self.scenario.as_str() {
            "17_custom_template" => {
                serde_json::from_str(include_str!("../data/goldens-17-template.json")).expect("the template is JSON")
            }
            _ => json!({}),
        };
        Case {
            template,
            deployment_job_variables: self.deployment_job_variables.clone(),
            flow_run_job_variables: self.flow_run_job_variables.clone(),
            work_pool: thing("4", &self.work_pool),
            deployment: Some(thing("1", "dep one")),
            flow: thing("2", "my flow"),
            flow_run: thing("3", "fuzzy-cat"),
            blocks: Vec::new(),
            variables: Map::new(),
            worker_environment: Map::new(),
            process_environment: Map::new(),
            existing_definitions: Map::new(),
            vpcs: Map::new(),
            lenient_ec2: false,
        }
    }

    /// Calls of the first run; several recordings continue with a second one, which finds a warm cache.
    fn calls_of_first_run(&self) -> &[Call] {
        let end = self.calls.iter().position(|call| call.api == "RunTask").map_or(self.calls.len(), |run| run + 1);
        &self.calls[..end]
    }
}

fn goldens() -> Vec<Golden> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/goldens");
    let mut paths: Vec<_> =
        std::fs::read_dir(directory).expect("data/goldens exists").map(|entry| entry.expect("entry").path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(path).expect("a golden can be read");
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        })
        .collect()
}

#[test]
fn the_oracle_does_what_was_recorded() {
    let goldens = goldens();
    assert_eq!(goldens.len(), 14, "a recording is missing or new");
    let mut oracle = Oracle::start();
    let version = oracle.hello().prefect.clone();
    for golden in &goldens {
        let answer = oracle.ask(&golden.case());
        let error = answer.error.as_ref().map(|Exception { class, message, .. }| format!("{class}: {message}"));
        assert_eq!(
            error.map(|text| first_line_of_reason(&text)),
            golden.error.as_deref().map(first_line_of_reason),
            "{}",
            golden.scenario
        );
        let calls: Vec<Call> = answer
            .calls
            .into_iter()
            .map(|call| Call { request: with_version(&call.request, &version, RECORDED_WITH), ..call })
            .collect();
        assert_eq!(calls, golden.calls_of_first_run(), "{}", golden.scenario);
    }
}

/// Pydantic appends the input and a link with its own version; neither is the worker's.
fn first_line_of_reason(text: &str) -> String {
    text.split(" [type=").next().unwrap_or_default().to_owned()
}

fn with_version(value: &Value, from: &str, to: &str) -> Value {
    let text = serde_json::to_string(value).expect("JSON");
    serde_json::from_str(&text.replace(from, to)).expect("JSON")
}

#[test]
fn pushpool_renders_what_was_recorded() {
    let mut oracle = Oracle::start();
    for golden in goldens() {
        // The oracle stands in for the recording, which it equals (the test above), so that the differences that put the
        // worker into other circumstances apply here, too.
        let comparison = compare(&mut oracle, &golden.case());
        let expected = match golden.scenario.as_str() {
            // Logs without a role: nobody could write them.
            "10_logs_no_role" => "BothRefuse",
            // The template puts an API key into plain environment.
            "17_custom_template" => "RefusedOnPurpose",
            _ => "SameRequests",
        };
        if let Verdict::Mismatch(mismatch) = &comparison.verdict {
            panic!("{}: {mismatch}", golden.scenario);
        }
        let verdict = format!("{:?}", comparison.verdict);
        assert!(verdict.starts_with(expected), "{}: {verdict} {:?}", golden.scenario, comparison.needed);
        println!("{}: {:?}", golden.scenario, comparison.needed);
    }
}
