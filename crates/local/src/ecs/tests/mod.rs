//! Tests of the engine by rule, and of the shell with real processes.

mod clusters;
mod life;
mod limits;
mod lists;
mod processes;
mod registration;
mod requests;
mod tokens;
mod walks;

use serde_json::{Value, json};

use super::{Config, ContainerId, Effect, Engine, Launch, SeededIds, Signal};
use crate::clock::Millis;
use crate::wire::{Account, AwsError};

/// A definition Fargate takes, of one container `flow` that runs `command`.
fn definition(family: &str, command: &[&str]) -> Value {
    json!({
        "family": family,
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [{"name": "flow", "image": "flows:1", "command": command}],
    })
}

/// A definition for EC2 of one container.
fn ec2_definition(family: &str) -> Value {
    json!({"family": family, "containerDefinitions": [{"name": "flow", "image": "flows:1", "cpu": 512, "memory": 1024}]})
}

/// A RunTask request for Fargate.
fn run(family: &str) -> Value {
    json!({
        "taskDefinition": family,
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
    })
}

/// `base` with the members of `more` in place of its own; null takes one away.
fn with(mut base: Value, more: Value) -> Value {
    let members = base.as_object_mut().unwrap();
    for (name, value) in more.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    base
}

/// An engine and what it wanted so far, at a time the test chooses.
struct Desk {
    engine: Engine,
    now: Millis,
    events: Vec<Value>,
    launches: Vec<Launch>,
    signals: Vec<(ContainerId, Signal)>,
}

impl Desk {
    fn new(config: Config) -> Self {
        let account = Account { region: "us-east-1".into(), account_id: "123456789012".into() };
        let engine = Engine::new(account, config, Box::new(SeededIds::new(1)));
        Self { engine, now: 1_700_000_000_000, events: vec![], launches: vec![], signals: vec![] }
    }

    /// With the definition `f` registered.
    fn ready(config: Config) -> Self {
        let mut desk = Self::new(config);
        desk.call("RegisterTaskDefinition", definition("f", &["true"])).unwrap();
        desk
    }

    fn call(&mut self, operation: &str, input: Value) -> Result<Value, AwsError> {
        self.engine.call(self.now, operation, &input)
    }

    /// Code and message of the refusal.
    fn refusal(&mut self, operation: &str, input: Value) -> (String, String) {
        match self.call(operation, input) {
            Err(error) => (error.code.into_owned(), error.message),
            Ok(answer) => panic!("{operation} was not refused: {answer}"),
        }
    }

    /// Runs tasks; their ARNs.
    fn run(&mut self, input: Value) -> Vec<String> {
        let answer = self.call("RunTask", input).unwrap();
        let tasks = answer["tasks"].as_array().unwrap();
        tasks.iter().map(|task| task["taskArn"].as_str().unwrap().to_owned()).collect()
    }

    fn describe(&mut self, task: &str) -> Value {
        self.call("DescribeTasks", json!({"tasks": [task], "include": ["TAGS"]})).unwrap()["tasks"][0].clone()
    }

    fn advance(&mut self, milliseconds: Millis) {
        self.now += milliseconds;
        for effect in self.engine.advance(self.now) {
            match effect {
                Effect::Event(event) => self.events.push(event),
                Effect::Start(launch) => self.launches.push(launch),
                Effect::Signal(container, signal) => self.signals.push((container, signal)),
            }
        }
    }

    /// Reports every container as started that was asked for since the last time.
    fn start(&mut self) -> Vec<Launch> {
        let launches = std::mem::take(&mut self.launches);
        for launch in &launches {
            self.engine.started(self.now, &launch.container);
        }
        self.advance(0);
        launches
    }

    /// Brings tasks to RUNNING with the default dwell times.
    fn until_running(&mut self) -> Vec<Launch> {
        self.advance(1000);
        self.start()
    }

    /// (lastStatus, desiredStatus) of the events of a task, in order.
    fn states(&self, task: &str) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let of_task = self.events.iter().map(|event| &event["detail"]).filter(|detail| detail["taskArn"] == task);
        of_task.map(|detail| (text(&detail["lastStatus"]), text(&detail["desiredStatus"]))).collect()
    }
}

fn states(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(last, desired)| ((*last).to_owned(), (*desired).to_owned())).collect()
}
