//! Placeholders that nothing replaced.
//!
//! A job variable is put into the template as it stands, so `{{ build.image }}` of a prefect.yaml that `prefect deploy` did
//! not fill reaches the request as text. Where ECS certainly refuses such a text it is named; elsewhere it may be meant
//! (`docker ps --format '{{.Names}}'`) and gets a note.

use serde_json::Value;
use work_pool::unfilled;

use super::{Refusal, UNFILLED, client, environment::HOLDS};

/// Members whose value is an identifier of AWS's, in which braces cannot be.
const IDENTIFIERS: [&str; 13] = [
    "image",
    "name",
    "cluster",
    "taskDefinition",
    "executionRoleArn",
    "taskRoleArn",
    "valueFrom",
    "subnets",
    "securityGroups",
    "capacityProvider",
    "awslogs-group",
    "awslogs-region",
    "fileSystemId",
];

/// Members that hold what only the flow's owner can judge: the environment has been through the templates already, and
/// labels are made to fit.
const FREE: [&str; 4] = ["environment", "tags", "dockerLabels", "healthCheck"];

/// Identifiers that are not filled. `shows` tells texts that hold a value of the environment.
pub(super) fn refuse(request: &Value, shows: &dyn Fn(&str) -> bool) -> Vec<Refusal> {
    let mut out = Vec::new();
    walk(request, &mut Vec::new(), &mut |way, name| {
        if is_identifier(way) {
            let place = place(way);
            let member = way.iter().rev().find_map(|step| step.member()).unwrap_or_default();
            out.push(
                client(UNFILLED, format!("{member} contains invalid characters."))
                    .at(place, format!("the placeholder {}", written(name, shows)))
                    .wants(
                        "a text in which every placeholder was replaced",
                        format!(
                            "Nothing replaced {}. If it comes from a prefect.yaml, the step that sets it did not run: \
                             deploy again with that step, or set the job variable to the value itself.",
                            written(name, shows)
                        ),
                    ),
            );
        }
    });
    out
}

/// Other texts that are not filled.
pub(super) fn note(request: &Value, key: &str, shows: &dyn Fn(&str) -> bool, notes: &mut Vec<String>) {
    walk(request, &mut Vec::new(), &mut |way, name| {
        if !is_identifier(way) {
            notes.push(format!(
                "`{key}.{}` holds the placeholder {}, which nothing replaced: it is passed on as it stands.",
                place(way),
                written(name, shows)
            ));
        }
    });
}

/// A placeholder as it is written, or what is told in its place.
fn written(name: &str, shows: &dyn Fn(&str) -> bool) -> String {
    if shows(name) { format!("({HOLDS})") } else { format!("{{{{ {name} }}}}") }
}

/// A step into the request.
#[derive(Clone, Copy)]
enum Step<'v> {
    Member(&'v str),
    Item(usize),
}

impl<'v> Step<'v> {
    fn member(self) -> Option<&'v str> {
        match self {
            Self::Member(name) => Some(name),
            Self::Item(_) => None,
        }
    }
}

fn is_identifier(way: &[Step<'_>]) -> bool {
    let member = way.iter().rev().find_map(|step| step.member()).unwrap_or_default();
    IDENTIFIERS.contains(&member)
}

fn place(way: &[Step<'_>]) -> String {
    let mut place = String::new();
    for step in way {
        match step {
            Step::Member(name) if place.is_empty() => place.push_str(name),
            Step::Member(name) => place.extend([".", name]),
            Step::Item(index) => place.push_str(&format!("[{index}]")),
        }
    }
    place
}

/// Calls `found` with the way to each text that has a placeholder, and its name.
fn walk<'v>(value: &'v Value, way: &mut Vec<Step<'v>>, found: &mut dyn FnMut(&[Step<'v>], &'v str)) {
    match value {
        Value::String(text) => {
            if let Some(name) = unfilled(text) {
                found(way, name);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                way.push(Step::Item(index));
                walk(item, way, found);
                way.pop();
            }
        }
        Value::Object(members) => {
            for (name, member) in members.iter().filter(|(name, _)| !FREE.contains(&name.as_str())) {
                way.push(Step::Member(name));
                walk(member, way, found);
                way.pop();
            }
        }
        _ => {}
    }
}
