//! `pushpool logs` about runs that really ran.

use std::time::Duration;

use pushpool_tests::rig::{
    prefect::{Options, unique},
    served::Setup,
};
use serde_json::{Value, json};

use super::{PATIENCE, World};
use crate::cli::run_with_aws;

#[tokio::test]
async fn logs_leads_from_a_run_to_its_message_task_and_stream() {
    let server = Options::default().start().await;
    let mut world = World::on(&server, "ecs:push", Setup::default(), json!({})).await;
    let variables = json!({"configure_cloudwatch_logs": true, "execution_role_arn": "arn:aws:iam::000000000000:role/etl-execution",
        "cloudwatch_logs_options": {"awslogs-group": "/ecs/flows", "awslogs-stream-prefix": "etl"}});
    let light = world.light(0.1);
    let deployment = world.deploy(light.with("enforce_parameter_schema", json!(false))).await;
    let name = unique("night");
    let body = json!({"name": name, "job_variables": variables});
    let run = world.api.create_run(&deployment, body.clone()).await;
    world.api.wait_for(&run, &["COMPLETED"], PATIENCE).await;
    let logs = world.api.logs(&run).await;
    while !world.api.logs(&run).await.iter().any(|line| line.starts_with("ECS task launched")) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let endpoint = world.served.local.endpoint();
    let shown = run_with_aws(&server, &endpoint, &["logs", &run, "--output", "json"]).await.json();
    let task = &world.served.tasks_of(&run)[0];
    let id = task.task_arn.rsplit('/').next().unwrap();
    let found = &shown["tasks"][0];
    assert_eq!(found["arn"], task.task_arn, "{shown:#} {logs:?}");
    assert_eq!((&found["recorded"], &found["trouble"]), (&json!(true), &Value::Null), "{shown:#}");
    let log = &found["logs"][0];
    assert_eq!(
        (&log["group"], &log["stream"]),
        (&json!("/ecs/flows"), &json!(format!("etl/prefect/{id}"))),
        "{shown:#}"
    );
    let command = log["command"].as_str().unwrap();
    assert!(command.starts_with(&format!("aws logs tail /ecs/flows --log-stream-names etl/prefect/{id} --since 20")));
    let claim = &shown["claims"][0];
    assert_eq!(claim["started_by"], json!(task.started_by));
    assert!(claim["message_id"].as_str().is_some_and(|id| id.len() > 30), "{claim}");
    assert_eq!(shown["flow_run"]["state"], "COMPLETED");

    // By its name, for people; of two of a name the newest.
    let other = world.api.create_run(&deployment, body).await;
    world.api.wait_for(&other, &["COMPLETED"], PATIENCE).await;
    let shown = run_with_aws(&server, &endpoint, &["logs", &name]).await;
    assert!(shown.stderr.contains(&run), "the other one is named: {}", shown.stderr);
    let text = shown.ok();
    for part in [
        &other,
        "STATES",
        "Claimed by pushpool for message",
        "TASK",
        "STOPPED",
        "aws logs tail",
        "LOGS OF THE FUNCTIONS",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }

    // AWS is away: what the server knows is shown all the same.
    world.served.stop_function("observer").await;
    let shown = run_with_aws(&server, "http://127.0.0.1:9", &["logs", &run]).await.ok();
    assert!(shown.contains(id) && shown.contains("not asked") && shown.contains("Completed"), "{shown}");
    let error = run_with_aws(&server, &endpoint, &["logs", "nobody"]).await.refused();
    assert!(error.contains("no flow run \"nobody\""), "{error}");
    world.served.stop().await;
}
