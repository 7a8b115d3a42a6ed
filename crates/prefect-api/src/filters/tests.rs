//! Every filter that pushpool sends, as the JSON it is on the wire.

use prefect_ids::FlowRunId;
use serde_json::{Value, json};

use super::*;
use crate::{PAGE, fake::Fake, models::ListedPool};

const NOW: &str = "2026-01-05T06:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn wire(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

/// The body of the only request of a list.
async fn body(list: impl AsyncFnOnce(crate::Client<std::sync::Arc<Fake>>)) -> Value {
    let (client, fake) = Fake::client([(200, json!([]))]);
    list(client).await;
    let [(_, _, body)] = &fake.asked()[..] else { panic!("one request") };
    body.clone()
}

#[test]
fn work_pools_are_named_by_type_by_name_or_by_either() {
    let names = ["a".to_owned(), "b".to_owned()];
    let push = ["ecs:push"];
    let cases = [
        (WorkPoolFilter::default(), json!({})),
        (WorkPoolFilter::of(&push, &[]), json!({"type": {"any_": ["ecs:push"]}})),
        (WorkPoolFilter::of(&[], &names), json!({"name": {"any_": ["a", "b"]}})),
        (WorkPoolFilter::of(&[], &[]), json!({"name": {"any_": []}})),
        (
            WorkPoolFilter::of(&push, &names),
            json!({"operator": "or_", "type": {"any_": ["ecs:push"]}, "name": {"any_": ["a", "b"]}}),
        ),
        (WorkPoolFilter::named(["p"]), json!({"name": {"any_": ["p"]}})),
        (WorkPoolFilter::named(&names), json!({"name": {"any_": ["a", "b"]}})),
    ];
    for (filter, expected) in cases {
        assert_eq!(wire(&filter), expected);
    }
}

#[test]
fn flow_runs_are_named_by_what_they_are() {
    use StateType::{Cancelled, Cancelling, Completed, Crashed, Failed, Paused, Pending, Running, Scheduled};
    let ids = [FlowRunId::from_u128(1)];
    let cases = [
        (FlowRunFilter::default(), json!({})),
        (FlowRunFilter::of_ids(&ids), json!({"id": {"any_": ["00000000-0000-0000-0000-000000000001"]}})),
        (FlowRunFilter::named(&["amber-otter"]), json!({"name": {"any_": ["amber-otter"]}})),
        (
            FlowRunFilter::of_states(&[Pending, Running, Cancelling]),
            json!({"state": {"type": {"any_": ["PENDING", "RUNNING", "CANCELLING"]}}}),
        ),
        (
            FlowRunFilter::of_states(&[Completed, Failed, Crashed, Cancelled]),
            json!({"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]}}}),
        ),
        (
            FlowRunFilter::of_states(&[Paused, Scheduled]).that_ran(),
            json!({"state": {"type": {"any_": ["PAUSED", "SCHEDULED"]}}, "start_time": {"is_null_": false}}),
        ),
        (
            FlowRunFilter::of_states(&[Scheduled]).in_state_named(&["AwaitingRetry"]),
            json!({"state": {"type": {"any_": ["SCHEDULED"]}, "name": {"any_": ["AwaitingRetry"]}}}),
        ),
        (FlowRunFilter::default().in_state_named(&["Late"]), json!({"state": {"name": {"any_": ["Late"]}}})),
        (
            FlowRunFilter::of_states(&[Scheduled]).due_by(now()),
            json!({"state": {"type": {"any_": ["SCHEDULED"]}}, "next_scheduled_start_time": {"before_": NOW}}),
        ),
        (
            FlowRunFilter::of_states(&[Scheduled]).due_by(now()).without_deployment(),
            json!({"state": {"type": {"any_": ["SCHEDULED"]}}, "next_scheduled_start_time": {"before_": NOW},
                "deployment_id": {"is_null_": true}}),
        ),
        (
            FlowRunFilter::of_states(&[Scheduled, Pending, Running, Cancelling]).expected_by(now()),
            json!({"state": {"type": {"any_": ["SCHEDULED", "PENDING", "RUNNING", "CANCELLING"]}},
                "expected_start_time": {"before_": NOW}}),
        ),
    ];
    for (filter, expected) in cases {
        assert_eq!(wire(filter), expected);
    }
}

/// Lists and counts that people ask for.
#[test]
fn a_list_is_a_query_with_an_order_and_a_limit() {
    let work_pools = Some(WorkPoolFilter::named(["p"]));
    let query =
        FlowRunQuery { work_pools, flow_runs: Some(FlowRunFilter::default().due_by(now())), ..FlowRunQuery::default() };
    let asked = json!({"work_pools": {"name": {"any_": ["p"]}},
        "flow_runs": {"next_scheduled_start_time": {"before_": NOW}}});
    assert_eq!(wire(&query), asked);
    for (sort, name) in [
        (FlowRunSort::IdDesc, "ID_DESC"),
        (FlowRunSort::EndTimeDesc, "END_TIME_DESC"),
        (FlowRunSort::ExpectedStartTimeAsc, "EXPECTED_START_TIME_ASC"),
        (FlowRunSort::ExpectedStartTimeDesc, "EXPECTED_START_TIME_DESC"),
        (FlowRunSort::NextScheduledStartTimeAsc, "NEXT_SCHEDULED_START_TIME_ASC"),
    ] {
        let mut list = asked.clone();
        (list["sort"], list["limit"]) = (json!(name), json!(5));
        assert_eq!(wire(FlowRunList { query: query.clone(), sort, limit: 5 }), list);
    }
    let named = FlowRunQuery { flow_runs: Some(FlowRunFilter::named(&["x"])), ..FlowRunQuery::default() };
    assert_eq!(
        wire(FlowRunList { query: named, sort: FlowRunSort::ExpectedStartTimeDesc, limit: 5 }),
        json!({"flow_runs": {"name": {"any_": ["x"]}}, "sort": "EXPECTED_START_TIME_DESC", "limit": 5})
    );
    let of_pool = DeploymentQuery { work_pools: Some(WorkPoolFilter::named(["p"])), ..DeploymentQuery::default() };
    assert_eq!(wire(of_pool), json!({"work_pools": {"name": {"any_": ["p"]}}}));
    assert_eq!((wire(FlowRunQuery::default()), wire(DeploymentQuery::default())), (json!({}), json!({})));
    let ids = [Uuid::from_u128(7)];
    let of_queue = || Some(WorkQueueFilter::of_ids(&ids));
    let deployments = DeploymentQuery { work_queues: of_queue(), ..DeploymentQuery::default() };
    let runs = FlowRunQuery { work_queues: of_queue(), ..FlowRunQuery::default() };
    let wanted = json!({"work_pool_queues": {"id": {"any_": ids}}});
    assert_eq!((wire(deployments), wire(runs)), (wanted.clone(), wanted));
    assert_eq!(wire(DeploymentFilter::of_ids(&ids)), json!({"id": {"any_": ids}}));
}

#[tokio::test]
async fn a_page_names_its_place() {
    let closed = [Uuid::from_u128(7)];
    let query = FlowRunQuery {
        work_pools: Some(WorkPoolFilter::named(["p"])),
        deployments: Some(DeploymentFilter::except(&closed)),
        flow_runs: Some(FlowRunFilter::of_states(&[StateType::Scheduled]).due_by(now())),
        ..FlowRunQuery::default()
    };
    let sort = FlowRunSort::NextScheduledStartTimeAsc;
    let page = body(async |client| drop(client.flow_runs_page(&query, sort, 400).await.unwrap())).await;
    assert_eq!(
        page,
        json!({
            "work_pools": {"name": {"any_": ["p"]}},
            "deployments": {"id": {"not_any_": closed}},
            "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}, "next_scheduled_start_time": {"before_": NOW}},
            "sort": "NEXT_SCHEDULED_START_TIME_ASC", "limit": 200, "offset": 400,
        })
    );
}

#[tokio::test]
async fn things_are_asked_for_by_their_ids() {
    let ids = [1, 2].map(Uuid::from_u128);
    let runs = ids.map(FlowRunId::from);
    let named = |limit: usize| json!({"flow_runs": {"id": {"any_": ids}}, "limit": limit});
    assert_eq!(body(async |client| drop(client.each_flow_run(&runs).await.unwrap())).await, named(2));
    assert_eq!(body(async |client| drop(client.flow_runs_by_id(&runs).await.unwrap())).await, named(PAGE));
    let deployments = body(async |client| drop(client.deployments(&ids).await.unwrap())).await;
    assert_eq!(deployments, json!({"deployments": {"id": {"any_": ids}}, "limit": 200}));
    let flows = body(async |client| drop(client.flows(&ids).await.unwrap())).await;
    assert_eq!(flows, json!({"flows": {"id": {"any_": ids}}, "limit": 200}));
}

#[tokio::test]
async fn other_lists_are_asked_for_page_by_page() {
    let push = body(async |client| drop(client.pools::<Value>(&["ecs:push"], &[]).await.unwrap())).await;
    assert_eq!(push, json!({"work_pools": {"type": {"any_": ["ecs:push"]}}, "limit": 200, "offset": 0}));
    let none: Vec<ListedPool> = Fake::client([(200, json!([]))]).0.pools(&[], &[]).await.unwrap();
    assert!(none.is_empty());
    let all = body(async |client| drop(client.all_work_pools().await.unwrap())).await;
    assert_eq!(all, json!({"work_pools": {}, "limit": 200, "offset": 0}));
    let queues = body(async |client| drop(client.work_queues("p").await.unwrap())).await;
    assert_eq!(queues, json!({"limit": 200, "offset": 0}));
    let workers = body(async |client| drop(client.workers("p").await.unwrap())).await;
    assert_eq!(workers, json!({"limit": 200, "offset": 0}));
    let automations = body(async |client| drop(client.automations("a").await.unwrap())).await;
    assert_eq!(automations, json!({"automations": {"name": {"any_": ["a"]}}, "limit": 200, "offset": 0}));
    let run = FlowRunId::from_u128(3);
    let logs = body(async |client| drop(client.logs(run, 200).await.unwrap())).await;
    let of_run = json!({"flow_run_id": {"any_": [run]}});
    assert_eq!(logs, json!({"logs": of_run, "sort": "TIMESTAMP_ASC", "limit": 200, "offset": 200}));
}

#[tokio::test]
async fn a_poll_says_no_more_than_it_has_to() {
    let poll =
        body(async |client| drop(client.scheduled_flow_runs("p", None, (None, now()), 200).await.unwrap())).await;
    assert_eq!(poll, json!({"scheduled_before": NOW, "limit": 200}));
    let queues = ["q".to_owned()];
    let poll = body(async |client| {
        drop(client.scheduled_flow_runs("p", Some(&queues), (Some(now()), now()), 5).await.unwrap());
    })
    .await;
    assert_eq!(poll, json!({"scheduled_before": NOW, "limit": 5, "scheduled_after": NOW, "work_queue_names": ["q"]}));
}
