//! What holds for any job configuration.

use std::collections::{BTreeMap, BTreeSet};

use ecs::{Definition, Settings, check_shape, prepare};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::support::{both, configuration, custom, defaults, environment, run, settings, typical};

/// Words that mean something in a configuration, so that nonsense hits what is read.
const WORDS: &[&str] = &[
    "name",
    "value",
    "image",
    "environment",
    "secrets",
    "valueFrom",
    "cpu",
    "memory",
    "command",
    "containerDefinitions",
    "containerOverrides",
    "overrides",
    "launchType",
    "FARGATE",
    "FARGATE_SPOT",
    "EC2",
    "prefect",
    "side",
    "family",
    "networkMode",
    "awsvpc",
    "bridge",
    "networkConfiguration",
    "awsvpcConfiguration",
    "subnets",
    "assignPublicIp",
    "capacityProviderStrategy",
    "capacityProvider",
    "tags",
    "key",
    "requiresCompatibilities",
    "taskDefinition",
    "executionRoleArn",
    "logConfiguration",
    "options",
    "essential",
    "PREFECT_API_KEY",
    "PREFECT__FLOW_RUN_ID",
    "ephemeralStorage",
    "sizeInGiB",
    "",
    "arn:aws:ssm:r:1:parameter/p",
    "512",
    "1024",
    "2 GB",
    "aws:x",
    "é 💥",
    "'",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![4 => prop::sample::select(WORDS).prop_map(str::to_owned), 1 => ".{0,12}"]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2_i64..5_000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((word(), inner), 0..5).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// Keys of a job configuration.
const KEYS: &[&str] = &[
    "env",
    "labels",
    "command",
    "container_name",
    "cluster",
    "task_definition",
    "task_run_request",
    "configure_cloudwatch_logs",
    "cloudwatch_logs_options",
    "cloudwatch_logs_prefix",
    "network_configuration",
    "vpc_id",
    "execution_role_arn",
    "prefect_api_key_secret_arn",
    "prefect_api_auth_string_secret_arn",
    "aws_credentials",
    "auto_deregister_task_definition",
    "match_latest_revision_in_family",
];

/// One of the sound configurations with a few places replaced by anything.
fn any_configuration() -> impl Strategy<Value = Value> {
    let base = prop::sample::select(vec![defaults(), typical(), custom()]);
    let places = prop::collection::vec((any::<prop::sample::Index>(), any_json()), 0..4);
    let keys = prop::collection::vec((prop::sample::select(KEYS), any_json()), 0..3);
    (base, places, keys).prop_map(|(mut values, places, keys)| {
        for (place, value) in places {
            let mut pointers = Vec::new();
            collect(&values, "", &mut pointers);
            let pointer = pointers[place.index(pointers.len())].clone();
            if let Some(there) = values.pointer_mut(&pointer) {
                *there = value;
            }
        }
        for (key, value) in keys {
            values[key] = value;
        }
        values
    })
}

fn collect(value: &Value, at: &str, pointers: &mut Vec<String>) {
    if !at.is_empty() {
        pointers.push(at.to_owned());
    }
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                collect(member, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), pointers);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, &format!("{at}/{index}"), pointers);
            }
        }
        _ => {}
    }
}

/// The same value with every object's members in another order, but for objects in `env`, which become text as they are.
fn reordered(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members.iter().rev().map(|(name, member)| (name.clone(), reordered(member))).collect::<Map<_, _>>(),
        ),
        Value::Array(items) => items.iter().map(reordered).collect(),
        other => other.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    /// Any input gives requests that ECS understands, or a coded error.
    #[test]
    fn requests_or_a_code(values in any_configuration()) {
        match prepare(&configuration(values), &run(), &settings()) {
            Ok(prepared) => {
                prop_assert_eq!(check_shape("RunTask", &prepared.run_task), Ok(()));
                prop_assert!(prepared.run_task["overrides"].to_string().encode_utf16().count() <= 8_192);
                let tags = prepared.run_task["tags"].as_array().expect("tags");
                let keys: BTreeSet<&str> = tags.iter().filter_map(|tag| tag["key"].as_str()).collect();
                prop_assert!(tags.len() <= 50 && keys.len() == tags.len());
                if let Definition::Content { family, request } = &prepared.definition {
                    prop_assert_eq!(check_shape("RegisterTaskDefinition", request), Ok(()));
                    prop_assert!(family.len() <= 255);
                    prop_assert_eq!(&prepared.run_task["taskDefinition"], family);
                    let mut names: Vec<&str> = Vec::new();
                    for container in request["containerDefinitions"].as_array().expect("containers") {
                        names.extend(container["name"].as_str());
                    }
                    prop_assert!(names.contains(&prepared.container_name.as_str()));
                }
            }
            Err(error) => {
                let diagnosis = error.diagnosis();
                prop_assert!(diagnosis.code.id().starts_with("PP02"));
                prop_assert!(!diagnosis.summary.is_empty() && !diagnosis.detail.is_empty() && !diagnosis.resolution.is_empty());
            }
        }
    }

    /// The same inputs give the same bytes, whatever the order of the keys they came in.
    #[test]
    fn key_order_does_not_matter(values in any_configuration()) {
        let one = prepare(&configuration(values.clone()), &run(), &settings());
        let mut backwards = reordered(&values);
        if let Some(env) = values["env"].as_object() {
            backwards["env"] = env.iter().rev().map(|(name, value)| (name.clone(), value.clone())).collect();
        }
        let other = prepare(&configuration(backwards), &run(), &settings());
        match (one, other) {
            (Ok(one), Ok(other)) => {
                prop_assert_eq!(both(&one).to_string(), both(&other).to_string());
                let reprepared = prepare(&configuration(values), &run(), &settings());
                prop_assert_eq!(reprepared.map(|again| both(&again).to_string()).ok(), Some(both(&one).to_string()));
            }
            (one, other) => prop_assert_eq!(one.is_err(), other.is_err()),
        }
    }

    /// No way of giving a plain secret leads into a request or into an error.
    #[test]
    fn canaries_do_not_sing(values in any_configuration(), in_run in any::<bool>(), arn in any::<bool>()) {
        let mut values = values;
        if let Some(env) = values["env"].as_object_mut() {
            env.insert("PREFECT_API_KEY".to_owned(), json!("pnu_canary"));
        }
        if arn {
            values["prefect_api_key_secret_arn"] = json!("arn:aws:ssm:r:1:parameter/p");
        }
        let mut configuration = configuration(values);
        if in_run {
            configuration.shared_env.remove("PREFECT_API_KEY");
        }
        let result = prepare(&configuration, &run(), &settings());
        let shown = match &result {
            Ok(prepared) => format!("{prepared:?} {}", both(prepared)),
            Err(error) => format!("{error:?} {error} {:?}", error.diagnosis()),
        };
        prop_assert!(!shown.contains("pnu_canary"), "{}", shown);
    }

    /// However shared and own environment are mixed, the container sees all of it.
    #[test]
    fn nothing_of_the_environment_is_lost(
        shared in entries(),
        own in entries(),
    ) {
        let mut all: BTreeMap<String, Option<String>> = shared.clone();
        all.extend(own);
        let object = |entries: &BTreeMap<String, Option<String>>| -> Map<String, Value> {
            entries.iter().map(|(name, value)| (name.clone(), json!(value))).collect()
        };
        let values = crate::support::with_run_env(defaults(), Value::Object(object(&shared)), Value::Object(object(&all)));
        let prepared = prepare(&values, &run(), &settings()).expect("it can be prepared");
        let seen = environment(&prepared);
        for (name, value) in &all {
            prop_assert_eq!(seen.get(name), value.as_ref(), "{}", name);
        }
        let without_run = prepare(
            &crate::support::with_run_env(defaults(), Value::Object(object(&shared)), Value::Object(object(&shared))),
            &run(),
            &Settings { ..settings() },
        ).expect("it can be prepared");
        let unsets = all.iter().any(|(name, value)| value.is_none() && shared.get(name).is_some_and(Option::is_some));
        prop_assert!(unsets || prepared.definition == without_run.definition);
    }
}

fn entries() -> impl Strategy<Value = BTreeMap<String, Option<String>>> {
    prop::collection::btree_map("[A-F]", prop::option::of(".{0,8}"), 0..6)
}
