//! Pools and queues with a concurrency limit.

use super::*;

#[tokio::test]
async fn a_limited_pool_is_asked_for_due_runs_and_polled_when_the_next_is_due() {
    let world = World::new(Server { due: vec![0, 7, 8, 9], limit: Some(3), ..Server::default() }, Queues::default());
    for second in [0, 1, 2] {
        world.tick(second, EXTRA).await;
    }
    let ticks = world.queues.ticks.lock().unwrap().clone();
    let ring = PollMessage::Ring(Ring { work_pool: Some("p".into()), ..Ring::default() });
    assert_eq!(ticks, [(ring, 1, Duration::from_secs(7))], "polls must not multiply");
    let sent = world.sent();
    assert!(sent.iter().all(|(queue, _)| *queue == RunQueue::Fifo), "{sent:?}");
    assert_eq!(sent.len(), 1, "its message is on its way");
    let first = sent[0].1.deduplication_id.clone();

    let freed = PollMessage::Ring(Ring::about_a_slot(Some("p".into()))).body();
    world.tick(6, &freed).await;
    let sent = world.sent();
    assert_eq!(sent.len(), 1, "what found no slot is sent again as soon as there may be one");
    assert_ne!(sent[0].1.deduplication_id, first, "SQS must not take it for the same message within five minutes");
    world.tick(67, EXTRA).await;
    assert_eq!(world.sent().len(), 3, "and at the latest a minute after its message was handled");
}

#[tokio::test]
async fn the_fifo_queue_holds_what_can_start_and_no_more_while_nobody_receives() {
    let server = Server { due: vec![0; 100], limit: Some(41), ..Server::default() };
    let world = World::new(server, Queues { idle: true, ..Queues::default() });
    for poll in 0..45 {
        world.tick(poll * 20, EXTRA).await;
    }
    assert_eq!(world.queues.waiting.load(Ordering::Relaxed), 41, "a quarter of an hour");
}

#[tokio::test]
async fn queues_beyond_the_first_page_are_asked_for_and_limited() {
    let queue = |number: u128| {
        let limit = (number == 240).then_some(1);
        json!({"id": Uuid::from_u128(number), "name": format!("q{number}"), "concurrency_limit": limit})
    };
    let queues = (0..250).map(queue).collect();
    let world = World::new(Server { due: vec![0], queues, ..Server::default() }, Queues::default());
    world.tick(0, EXTRA).await;
    let requests = world.server.requests.lock().unwrap();
    let asked: Vec<&Value> = requests
        .iter()
        .filter(|(path, _)| path.ends_with("get_scheduled_flow_runs"))
        .map(|(_, body)| &body["work_queue_names"])
        .collect();
    assert_eq!(asked[..2], [&json!(["q240"]), &json!(["q240"])]);
    assert_eq!(asked[2].as_array().unwrap().len(), 249);
}

#[tokio::test]
async fn limited_queues_of_an_unlimited_pool_go_their_own_way() {
    let queue = |name: &str, limit: Option<u32>| json!({"id": Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()), "name": name, "concurrency_limit": limit});
    let queues = vec![queue("default", None), queue("narrow", Some(1))];
    let world = World::new(Server { due: vec![0], queues, ..Server::default() }, Queues::default());
    world.tick(0, EXTRA).await;
    let requests = world.server.requests.lock().unwrap();
    let asked: Vec<&Value> = requests
        .iter()
        .filter(|(path, _)| path.ends_with("get_scheduled_flow_runs"))
        .map(|(_, body)| &body["work_queue_names"])
        .collect();
    assert_eq!(asked, [&json!(["narrow"]), &json!(["narrow"]), &json!(["default"])]);
}
