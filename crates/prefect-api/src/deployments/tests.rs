use serde_json::json;

use super::*;
use crate::{fake::Fake, models::Timing};

const ID: Uuid = Uuid::from_u128(0xd);
const FLOW: Uuid = Uuid::from_u128(0xf);

fn object(json: Value) -> Object {
    let Value::Object(object) = json else { panic!("{json}") };
    object
}

/// What `prefect deploy` of 3.9.1 sends of a deployment with two schedules and a limit, without the nulls.
fn fields() -> DeploymentFields {
    DeploymentFields {
        version: Patch::Set("0a7bf4dd".into()),
        version_info: Some(object(json!({"type": "vcs:git", "version": "0a7bf4dd", "branch": "master"}))),
        description: Patch::Set("my desc".into()),
        paused: Some(false),
        schedules: Some(vec![
            ScheduleSpec {
                schedule: Some(Timing::Cron {
                    cron: "0 0 * * *".into(),
                    timezone: Some("America/Chicago".into()),
                    day_or: Some(true),
                }),
                active: Some(false),
                slug: Some("nightly".into()),
                ..ScheduleSpec::default()
            },
            ScheduleSpec {
                schedule: Some(Timing::Interval {
                    interval: 3_600.0,
                    anchor_date: Some("2026-01-01T00:00:00Z".into()),
                    timezone: Some("UTC".into()),
                }),
                parameters: Some(object(json!({"name": "sched"}))),
                slug: Some("hourly".into()),
                replaces: Some("often".into()),
                ..ScheduleSpec::default()
            },
        ]),
        concurrency_limit: Patch::Set(3),
        concurrency_options: Patch::Set(ConcurrencyOptions {
            collision_strategy: CollisionStrategy::CancelNew,
            grace_period_seconds: Some(120),
        }),
        enforce_parameter_schema: Some(true),
        parameter_openapi_schema: Some(json!({"title": "Parameters", "type": "object", "properties": {}})),
        parameters: Some(object(json!({"name": "bob"}))),
        tags: Some(vec!["a".into(), "b".into()]),
        pull_steps: Some(vec![json!({"prefect.deployments.steps.set_working_directory": {"directory": "/opt"}})]),
        work_pool_name: Some("push1".into()),
        job_variables: Some(object(json!({"image": "repo/img:2", "cpu": 512}))),
        entrypoint: Some("flow.py:hello_world".into()),
        ..DeploymentFields::default()
    }
}

fn wire() -> Value {
    json!({
        "version": "0a7bf4dd",
        "version_info": {"type": "vcs:git", "version": "0a7bf4dd", "branch": "master"},
        "description": "my desc",
        "paused": false,
        "schedules": [
            {"schedule": {"cron": "0 0 * * *", "timezone": "America/Chicago", "day_or": true}, "active": false,
                "slug": "nightly"},
            {"schedule": {"interval": 3600.0, "anchor_date": "2026-01-01T00:00:00Z", "timezone": "UTC"},
                "parameters": {"name": "sched"}, "slug": "hourly", "replaces": "often"},
        ],
        "concurrency_limit": 3,
        "concurrency_options": {"collision_strategy": "CANCEL_NEW", "grace_period_seconds": 120},
        "enforce_parameter_schema": true,
        "parameter_openapi_schema": {"title": "Parameters", "type": "object", "properties": {}},
        "parameters": {"name": "bob"},
        "tags": ["a", "b"],
        "pull_steps": [{"prefect.deployments.steps.set_working_directory": {"directory": "/opt"}}],
        "work_pool_name": "push1",
        "job_variables": {"image": "repo/img:2", "cpu": 512},
        "entrypoint": "flow.py:hello_world",
    })
}

/// As 3.9.1 answers, shortened.
fn answer() -> Value {
    json!({
        "id": ID, "created": "2026-11-23T00:14:13.018692Z", "updated": "2026-11-23T00:14:13.072000Z", "name": "one",
        "version": "0a7bf4dd", "description": "my desc", "flow_id": FLOW, "paused": false,
        "schedules": [{"id": Uuid::from_u128(5), "deployment_id": ID, "active": true, "max_scheduled_runs": null,
            "schedule": {"rrule": "FREQ=DAILY", "timezone": "UTC"}, "parameters": {}, "slug": null}],
        "concurrency_limit": null,
        "global_concurrency_limit": {"id": Uuid::from_u128(6), "active": true, "name": "deployment:x", "limit": 3,
            "active_slots": 0, "slot_decay_per_second": 0.0},
        "concurrency_options": {"collision_strategy": "ENQUEUE", "grace_period_seconds": null},
        "job_variables": {"cpu": 512}, "parameters": {"name": "bob"}, "tags": ["a"],
        "labels": {"prefect.flow.id": FLOW}, "work_queue_name": "default", "work_queue_id": Uuid::from_u128(7),
        "work_pool_name": "push1", "last_polled": null, "status": "NOT_READY", "enforce_parameter_schema": true,
        "parameter_openapi_schema": {"type": "object"}, "path": null, "pull_steps": [],
        "entrypoint": "flow.py:hello_world", "storage_document_id": null, "infrastructure_document_id": null,
    })
}

#[tokio::test]
async fn a_deployment_is_found_by_flow_and_name_or_does_not_exist() {
    let (client, fake) = Fake::client([(200, answer()), (404, json!({"detail": "Deployment not found"}))]);
    let found = client.deployment_by_name("hello/world", "one 1").await.unwrap().unwrap();
    assert_eq!((found.id, found.flow_id, found.name.as_str()), (ID, FLOW, "one"));
    assert_eq!(found.schedules[0].schedule, Timing::Rrule { rrule: "FREQ=DAILY".into(), timezone: Some("UTC".into()) });
    assert_eq!(found.global_concurrency_limit.map(|limit| limit.limit), Some(3));
    let options = found.concurrency_options.unwrap();
    assert_eq!((options.collision_strategy, options.grace_period_seconds), (CollisionStrategy::Enqueue, None));
    assert_eq!((found.work_pool_name.as_deref(), found.work_queue_name.as_deref()), (Some("push1"), Some("default")));
    assert_eq!((found.pull_steps, found.tags), (Some(vec![]), vec!["a".to_owned()]));
    assert_eq!(client.deployment_by_name("f", "none").await, Ok(None));
    assert_eq!(fake.paths(), ["/deployments/name/hello%2Fworld/one%201", "/deployments/name/f/none"]);
}

#[test]
fn a_deployment_of_2_20_has_infrastructure_overrides_and_no_limit() {
    // Seen on 2.20.26.
    let answer = json!({"id": ID, "created": "2026-11-23T00:29:02.330741+00:00",
        "infra_overrides": {"env.FOO": "bar", "cpu": 2048}, "name": "agent-s3a", "version": "1", "description": null,
        "flow_id": FLOW, "schedule": null, "is_schedule_active": true, "paused": false, "schedules": [],
        "parameters": {"x": 5}, "tags": ["t"], "work_queue_name": "q-agent", "last_polled": null,
        "parameter_openapi_schema": {"title": "Parameters"}, "path": "sub/dir", "pull_steps": null,
        "entrypoint": "flow2.py:old_flow", "manifest_path": null, "storage_document_id": Uuid::from_u128(1),
        "infrastructure_document_id": Uuid::from_u128(2), "work_pool_name": "my-agent-pool", "status": "NOT_READY",
        "enforce_parameter_schema": false});
    let document: DeploymentDocument = serde_json::from_value(answer.clone()).unwrap();
    assert_eq!(document.job_variables, Some(object(json!({"env.FOO": "bar", "cpu": 2048}))));
    assert_eq!((document.global_concurrency_limit, document.labels, document.pull_steps), (None, None, None));
    assert_eq!((document.path.as_deref(), document.storage_document_id), (Some("sub/dir"), Some(Uuid::from_u128(1))));
    let small: Deployment = serde_json::from_value(answer).unwrap();
    assert_eq!((small.is_closed(), small.job_variables), (false, document.job_variables));
}

#[tokio::test]
async fn a_new_deployment_is_sent_with_what_is_set() {
    let (client, fake) = Fake::client([(201, answer()), (201, answer())]);
    let new = DeploymentCreate { name: "one".into(), flow_id: FLOW, labels: Some(Object::new()), fields: fields() };
    assert_eq!(client.create_deployment(&new).await.unwrap().id, ID);
    let bare = DeploymentCreate { labels: None, fields: DeploymentFields::default(), ..new };
    client.create_deployment(&bare).await.unwrap();
    let mut expected = wire();
    (expected["name"], expected["flow_id"], expected["labels"]) = (json!("one"), json!(FLOW), json!({}));
    let asked = fake.asked();
    assert_eq!(asked[0], (Method::Post, "/deployments/".into(), expected));
    assert_eq!(asked[1], (Method::Post, "/deployments/".into(), json!({"name": "one", "flow_id": FLOW})));
}

#[tokio::test]
async fn a_change_tells_a_field_that_stays_from_one_that_is_taken_away() {
    let (client, fake) = Fake::client([(204, Value::Null), (204, Value::Null), (204, Value::Null)]);
    client.update_deployment(ID, &fields()).await.unwrap();
    client.update_deployment(ID, &DeploymentFields::default()).await.unwrap();
    let cleared = DeploymentFields {
        concurrency_limit: None.into(),
        concurrency_options: Patch::Clear,
        work_queue_name: Patch::Clear,
        version: Patch::Clear,
        description: Patch::Clear,
        path: Patch::Clear,
        storage_document_id: Patch::Clear,
        infrastructure_document_id: Some(ID).into(),
        schedules: Some(vec![]),
        ..DeploymentFields::default()
    };
    client.update_deployment(ID, &cleared).await.unwrap();
    let path = format!("/deployments/{ID}");
    let nulls = json!({"concurrency_limit": null, "concurrency_options": null, "work_queue_name": null,
        "version": null, "description": null, "path": null, "storage_document_id": null,
        "infrastructure_document_id": ID, "schedules": []});
    let expected = [wire(), json!({}), nulls].map(|body| (Method::Patch, path.clone(), body));
    assert_eq!(fake.asked(), expected);
}
