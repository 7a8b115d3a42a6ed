//! Runs that cannot start.

use super::*;

#[tokio::test]
async fn runs_of_a_closed_deployment_wait_and_let_others_start() {
    for (limit, runs, closed, others) in [(Some(1), 3, 1, 2), (Some(2), 6, 4, 2), (None, 450, 420, 30)] {
        let server = Server { due: vec![0; runs], limit, closed, ..Server::default() };
        let world = World::new(server, Queues::default());
        world.tick(1, EXTRA).await;
        let blocked = world.sink.0.lock().unwrap()[0].blocked.clone();
        assert_eq!(blocked.len(), closed.min(limit.map_or(PAGE, |limit| limit as usize)), "{limit:?}");
        assert!(blocked.values().all(|why| *why == Blocked::Closed));
        assert_eq!(world.sink.0.lock().unwrap()[0].oldest_due_seconds, 1.0);
        let sent: Vec<FlowRunId> =
            world.sent().iter().map(|(_, it)| ScheduledRun::parse(&it.body).unwrap().flow_run_id).collect();
        let free: Vec<FlowRunId> = (closed..runs).map(|number| FlowRunId::from_u128(100 + number as u128)).collect();
        assert!(!sent.is_empty() && sent.len() <= others, "{limit:?}: {sent:?}");
        assert!(sent.iter().all(|run| free.contains(run)), "{limit:?}: {sent:?}");
    }
}

/// The dispatcher crashes it in the end, which it can do for what it is sent.
#[tokio::test(start_paused = true)]
async fn a_run_that_no_request_returns_is_sent_from_behind_the_head() {
    let server = Server { due: vec![0; 4], limit: Some(1), closed: 1, unreadable: Some(2), ..Server::default() };
    let world = World::new(server, Queues::default());
    world.tick(1, EXTRA).await;
    let sent: Vec<ScheduledRun> = world.sent().iter().map(|(_, it)| ScheduledRun::parse(&it.body).unwrap()).collect();
    let unreadable = sent.iter().find(|message| message.flow_run_id == FlowRunId::from_u128(102)).unwrap();
    assert_eq!((unreadable.state_id, unreadable.expected_start_time), (StateId::from_u128(9), at(-1)));
    world.tick(2, EXTRA).await;
    assert_eq!(world.sent(), [], "it is sent once");
}

#[tokio::test]
async fn runs_that_nobody_can_claim_let_others_start() {
    let world = World::new(Server { due: vec![0; 201], ..Server::default() }, Queues::default());
    let last = FlowRunId::from_u128(300);
    let mut found = None;
    for poll in 0..30 {
        world.tick(poll * 20, EXTRA).await;
        let sent = world.sent();
        if sent.iter().any(|(_, it)| ScheduledRun::parse(&it.body).unwrap().flow_run_id == last) {
            found = Some(poll * 20);
            break;
        }
    }
    assert!(found.is_some_and(|second| second <= 300), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn a_page_that_fails_is_asked_for_by_halves_and_its_size_is_remembered() {
    let world = World::new(Server { due: vec![0; 150], most: Some(40), ..Server::default() }, Queues::default());
    world.tick(0, EXTRA).await;
    assert_eq!(world.sent().len(), 25);
    let limits = |world: &World| -> Vec<u64> {
        let requests = world.server.requests.lock().unwrap();
        let polls = requests.iter().filter(|(path, _)| path.contains("get_scheduled"));
        polls.map(|(_, body)| body["limit"].as_u64().unwrap()).collect()
    };
    assert_eq!(limits(&world), [200, 200, 100, 100, 50, 50, 25]);
    world.tick(1, EXTRA).await;
    assert_eq!(limits(&world)[7..], [50, 50, 25], "it may have got smaller");
    assert_eq!(world.queues.ticks.lock().unwrap().len(), 1, "the rest is asked for soon");
}
