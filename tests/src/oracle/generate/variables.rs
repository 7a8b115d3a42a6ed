//! Values of job variables.

use serde_json::{Value, json};

use super::{Dice, Object};

/// ARNs a run may bring its own definition by.
pub(super) const DEFINITION_ARNS: &[&str] = &["arn:aws:ecs:us-east-1:123456789012:task-definition/theirs:3"];

/// Names with a meaning of their own, weighted by how often they are written.
const USUAL: &[&str] = &[
    "env",
    "env",
    "env",
    "env",
    "image",
    "image",
    "cpu",
    "memory",
    "cluster",
    "command",
    "labels",
    "labels",
    "name",
    "family",
    "launch_type",
    "launch_type",
    "capacity_provider_strategy",
    "container_name",
    "task_role_arn",
    "execution_role_arn",
    "vpc_id",
    "configure_cloudwatch_logs",
    "cloudwatch_logs_options",
    "cloudwatch_logs_prefix",
    "network_configuration",
    "auto_deregister_task_definition",
    "match_latest_revision_in_family",
];

/// Job variables of a deployment or a run, `usual` of them on average, for a pool with `template`.
pub(super) fn job_variables(dice: &mut Dice, template: &Value, usual: usize) -> Object {
    let mut variables = Object::new();
    for _ in 0..dice.below(2 * usual + 1) {
        let name = dice.pick(USUAL);
        let value = value(dice, name);
        variables.insert(name.to_owned(), value);
    }
    // Variables only this template has.
    if let Some(properties) = template.pointer("/variables/properties").and_then(Value::as_object) {
        let own: Vec<&String> = properties
            .keys()
            .filter(|name| {
                !USUAL.contains(&name.as_str()) && *name != "task_definition_arn" && *name != "aws_credentials"
            })
            .collect();
        for name in own {
            if dice.one_in(6) {
                let value = value(dice, name);
                variables.insert(name.clone(), value);
            }
        }
    }
    if dice.one_in(8) {
        let key =
            dice.pick(&["env.FOO", "env.A", "labels.team", "env.A", "env.X", "cloudwatch_logs_options.awslogs-group"]);
        variables.insert(key.to_owned(), dice.json(json!(["dotted", "dotted", null, "{{ prefect.variables.team }}"])));
    }
    if dice.one_in(60) {
        let value = value(dice, "aws_credentials");
        variables.insert("aws_credentials".to_owned(), value);
    }
    if dice.one_in(20) {
        variables.insert("unheard_of".to_owned(), dice.json(json!([1, "x", {"a": [1]}])));
    }
    if dice.one_in(40) {
        variables.insert("task_definition_arn".to_owned(), json!(dice.pick(DEFINITION_ARNS)));
    }
    // Options without the switch are an error, and logs without a role too: make the pairs likely.
    if variables.contains_key("cloudwatch_logs_options") && !dice.one_in(12) {
        variables.insert("configure_cloudwatch_logs".to_owned(), json!(true));
    }
    if variables.get("configure_cloudwatch_logs") == Some(&json!(true)) && !dice.one_in(12) {
        variables.insert("execution_role_arn".to_owned(), json!("arn:aws:iam::123456789012:role/exec"));
    }
    if dice.one_in(10) {
        let name = dice.pick(&["prefect_api_key_secret_arn", "prefect_api_auth_string_secret_arn"]);
        variables.insert(name.to_owned(), value(dice, name));
        if !dice.one_in(6) {
            variables.insert("execution_role_arn".to_owned(), json!("arn:aws:iam::123456789012:role/exec"));
        }
    }
    if variables.contains_key("network_configuration") && !dice.one_in(4) {
        variables.insert("vpc_id".to_owned(), json!("vpc-1"));
    }
    variables
}

/// A value of the variable called `name`, usually of its type.
pub(super) fn value(dice: &mut Dice, name: &str) -> Value {
    if dice.one_in(30) {
        return Value::Null;
    }
    if dice.one_in(150) {
        // The wrong type, or the right one in the wrong clothes.
        return dice.json(json!([5, "5", true, "true", [], {}, ["a"], {"k": "v"}, 1.5, ""]));
    }
    match name {
        "env" => environment(dice),
        "labels" => labels(dice),
        "image" => text(dice, &["repo/img:1", "i", "123456789012.dkr.ecr.us-east-1.amazonaws.com/flows:7", "img@sha256:0a"]),
        "cpu" => dice.json(json!([256, 512, 1024, 1024, 512, 1024, 2048, 4096, 1024, 512, 1024, 0, 100])),
        "memory" => dice.json(json!([2048, 2048, 2048, 2048, 2048, 2048, 3072, 4096, 2048, 2048, 1024, 8192, 0, 3000])),
        "cluster" => text(dice, &["prod", "arn:aws:ecs:us-east-1:123456789012:cluster/prod", "default", ""]),
        "command" => command(dice),
        "name" => text(dice, &["a run", "{{ ctx.flow.name }}-x", "n"]),
        "family" => text(dice, &["fam", "my family", "größe", "prefect_x", "a.b/c:d", "-lead", "🚀 launch"]),
        "launch_type" => dice.json(json!([
            "FARGATE", "FARGATE", "FARGATE_SPOT", "FARGATE_SPOT", "EC2", "EC2", "EXTERNAL", "", "LAMBDA"
        ])),
        "capacity_provider_strategy" => dice.json(json!([
            [],
            [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}],
            [{"capacityProvider": "FARGATE", "weight": 1, "base": 1}, {"capacityProvider": "FARGATE_SPOT", "weight": 4, "base": 0}],
            [{"capacityProvider": "my-asg", "weight": 100, "base": 0}],
        ])),
        "container_name" => dice.json(json!(["prefect", "prefect", "prefect", "prefect", "side", "main", "flow", ""])),
        "prefect_api_key_secret_arn" | "prefect_api_auth_string_secret_arn" => dice.json(json!([
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:prefect-abcdef",
            "arn:aws:ssm:us-east-1:123456789012:parameter/prefect",
        ])),
        "task_role_arn" | "execution_role_arn" => {
            text(dice, &["arn:aws:iam::123456789012:role/a", "arn:aws:iam::123456789012:role/b", "role"])
        }
        "vpc_id" => dice.json(json!(["vpc-1", "vpc-1", "vpc-1", "vpc-1", "vpc-1", "vpc-1", "vpc-9"])),
        "configure_cloudwatch_logs" | "auto_deregister_task_definition" | "match_latest_revision_in_family" => {
            dice.json(json!([true, true, false]))
        }
        "cloudwatch_logs_options" => dice.json(json!([
            {},
            {"awslogs-group": "/x"},
            {"awslogs-group": "g", "mode": "non-blocking", "max-buffer-size": "25m"},
            {"awslogs-create-group": "false", "awslogs-stream-prefix": "mine"},
        ])),
        "cloudwatch_logs_prefix" => text(dice, &["flows", "a/b", ""]),
        "network_configuration" => network_configuration(dice),
        "aws_credentials" => dice.json(json!([{"region_name": "us-east-1"}, {}, {"region_name": "eu-west-1"}, {"$ref": {"block_document_id": block_id(5)}}])),
        "registry" => text(dice, &["registry.example.com", "r", "{{ prefect.blocks.string.registry }}"]),
        "tag" => text(dice, &["v1", "latest", "2024.10"]),
        "replicas" => dice.json(json!([0, 1, 7, 2.5, "3"])),
        "team" => text(dice, &["data eng", "core", "größe"]),
        "extra" => dice.json(json!([
            {"a": {"b": [10, 20, {"c": "deep"}]}, "x": null, "t": true},
            {"a": {"b": []}},
            ["zero", "one"],
            "{{ prefect.blocks.json.settings.value }}",
            {"$ref": {"block_document_id": block_id(3)}},
        ])),
        "storage" => dice.json(json!([21, 50, 200])),
        "architecture" => dice.json(json!(["ARM64", "X86_64"])),
        "exec" => dice.json(json!([true, false])),
        "stream_output" => dice.json(json!([true, false])),
        "task_start_timeout_seconds" => dice.json(json!([0, 60])),
        "task_watch_poll_interval" => dice.json(json!([0, 2.5])),
        _ => text(dice, &["value", "other"]),
    }
}

/// The inner `awsvpcConfiguration`, which is what the variable is documented to take, or the whole.
fn network_configuration(dice: &mut Dice) -> Value {
    let inner = dice.json(json!([
        {"subnets": ["subnet-1"]},
        {"subnets": ["subnet-1", "subnet-2"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED"},
        {"subnets": ["subnet-2"], "assignPublicIp": "ENABLED", "securityGroups": []},
        {"subnets": ["subnet-2"], "assignPublicIp": false},
        {"subnets": ["subnet-1"], "assignPublicIp": true, "securityGroups": ["sg-1", "sg-2"]},
        {"subnets": ["subnet-9"]},
        {},
    ]));
    if dice.one_in(6) { json!({"awsvpcConfiguration": inner}) } else { inner }
}

/// Environment variables: strings mostly, and everything that Python turns into one.
pub(super) fn environment(dice: &mut Dice) -> Value {
    let mut environment = Object::new();
    for _ in 0..dice.below(6) {
        let name = dice.pick(&[
            "A",
            "B",
            "C",
            "X",
            "EMPTY",
            "LONG_NAME_WITH_UNDERSCORES",
            "with.dot",
            "with-dash",
            "PREFECT_LOGGING_LEVEL",
            "PREFECT_API_URL",
            "PREFECT__FLOW_RUN_ID",
            "PREFECT__DEPLOYMENT_NAME",
            "A",
            "B",
            "C",
            "X",
            "A",
            "B",
        ]);
        let name = if dice.one_in(150) { dice.pick(&["PREFECT_API_KEY", "PREFECT_API_AUTH_STRING"]) } else { name };
        let value = match dice.below(40) {
            0..=30 => json!(dice.pick(&["1", "two", "x=y", "a b", "", "ünï", "\"q\"", "line\nbreak", "None"])),
            31 | 32 => Value::Null,
            33 => dice.json(json!([0, 5, -3, 1.5, 1.0, 1e20, 1e-7, 123456789012345678_i64])),
            34 => dice.json(json!([true, false])),
            35 => dice.json(json!([["a", 1, null], {"k": "it's", "n": [true]}, [], {}])),
            _ => json!(placeholder_text(dice)),
        };
        environment.insert(name.to_owned(), value);
    }
    if dice.one_in(60) {
        let length = *dice.pick_one(&[3_000, 9_000, 20_000, 70_000]);
        // Its own name each time: see `ecs::environment` for what is shared and replaced.
        environment.insert(format!("LONG_{length}_{}", dice.below(1_000_000)), json!("x".repeat(length)));
    }
    Value::Object(environment)
}

/// Labels with everything that is not allowed in a tag.
pub(super) fn labels(dice: &mut Dice) -> Value {
    let mut labels = Object::new();
    for _ in 0..dice.below(5) {
        let name = dice.pick(&[
            "team",
            "cost center",
            "größe",
            "a.b/c=d",
            "🚀",
            "prefect.io/flow-name",
            "Team",
            "x(y)",
            "aws:reserved",
            "team ",
            "-edge-",
            "a--b",
            "1",
        ]);
        let value = dice.pick(&[
            "data eng",
            "v",
            "",
            "größe",
            "a,b;c",
            "🚀🚀",
            "{{ prefect.variables.team }}",
            "x@y.z",
            "__",
            " lead",
            "&amp;",
            "o'clock",
        ]);
        labels.insert(name.to_owned(), json!(value));
    }
    if dice.one_in(40) {
        for n in 0..60 {
            labels.insert(format!("many-{n}"), json!(n.to_string()));
        }
    }
    if dice.one_in(80) {
        labels.insert("k".repeat(200), json!("v".repeat(300)));
    }
    Value::Object(labels)
}

fn command(dice: &mut Dice) -> Value {
    if dice.one_in(15) {
        return dice.json(json!([["python", "-m", "x y", "it's"], ["a", ""], [], ["one", 2]]));
    }
    if dice.one_in(40) {
        return json!(format!("run {}", "--flag ".repeat(2_000)));
    }
    text(
        dice,
        &[
            "python -m prefect.engine",
            "prefect flow-run execute",
            "python -m x --y 'a b' \"c d\"",
            "sh -c 'echo \"hi $X\"'",
            "a\\ b c\\\\d",
            "",
            "   ",
            "run # not a comment",
            "one\ttwo\nthree",
            "echo '' \"\"",
            "unclosed 'quote",
            "{{ prefect.variables.team }} run",
        ],
    )
}

/// One of `plain`, or now and then a text with placeholders.
fn text(dice: &mut Dice, plain: &[&str]) -> Value {
    if dice.one_in(15) { json!(placeholder_text(dice)) } else { json!(dice.pick(plain)) }
}

/// Text with placeholders of every kind in every position.
pub(super) fn placeholder_text(dice: &mut Dice) -> String {
    dice.pick(&[
        "{{ image }}",
        "{{image}}",
        "pre-{{ cluster }}-post",
        "{{ missing }}",
        "x{{ missing }}y",
        "{{ $HOME_OF_THE_WORKER }}",
        "v={{ $HOME_OF_THE_WORKER }};",
        "{{ $NOT_SET_ANYWHERE }}",
        "{{ prefect.blocks.secret.token }}",
        "Bearer {{ prefect.blocks.secret.token }}!",
        "{{ prefect.blocks.secret.token.value }}",
        "{{ prefect.blocks.string.registry }}/img:1",
        "{{ prefect.blocks.json.settings.value.image }}",
        "{{ prefect.blocks.json.settings.list[1] }}",
        "{{ prefect.blocks.json.settings.value.list[2].k }}",
        "{{ prefect.blocks.custom.network.nested.values[0] }}",
        "{{ prefect.blocks.custom.network.nested.values[2] }}",
        "{{ prefect.blocks.secret.nope }}",
        "{{ prefect.variables.team }}",
        "{{ prefect.variables.answer }}",
        "n={{ prefect.variables.answer }}",
        "{{ prefect.variables.yes }}/{{ prefect.variables.none }}",
        "{{ prefect.variables.nope }}",
        "<{{ prefect.variables.nope }}>",
        "{{ extra.a.b[0] }}",
        "{{ extra }}",
        "{{ not a placeholder }}",
        "{{ a | upper }}",
        "${A}",
        "{{}}",
        "{ { image } }",
    ])
    .to_owned()
}

/// Id of a block of [`super::blocks`].
fn block_id(n: u128) -> String {
    uuid::Uuid::from_u128(0xb10c_0000 + n).to_string()
}
