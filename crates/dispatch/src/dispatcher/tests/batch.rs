//! What a batch promises its records.

use super::*;

#[tokio::test(start_paused = true)]
async fn each_record_of_a_batch_goes_its_own_way() {
    let world = World::new(
        scripted(&[
            (2, Script::Panic),
            (3, Script::Answer(Err(error(Class::Transient)))),
            (4, Script::Answer(Err(error(Class::Rejected)))),
        ]),
        Queues::default(),
    );
    let mut invalid = body(5);
    invalid["run"]["job_variables"] = json!({"cpu": "lots"});
    let mut unknown = body(6);
    unknown["work_pool"] = json!("unknown");
    let mut unreachable = body(7);
    unreachable["work_pool"] = json!("unreachable");
    let kept = world
        .handle(vec![
            record("good", 1, &body(1).to_string()),
            record("panic", 1, &body(2).to_string()),
            record("transient", 1, &body(3).to_string()),
            record("rejected", 1, &body(4).to_string()),
            record("invalid", 1, &invalid.to_string()),
            record("unknown-pool", 1, &unknown.to_string()),
            record("unreachable", 1, &unreachable.to_string()),
            record("poison", 1, "{"),
            record("empty", 1, ""),
            record("version", 1, r#"{"version": 2}"#),
        ])
        .await;
    assert_eq!(kept, ["panic", "transient", "unreachable"]);
    let mut buried = world.buried();
    buried.sort_unstable();
    assert_eq!(buried[1..4], ["PP0331", "PP0401", "PP0401"], "{buried:?}");
    assert!(buried[0].starts_with("PP01"), "the refused job variable is named by work-pool: {buried:?}");
    assert_eq!(buried[4..], ["PP0402", "PP0404"]);
    let mut hurried = world.queues.hurried.lock().unwrap().clone();
    hurried.sort_unstable();
    assert_eq!(hurried, ["receipt-panic", "receipt-transient", "receipt-unreachable"]);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_keeps_the_token_and_the_message() {
    for class in [Class::Transient, Class::Bug] {
        let world = World::new(failing(class), Queues::default());
        assert_eq!(world.handle(vec![record("a", 1, &body(1).to_string())]).await, ["a"]);
        assert!(world.sent().is_empty() && world.buried().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn stale_is_acknowledged_and_nothing_else() {
    let world = World::new(failing(Class::Stale), Queues::default());
    assert!(world.handle(vec![record("a", 1, &body(1).to_string())]).await.is_empty());
    assert!(world.sent().is_empty() && world.buried().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_recorded_is_not_acknowledged() {
    for launcher in [failing(Class::Capacity), failing(Class::Rejected)] {
        let world = World::new(launcher, Queues { broken: true, ..Queues::default() });
        let kept = world.handle(vec![record("a", 1, &body(1).to_string()), record("poison", 1, "{")]).await;
        assert_eq!(kept, ["a", "poison"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_done_before_the_deadline_is_returned() {
    let world = World::new(scripted(&[(2, Script::Hang)]), Queues::default());
    let kept = world.handle(vec![record("a", 1, &body(1).to_string()), record("slow", 1, &body(2).to_string())]).await;
    assert_eq!(kept, ["slow"]);
    assert_eq!(world.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_message_without_a_run_is_buried() {
    let world = World::new(Launcher::default(), Queues::default());
    let mut bare = body(1);
    bare.as_object_mut().unwrap().remove("run");
    assert!(world.handle(vec![record("a", 1, &bare.to_string())]).await.is_empty());
    assert_eq!(world.buried(), ["PP0408"]);
}

#[tokio::test(start_paused = true)]
async fn every_delivery_of_an_attempt_sends_the_same_request() {
    let world = World::new(Launcher::default(), Queues::default());
    for count in 1..4 {
        world.handle(vec![record("a", count, &body(1).to_string()), record("b", 1, &body(9).to_string())]).await;
    }
    let asked = world.dispatcher.launcher.asked.lock().unwrap();
    let of_first: Vec<&Value> =
        asked.iter().filter(|it| it["startedBy"].as_str().unwrap().starts_with(&format!("{RUN}01"))).collect();
    assert_eq!(of_first.len(), 3);
    assert!(of_first.iter().all(|request| request == &of_first[0]));
}
