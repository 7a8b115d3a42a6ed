//! Random runs, biased to what people write and to what is hard.
//!
//! Purely random JSON would be refused by both sides nearly always and prove nothing, so templates start from the worker's
//! own and are changed in the ways pools in the wild are, values are mostly of the right type, and every odd thing
//! (`null`, a placeholder, a quote, an emoji) has its own small chance. A case is a pure function of its seed.

mod template;
mod variables;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::oracle::{Block, Case, Thing};

/// A value in the environment of the worker's process.
pub const LEAK: &str = "leaked-from-the-process";

/// A JSON object.
type Object = Map<String, Value>;

/// The case of `seed`. `built_in` is the worker's own base job template.
pub fn case(seed: u64, built_in: &Value) -> Case {
    let mut dice = Dice(SmallRng::seed_from_u64(seed));
    let template = template::template(&mut dice, built_in);
    let deployment = !dice.one_in(8);
    let deployment_job_variables =
        if deployment { Value::Object(variables::job_variables(&mut dice, &template, 5)) } else { Value::Null };
    let flow_run_job_variables =
        if dice.one_in(3) { Value::Null } else { Value::Object(variables::job_variables(&mut dice, &template, 2)) };
    let mut case = Case {
        template,
        deployment_job_variables,
        flow_run_job_variables,
        work_pool: dice.thing(&["push1", "push pool 1", "päckchen", "team α", "🚀", "a.b_c-d", "p"]),
        deployment: deployment.then(|| dice.thing(&["dep one", "nightly", "ü / x", "{{ name }}", "📦"])),
        flow: dice.thing(&["my flow", "etl", "größe", "a b c"]),
        flow_run: dice.thing(&["fuzzy-cat", "run 7", "läufer", "x"]),
        blocks: blocks(&mut dice),
        variables: server_variables(&mut dice),
        worker_environment: Object::new(),
        process_environment: planted(),
        existing_definitions: Object::new(),
        vpcs: Object::new(),
        lenient_ec2: false,
    };
    if dice.one_in(60) {
        case.work_pool.name = dice.pick(&["pool ", "łódź-", "q"]).repeat(60);
    }
    existing_definitions(&mut case);
    case
}

/// What a placeholder like `{{ $X }}` must never find.
fn planted() -> Object {
    Object::from_iter([("HOME_OF_THE_WORKER".to_owned(), json!(LEAK))])
}

/// Makes the account have a definition for every ARN that a case mentions.
pub fn existing_definitions(case: &mut Case) {
    let text = serde_json::to_string(case).expect("a case is JSON");
    for arn in variables::DEFINITION_ARNS {
        if text.contains(arn) {
            let definition = json!({
                "family": "theirs",
                "containerDefinitions": [{
                    "name": "prefect",
                    "image": "theirs:1",
                    "essential": true,
                    "environment": [{"name": "BAKED", "value": "in"}],
                }],
                "networkMode": "awsvpc",
                "requiresCompatibilities": ["FARGATE"],
                "cpu": "256",
                "memory": "512",
                "executionRoleArn": "arn:aws:iam::123456789012:role/theirs",
            });
            case.existing_definitions.insert((*arn).to_owned(), definition);
        }
    }
}

/// Block documents, some of which the placeholders of [`variables`] refer to.
fn blocks(dice: &mut Dice) -> Vec<Block> {
    let block = |n: u128, type_slug: &str, name: &str, data: Value| Block {
        id: Uuid::from_u128(0xb10c_0000 + n),
        type_slug: type_slug.to_owned(),
        name: name.to_owned(),
        data,
    };
    let mut blocks = vec![
        block(1, "secret", "token", json!({"value": dice.pick(&["tok-123", "", "a b", "{{ image }}"])})),
        block(2, "string", "registry", json!({"value": "registry.example.com/team"})),
        block(3, "json", "settings", json!({"value": {"image": "from/json:1", "list": [1, "two", {"k": 3}], "n": 5}})),
        block(4, "custom", "network", json!({"subnets": ["subnet-b"], "nested": {"values": [1.5, null, true]}})),
        block(5, "aws-credentials", "account", json!({"region_name": "us-east-1"})),
    ];
    if dice.one_in(20) {
        blocks.remove(dice.below(blocks.len()));
    }
    blocks
}

/// Variables of the server.
fn server_variables(dice: &mut Dice) -> Object {
    let Value::Object(mut variables) = json!({
        "team": dice.pick(&["data eng", "core", "Ünits"]),
        "answer": 42,
        "flags": ["a", "b"],
        "limits": {"cpu": 512},
        "none": null,
        "yes": true,
    }) else {
        unreachable!("the literal is an object")
    };
    if dice.one_in(10) {
        variables.remove("team");
    }
    variables
}

/// Randomness with the shapes this module needs.
struct Dice(SmallRng);

impl Dice {
    /// True once in `n` times.
    fn one_in(&mut self, n: u32) -> bool {
        self.0.random_ratio(1, n)
    }

    /// A number less than `n`.
    fn below(&mut self, n: usize) -> usize {
        self.0.random_range(0..n)
    }

    /// One of `choices`.
    fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }

    /// One of `choices`.
    fn pick_one<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// A clone of one of `choices`.
    fn of(&mut self, choices: &[Value]) -> Value {
        choices[self.below(choices.len())].clone()
    }

    /// One of the JSON values written in `choices`, a JSON array.
    fn json(&mut self, choices: Value) -> Value {
        let Value::Array(choices) = choices else { panic!("{choices} is not a list of choices") };
        self.of(&choices)
    }

    /// A thing with a random id and one of the names.
    fn thing(&mut self, names: &[&str]) -> Thing {
        Thing { id: Uuid::from_u128(self.0.random()), name: self.pick(names).to_owned() }
    }
}
