//! What the module sets is what functions read, and what it sends and filters is what they understand.

use std::collections::{BTreeMap, BTreeSet};

use ::installation::{Function, variables};
use hcl::{Body, Expression};
use pushpool_tests::rig::applied::Applied;
use regex_lite::Regex;
use serde_json::{Value, json};

use super::{
    FUNCTION, FUNCTIONS, PUSHPOOL, attribute, attributes, files, key_text, local_name, locals, member, module, read,
    resources, root, text, walk,
};

/// Names that the module sets for a function.
pub(super) fn set(function: &str, locals: &BTreeMap<String, Expression>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut open = vec![member(&locals["environment"], function).unwrap()];
    while let Some(expression) = open.pop() {
        walk(expression, &mut |part| {
            if let Expression::Object(object) = part {
                names.extend(object.iter().filter_map(|(key, _)| key_text(key)));
            }
            if local_name(part).as_deref() == Some("prefect_environment")
                && let Expression::Conditional(served) = &locals["prefect_environment"]
                && let Expression::Object(object) = &served.true_expr
            {
                names.extend(object.iter().filter_map(|(key, _)| key_text(key)));
            }
        });
    }
    names
}

#[test]
fn the_environment_for_cargo_lambda_is_one_of_the_dispatcher() {
    let file = read("events/cargo-lambda.env");
    let set: BTreeSet<&str> = file.lines().map(|line| line.split_once('=').unwrap().0).collect();
    let own = || variables::of(Function::Dispatcher).filter(|it| it.is_for(false));
    for name in set.iter().filter(|name| !name.starts_with("AWS_")) {
        assert!(own().any(|it| it.name == *name), "the dispatcher does not read {name}");
    }
    let mut required = own().filter(|it| it.is_required_by(Function::Dispatcher)).map(|it| it.name);
    assert_eq!(required.find(|name| !set.contains(name)), None);
}

/// `optional(number, 256)`: the default.
fn default_number(expression: &Expression) -> Option<i64> {
    let Expression::FuncCall(call) = expression else { return None };
    match call.args.get(1) {
        Some(Expression::Number(number)) => number.as_i64(),
        _ => None,
    }
}

#[test]
fn functions_have_the_memory_and_time_of_the_data_and_one_architecture() {
    let blocks = module(PUSHPOOL);
    let variable = |name: &str| {
        blocks.iter().find(|it| it.identifier() == "variable" && it.labels()[0].as_str() == name).unwrap().body()
    };
    let architecture = attribute(variable("architecture"), "default").and_then(text).unwrap();
    let mut declared = BTreeMap::new();
    walk(attribute(variable("functions"), "type").unwrap(), &mut |part| {
        for function in FUNCTIONS {
            let Some(Expression::FuncCall(optional)) = member(part, function) else { continue };
            walk(&optional.args[0], &mut |part| {
                if let (Some(memory), Some(timeout)) = (member(part, "memory"), member(part, "timeout")) {
                    declared.insert(function, (default_number(memory).unwrap(), default_number(timeout).unwrap()));
                }
            });
        }
    });
    for function in Function::ALL {
        let manifest: toml::Table = read(&format!("functions/{function}/Cargo.toml")).parse().unwrap();
        let deploy = &manifest["package"]["metadata"]["lambda"]["deploy"];
        let figure = |name: &str| deploy[name].as_integer().unwrap();
        let data = (i64::from(function.memory()), i64::try_from(function.timeout().as_secs()).unwrap());
        assert_eq!((figure("memory"), figure("timeout")), data, "Cargo.toml of the {function}");
        assert_eq!(declared.get(function.name()), Some(&data), "the module's {function}");
        assert_eq!(deploy["architecture"].as_str(), Some(&*architecture), "{function}");
    }
}

#[test]
fn concurrency_is_reserved_for_the_doorbell_alone_and_nothing_is_given_in_the_clear() {
    let blocks = module(PUSHPOOL);
    let calls = blocks.iter().filter(|block| block.identifier() == "module");
    let reserving = calls.filter(|it| attribute(it.body(), "reserved_concurrency").is_some());
    assert_eq!(reserving.map(|it| it.labels()[0].as_str()).collect::<Vec<_>>(), ["doorbell"]);
    for path in [PUSHPOOL, FUNCTION] {
        let blocks = module(path);
        for (_, expression) in attributes(&blocks) {
            walk(expression, &mut |part| {
                let Expression::Object(object) = part else { return };
                for key in object.keys().filter_map(key_text) {
                    let clear = ["PREFECT_API_KEY", "PREFECT_API_AUTH_STRING", "PUSHPOOL_DOORBELL_TOKEN"];
                    assert!(!clear.contains(&key.as_str()), "{key}");
                }
            });
        }
    }
}

/// The member `name` of an argument of `jsonencode`.
fn encoded<'a>(body: &'a Body, name: &str) -> &'a Expression {
    let Some(Expression::FuncCall(call)) = attribute(body, name) else { panic!("{name} is jsonencode(…)") };
    &call.args[0]
}

#[test]
fn the_tick_is_the_sample_that_the_poller_is_tested_with() {
    let blocks = module(PUSHPOOL);
    let target = resources(&blocks, "aws_scheduler_schedule")["tick"].blocks().find(|it| it.identifier() == "target");
    let Expression::Object(input) = encoded(target.unwrap().body(), "input") else { panic!("an object") };
    let sent: BTreeMap<String, String> =
        input.iter().map(|(key, value)| (key_text(key).unwrap(), value.to_string())).collect();
    let sample: Value = serde_json::from_str(&read("events/poll/minute-tick.json")).unwrap();
    let body: Value = serde_json::from_str(sample["Records"][0]["body"].as_str().unwrap()).unwrap();
    let expected: BTreeMap<String, String> =
        body.as_object().unwrap().iter().map(|(key, value)| (key.clone(), value.to_string())).collect();
    assert_eq!(sent, expected);
}

/// The rule as Terraform makes it, for the sample's cluster.
#[test]
fn the_rule_takes_events_of_our_tasks_and_no_others() {
    let applied = Applied::served();
    let rules = applied.all("aws_cloudwatch_event_rule");
    let mut pattern = rules["aws_cloudwatch_event_rule.task_state[0]"].get("event_pattern").clone();
    let cluster = pattern["detail"]["clusterArn"][0].clone();
    let mut seen = BTreeMap::new();
    for file in files(&root().join("events/ecs"), ".json") {
        let sample: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        for record in sample["Records"].as_array().unwrap() {
            let body: Value = serde_json::from_str(record["body"].as_str().unwrap()).unwrap_or_default();
            // A check, or no event at all.
            if body["detail"].is_null() {
                continue;
            }
            let takes = |pattern: &Value| {
                let mut rule = quamina::Quamina::new();
                rule.add_pattern("rule", &pattern.to_string()).unwrap();
                !rule.matches_for_event(body.to_string().as_bytes()).unwrap().is_empty()
            };
            pattern["detail"]["clusterArn"] = json!([cluster]);
            assert!(!takes(&pattern), "the sample's cluster is not the plan's");
            pattern["detail"]["clusterArn"] = json!([body["detail"]["clusterArn"]]);
            seen.insert(file.file_stem().unwrap().to_str().unwrap().to_owned(), takes(&pattern));
        }
    }
    assert!(seen.len() > 3, "{seen:?}");
    for (sample, taken) in seen {
        assert_eq!(taken, sample != "task-of-a-service", "{sample}");
    }
}

#[test]
fn the_pool_document_is_one_and_has_prefects_variables() {
    let template: Value = serde_json::from_str(&read(&format!("{PUSHPOOL}/templates/standalone-pool.json"))).unwrap();
    assert!(work_pool::BaseJobTemplate::from_value(&template).is_ok());
    let built_in: Value = serde_json::from_str(&read("crates/work-pool/src/built_in.json")).unwrap();
    let variables = |template: &Value| -> BTreeSet<String> {
        template["variables"]["properties"].as_object().unwrap().keys().cloned().collect()
    };
    assert!(variables(&template).is_subset(&variables(&built_in)));
    // Room for defaults in a parameter of 4 KB, which costs nothing.
    assert!(template.to_string().len() < 3_000);
    // What the outputs say is what `pushpool pool create --set` takes.
    let settings = locals(&module(PUSHPOOL)).remove("pool_settings").unwrap();
    let known = Regex::new(r#""(subnets|security_groups|assign_public_ip)", ""#).unwrap();
    let assign = read("crates/manage/src/pool/assign.rs");
    let network: BTreeSet<String> = known.captures_iter(&assign).map(|seen| seen[1].to_owned()).collect();
    assert_eq!(network.len(), 3);
    let mut names = BTreeSet::new();
    walk(&settings, &mut |part| match part {
        Expression::Object(object) => names.extend(object.keys().filter_map(key_text)),
        Expression::ForExpr(each) => names.extend(each.key_expr.as_ref().and_then(text)),
        _ => {}
    });
    assert!(names.len() >= 8, "{names:?}");
    for name in names {
        assert!(variables(&built_in).contains(&name) || network.contains(&name), "{name}");
    }
}
