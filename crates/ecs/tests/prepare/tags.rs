//! Tags that ECS takes.

use ecs::prepare;
use serde_json::{Value, json};

use crate::support::{code, configuration, defaults, prepared, run, settings, with};

fn tags(prepared: &ecs::Prepared) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let tags = prepared.run_task["tags"].as_array().expect("tags");
    tags.iter().map(|tag| (text(&tag["key"]), text(&tag["value"]))).collect()
}

fn value<'a>(tags: &'a [(String, String)], key: &str) -> Option<&'a str> {
    tags.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
}

#[test]
fn labels_win_over_ours_and_both_over_the_templates() {
    let values = with(defaults(), "/labels", json!({"prefect.io/flow-name": "mine", "team": "label"}));
    let given = json!([
        {"key": "team", "value": "template"}, {"key": "prefect.io/flow-id", "value": "template"},
        {"key": "cost", "value": "template"}
    ]);
    let tags = tags(&prepared(with(values, "/task_run_request/tags", given)));
    assert_eq!(value(&tags, "prefect.io/flow-name"), Some("mine"));
    assert_eq!(value(&tags, "prefect.io/flow-id"), Some("22222222-2222-2222-2222-222222222222"));
    assert_eq!((value(&tags, "team"), value(&tags, "cost")), (Some("label"), Some("template")));
}

#[test]
fn names_of_any_kind_become_legal() {
    let mut run = run();
    run.name = Some("💥".repeat(100));
    run.work_pool.name = "é".repeat(300);
    if let Some(flow) = &mut run.flow {
        flow.name = "it's a \"flow\", 1,000 times".to_owned();
    }
    if let Some(deployment) = &mut run.deployment {
        deployment.name = "d".repeat(300);
    }
    let prepared = prepare(&configuration(defaults()), &run, &settings()).unwrap();
    let tags = tags(&prepared);
    assert_eq!(value(&tags, "prefect.io/flow-run-name"), Some(""));
    assert_eq!(value(&tags, "prefect.io/work-pool-name"), Some(""));
    assert_eq!(value(&tags, "prefect.io/flow-name"), Some("it-s-a-flow-1000-times"));
    assert_eq!(value(&tags, "prefect.io/deployment-name").map(str::len), Some(256));
}

#[test]
fn fifty_are_kept_ours_first() {
    let labels: serde_json::Map<String, Value> = (0..60).map(|index| (format!("a-{index:02}"), json!("x"))).collect();
    let prepared = prepared(with(defaults(), "/labels", Value::Object(labels)));
    let tags = tags(&prepared);
    assert_eq!(tags.len(), 50);
    assert_eq!(tags.iter().filter(|(key, _)| key.starts_with("prefect.io/")).count(), 8);
    assert!(value(&tags, "a-41").is_some() && value(&tags, "a-42").is_none());
    assert!(prepared.notices.iter().any(|notice| notice.starts_with("18 labels")), "{:?}", prepared.notices);
}

#[test]
fn what_no_tag_can_be_is_left_out_and_said() {
    let labels =
        json!({"aws:x": "1", "AWS:y": "1", "v": "aws:z", "💥": "1", "a b": "1", "a-b": "2", "k": "x".repeat(300)});
    let prepared = prepared(with(defaults(), "/labels", labels));
    let tags = tags(&prepared);
    let own: Vec<&str> =
        tags.iter().map(|(key, _)| key.as_str()).filter(|key| !key.starts_with("prefect.io")).collect();
    assert_eq!(own, ["a-b", "k"]);
    assert_eq!((value(&tags, "a-b"), value(&tags, "k").map(str::len)), (Some("1"), Some(256)));
    assert_eq!(prepared.notices.len(), 5, "{:?}", prepared.notices);
}

#[test]
fn tags_of_the_template_are_text() {
    for (given, place) in [
        (json!({"a": 1}), "tags.a"),
        (json!([{"key": "a", "value": 1}]), "tags[0].value"),
        (json!([{"key": "a"}]), "tags[0].value"),
        (json!(["a"]), "tags[0].key"),
        (json!("a"), "tags"),
    ] {
        let (code, detail) = code(with(defaults(), "/task_run_request/tags", given));
        assert_eq!(code, "PP0208");
        assert!(detail.starts_with(&format!("task_run_request.{place}:")), "{detail}");
    }
}
