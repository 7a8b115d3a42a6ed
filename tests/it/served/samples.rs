//! Every sample event goes through its function's own binary.

use std::path::Path;

use pushpool_tests::rig::{
    prefect::{Project, shared},
    served::{Served, Setup},
};
use serde_json::{Value, json};

/// Samples of the doorbell with the status they get.
const DOORBELL: [(&str, u16); 3] = [("automation", 202), ("empty", 202), ("wrong-token", 401)];

fn samples(directory: &str) -> Vec<(String, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("events").join(directory);
    let mut samples: Vec<(String, Value)> = std::fs::read_dir(root)
        .unwrap()
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
        })
        .collect();
    samples.sort_by(|one, other| one.0.cmp(&other.0));
    samples
}

fn bodies(served: &Served, queue: &str) -> Vec<Value> {
    let bodies = served.local.sqs().bodies(&served.queues[queue]).unwrap();
    bodies.iter().map(|body| serde_json::from_str(body).unwrap_or(Value::Null)).collect()
}

#[tokio::test]
async fn every_sample_goes_through_its_function() {
    let (server, project) = (shared().await, Project::copy());
    let setup = Setup {
        functions: &["poller", "observer", "doorbell"],
        // Nothing is fed by queues: what a sample sends stays to be seen.
        mapped: false,
        ticks: false,
        environment: vec![
            ("PUSHPOOL_PUSH_POOLS", "false".to_owned()),
            ("PUSHPOOL_DOORBELL_TOKEN", "example-token-0123456789".to_owned()),
            ("PUSHPOOL_POLL_INTERVAL", "20".to_owned()),
        ],
        ..Setup::default()
    };
    let served = setup.start(server, project.path()).await;

    for (name, event) in samples("doorbell") {
        let expected = DOORBELL.iter().find(|(sample, _)| *sample == name).map(|(_, status)| *status);
        let answer = served.invoke("doorbell", event).await;
        assert_eq!(answer["statusCode"].as_u64(), expected.map(u64::from), "{name}: {answer}");
    }
    let rings = bodies(&served, "poll");
    assert_eq!(rings.len(), 2, "{rings:?}");
    assert_eq!((&rings[0]["ring"]["work_pool"], &rings[1]["ring"]), (&json!("demo"), &json!({})));

    let nothing_kept = json!({"batchItemFailures": []});
    for (name, event) in samples("poll") {
        assert_eq!(served.invoke("poller", event).await, nothing_kept, "{name}");
    }
    // Two more ticks until the next minute, and the run that is being cancelled goes to the observer.
    let ticks = served.local.sqs().call(
        "GetQueueAttributes",
        json!({"QueueUrl": served.queues["poll"],
        "AttributeNames": ["ApproximateNumberOfMessagesDelayed"]}),
    );
    assert_eq!(ticks.await.unwrap()["Attributes"]["ApproximateNumberOfMessagesDelayed"], "2");
    let checks = bodies(&served, "events");
    assert_eq!(checks, [json!({"version": 1, "check": "7f2c1f0e-0000-4000-8000-000000000001", "hops": 1})]);

    // The run of the samples is not on the server, so nothing is changed; only the poison is buried.
    for (name, event) in samples("ecs") {
        assert_eq!(served.invoke("observer", event).await, nothing_kept, "{name}");
    }
    assert_eq!(bodies(&served, "events-dlq").len(), 1);
    served.stop().await;
}
