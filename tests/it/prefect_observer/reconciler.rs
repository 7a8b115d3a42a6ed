//! The reconciler, after events that never came.

use super::*;

#[tokio::test]
async fn one_pass_repairs_what_no_event_told() {
    // A server of its own: every run of a push pool is the reconciler's.
    let server = Options::default().start().await;
    let world = World::at(&server, json!({})).await;
    let api = &world.api;
    let hold = || shell("sleep 600");
    let claim = async |run: &str| {
        let transition = world.attempt(run).await.transition_id();
        let state = json!({"type": "PENDING", "name": "Pending", "state_details": {"transition_id": transition}});
        assert_eq!(api.set_state(run, state).await["status"], "ACCEPT");
    };

    let (unlaunched, _) = world.scheduled(hold()).await;
    claim(&unlaunched).await;
    let (of_others, _) = world.scheduled(hold()).await;
    api.set_state(&of_others, json!({"type": "PENDING", "name": "Pending"})).await;
    world.local.ecs().inject(TaskRule::next(TaskFault::StuckProvisioning));
    let stuck = world.launch(hold()).await;
    let ended = world.launch(shell("sleep 1; exit 3")).await;
    world.begin(&ended.run).await;
    let (forgotten, _) = world.scheduled(hold()).await;
    claim(&forgotten).await;
    world.begin(&forgotten).await;
    let pid = "default::arn:aws:ecs:us-east-1:000000000000:task/default/0123456789abcdef0123456789abcdef";
    api.patch(&format!("/flow_runs/{forgotten}"), json!({"infrastructure_pid": pid})).await.ok();
    let cancelling = world.launch(shell("sleep 1")).await;
    api.cancel(&cancelling.run).await;
    let cancelled = world.launch(hold()).await;
    api.force_state(&cancelled.run, json!({"type": "CANCELLED", "name": "Cancelled"})).await;
    let deleted = world.launch(hold()).await;
    api.delete(&format!("/flow_runs/{}", deleted.run)).await.ok();
    let superseded = world.launch(hold()).await;
    api.force_state(&superseded.run, json!({"type": "SCHEDULED", "name": "Scheduled"})).await;
    let second = world.dispatch(&superseded.run).await;
    let fine = world.launch(hold()).await;
    world.event(&fine.task_arn, "RUNNING").await;
    world.begin(&fine.run).await;
    let limited = NewDeployment::new("quick", world.project.path(), &world.pool).job_variables(hold());
    let limited = api.create_deployment(limited.with("concurrency_limit", json!(1))).await;
    let starting = api.create_run(&limited.id, json!({})).await;
    world.dispatch(&starting).await;
    world.stopped(&ended.task_arn).await;
    world.stopped(&cancelling.task_arn).await;
    // Times of tasks are whole seconds.
    tokio::time::sleep(Duration::from_secs(3)).await;

    let policy = reconcile::Policy {
        runs: runs::Policy {
            claim_grace: Duration::ZERO,
            shown_after: Duration::ZERO,
            cancel_grace: Duration::ZERO,
            ..runs::Policy::default()
        },
        task_start_timeout: Duration::from_secs(1),
        orphan_grace: Duration::ZERO,
        sole_owner: true,
        ..reconcile::Policy::default()
    };
    let proxy = Proxy::start(server.address()).await;
    let through = format!("http://{}/api", proxy.address());
    let pass = async || {
        let sink = Arc::new(LogAndMetrics);
        let reconciler = aws::reconciler(&world.config, client(&through), policy.clone(), sink);
        reconciler.pass(Instant::now() + Duration::from_secs(60)).await
    };
    let first = pass().await;
    assert!(first.complete && first.failed == 0, "{first:?}");

    // Neither is handed back before it is certain that nothing starts any more.
    world.assert_state(&unlaunched, "Pending", &[]).await;
    world.assert_state(&stuck.run, "Pending", &[]).await;
    world.assert_state(&of_others, "Pending", &[]).await;
    let stopped = world.stopped(&stuck.task_arn).await;
    assert_eq!(stopped["detail"]["stoppedReason"], "pushpool: the task did not start in time");
    world.assert_state(&ended.run, "Crashed", &["PP0625", "exit code 3"]).await;
    world.assert_state(&forgotten, "Crashed", &["PP0628", pid]).await;
    world.assert_state(&cancelling.run, "Cancelled", &[]).await;
    let reason = |event: &Value| event["detail"]["stoppedReason"].as_str().unwrap().to_owned();
    assert_eq!(reason(&world.stopped(&cancelled.task_arn).await), "pushpool: the flow run was cancelled");
    assert_eq!(reason(&world.stopped(&deleted.task_arn).await), "pushpool: its flow run was deleted");
    let gone = world.stopped(&superseded.task_arn).await;
    assert_eq!(reason(&gone), "pushpool: another attempt holds the flow run");
    world.assert_state(&superseded.run, "Pending", &[]).await;
    assert_ne!(world.status(&second), Status::Stopped);
    world.assert_state(&fine.run, "Running", &[]).await;
    assert_eq!(world.status(&fine.task_arn), Status::Running);
    world.assert_state(&starting, "Pending", &[]).await;
    assert_eq!(proxy.count("POST /v2/concurrency_limits/leases/{id}/renew"), 1, "{:?}", proxy.exchanges());
    assert_eq!(first.repaired, 8, "{first:?}");

    // The events come after all, and another pass.
    world.observe(&[&stopped, &gone, &world.stopped(&ended.task_arn).await]).await;
    let second_pass = pass().await;
    assert_eq!((second_pass.repaired, second_pass.failed), (1, 0), "{second_pass:?}");
    world.assert_state(&unlaunched, "AwaitingCapacity", &["PP0607"]).await;
    world.assert_state(&stuck.run, "AwaitingCapacity", &["PP0606"]).await;
    world.assert_state(&superseded.run, "Pending", &[]).await;
    world.local.stop().await;
}

#[tokio::test]
async fn a_server_of_2_20_takes_the_same() {
    let server = Options::default().version(Version::V2_20).start().await;
    let world = World::at(&server, json!({})).await;
    world.local.ecs().inject(TaskRule::next(TaskFault::FailToStart(StartFailure::network_interface())));
    let passing = world.launch(shell("true")).await;
    let failed = world.launch(shell("exit 3")).await;
    let spot = world.launch(json!({"command": "sleep 600", "launch_type": "FARGATE_SPOT"})).await;
    world.event(&spot.task_arn, "RUNNING").await;
    world.begin(&spot.run).await;
    world.local.ecs().interrupt_spot(&spot.task_arn);
    let cancelled = world.launch(shell("sleep 600")).await;
    world.api.cancel(&cancelled.run).await;
    world.check(&cancelled.run, LONG).await;
    let mut stopped = Vec::new();
    for task_arn in [&passing.task_arn, &failed.task_arn, &spot.task_arn, &cancelled.task_arn] {
        stopped.push(world.stopped(task_arn).await);
    }
    world.observe(&stopped.iter().collect::<Vec<_>>()).await;
    world.assert_state(&passing.run, "AwaitingCapacity", &["PP0603"]).await;
    world.assert_state(&failed.run, "Crashed", &["PP0625"]).await;
    world.assert_state(&spot.run, "AwaitingCapacity", &["PP0620"]).await;
    world.assert_state(&cancelled.run, "Cancelled", &[]).await;

    // An event that never came, and a pool served by name.
    let lost = world.launch(shell("exit 4")).await;
    world.stopped(&lost.task_arn).await;
    let policy = reconcile::Policy {
        runs: runs::Policy { claim_grace: Duration::ZERO, shown_after: Duration::ZERO, ..runs::Policy::default() },
        named_pools: vec![world.pool.clone()],
        ..reconcile::Policy::default()
    };
    let reconciler = aws::reconciler(&world.config, client(&world.url), policy, Arc::new(LogAndMetrics));
    let pass = reconciler.pass(Instant::now() + Duration::from_secs(60)).await;
    assert_eq!((pass.repaired, pass.failed, pass.complete), (1, 0, true), "{pass:?}");
    world.assert_state(&lost.run, "Crashed", &["exit code 4"]).await;
    world.local.stop().await;
}
