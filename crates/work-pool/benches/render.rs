//! How long a work pool's part of a dispatch takes: `cargo bench -p work-pool`.
#![allow(missing_docs, reason = "criterion_group! makes a public function without documentation")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use work_pool::{BaseJobTemplate, Layers, NoReferences, Object};

fn object(value: Value) -> Object {
    value.as_object().cloned().unwrap_or_default()
}

fn benches(criterion: &mut Criterion) {
    let template = BaseJobTemplate::built_in();
    let deployment = object(json!({
        "image": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/flows:1.2.3",
        "cpu": 1024, "memory": 2048, "cluster": "flows",
        "env": {"LOG_LEVEL": "INFO", "STAGE": "production", "PREFECT_LOGGING_EXTRA_LOGGERS": "etl"},
        "execution_role_arn": "arn:aws:iam::123456789012:role/execution",
        "task_role_arn": "arn:aws:iam::123456789012:role/task",
        "labels": {"team": "data", "cost-center": "42"},
        "network_configuration": {"subnets": ["subnet-0a", "subnet-0b"], "securityGroups": ["sg-0c"]}
    }));
    let flow_run = object(json!({"env": {"DAY": "2026-11-23"}, "memory": 4096}));
    let layers = Layers { deployment: Some(&deployment), flow_run: Some(&flow_run) };
    criterion.bench_function("render the built-in template", |bencher| {
        bencher.iter(|| template.render(black_box(layers), &NoReferences));
    });
    criterion.bench_function("validate against the built-in template", |bencher| {
        bencher.iter(|| template.validate(black_box(layers)));
    });
}

criterion_group!(group, benches);
criterion_main!(group);
