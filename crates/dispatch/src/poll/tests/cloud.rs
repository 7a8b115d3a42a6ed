//! Prefect Cloud, which submits the runs of push pools itself.

use super::*;

/// Polls a pool of Prefect Cloud once: what failed, and the server with what it was asked.
async fn polled_on_cloud(server: Server, options: Options) -> (Vec<String>, World) {
    let world = World::new(server, Queues::default());
    let sink = Arc::new(Failures::default());
    let client = Client::new(Wire(Arc::clone(&world.server)), Patience::FUNCTION);
    let options = Options { cloud: true, ..options };
    let poller = Poller::new(client, Arc::clone(&world.queues), options, Arc::clone(&sink) as _, Arc::new(|| at(0)));
    poller.poll(&None, &HashSet::new(), Chain::of(&[]), &Progress::default()).await;
    let only = Some(HashSet::from(["p".to_owned()]));
    poller.poll(&only, &HashSet::new(), Chain::of(&[]), &Progress::default()).await;
    let failures = std::mem::take(&mut *sink.0.lock().unwrap());
    (failures, world)
}

#[tokio::test]
async fn prefect_clouds_push_pools_are_refused_named_or_not() {
    let named = Options { push_pools: false, named_pools: vec!["p".to_owned()], ..Options::default() };
    for options in [Options::default(), named] {
        let (failures, world) = polled_on_cloud(Server { due: vec![-5], ..Server::default() }, options).await;
        assert_eq!(failures.len(), 2, "the tick's and the ring's poll: {failures:?}");
        assert!(
            failures.iter().all(|it| it.contains("Prefect Cloud") && it.contains("PUSHPOOL_POOLS")),
            "{failures:?}"
        );
        assert!(world.sent().is_empty());
        assert_eq!((world.server.count("heartbeat"), world.server.count("scheduled")), (0, 0));
    }
}

#[tokio::test]
async fn a_named_pool_of_type_ecs_is_served_on_prefect_cloud() {
    let options = Options { push_pools: false, named_pools: vec!["p".to_owned()], ..Options::default() };
    let server = Server { pool_type: Some("ecs"), due: vec![-5], ..Server::default() };
    let (failures, world) = polled_on_cloud(server, options).await;
    assert_eq!((failures.len(), world.sent().len()), (0, 1), "{failures:?}");
}
