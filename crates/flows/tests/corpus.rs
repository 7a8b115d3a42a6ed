//! Every flow in `corpus/` must be described as Prefect describes it. `corpus/make.py` records what Prefect makes of them.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use flows::{Flow, FlowError, Part, Project};
use serde_json::{Map, Value};

fn corpus() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus"))
}

fn expected() -> Map<String, Value> {
    let text = fs::read_to_string(corpus().join("expected.json")).expect("the recording is there");
    serde_json::from_str(&text).expect("the recording is JSON")
}

/// The schema without the parameters that are left open.
fn without(schema: &Value, open: &[&str]) -> Value {
    let mut schema = schema.clone();
    if !open.is_empty() {
        let properties = schema["properties"].as_object_mut().expect("a schema has properties");
        open.iter().for_each(|name| {
            properties.remove(*name);
        });
        // Definitions of parameters that are left open are missing.
        schema.as_object_mut().expect("a schema is an object").remove("definitions");
    }
    schema
}

fn difference(flow: &Flow, recorded: &Value) -> Option<String> {
    let text = |value: &Option<String>| value.clone().map_or(Value::Null, Value::String);
    let is_open = |part: Part| flow.unknown.iter().any(|unknown| unknown.part == part);
    if is_open(Part::Parameters) {
        return None;
    }
    let open: Vec<&str> = flow
        .unknown
        .iter()
        .filter_map(|unknown| match &unknown.part {
            Part::Parameter(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let pairs = [
        ("name", Value::String(flow.name.clone()), is_open(Part::Name)),
        ("description", text(&flow.description), is_open(Part::Description)),
        ("version", text(&flow.version), is_open(Part::Version)),
    ];
    for (key, ours, is_open) in pairs {
        if !is_open && ours != recorded[key] {
            return Some(format!("{key}\n    ours {ours}\n  theirs {}", recorded[key]));
        }
    }
    let (ours, theirs) = (without(&flow.schema, &open), without(&recorded["schema"], &open));
    for group in ["properties", "definitions"] {
        let (ours, theirs) = (ours[group].as_object(), theirs[group].as_object());
        let names = |map: Option<&Map<String, Value>>| {
            map.map(|map| map.keys().cloned().collect::<Vec<_>>()).unwrap_or_default()
        };
        for name in names(ours).iter().chain(&names(theirs)) {
            let (ours, theirs) = (ours.and_then(|map| map.get(name)), theirs.and_then(|map| map.get(name)));
            if ours != theirs {
                let show = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
                return Some(format!("{group} {name}\n    ours {}\n  theirs {}", show(ours), show(theirs)));
            }
        }
    }
    (ours != theirs).then(|| format!("\n    ours {ours}\n  theirs {theirs}"))
}

#[test]
fn every_flow_is_described_as_prefect_describes_it() {
    let project = Project::new(corpus());
    let mut differences = String::new();
    let expected = expected();
    for (entrypoint, recorded) in &expected {
        match project.flow(entrypoint) {
            Ok(flow) => {
                if let Some(difference) = difference(&flow, recorded) {
                    writeln!(differences, "{entrypoint}: {difference}").unwrap();
                }
            }
            Err(FlowError::Unclear { .. }) => {}
            Err(error) => writeln!(differences, "{entrypoint}: {error}").unwrap(),
        }
    }
    assert!(differences.is_empty(), "{} flows\n{differences}", expected.len());
}

#[test]
fn what_is_left_open_is_written_down() {
    let project = Project::new(corpus());
    let mut open: BTreeMap<String, String> = BTreeMap::new();
    for entrypoint in expected().keys() {
        match project.flow(entrypoint) {
            Ok(flow) => open.extend(flow.unknown.into_iter().map(|unknown| {
                (format!("{entrypoint} {:?}", unknown.part), format!("{} ({})", unknown.why, unknown.place))
            })),
            Err(error) => {
                open.insert(entrypoint.clone(), error.to_string());
            }
        }
    }
    let listed: String = open.iter().map(|(what, why)| format!("{what}: {why}\n")).collect();
    insta::assert_snapshot!(listed);
}
