//! Functions take part in Lambda's recursive loop detection: the runtime tells the SDK of the trace header, and the SDK sends it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use local::{
    Config, Local,
    lambda::{Bootstrap, EventSourceMapping, Function, LONGEST_CHAIN, Mapping, RuntimeApi},
};
use pushpool_tests::rig::binaries::binary;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

struct World {
    local: Local,
    function: Arc<RuntimeApi>,
}

impl World {
    /// The poller, with a server that cannot be reached: it sends further ticks all the same.
    async fn start() -> Self {
        let path = tokio::task::spawn_blocking(|| binary("poller")).await.unwrap();
        let local = Local::start(Config::default()).await.unwrap();
        let url = local.sqs().create_queue("poll", json!({"VisibilityTimeout": "60"})).await.unwrap();
        let mut bootstrap = Bootstrap::new("poller", path);
        bootstrap.endpoint_url = Some(local.endpoint());
        bootstrap.environment = BTreeMap::from(
            [
                ("PREFECT_API_URL", "http://127.0.0.1:9/api"),
                ("PUSHPOOL_POLL_QUEUE_URL", &url),
                ("PUSHPOOL_RUN_QUEUE_URL", &url),
                ("PUSHPOOL_RUN_FIFO_QUEUE_URL", &url),
                ("PUSHPOOL_EVENTS_QUEUE_URL", &url),
                ("PUSHPOOL_POLL_INTERVAL", "2"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let function = Arc::new(RuntimeApi::start(bootstrap).await.unwrap());
        Self { local, function }
    }

    /// Sends the schedule's tick as a message of that lineage, and lets one batch of the queue be handled.
    async fn tick(&self, lineage: u32) -> (u64, u64) {
        let header = format!("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0;Lineage=a1b2c3d4:{lineage}");
        let attributes = json!({"AWSTraceHeader": {"DataType": "String", "StringValue": header}});
        let input = json!({"QueueUrl": "poll", "MessageBody": r#"{"version":1,"tick":"minute"}"#, "MessageSystemAttributes": attributes});
        self.local.sqs().call("SendMessage", input).await.unwrap();
        let function = Arc::<RuntimeApi>::clone(&self.function) as Arc<dyn Function>;
        let mapping = Mapping { maximum_concurrency: 1, ..Mapping::new("poll") };
        let mapping = EventSourceMapping::start(self.local.sqs().clone(), function, mapping).await.unwrap();
        let started = std::time::Instant::now();
        let counts = loop {
            let counts = mapping.counts();
            if counts.invocations + counts.recursive_invocations_dropped > 0 {
                break counts;
            }
            assert!(started.elapsed() < PATIENCE, "nothing is invoked");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        mapping.stop().await;
        (counts.invocations, counts.recursive_invocations_dropped)
    }

    /// Lineages of the messages that become visible.
    async fn received(&self) -> Vec<String> {
        let input =
            json!({"QueueUrl": "poll", "MaxNumberOfMessages": 10, "WaitTimeSeconds": 20, "AttributeNames": ["All"]});
        let answer = self.local.sqs().call("ReceiveMessage", input).await.unwrap();
        let messages: &[Value] = answer["Messages"].as_array().map_or(&[], Vec::as_slice);
        let header = |message: &Value| message["Attributes"]["AWSTraceHeader"].as_str().unwrap_or("none").to_owned();
        messages.iter().map(header).map(|it| it.rsplit('=').next().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn a_functions_messages_go_on_with_the_chain_it_was_invoked_in() {
    let world = World::start().await;
    assert_eq!(world.tick(2).await, (1, 0));
    let lineages = world.received().await;
    assert!(!lineages.is_empty() && lineages.iter().all(|it| it == "a1b2c3d4:3"), "{lineages:?}");
    world.function.stop().await;
    world.local.stop().await;
}

#[tokio::test]
async fn the_seventeenth_invocation_of_a_chain_is_refused() {
    let world = World::start().await;
    assert_eq!(world.tick(LONGEST_CHAIN - 1).await, (0, 1));
    assert_eq!(world.local.calls().get("sqs:SendMessage"), None, "the function did not run");
    world.function.stop().await;
    world.local.stop().await;
}
