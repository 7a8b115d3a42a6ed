//! The observer, told of tasks.

use super::*;

#[tokio::test]
async fn a_task_that_never_starts_for_good_crashes_its_run_once() {
    let world = World::start().await;
    world.local.ecs().inject(TaskRule::next(TaskFault::FailToStart(StartFailure::cannot_pull("flows:1"))));
    let it = world.launch(shell("true")).await;
    let stopped = world.stopped(&it.task_arn).await;
    // Twice in a batch, and again.
    world.observe(&[&stopped, &stopped]).await;
    world.observe(&[&stopped]).await;
    world.assert_state(&it.run, "Crashed", &["PP0610", "CannotPullContainerError", "flows:1", &it.task_arn]).await;
    assert_eq!(world.api.state_names(&it.run).await, ["Scheduled", "Pending", "Crashed"]);
    let lines = world.api.logs(&it.run).await;
    assert!(lines.iter().any(|line| line.contains("PP0610")), "{lines:?}");
    world.local.stop().await;
}

#[tokio::test]
async fn a_task_that_never_starts_for_a_passing_reason_is_tried_again_and_its_late_event_means_nothing() {
    let world = World::start().await;
    world.local.ecs().inject(TaskRule::next(TaskFault::FailToStart(StartFailure::network_interface())));
    let it = world.launch(shell("sleep 600")).await;
    let stopped = world.stopped(&it.task_arn).await;
    world.observe(&[&stopped]).await;
    world.assert_state(&it.run, "AwaitingCapacity", &["PP0603", "network interface"]).await;
    let first = world.api.run(&it.run).await["infrastructure_pid"].clone();
    let second = world.dispatch(&it.run).await;
    assert_ne!(second, it.task_arn);
    // The record of the first attempt is still there, as when the second's was not written yet.
    world.api.patch(&format!("/flow_runs/{}", it.run), json!({"infrastructure_pid": first})).await.ok();
    world.observe(&[&stopped]).await;
    world.assert_state(&it.run, "Pending", &[]).await;
    world.begin(&it.run).await;
    world.observe(&[&stopped]).await;
    world.assert_state(&it.run, "Running", &[]).await;
    world.api.cancel(&it.run).await;
    world.observe(&[&stopped]).await;
    world.assert_state(&it.run, "Cancelling", &[]).await;
    world.local.stop().await;
}

#[tokio::test]
async fn starts_that_failed_in_words_of_aws_end_as_the_words_say() {
    let world = World::start().await;
    for (situation, state, code) in [
        ("registry answered 504", "AwaitingCapacity", "PP0604"),
        ("no way to ECR, cut by Fargate", "AwaitingCapacity", "PP0603"),
        ("EFS reset the connection", "AwaitingCapacity", "PP0609"),
        ("execution role may not read a secret", "Crashed", "PP0629"),
        ("log group not there, EC2", "Crashed", "PP0612"),
    ] {
        let failure = StartFailure::reported(situation).expect(situation);
        world.local.ecs().inject(TaskRule::next(TaskFault::FailToStart(failure)));
        let it = world.launch(shell("true")).await;
        let stopped = world.stopped(&it.task_arn).await;
        world.observe(&[&stopped]).await;
        world.assert_state(&it.run, state, &[code]).await;
    }
    world.local.stop().await;
}

#[tokio::test]
async fn a_run_that_was_cancelled_before_a_second_copy_of_its_hand_back_came_stays_cancelled() {
    let world = World::start().await;
    world.local.ecs().inject(TaskRule::next(TaskFault::FailToStart(StartFailure::network_interface())));
    let it = world.launch(shell("sleep 600")).await;
    let stopped = world.stopped(&it.task_arn).await;
    world.observe(&[&stopped]).await;
    let handed_back = world.api.run(&it.run).await["state"].clone();
    let copy = json!({"type": "SCHEDULED", "name": handed_back["name"], "state_details": handed_back["state_details"]});
    world.api.cancel(&it.run).await;
    world.check(&it.run, Duration::ZERO).await;
    world.assert_state(&it.run, "Cancelled", &[]).await;
    let verdict = world.api.set_state(&it.run, copy).await;
    assert_eq!(verdict["status"], "ACCEPT", "else there is nothing to put back: {verdict}");
    world.dispatch(&it.run).await;
    world.assert_state(&it.run, "Cancelled", &[]).await;
    assert_eq!(world.local.ecs().tasks().len(), 1);
    world.local.stop().await;
}

#[tokio::test]
async fn a_run_waits_for_a_task_that_starts_only_so_long() {
    let world = World::start().await;
    world.local.ecs().inject(TaskRule::next(TaskFault::FailToStart(StartFailure::network_interface())));
    let it = world.launch(shell("true")).await;
    let stopped = world.stopped(&it.task_arn).await.to_string();
    let policy = runs::Policy { capacity_timeout: Duration::ZERO, ..runs::Policy::default() };
    assert_eq!(world.observe_with(policy, &[stopped]).await, 0);
    world.assert_state(&it.run, "Crashed", &["PP0615", "PP0603"]).await;
    world.local.stop().await;
}

#[tokio::test]
async fn containers_that_end_before_the_flow_ran_crash_their_runs() {
    let world = World::start().await;
    let mut variables = shell("echo first; echo boom; exit 3");
    variables["configure_cloudwatch_logs"] = true.into();
    variables["execution_role_arn"] = "arn:aws:iam::000000000000:role/execution".into();
    let failed = world.launch(variables).await;
    let quiet = world.launch(shell("true")).await;
    let killed = world.launch(shell("exit 137")).await;
    let (a, b, c) = (
        world.stopped(&failed.task_arn).await,
        world.stopped(&quiet.task_arn).await,
        world.stopped(&killed.task_arn).await,
    );
    world.observe(&[&a, &b, &c]).await;
    world.assert_state(&failed.run, "Crashed", &["PP0625", "exit code 3", "before the flow run began"]).await;
    world.assert_state(&quiet.run, "Crashed", &["PP0624", "prefect flow-run execute"]).await;
    world.assert_state(&killed.run, "Crashed", &["PP0623", "memory"]).await;
    let lines = world.api.logs(&failed.run).await;
    assert!(lines.iter().any(|line| line.contains("Last lines") && line.ends_with("first\nboom")), "{lines:?}");
    let (_, message) = world.state(&failed.run).await;
    assert!(!message.contains("boom"), "the output belongs into the log: {message}");
    world.local.stop().await;
}

#[tokio::test]
async fn a_run_whose_spot_task_is_taken_away_runs_again() {
    let world = World::start().await;
    let mut variables = shell("sleep 600");
    variables["launch_type"] = "FARGATE_SPOT".into();
    let it = world.launch(variables).await;
    world.event(&it.task_arn, "RUNNING").await;
    world.begin(&it.run).await;
    assert!(world.local.ecs().interrupt_spot(&it.task_arn));
    let stopped = world.stopped(&it.task_arn).await;
    world.observe(&[&stopped]).await;
    world.assert_state(&it.run, "AwaitingCapacity", &["PP0620", "SpotInterruption"]).await;
    // This time with the real thing.
    let path = format!("/deployments/{}", it.deployment);
    world.api.patch(&path, json!({"job_variables": {"launch_type": "FARGATE_SPOT"}})).await.ok();
    // What the dispatcher knows of the deployment is older than the run's state.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let second = world.dispatch(&it.run).await;
    world.api.wait_for(&it.run, &["COMPLETED"], PATIENCE).await;
    let again = world.stopped(&second).await;
    world.observe(&[&again, &stopped]).await;
    world.assert_state(&it.run, "Completed", &[]).await;
    let names = world.api.state_names(&it.run).await;
    assert_eq!(names, ["Scheduled", "Pending", "Running", "AwaitingCapacity", "Pending", "Running", "Completed"]);
    world.local.stop().await;
}

#[tokio::test]
async fn a_container_that_ends_without_a_word_crashes_its_run() {
    let world = World::start().await;
    let silent = world.launch(shell("sleep 1")).await;
    let by_hand = world.launch(shell("sleep 600")).await;
    world.begin(&silent.run).await;
    world.begin(&by_hand.run).await;
    let stop = json!({"task": by_hand.task_arn, "reason": "by hand"});
    world.local.ecs().call("StopTask", stop).await.unwrap();
    let (a, b) = (world.stopped(&silent.task_arn).await, world.stopped(&by_hand.task_arn).await);
    world.observe(&[&a, &b]).await;
    world.assert_state(&silent.run, "Crashed", &["PP0626", "without reporting"]).await;
    world.assert_state(&by_hand.run, "Crashed", &["PP0622", "by hand", "A user or another program"]).await;
    world.local.stop().await;
}

#[tokio::test]
async fn a_run_that_is_cancelled_ends_with_its_task() {
    let world = World::start().await;
    // The flow never ran: its task is stopped at once.
    let young = world.launch(shell("sleep 600")).await;
    world.api.cancel(&young.run).await;
    world.check(&young.run, LONG).await;
    let stopped = world.stopped(&young.task_arn).await;
    assert_eq!(stopped["detail"]["stoppedReason"], "pushpool: the flow run is being cancelled");
    world.observe(&[&stopped]).await;
    world.assert_state(&young.run, "Cancelled", &["its ECS task has ended"]).await;

    // The flow runs: its container has time to see to it, and then no more.
    let running = world.launch(shell("sleep 600")).await;
    world.event(&running.task_arn, "RUNNING").await;
    world.begin(&running.run).await;
    world.api.cancel(&running.run).await;
    world.check(&running.run, LONG).await;
    assert_eq!(world.bodies("events"), [Check { flow_run_id: running.run.parse().unwrap(), hops: 1 }.body()]);
    assert_eq!(world.status(&running.task_arn), Status::Running);
    world.check(&running.run, Duration::ZERO).await;
    let stopped = world.stopped(&running.task_arn).await;
    // No event: the next check sees that it ended.
    assert_eq!(stopped["detail"]["stopCode"], "UserInitiated");
    world.check(&running.run, Duration::ZERO).await;
    world.assert_state(&running.run, "Cancelled", &[]).await;
    world.observe(&[&stopped]).await;
    world.check(&running.run, Duration::ZERO).await;
    assert_eq!(
        world.api.state_names(&running.run).await,
        ["Scheduled", "Pending", "Running", "Cancelling", "Cancelled"]
    );

    // CANCELLED by the server after its own timeout: the task is left to us.
    let forced = world.launch(shell("sleep 600")).await;
    world.api.force_state(&forced.run, json!({"type": "CANCELLED", "name": "Cancelled"})).await;
    world.check(&forced.run, LONG).await;
    let stopped = world.stopped(&forced.task_arn).await;
    assert_eq!(stopped["detail"]["stoppedReason"], "pushpool: the flow run was cancelled");
    world.local.stop().await;
}

#[tokio::test]
async fn a_container_that_sees_to_its_run_itself_is_left_to_it() {
    let world = World::start().await;
    let flow = async |env: Value| {
        let started = world.project.file(&unique("started"));
        let deployment = world.deployment("sleeping", json!({"launch_type": "FARGATE_SPOT", "env": env})).await;
        let parameters = json!({"parameters": {"seconds": 600, "started": started}});
        let run = world.api.create_run(&deployment, parameters).await;
        let task_arn = world.dispatch(&run).await;
        let began = std::time::Instant::now();
        while !std::path::Path::new(&started).exists() {
            assert!(began.elapsed() < PATIENCE, "the flow does not begin: {:?}", world.api.logs(&run).await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        (run, task_arn)
    };
    let (cancelled, its_task) = flow(json!({})).await;
    let (interrupted, spot_task) = flow(json!({"PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR": "reschedule"})).await;
    world.api.cancel(&cancelled).await;
    world.check(&cancelled, LONG).await;
    assert!(world.local.ecs().interrupt_spot(&spot_task));
    let stopped = [world.stopped(&its_task).await, world.stopped(&spot_task).await];
    world.assert_state(&cancelled, "Cancelled", &[]).await;
    world.assert_state(&interrupted, "AwaitingRetry", &[]).await;
    let before = (world.api.states(&cancelled).await, world.api.states(&interrupted).await);
    world.observe(&[&stopped[0], &stopped[1]]).await;
    world.check(&cancelled, Duration::ZERO).await;
    assert_eq!((world.api.states(&cancelled).await, world.api.states(&interrupted).await), before);
    world.local.stop().await;
}

#[tokio::test]
async fn a_slot_that_came_free_rings_and_odd_messages_do_no_harm() {
    let world = World::at(shared().await, json!({"concurrency_limit": 1})).await;
    let it = world.launch(shell("exit 1")).await;
    let stopped = world.stopped(&it.task_arn).await;
    let mut foreign = stopped.clone();
    foreign["detail"]["startedBy"] = "ecs-svc/1234".into();
    let bodies = ["{".to_owned(), foreign.to_string(), stopped.to_string()];
    let observer = world.observer(runs::Policy::default(), true);
    let answer = observer.handle(records(&bodies, false), Instant::now() + Duration::from_secs(60)).await;
    assert_eq!(answer.batch_item_failures, []);
    assert_eq!(world.bodies("dlq"), ["{"]);
    let ring = json!({"version": 1, "ring": {"work_pool": world.pool, "event": "pushpool.slot-free"}, "hops": 1});
    assert_eq!(world.bodies("polls"), [ring.to_string()]);
    // The server knows of the task's end, by EventBridge's id.
    let filter = json!({"filter": {"event": {"name": ["prefect.ecs.task.stopped"]}}});
    let started = std::time::Instant::now();
    loop {
        let events = world.api.post("/events/filter", filter.clone()).await.ok();
        if events["events"].as_array().unwrap().iter().any(|event| event["id"] == stopped["id"]) {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "the event does not come: {events}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    world.local.stop().await;
}
