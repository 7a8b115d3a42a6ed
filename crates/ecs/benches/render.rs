//! From template and job variables to the two requests and the hash: what the dispatcher does for each run besides calls.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ecs::{Attempt, Named, Run, Settings};
use prefect_ids::{FlowRunId, StateId};
use serde_json::{Value, json};
use uuid::Uuid;
use work_pool::{BaseJobTemplate, Layers, NoReferences, Object};

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        other => panic!("not an object: {other}"),
    }
}

fn run() -> Run {
    let named = |name: &str| Named { id: Some(Uuid::from_u128(7)), name: name.to_owned() };
    Run {
        attempt: Attempt { flow_run_id: FlowRunId::from_u128(1), state_id: StateId::from_u128(2) },
        name: Some("amber-otter".to_owned()),
        work_pool: named("push pool"),
        flow: Some(named("orders")),
        deployment: Some(named("orders-report")),
        environment: std::collections::BTreeMap::new(),
    }
}

fn render(c: &mut Criterion) {
    let template = BaseJobTemplate::built_in();
    let deployment = object(json!({
        "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/flows:2026-01-05",
        "cpu": 512,
        "memory": 1024,
        "cluster": "prod",
        "execution_role_arn": "arn:aws:iam::123456789012:role/execution",
        "task_role_arn": "arn:aws:iam::123456789012:role/task",
        "configure_cloudwatch_logs": true,
        "env": {"LOG_LEVEL": "INFO", "STAGE": "prod", "BUCKET": "s3://data"},
        "labels": {"team": "data"},
    }));
    let flow_run = object(json!({"env": {"STAGE": "test"}}));
    let settings = Settings {
        region: "eu-west-1".to_owned(),
        prefect_api_url: Some("https://prefect.example.com/api".to_owned()),
        subnets: vec!["subnet-1".to_owned(), "subnet-2".to_owned()],
        ..Settings::default()
    };
    let run = run();
    for (name, layers) in [
        ("default template", Layers { deployment: None, flow_run: None }),
        ("typical deployment", Layers { deployment: Some(&deployment), flow_run: None }),
        ("typical deployment and run", Layers { deployment: Some(&deployment), flow_run: Some(&flow_run) }),
    ] {
        let prepare = || {
            template.validate(layers).expect("valid");
            let configuration = template.render(layers, &NoReferences).expect("renders");
            ecs::prepare(&configuration, &run, &settings).expect("prepares")
        };
        let mut group = c.benchmark_group(name);
        group.bench_function("validate", |b| b.iter(|| template.validate(black_box(layers))));
        group.bench_function("render", |b| b.iter(|| template.render(black_box(layers), &NoReferences)));
        group.bench_function("validate, render, prepare and hash", |b| b.iter(prepare));
        group.finish();
    }
}

criterion_group!(benches, render);
criterion_main!(benches);
