//! Base job templates: the worker's own, and the ways in which people change it.

use serde_json::{Value, json};

use super::variables::{environment, labels, placeholder_text, value};
use super::{Dice, Object};

/// A base job template.
pub(super) fn template(dice: &mut Dice, built_in: &Value) -> Value {
    if dice.one_in(5) {
        return json!({});
    }
    let mut template = without_prose(built_in);
    if dice.one_in(5) {
        age(&mut template);
    }
    if dice.one_in(2) {
        loosen(&mut template);
    }
    if !dice.one_in(3) {
        let changes: [fn(&mut Dice, &mut Value); 10] = [
            own_variables,
            definition_keys,
            containers,
            container_keys,
            sidecar,
            request_keys,
            overrides,
            environment_in_configuration,
            configuration_keys,
            literals,
        ];
        for _ in 0..=dice.below(4) {
            changes[dice.below(changes.len())](dice, &mut template);
        }
    }
    defaults(dice, &mut template);
    template
}

/// Descriptions are three quarters of the text and mean nothing to either side.
fn without_prose(value: &Value) -> Value {
    match value {
        Value::Object(object) => object
            .iter()
            .filter(|(key, value)| !(*key == "description" && value.is_string()))
            .map(|(key, value)| (key.clone(), without_prose(value)))
            .collect(),
        Value::Array(items) => items.iter().map(without_prose).collect(),
        other => other.clone(),
    }
}

/// What prefect-aws's template looked like before 0.5: pydantic 1 wrote plain types, there were no secret ARNs, and the
/// three settings about watching the task were variables.
fn age(template: &mut Value) {
    let properties = object(template, "/variables/properties");
    properties.remove("prefect_api_key_secret_arn");
    properties.remove("prefect_api_auth_string_secret_arn");
    for schema in properties.values_mut() {
        let plain = schema.pointer("/anyOf/0/type").cloned();
        if let (Some(plain), Some(schema)) = (plain, schema.as_object_mut()) {
            schema.remove("anyOf");
            schema.remove("default");
            schema.insert("type".to_owned(), plain);
        }
    }
    properties.insert("stream_output".to_owned(), json!({"type": "boolean"}));
    properties.insert("task_start_timeout_seconds".to_owned(), json!({"type": "integer", "default": 300}));
    properties.insert("task_watch_poll_interval".to_owned(), json!({"type": "number", "default": 5.0}));
    let configuration = object(template, "/job_configuration");
    configuration.remove("prefect_api_key_secret_arn");
    configuration.remove("prefect_api_auth_string_secret_arn");
    for key in ["stream_output", "task_start_timeout_seconds", "task_watch_poll_interval"] {
        configuration.insert(key.to_owned(), json!(format!("{{{{ {key} }}}}")));
    }
}

/// A schema that allows everything, as hand-written pools have: whatever type a value has, it must be rendered alike.
fn loosen(template: &mut Value) {
    for schema in object(template, "/variables/properties").values_mut() {
        let default = schema.get("default").cloned();
        *schema = default.map_or_else(|| json!({}), |default| json!({"default": default}));
    }
}

/// Defaults in the pool.
fn defaults(dice: &mut Dice, template: &mut Value) {
    let names: Vec<String> = object(template, "/variables/properties").keys().cloned().collect();
    for name in names {
        let chance = match name.as_str() {
            "env" => 2,
            "cloudwatch_logs_options" | "task_definition_arn" | "capacity_provider_strategy" | "aws_credentials" => 40,
            "container_name" | "configure_cloudwatch_logs" | "network_configuration" => 25,
            "prefect_api_key_secret_arn" | "prefect_api_auth_string_secret_arn" => 40,
            _ => 12,
        };
        if dice.one_in(chance) {
            let default = value(dice, &name);
            // `value` knows no ARN of a definition; text there would be taken for one.
            if name != "task_definition_arn" {
                object(template, "/variables/properties")[&name]["default"] = default;
            }
        }
    }
}

/// Variables of the pool's own, used where people use them.
fn own_variables(dice: &mut Dice, template: &mut Value) {
    let properties = object(template, "/variables/properties");
    properties.insert("registry".to_owned(), json!({"type": "string", "default": "registry.example.com"}));
    properties.insert("tag".to_owned(), json!({"type": "string", "default": "latest"}));
    properties.insert("replicas".to_owned(), json!({"anyOf": [{"type": "number"}, {"type": "null"}]}));
    properties.insert("team".to_owned(), json!({"type": "string"}));
    properties.insert("extra".to_owned(), json!({}));
    if dice.one_in(10) {
        template["variables"]["required"] = json!(["team"]);
    }
    match dice.below(6) {
        0 => set(
            template,
            "/job_configuration/task_definition/containerDefinitions/0/image",
            json!("{{ registry }}/{{ image }}:{{ tag }}"),
        ),
        1 => set(
            template,
            "/job_configuration/labels",
            json!({"team": "{{ team }}", "n": "n-{{ replicas }}", "gone": "{{ missing }}"}),
        ),
        2 => set(template, "/job_configuration/task_definition/tags", json!([{"key": "team", "value": "{{ team }}"}])),
        3 => set(
            template,
            "/job_configuration/command",
            json!("{{ command }} --tag {{ tag }} --extra {{ extra.a.b[0] }}"),
        ),
        4 => set(
            template,
            "/job_configuration/env",
            json!({"TEAM": "{{ team }}", "DEEP": "{{ extra.a.b[2].c }}", "N": "{{ replicas }}"}),
        ),
        _ => set(template, "/job_configuration/name", json!("{{ team }}-{{ name }}-{{ extra }}")),
    }
}

/// Keys of the task definition that the built-in template does not have.
fn definition_keys(dice: &mut Dice, template: &mut Value) {
    let definition = object(template, "/job_configuration/task_definition");
    for _ in 0..=dice.below(3) {
        let (key, value) = match dice.below(13) {
            0 => ("ephemeralStorage", dice.json(json!([{"sizeInGiB": 50}, {"sizeInGiB": 200}, {"sizeInGiB": 20}]))),
            1 => ("runtimePlatform", json!({"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"})),
            2 => (
                "volumes",
                json!([{"name": "data"}, {"name": "efs", "efsVolumeConfiguration": {"fileSystemId": "fs-1", "transitEncryption": "ENABLED"}}]),
            ),
            3 => ("networkMode", dice.json(json!(["awsvpc", "bridge", "host", "{{ missing }}", ""]))),
            4 => ("requiresCompatibilities", dice.json(json!([["FARGATE"], ["EC2"], ["EC2", "FARGATE"], [], null]))),
            5 => ("taskRoleArn", json!("{{ task_role_arn }}")),
            6 => ("family", dice.json(json!(["fam", "{{ family }}-{{ cluster }}", "my fam", null, ""]))),
            7 => ("cpu", dice.json(json!([512, "1024", "1 vCPU", "{{ missing }}", null, 0]))),
            8 => ("memory", dice.json(json!([1024, "2048", "2 GB", null, ""]))),
            9 => ("pidMode", json!("task")),
            10 => ("tags", json!([{"key": "owner", "value": "{{ cluster }}"}])),
            11 => ("placementConstraints", json!([{"type": "memberOf", "expression": "attribute:x == y"}])),
            _ => ("enableFaultInjection", json!(false)),
        };
        definition.insert(key.to_owned(), value);
    }
}

/// How the containers are named and how many there are.
fn containers(dice: &mut Dice, template: &mut Value) {
    let containers = dice.json(json!([
        [{"image": "{{ image }}", "name": "prefect"}],
        [{"image": "{{ image }}", "name": "main"}],
        [{"image": "{{ image }}"}],
        [{"name": "{{ container_name }}"}],
        [{}],
        [],
        [{}, {"image": "{{ image }}", "name": "flow"}],
        [{"image": "side:1", "name": "side"}, {"image": "{{ image }}", "name": "prefect"}],
        [{"image": "side:1", "name": "side"}, {"image": "{{ image }}"}],
        [{"image": "{{ image }}", "name": "prefect", "essential": false}],
        [{"image": "{{ image }}", "name": "prefect", "essential": false}, {"image": "s", "name": "side", "essential": true}],
        [{"image": "literal:1", "name": "prefect"}],
    ]));
    set(template, "/job_configuration/task_definition/containerDefinitions", containers);
    if dice.one_in(3) {
        set(template, "/job_configuration/task_run_request/overrides/containerOverrides/0/name", json!("prefect"));
    }
}

/// Keys of the first container.
fn container_keys(dice: &mut Dice, template: &mut Value) {
    let Some(container) = template
        .pointer_mut("/job_configuration/task_definition/containerDefinitions/0")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    for _ in 0..=dice.below(3) {
        let (key, value) = match dice.below(15) {
            0 => ("environment", literal_environment(dice)),
            1 => ("environment", literal_environment(dice)),
            2 => ("secrets", dice.json(json!([
                [{"name": "S", "valueFrom": "arn:aws:ssm:us-east-1:123456789012:parameter/s"}],
                [{"name": "PREFECT_API_KEY", "valueFrom": "arn:aws:secretsmanager:us-east-1:123456789012:secret:mine"}],
                [],
            ]))),
            3 => ("portMappings", json!([{"containerPort": 8080, "protocol": "tcp"}])),
            4 => ("readonlyRootFilesystem", dice.json(json!([true, false]))),
            5 => ("logConfiguration", json!({"logDriver": "splunk", "options": {"splunk-url": "https://{{ cluster }}", "empty": ""}})),
            6 => ("healthCheck", json!({"command": ["CMD-SHELL", "true"], "interval": 30, "retries": 0})),
            7 => ("mountPoints", json!([{"sourceVolume": "data", "containerPath": "/data", "readOnly": false}])),
            8 => ("ulimits", json!([{"name": "nofile", "softLimit": 1024, "hardLimit": 2048}])),
            9 => ("cpu", dice.json(json!([128, 0, "{{ cpu }}"]))),
            10 => ("memory", dice.json(json!([512, "{{ memory }}"]))),
            11 => ("command", json!(["echo", "{{ cluster }}"])),
            12 => ("stopTimeout", dice.json(json!([30, 120]))),
            13 => ("linuxParameters", json!({"initProcessEnabled": true, "capabilities": {"add": [], "drop": ["ALL"]}})),
            _ => ("dependsOn", json!([])),
        };
        container.insert(key.to_owned(), value);
    }
    if container.get("secrets").is_some_and(|secrets| secrets != &json!([])) && !dice.one_in(5) {
        set(
            template,
            "/job_configuration/task_definition/executionRoleArn",
            json!("arn:aws:iam::123456789012:role/secrets"),
        );
    }
}

/// `environment` as ECS spells it.
fn literal_environment(dice: &mut Dice) -> Value {
    let mut items = Vec::new();
    for _ in 0..dice.below(4) {
        let name = dice.pick(&["A", "B", "X", "BAKED", "PREFECT_API_URL", "A", "BAKED", "LEVEL"]);
        let value = match dice.below(8) {
            0 => Value::Null,
            1 => json!(""),
            2 | 3 => json!(placeholder_text(dice)),
            _ => json!("baked"),
        };
        items.push(json!({"name": name, "value": value}));
    }
    if dice.one_in(30) {
        items.push(json!({"name": "PREFECT_API_KEY", "value": "canary-key"}));
    }
    Value::Array(items)
}

/// A second container beside the run's.
fn sidecar(dice: &mut Dice, template: &mut Value) {
    let container = dice.json(json!([
        {"name": "side", "image": "dd:1", "essential": false},
        {"name": "side", "image": "dd:1", "environment": [{"name": "A", "value": "side"}, {"name": "E", "value": ""}]},
        {"name": "side", "image": "{{ missing }}", "cpu": 64, "memory": 128},
        {"name": "side", "image": "dd:1", "secrets": [{"name": "DD", "valueFrom": "arn:aws:ssm:us-east-1:1:parameter/d"}]},
    ]));
    if let Some(containers) =
        template.pointer_mut("/job_configuration/task_definition/containerDefinitions").and_then(Value::as_array_mut)
    {
        containers.push(container);
    }
    if !dice.one_in(5) {
        set(
            template,
            "/job_configuration/task_definition/executionRoleArn",
            json!("arn:aws:iam::123456789012:role/side"),
        );
    }
    if dice.one_in(3)
        && let Some(overrides) = template
            .pointer_mut("/job_configuration/task_run_request/overrides/containerOverrides")
            .and_then(Value::as_array_mut)
    {
        overrides.push(dice.json(json!([
            {"name": "side", "environment": [{"name": "RUN", "value": "{{ cluster }}"}, {"name": "NUL", "value": null}]},
            {"name": "side", "environment": {"K": "v", "NUL": null}},
            {"name": "side", "command": "sh -c 'sleep 1'"},
            {"name": "side", "memory": 128},
            {},
        ])));
    }
}

/// Keys of the RunTask request that the built-in template does not have.
fn request_keys(dice: &mut Dice, template: &mut Value) {
    let request = object(template, "/job_configuration/task_run_request");
    for _ in 0..=dice.below(3) {
        let (key, value) = match dice.below(15) {
            13 => ("count", dice.json(json!([1, 1, 2]))),
            14 => ("startedBy", json!("someone")),
            0 => ("enableExecuteCommand", dice.json(json!([true, false]))),
            1 => ("propagateTags", json!("TASK_DEFINITION")),
            2 => ("networkConfiguration", dice.json(json!([
                {"awsvpcConfiguration": {"subnets": ["subnet-a"], "securityGroups": ["sg"], "assignPublicIp": "DISABLED"}},
                {"awsvpcConfiguration": {"subnets": ["subnet-a"]}},
                {"awsvpcConfiguration": {"subnets": ["subnet-a"], "assignPublicIp": true}},
                {},
                null,
            ]))),
            3 => ("networkConfiguration", json!({"awsvpcConfiguration": "{{ network_configuration }}"})),
            4 => ("platformVersion", json!("1.4.0")),
            5 => ("group", json!("g-{{ cluster }}")),
            6 => ("tags", dice.json(json!([
                [{"key": "owner", "value": "me"}, {"key": "team", "value": "literal team"}],
                {"owner": "{{ cluster }}x"},
                [],
                null,
            ]))),
            7 => ("enableECSManagedTags", json!(true)),
            8 => ("placementStrategy", json!([{"type": "binpack", "field": "memory"}])),
            9 => ("launchType", dice.json(json!(["FARGATE", "EC2", "{{ missing }}", null, ""]))),
            10 => ("cluster", dice.json(json!(["fixed", "", null, "{{ cluster }}-b"]))),
            11 => ("capacityProviderStrategy", json!([{"capacityProvider": "cp", "weight": 1}])),
            _ => ("referenceId", json!("ref")),
        };
        request.insert(key.to_owned(), value);
    }
}

/// The overrides part of the RunTask request.
fn overrides(dice: &mut Dice, template: &mut Value) {
    match dice.below(8) {
        0 => set(
            template,
            "/job_configuration/task_run_request/overrides/ephemeralStorage",
            dice.json(json!([{"sizeInGiB": 30}, {"sizeInGiB": 21}, {"sizeInGiB": 500}])),
        ),
        1 => set(
            template,
            "/job_configuration/task_run_request/overrides/executionRoleArn",
            json!("{{ execution_role_arn }}"),
        ),
        2 => {
            object(template, "/job_configuration/task_run_request").remove("overrides");
        }
        3 => set(template, "/job_configuration/task_run_request/overrides/containerOverrides", json!([])),
        4 => set(
            template,
            "/job_configuration/task_run_request/overrides/containerOverrides/0/environment",
            json!([{"name": "LIST", "value": "{{ cluster }}"}, {"name": "A", "value": "from list"}, {"name": "N", "value": null}]),
        ),
        5 => set(
            template,
            "/job_configuration/task_run_request/overrides/containerOverrides/0/memoryReservation",
            json!(256),
        ),
        6 => set(
            template,
            "/job_configuration/task_run_request/overrides/containerOverrides/0/command",
            json!(["python", "{{ cluster }}"]),
        ),
        _ => {
            let pointer = "/job_configuration/task_run_request/overrides/containerOverrides/0";
            if let Some(container) = template.pointer_mut(pointer).and_then(Value::as_object_mut) {
                container.remove(dice.pick(&["environment", "command", "name", "cpu"]));
            }
        }
    }
}

/// `env` or labels written into `job_configuration` itself.
fn environment_in_configuration(dice: &mut Dice, template: &mut Value) {
    if dice.one_in(3) {
        let labels = labels(dice);
        set(template, "/job_configuration/labels", labels);
    } else {
        let mut environment = environment(dice);
        if let Some(environment) = environment.as_object_mut() {
            environment.insert("FROM_IMAGE".to_owned(), json!("{{ image }}"));
        }
        set(template, "/job_configuration/env", environment);
    }
}

/// Keys of `job_configuration` that are absent.
fn configuration_keys(dice: &mut Dice, template: &mut Value) {
    let key = dice.pick(&[
        "labels",
        "name",
        "cluster",
        "command",
        "env",
        "container_name",
        "vpc_id",
        "network_configuration",
        "cloudwatch_logs_options",
        "configure_cloudwatch_logs",
        "execution_role_arn",
        "aws_credentials",
        "match_latest_revision_in_family",
        "stream_output",
    ]);
    object(template, "/job_configuration").remove(key);
}

/// Keys of `job_configuration` with a literal instead of a placeholder.
fn literals(dice: &mut Dice, template: &mut Value) {
    let name = dice.pick(&[
        "command",
        "cluster",
        "container_name",
        "configure_cloudwatch_logs",
        "cloudwatch_logs_options",
        "network_configuration",
        "vpc_id",
        "execution_role_arn",
        "name",
        "prefect_api_auth_string_secret_arn",
    ]);
    let literal = value(dice, name);
    object(template, "/job_configuration").insert(name.to_owned(), literal);
}

/// The object at `pointer`, which the built-in template has.
fn object<'a>(template: &'a mut Value, pointer: &str) -> &'a mut Object {
    template
        .pointer_mut(pointer)
        .and_then(Value::as_object_mut)
        .unwrap_or_else(|| panic!("the template has no {pointer}"))
}

/// Puts `value` at `pointer` when the place above it still exists.
fn set(template: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer has a slash");
    if let Some(parent) = template.pointer_mut(parent).and_then(Value::as_object_mut) {
        parent.insert(key.to_owned(), value);
    }
}
