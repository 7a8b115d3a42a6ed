//! How two pairs of requests differ, in what ECS makes of them.
//!
//! Lists whose items have names are compared by name. The environment of a container is compared as the container sees it: an
//! override goes before the definition. What is empty counts as not there, because ECS takes it so.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    mapping::secret,
    plan::{Difference, Requests},
};

/// Leaves by pointer.
type Flat = BTreeMap<String, Value>;

/// What is known of the pair.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Context {
    /// Whether the old way names no launch type, or EXTERNAL, for which it writes an incomplete definition.
    pub off_fargate_and_ec2: bool,
    /// Whether the definition is the old way's own and holds the size of the task.
    pub sized_by_definition: bool,
    /// Whether the network is that of the dispatcher's settings.
    pub network_of_settings: bool,
}

/// Every difference, with a reason where it is expected.
pub(crate) fn compare(old: &Requests, new: &Requests, context: Context) -> Vec<Difference> {
    let (old, new) = (flatten(old), flatten(new));
    let pointers: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let differing = pointers.into_iter().filter(|pointer| old.get(*pointer) != new.get(*pointer));
    differing
        .map(|pointer| {
            let pair = Pair { old: old.get(pointer), new: new.get(pointer), all_old: &old, all_new: &new, context };
            let shown = |value: Option<&Value>| {
                let name = pointer.rsplit('/').next().unwrap_or_default();
                let hides = pointer.contains("/environment/");
                value.map(|value| if hides { secret::hidden(name, value) } else { value.clone() })
            };
            Difference {
                pointer: pointer.clone(),
                old: shown(pair.old),
                new: shown(pair.new),
                reason: pair.reason(pointer).map(str::to_owned),
            }
        })
        .collect()
}

/// A place where they differ.
struct Pair<'a> {
    old: Option<&'a Value>,
    new: Option<&'a Value>,
    all_old: &'a Flat,
    all_new: &'a Flat,
    context: Context,
}

impl Pair<'_> {
    fn reason(&self, pointer: &str) -> Option<&'static str> {
        let last = pointer.rsplit('/').next().unwrap_or_default();
        match pointer {
            "/register_task_definition/family" | "/run_task/taskDefinition" if self.registers() => {
                Some("pushpool names a definition by its content, and all runs with that content share it")
            }
            _ if self.new.is_none() && pointer.starts_with("/register_task_definition/") && self.runs_another() => {
                Some("the agent registered a definition, and a patch has the task run another one")
            }
            "/run_task/clientToken" | "/run_task/startedBy" => Some("pushpool launches a run once by it"),
            _ if pointer.starts_with("/run_task/tags/prefect.io~1") => {
                Some("tags that Prefect and pushpool set themselves")
            }
            _ if pointer.contains("/environment/") => self.environment(last),
            _ if last == "executionRoleArn" || last == "taskRoleArn" => self.role(last),
            _ if pointer.ends_with("/options/awslogs-stream-prefix") => Some(
                "one prefix for each deployment, where the name of the flow run made a new definition for every run",
            ),
            _ if pointer.ends_with("/options/awslogs-region") && self.new == Some(&"".into()) => {
                Some("the dispatcher's own region")
            }
            _ if last == "assignPublicIp" && self.new.is_none() => {
                Some("only tasks on Fargate take a public address; ECS refuses it for others")
            }
            _ if pointer.starts_with("/run_task/networkConfiguration/") => self.network(),
            _ if matches!(last, "cpu" | "memory") => self.size(pointer),
            "/register_task_definition/requiresCompatibilities" => self.compatibilities(),
            _ => None,
        }
    }

    fn environment(&self, name: &str) -> Option<&'static str> {
        if name.starts_with("PREFECT__") {
            return Some("pushpool tells the container its run, flow and deployment");
        }
        match (name, self.old, self.new) {
            ("PREFECT_API_URL", ..) => {
                Some("the agent or worker passed its own URL on; pushpool sends the one of its settings")
            }
            ("PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR", None, _) => {
                Some("a run on Spot reschedules itself when its task is interrupted")
            }
            _ => None,
        }
    }

    /// A role in the overrides is the definition's for the run.
    fn role(&self, role: &str) -> Option<&'static str> {
        let effective = |all: &Flat| {
            let of_run = all.get(&format!("/run_task/overrides/{role}"));
            of_run.or_else(|| all.get(&format!("/register_task_definition/{role}"))).cloned()
        };
        (effective(self.all_old) == effective(self.all_new))
            .then_some("the task has the same role: pushpool writes it into the definition instead of the overrides")
    }

    fn network(&self) -> Option<&'static str> {
        self.context
            .network_of_settings
            .then_some("the network of the dispatcher's settings: the subnets of the VPC were not looked up")
    }

    /// Sizes of the task and of its container.
    fn size(&self, pointer: &str) -> Option<&'static str> {
        if self.context.off_fargate_and_ec2 && self.old.is_none() {
            return Some("the old definition says no size, which ECS refuses; pushpool sets a default");
        }
        let of_overrides = pointer.starts_with("/run_task/overrides/");
        (self.context.sized_by_definition && of_overrides)
            .then_some("the definition holds the size of the task; the container has no limit of its own")
    }

    /// A request without a launch type leaves it to the cluster, which ECS takes only from definitions that are for EC2, too.
    fn compatibilities(&self) -> Option<&'static str> {
        let named = |pointer: &String| {
            pointer.starts_with("/run_task/launchType") || pointer.starts_with("/run_task/capacityProviderStrategy")
        };
        let is_left_to_cluster = !self.all_old.keys().any(named) && !self.all_new.keys().any(named);
        let with_ec2 = |old: &Value| -> Vec<Value> {
            let mut all = old.as_array().cloned().unwrap_or_default();
            all.insert(0, "EC2".into());
            all
        };
        let added = with_ec2(self.old.unwrap_or(&Value::Null));
        (self.context.off_fargate_and_ec2 && self.old.is_none()
            || is_left_to_cluster && self.new.and_then(Value::as_array) == Some(&added))
        .then_some("so that nothing takes the missing launch type for Fargate")
    }

    /// Whether pushpool registers a definition.
    fn registers(&self) -> bool {
        self.all_new.keys().any(|pointer| pointer.starts_with("/register_task_definition/"))
    }

    /// Whether a task of the old way runs another definition than the one that is registered for it.
    fn runs_another(&self) -> bool {
        let run = self.all_old.get("/run_task/taskDefinition");
        run.is_some() && run != self.all_old.get("/register_task_definition/family")
    }
}

fn flatten(requests: &Requests) -> Flat {
    let mut flat = Flat::new();
    if let Some(definition) = &requests.register_task_definition {
        leaves(definition, "/register_task_definition", &mut flat);
    }
    leaves(&requests.run_task, "/run_task", &mut flat);
    // The environment as the container sees it.
    const DEFINED: &str = "/register_task_definition/containerDefinitions/";
    let defined: Vec<(String, Value)> = flat
        .iter()
        .filter_map(|(pointer, value)| {
            let (container, variable) = pointer.strip_prefix(DEFINED)?.split_once("/environment/")?;
            let seen = format!("/run_task/overrides/containerOverrides/{container}/environment/{variable}");
            Some((seen, value.clone()))
        })
        .collect();
    flat.retain(|pointer, _| !(pointer.starts_with(DEFINED) && pointer.contains("/environment/")));
    for (pointer, value) in defined {
        flat.entry(pointer).or_insert(value);
    }
    flat.retain(|pointer, value| !is_empty(value) || pointer.contains("/environment/"));
    // One task is what ECS starts when a request does not say how many.
    if flat.get("/run_task/count") == Some(&1.into()) {
        flat.remove("/run_task/count");
    }
    flat
}

fn leaves(value: &Value, pointer: &str, flat: &mut Flat) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                leaves(member, &format!("{pointer}/{}", escaped(name)), flat);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (index, item) in items.iter().enumerate() {
                item_leaves(item, index, pointer, flat);
            }
        }
        Value::Array(items) => {
            let mut items = items.clone();
            if ["subnets", "securityGroups", "requiresCompatibilities"].iter().any(|set| pointer.ends_with(set)) {
                items.sort_by_key(ToString::to_string);
            }
            flat.insert(pointer.to_owned(), Value::Array(items));
        }
        scalar => drop(flat.insert(pointer.to_owned(), scalar.clone())),
    }
}

/// An item of a list by its name, or else by its place.
fn item_leaves(item: &Value, index: usize, pointer: &str, flat: &mut Flat) {
    let text = |member: &str| item.get(member).and_then(Value::as_str);
    let pairs = pointer.ends_with("/environment") || pointer.ends_with("/tags");
    let (name, value) = match (text("name").or_else(|| text("key")), item.get("value")) {
        (Some(name), Some(value)) if pairs => (name.to_owned(), value),
        (Some(name), _) => (name.to_owned(), item),
        (None, _) => (index.to_string(), item),
    };
    leaves(value, &format!("{pointer}/{}", escaped(&name)), flat);
}

fn escaped(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn requests(environment: Value, run_environment: Value) -> Requests {
        Requests {
            register_task_definition: Some(json!({"family": "f", "volumes": [], "containerDefinitions": [
                {"name": "prefect", "image": "a", "cpu": 0, "environment": environment}]})),
            run_task: json!({"tags": [{"key": "team", "value": "x"}],
                "overrides": {"containerOverrides": [{"name": "prefect", "environment": run_environment}]}}),
        }
    }

    #[test]
    fn the_environment_is_compared_as_the_container_sees_it() {
        let one = requests(json!([{"name": "A", "value": "1"}]), json!([{"name": "B", "value": "2"}]));
        let other = requests(
            json!([{"name": "B", "value": "2"}, {"name": "A", "value": "old"}]),
            json!([{"name": "A", "value": "1"}]),
        );
        assert_eq!(compare(&one, &other, Context::default()), []);
    }

    #[test]
    fn a_difference_has_a_pointer_by_names_and_hides_secrets() {
        let one = requests(json!([]), json!([{"name": "DB_PASSWORD", "value": "canary"}, {"name": "E", "value": ""}]));
        let mut other = requests(json!([]), json!([]));
        other.run_task["tags"][0]["value"] = json!("y");
        let differences = compare(&one, &other, Context::default());
        let pointers: Vec<&str> = differences.iter().map(|it| it.pointer.as_str()).collect();
        let container = "/run_task/overrides/containerOverrides/prefect/environment";
        assert_eq!(pointers, [&format!("{container}/DB_PASSWORD"), &format!("{container}/E"), "/run_task/tags/team"]);
        assert!(!format!("{differences:?}").contains("canary"));
        assert!(differences.iter().all(|it| it.reason.is_none()));
    }
}
