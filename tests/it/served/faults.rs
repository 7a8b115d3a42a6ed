//! A server that fails now and then, and one that goes away for a while.

use hyper::Method;
use pushpool_tests::rig::{
    prefect::{Fault, Options, Proxy, Rule},
    served::Setup,
};
use serde_json::json;

use super::{PATIENCE, World};

/// Light containers: it is their number that matters. What fails is between the server and the functions.
#[tokio::test]
async fn nothing_is_lost_and_nothing_runs_twice_while_the_server_fails_in_bursts_and_is_restarted() {
    let mut server = Options::default().start().await;
    let proxy = Proxy::start(server.address()).await;
    let setup = Setup {
        api_urls: ["poller", "dispatcher", "observer"].map(|name| (name, proxy.url())).to_vec(),
        functions: &["poller", "dispatcher", "observer"],
        ..Setup::default()
    };
    for rule in [
        Rule::new(Fault::LostAnswer).method(Method::POST).path("/set_state").after(2).times(4),
        Rule::new(Fault::LostAnswer).method(Method::PATCH).after(3).times(3),
        Rule::new(Fault::LostAnswer).path("/flow_runs/filter").after(2).times(1),
        Rule::new(Fault::LostRequest).path("/set_state").after(10).times(3),
        Rule::new(Fault::Unavailable { retry_after: None }).after(10).times(15),
        Rule::new(Fault::Unavailable { retry_after: Some(1) }).after(60).times(25),
        Rule::new(Fault::Unavailable { retry_after: None }).path("/flow_runs/").after(40).times(25),
    ] {
        proxy.inject(rule);
    }
    let world = World::on(&server, "ecs:push", setup, json!({})).await;
    let deployment = world.deploy(world.light(0.2)).await;
    let mut runs = world.due(&deployment, 25).await;
    while world.served.tasks().len() < 10 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    server.restart().await;
    runs.extend(world.due(&deployment, 15).await);
    world.all_complete(&runs).await;
    world.served.drained(&["run"], PATIENCE).await;
    world.assert_one_task_each(&runs);
    assert_eq!(world.order().len(), runs.len(), "each flow began once");
    world.served.stop().await;
}
