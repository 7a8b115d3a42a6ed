//! Templates, job variables and schemas, through everything that is made of them.

use std::{collections::BTreeMap, ops::Range, sync::LazyLock};

use diagnosis::Diagnosis;
use ecs::{Attempt, Definition, Named, Run, Settings};
use prefect_ids::{FlowRunId, StateId};
use serde_json::{Map, Value, json};
use uuid::Uuid;
use work_pool::{BaseJobTemplate, Layers, NoReferences, ResolveError, Resolver};

use super::{CANARY, Dice, Verdict, odd, refused};
use crate::oracle::generate;

static BUILT_IN: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../crates/work-pool/src/built_in.json")).expect("the built-in is JSON")
});

/// A template with job variables, and what the server holds.
pub(super) fn template(dice: &mut Dice) -> Vec<u8> {
    let mut case = match dice.below(4) {
        0 => {
            let case = generate::case(dice.bits(), &BUILT_IN);
            let blocks: Vec<Value> = case.blocks.iter().map(|block| block.data.clone()).collect();
            json!({
                "template": case.template, "deployment": case.deployment_job_variables,
                "flow_run": case.flow_run_job_variables, "blocks": blocks, "variables": case.variables,
            })
        }
        1 => bomb(dice),
        _ => small(dice),
    };
    if !dice.one_in(8) {
        dice.spoil(&mut case);
    }
    dice.written(&case)
}

/// A template of a few placeholders, with values that hurt.
fn small(dice: &mut Dice) -> Value {
    let properties: Map<String, Value> = ["a", "b", "c", "env", "image", "cpu"]
        .into_iter()
        .map(|name| (name.to_owned(), if dice.one_in(3) { json!({"default": odd::value(dice)}) } else { json!({}) }))
        .collect();
    let configuration = json!({
        "env": if dice.one_in(2) { json!("{{ env }}") } else { Value::Object(odd::object(dice)) },
        "labels": {"l": odd::placeholders(dice)},
        "command": odd::placeholders(dice),
        "name": odd::placeholders(dice),
        "task_definition": {"containerDefinitions": [{"image": "{{ image }}", "name": "prefect", "environment": odd::value(dice)}],
            "cpu": "{{ cpu }}", "memory": odd::value(dice), "networkMode": odd::value(dice)},
        "task_run_request": {"overrides": {"containerOverrides": [{"environment": odd::value(dice)}]}, "tags": odd::value(dice),
            "networkConfiguration": odd::value(dice)},
        "network_configuration": odd::value(dice),
        odd::name(dice): odd::value(dice),
    });
    json!({
        "template": {"job_configuration": configuration, "variables": {"properties": properties}},
        "deployment": variables_of(dice), "flow_run": variables_of(dice),
        "blocks": [odd::value(dice), odd::value(dice)], "variables": odd::object(dice),
    })
}

fn variables_of(dice: &mut Dice) -> Value {
    let mut variables = odd::object(dice);
    for name in ["a", "b", "env", "image", "cpu"] {
        if dice.one_in(3) {
            variables.insert(name.to_owned(), odd::value(dice));
        }
    }
    Value::Object(variables)
}

/// Values that name each other many times, and long ones that are named many times.
fn bomb(dice: &mut Dice) -> Value {
    let most = if dice.one_in(40) { 20_000 } else { 60 };
    let times = 1 + dice.below(most);
    let repeated = |name: &str| format!("{{{{ {name} }}}}").repeat(times);
    let environment: Map<String, Value> = (0..1 + dice.below(6))
        .map(|step| (format!("E{step}"), json!(repeated(&format!("env.E{}", step + 1)))))
        .chain([("TAIL".to_owned(), json!(repeated("a")))])
        .collect();
    let longest = if dice.one_in(30) { 20 } else { 12 };
    let long = "x".repeat(1 << dice.below(longest));
    let value = match dice.below(4) {
        0 => json!(long),
        1 => json!(vec![long.as_str(); 3]),
        2 => odd::nested(dice),
        _ => json!({"b": {"c": ["\u{0}".repeat(1 + long.len() / 4), 1.5, null]}}),
    };
    let index = dice.pick(&["a[9]", "a.0", "a.-1", "a[400000]", "a.b.c[0][5]", "prefect.blocks.json.j.value", "b"]);
    json!({
        "template": {
            "job_configuration": {"env": "{{ env }}", "command": repeated("a"), "name": repeated(index),
                "x".repeat(1 + dice.below(3_000)): {"k": (0..dice.below(200)).map(|_| json!("{{ b }}")).collect::<Vec<_>>()},
                "labels": {"a": "{{ b }}{{ b }}"}, "task_definition": {"containerDefinitions": [{"name": "{{ a }}"}]}},
            "variables": {"properties": {"env": {"default": {"P": repeated("env.E0")}}, "b": {"default": repeated("a")}}},
        },
        "deployment": {"a": value, "env": environment}, "flow_run": {"env.F": repeated("b"), "b": repeated("prefect.variables.v")},
        "blocks": [json!({"value": repeated("prefect.variables.v")}), json!({"a": long})], "variables": {"v": long},
    })
}

pub(super) fn drive_template(input: &[u8]) -> Verdict {
    let Ok(case) = serde_json::from_slice::<Value>(input) else { return Verdict::Refused("no JSON") };
    let server = Server {
        blocks: case["blocks"].as_array().cloned().unwrap_or_default(),
        variables: case["variables"].as_object().cloned().unwrap_or_default(),
    };
    // What is rendered may hold anything by the template's own will, so nothing is asserted of secrets here.
    let no_secret = |diagnosis: &Diagnosis| refused(diagnosis);
    let template = match BaseJobTemplate::from_value(&case["template"]) {
        Ok(template) => template,
        Err(error) => return no_secret(&error.diagnosis()),
    };
    let layers = Layers { deployment: case["deployment"].as_object(), flow_run: case["flow_run"].as_object() };
    let valid = template.validate(layers);
    if let Err(error) = &valid {
        refused(&error.diagnosis());
    }
    for reference in template.references(layers) {
        assert!(!reference.to_string().is_empty());
    }
    for data in &server.blocks {
        let _ = work_pool::references_in(data);
    }
    let alone = template.render(layers, &NoReferences);
    if let Err(error) = alone {
        refused(&error.diagnosis());
    }
    match launch(&template, layers, &server) {
        Ok(()) => valid.map_or_else(|error| refused(&error.diagnosis()), |()| Verdict::Accepted),
        Err(diagnosis) => no_secret(&diagnosis),
    }
}

/// Renders, prepares and explains.
fn launch(template: &BaseJobTemplate, layers: Layers<'_>, resolver: &dyn Resolver) -> Result<(), Diagnosis> {
    let configuration = template.render(layers, resolver).map_err(|error| error.diagnosis())?;
    assert!(deepest(&Value::Object(configuration.values.clone())) <= 102);
    let written = Value::Object(configuration.values.clone()).to_string().len();
    assert!(written < 16 << 20, "a configuration of {written} bytes");
    let environment = configuration.values.get("env").and_then(Value::as_object);
    assert!(environment.into_iter().flatten().all(|(_, value)| value.is_string() || value.is_null()));
    let prepared = ecs::prepare(&configuration, &run(), &settings()).map_err(|error| error.diagnosis())?;
    let again = ecs::prepare(&configuration, &run(), &settings()).map_err(|error| error.diagnosis())?;
    assert!(prepared == again, "the same inputs make another request");
    ecs::check_shape("RunTask", &prepared.run_task).expect("what is prepared has RunTask's shape");
    let overrides = prepared.run_task["overrides"].to_string();
    assert!(overrides.encode_utf16().count() <= 8_192, "overrides of {}", overrides.len());
    assert!(prepared.notices.iter().all(|notice| notice.len() < super::LONGEST), "a long notice");
    if let Definition::Content { family, request } = &prepared.definition {
        ecs::check_shape("RegisterTaskDefinition", request).expect("what is prepared has the shape of a definition");
        assert!(request.to_string().len() <= 64 * 1024 && family.len() <= 255, "{family}");
    }
    for (pointer, words) in ecs::explain(&prepared, &configuration, &template.sources(layers)) {
        assert!(pointer.starts_with('/') && !words.is_empty());
    }
    Ok(())
}

fn deepest(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(deepest).max().unwrap_or_default(),
        Value::Object(entries) => 1 + entries.values().map(deepest).max().unwrap_or_default(),
        _ => 0,
    }
}

fn run() -> Run {
    let named = |name: &str| Named { id: Some(Uuid::from_u128(3)), name: name.to_owned() };
    Run {
        attempt: Attempt { flow_run_id: FlowRunId::from_u128(1), state_id: StateId::from_u128(2) },
        name: Some("run".to_owned()),
        work_pool: named("pool"),
        flow: Some(named("flow")),
        deployment: Some(named("deployment")),
        environment: BTreeMap::new(),
    }
}

pub(super) fn settings() -> Settings {
    Settings {
        region: "eu-west-1".to_owned(),
        prefect_api_url: Some("http://prefect.example.com/api".to_owned()),
        subnets: vec!["subnet-1".to_owned()],
        ..Settings::default()
    }
}

/// Blocks and variables of a server: any name is a block.
struct Server {
    blocks: Vec<Value>,
    variables: Map<String, Value>,
}

impl Server {
    fn block(&self, name: &str) -> Result<Value, ResolveError> {
        self.blocks.get(name.len() % 3).cloned().ok_or(ResolveError::NotFound)
    }
}

impl Resolver for Server {
    fn block_document(&self, id: &str) -> Result<Value, ResolveError> {
        self.block(id)
    }

    fn block(&self, _: &str, name: &str) -> Result<Value, ResolveError> {
        self.block(name)
    }

    fn variable(&self, name: &str) -> Result<Option<Value>, ResolveError> {
        Ok(self.variables.get(name).cloned())
    }
}

/// Job variables for the built-in template, with secrets in the environment.
pub(super) fn variables(dice: &mut Dice) -> Vec<u8> {
    let properties = BUILT_IN["variables"]["properties"].as_object().expect("the built-in has variables");
    let layer = |dice: &mut Dice| {
        let mut layer = Map::new();
        for _ in 0..dice.below(5) {
            let at = dice.below(properties.len());
            let name = properties.keys().nth(at).cloned().unwrap_or_default();
            let value = plain(odd::value(dice));
            layer.insert(name, value);
        }
        if dice.one_in(4) {
            let name = odd::name(dice);
            layer.insert(name, plain(odd::value(dice)));
        }
        if dice.one_in(2) {
            layer.insert("env".to_owned(), plain(odd::environment(dice)));
        }
        if dice.one_in(8) {
            layer.insert("env.SECRET".to_owned(), json!(CANARY));
        }
        Value::Object(layer)
    };
    let case = json!({"deployment": layer(dice), "flow_run": layer(dice)});
    dice.written(&case)
}

/// Without placeholders: what a template moves elsewhere is no secret any more.
fn plain(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("{{", "{")),
        Value::Array(items) => items.into_iter().map(plain).collect(),
        Value::Object(entries) => entries.into_iter().map(|(key, value)| (key, plain(value))).collect(),
        other => other,
    }
}

pub(super) fn drive_variables(input: &[u8]) -> Verdict {
    let Ok(case) = serde_json::from_slice::<Value>(input) else { return Verdict::Refused("no JSON") };
    let template = BaseJobTemplate::built_in();
    let layers = Layers { deployment: case["deployment"].as_object(), flow_run: case["flow_run"].as_object() };
    let valid = template.validate(layers);
    let launched = launch(&template, layers, &NoReferences);
    match (valid, launched) {
        (Err(error), _) => refused(&error.diagnosis()),
        (Ok(()), Err(diagnosis)) => refused(&diagnosis),
        (Ok(()), Ok(())) => Verdict::Accepted,
    }
}

/// A schema of variables, and values for them.
pub(super) fn schema(dice: &mut Dice) -> Vec<u8> {
    let names = 1 + dice.below(6);
    // Mostly each names only those behind it, or hardly any schema were one.
    let in_order = !dice.one_in(6);
    let mut definitions: Map<String, Value> = (0..names)
        .map(|at| (format!("d{at}"), subschema(dice, if in_order { at + 1..names } else { 0..names }, 3)))
        .collect();
    if dice.one_in(30) {
        let links = 1 << dice.below(15);
        let link = |next: usize, kind: usize| {
            let next = json!({"$ref": format!("#/$defs/l{next}")});
            match kind {
                0 => next,
                1 => json!({"anyOf": [next, next]}),
                2 => json!({"allOf": [next, {"not": next}]}),
                _ => json!({"properties": {"a": next, "b": next}, "items": next}),
            }
        };
        let kind = dice.below(4);
        definitions.extend((0..links).map(|at| (format!("l{at}"), link(at + 1, kind))));
        definitions.insert(format!("l{links}"), json!({"type": "string"}));
    }
    let mut properties: Map<String, Value> =
        ["a", "b", "password"].into_iter().map(|name| (name.to_owned(), subschema(dice, 0..names, 3))).collect();
    if dice.one_in(10) {
        properties.insert("l".to_owned(), json!({"$ref": "#/$defs/l0"}));
    }
    let mut schema = subschema(dice, 0..names, 1);
    if !schema.is_object() {
        schema = json!({});
    }
    schema["$defs"] = Value::Object(definitions);
    schema["properties"] = Value::Object(properties);
    let mut case = json!({"schema": schema, "variables": variables_of(dice)});
    case["variables"]["l"] = odd::value(dice);
    if dice.one_in(6) {
        dice.spoil(&mut case["schema"]);
    }
    if dice.one_in(8) {
        return dice.written(&case);
    }
    // Never in what is spoilt as text: half a name is no secret's.
    case["variables"]["password"] = json!(CANARY);
    case.to_string().into_bytes()
}

/// A schema that may name one of so many definitions, or itself.
fn subschema(dice: &mut Dice, names: Range<usize>, levels: usize) -> Value {
    const PATTERNS: &[&str] = &[
        "^(a+)+$",
        "(?=(a+)+$)(a|aa)+b",
        "a|b",
        "^[a-z]*$",
        "(\\w{0,90}){0,9}",
        "^x*$",
        "(((a{9}){9}){9}){9}",
        "\\p{L}+",
        "(a)\\1",
        "",
    ];
    let named = |dice: &mut Dice| match names.len() {
        0 => json!({"type": "string"}),
        count => json!({"$ref": format!("#/$defs/d{}", names.start + dice.below(count))}),
    };
    if levels == 0 || dice.one_in(6) {
        return match dice.below(30) {
            0 => json!({"$ref": "#"}),
            1 => json!({"$ref": odd::text(dice)}),
            2..=5 => json!(dice.one_in(2)),
            _ => named(dice),
        };
    }
    let inner = |dice: &mut Dice| subschema(dice, names.clone(), levels - 1);
    let mut schema = Map::new();
    for _ in 0..1 + dice.below(3) {
        let (keyword, value) = match dice.below(16) {
            0 => ("type", json!(dice.pick(&["string", "integer", "object", "array", "null", "number"]))),
            1 => ("pattern", json!(dice.pick(PATTERNS))),
            2 => ("enum", (0..dice.below(40)).map(|_| odd::value(dice)).collect()),
            3 => (dice.pick(&["minimum", "maximum", "const", "default"]), odd::number(dice)),
            4 => ("required", json!([odd::name(dice), "a"])),
            5 => ("additionalProperties", inner(dice)),
            6 => (dice.pick(&["items", "contains", "propertyNames", "not", "if", "else"]), inner(dice)),
            7 => ("patternProperties", json!({dice.pick(PATTERNS): inner(dice)})),
            8 => ("properties", json!({"a": inner(dice), "b": inner(dice)})),
            9 => ("default", odd::value(dice)),
            10 => ("uniqueItems", json!(true)),
            11 => ("allOf", json!([named(dice)])),
            12 => ("unevaluatedProperties", inner(dice)),
            _ => {
                let parts = (0..1 + dice.below(3)).map(|_| inner(dice)).collect();
                (dice.pick(&["anyOf", "oneOf", "allOf", "prefixItems"]), parts)
            }
        };
        schema.insert(keyword.to_owned(), value);
    }
    Value::Object(schema)
}

pub(super) fn drive_schema(input: &[u8]) -> Verdict {
    let Ok(case) = serde_json::from_slice::<Value>(input) else { return Verdict::Refused("no JSON") };
    let template = json!({"job_configuration": {}, "variables": case["schema"]});
    let judged = BaseJobTemplate::from_value(&template)
        .and_then(|template| template.validate(Layers { deployment: case["variables"].as_object(), flow_run: None }));
    match judged {
        Ok(()) => Verdict::Accepted,
        Err(error) => refused(&error.diagnosis()),
    }
}
