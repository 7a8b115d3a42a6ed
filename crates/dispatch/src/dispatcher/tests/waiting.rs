//! Runs that wait: for capacity, for their time, for their pool.

use super::*;

#[tokio::test(start_paused = true)]
async fn no_capacity_hands_back_a_new_attempt_of_the_same_run() {
    for class in [Class::Throttled, Class::Capacity] {
        let world = World::new(failing(class), Queues::default());
        assert!(world.handle(vec![record("a", 1, &body(1).to_string())]).await.is_empty());
        let (again, look) = world.sent()[0].clone();
        let delay = look.at.duration_since("2026-01-01T00:10:00Z".parse().unwrap());
        assert_eq!(again["flow_run_id"], body(1)["flow_run_id"]);
        assert_ne!(again["state_id"], body(1)["state_id"], "a new attempt has a new token");
        assert_eq!(again["first_due"], "2026-01-01T00:00:00Z");
        assert_eq!(again["hand_backs"], 1);
        assert!((7..=15).contains(&delay.as_secs()), "{delay:?}");
        assert!(world.buried().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn capacity_that_never_comes_crashes_the_run() {
    let world = World::new(failing(Class::Capacity), Queues::default());
    let mut late = body(1);
    late["first_due"] = json!("2025-12-31T23:00:00Z");
    late["hand_backs"] = json!(2);
    assert!(world.handle(vec![record("a", 1, &late.to_string())]).await.is_empty());
    assert_eq!(world.buried(), ["PP0410"]);
    assert!(world.sent().is_empty());
}

/// An outage before the first attempt, or a backlog, is no missing capacity.
#[tokio::test(start_paused = true)]
async fn a_late_run_is_handed_back_twice_before_it_crashes_for_want_of_capacity() {
    for hand_backs in [0, 1] {
        let world = World::new(failing(Class::Throttled), Queues::default());
        let mut late = body(1);
        late["first_due"] = json!("2025-12-31T12:00:00Z");
        late["hand_backs"] = json!(hand_backs);
        assert!(world.handle(vec![record("a", 1, &late.to_string())]).await.is_empty());
        assert_eq!((world.sent().len(), world.buried().len()), (1, 0), "{hand_backs}");
    }
    let world =
        World::told(failing(Class::Capacity), Queues::default(), |policy| policy.capacity_timeout = Duration::ZERO);
    assert!(world.handle(vec![record("a", 1, &body(1).to_string())]).await.is_empty());
    assert_eq!(world.buried(), ["PP0410"], "0 allows no waiting");
}

#[tokio::test(start_paused = true)]
async fn early_and_paused_runs_wait_as_the_same_attempt() {
    let world = World::new(Launcher::default(), Queues::default());
    let mut early = body(1);
    early["expected_start_time"] = json!("2026-01-01T00:10:20.5Z");
    let mut far = body(2);
    far["expected_start_time"] = json!("2026-01-22T00:00:00Z");
    let mut paused = body(3);
    paused["work_pool"] = json!("paused");
    let records = || {
        let bodies = [&early, &far, &paused].into_iter().enumerate();
        bodies.map(|(i, it)| record(&i.to_string(), 1, &it.to_string())).collect()
    };
    assert_eq!(world.handle(records()).await, ["0"], "the last stretch is waited out in the queue");
    assert_eq!(*world.queues.hidden.lock().unwrap(), [22], "a second longer, so that it is not early");
    assert_eq!(world.asked(), 0);
    let first: Vec<(Value, Look)> = world.sent().drain(..).collect();
    let mut times: Vec<String> = first.iter().map(|(_, look)| look.at.to_string()).collect();
    times.sort_unstable();
    assert_eq!(times, ["2026-01-01T00:15:00Z", "2026-01-21T23:58:00Z"], "ten minutes late, and two ahead");
    assert!(first.iter().all(|(again, _)| again["state_id"] == early["state_id"]));
    world.handle(records()).await;
    assert_eq!(*world.sent(), first, "another delivery asks for the same schedules");
}

/// What EventBridge Scheduler does not take stays in the queue.
#[tokio::test(start_paused = true)]
async fn a_wait_that_is_not_scheduled_is_not_acknowledged() {
    let world = World::new(Launcher::default(), Queues { broken: true, ..Queues::default() });
    let mut far = body(2);
    far["expected_start_time"] = json!("2026-01-22T00:00:00Z");
    assert_eq!(world.handle(vec![record("a", 1, &far.to_string())]).await, ["a"]);
}

#[test]
fn hand_backs_wait_longer_each_time_up_to_four_minutes() {
    for (first, hand_backs, shortest) in
        [(120, 0, 120), (120, 1, 240), (10, 4, 160), (120, 2, 240), (10, 40, 240), (300, 1, 300)]
    {
        let shortest = Duration::from_secs(shortest);
        for _ in 0..50 {
            let delay = hand_back_delay(Duration::from_secs(first), hand_backs);
            assert!(shortest <= delay && delay <= shortest * 3 / 2, "{delay:?}");
        }
    }
}
