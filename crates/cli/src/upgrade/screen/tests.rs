use manage::plan::Field;

use super::*;

fn stripped(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

/// A plan of one deployment that moves, and one that does not.
fn planned() -> UpgradePlan {
    let requests = json!({"register_task_definition": null, "run_task": {}});
    let deployment = |name: &str, action: &str| {
        json!({"id": uuid::Uuid::nil(), "flow": "report", "name": name, "action": action, "reasons": [],
            "from": {"pool": "agents", "pool_type": "prefect-agent", "queue": "urgent",
                "infrastructure": "ecs-task/prod", "storage": null},
            "target": null, "write": null, "risk": {"level": "low", "reasons": []}, "notes": [], "not_carried": [],
            "proof": null, "seen": []})
    };
    let mut moves = deployment("nightly", "migrate");
    moves["target"] = json!({"pool": "prod-push", "queue": "urgent", "entrypoint": null, "path": null,
        "job_variables": {"env": {"DB_PASSWORD": "canary"}}, "pull_steps": [{"step": {"folder": "a"}}]});
    moves["risk"] = json!({"level": "high", "reasons": ["Told once.", "Only a risk."]});
    moves["notes"] = json!([{"code": "x", "text": "Told once."}]);
    moves["not_carried"] = json!([{"setting": "ecs-task/prod: stream_output", "reason": "read the logs"}]);
    moves["proof"] = json!({"old": requests, "new": requests, "differences": [
        {"pointer": "/run_task/tags/prefect.io~1flow-id", "old": null, "new": "1", "reason": "tags of Prefect"},
        {"pointer": "/run_task/tags/team", "old": null, "new": "1", "reason": "tags of Prefect"},
        {"pointer": "/register_task_definition/tags/team", "old": null, "new": "1", "reason": "tags of Prefect"},
        {"pointer": "/run_task/environment/API_TOKEN", "old": "canary", "new": null, "reason": null}]});
    let mut stays = deployment("docker", "leave");
    stays["reasons"] = json!(["its block is none that push pools replace"]);
    let pool = json!({"name": "prod-push", "type": "ecs:push", "action": "create",
        "made_from": {"kind": "blocks", "blocks": ["ecs-task/prod"]}, "description": null, "base_job_template": {},
        "concurrency_limit": null, "is_paused": false, "not_carried": [], "notes": [], "seen": [],
        "queues": [{"name": "urgent", "description": null, "priority": 1, "concurrency_limit": 2, "is_paused": true}]});
    let plan = json!({"version": 1, "server": {"url": "http://x/api", "version": "2.20.26"}, "digest": "",
        "pools": [pool], "deployments": [moves, stays], "notes": [{"code": "y", "text": "Stop no agent."}]});
    serde_json::from_value(plan).unwrap()
}

#[test]
fn a_plan_is_told_by_deployment_with_what_needs_a_look_first() {
    insta::assert_snapshot!(stripped(&plan(&planned(), None)));
}

#[test]
fn no_secret_is_shown_and_no_line_is_wider_than_the_terminal() {
    let text = stripped(&plan(&planned(), Some(60)));
    assert!(!text.contains("canary"), "{text}");
    assert!(text.lines().all(|line| line.width() <= 60), "{text}");
}

#[test]
fn a_long_word_has_a_line_of_its_own() {
    assert_eq!(wrapped("one two threeeeeee four", Some(8)), ["one two", "threeeeeee", "four"]);
    assert_eq!(wrapped("one two", None), ["one two"]);
}

#[test]
fn changes_are_told_by_object() {
    let fields = vec![Field::changed("work pool", Some("agents".into()), Some("prod-push".into()))];
    let changed = Plan::new("upgrade")
        .with(Kind::Create, "work pool \"prod-push\"", vec![Field::new("type", "ecs:push")], ())
        .with(Kind::Update, "deployment \"report/nightly\"", fields, ());
    let text = stripped(&changes(&changed, None));
    assert_eq!(
        text,
        "Create work pool \"prod-push\"\n  type  ecs:push\nChange deployment \"report/nightly\"\n  \
         work pool  agents  ->  prod-push\n"
    );
    assert_eq!((count(&changed), count(&Plan::<()>::new("x"))), ("2 changes".to_owned(), "0 changes".to_owned()));
}
