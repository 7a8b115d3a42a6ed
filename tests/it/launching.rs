//! The launch protocol over the real SDK and a real socket: the dispatcher in process, AWS on loopback with faults.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws::{ScheduleSettings, StandaloneDispatcher, StandaloneSettings};
use dispatch::{
    dispatcher::Policy,
    outcome::{Event, Outcome},
    ports::Sink,
    sqs_event,
};
use local::{
    AwsError, Config, Fault, Local, Rule, Service,
    ecs::{Lag, Runner},
};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

const ACCOUNT: &str = "000000000000";

/// Notes how each message ended.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Sink for Notes {
    fn emit(&self, event: &Event<'_>) {
        let Event::Message(outcome) = event else { return };
        let note = match outcome {
            Outcome::Launched { launched, .. } if launched.adopted => "adopted".to_owned(),
            Outcome::Launched { .. } => "launched".to_owned(),
            Outcome::HandedBack { reason, .. } => format!("handed back {}", reason.code),
            Outcome::Crashed { reason, .. } => format!("crashed {}", reason.code),
            Outcome::Malformed { reason, .. } => format!("malformed {}", reason.code),
            Outcome::NotOurs { .. } => "not ours".to_owned(),
            Outcome::Deferred { .. } => "deferred".to_owned(),
            Outcome::Returned { reason, .. } => format!("returned {}", reason.code),
        };
        self.0.lock().unwrap().push(note);
    }
}

struct World {
    local: Local,
    notes: Arc<Notes>,
    pools: tempfile::TempDir,
}

impl World {
    async fn start() -> Self {
        let mut config = Config::default();
        config.ecs.runner = Runner::Instant { exit_code: 0 };
        let local = Local::start(config).await.unwrap();
        for queue in ["runs", "dlq"] {
            local.sqs().create_queue(queue, json!({})).await.unwrap();
        }
        local.scheduler().create_group("pushpool");
        let pools = tempfile::tempdir().unwrap();
        let world = Self { local, notes: Arc::default(), pools };
        world.write_pool(&json!({}));
        world
    }

    fn write_pool(&self, template: &Value) {
        let pool = json!({"name": "p", "base_job_template": template});
        std::fs::write(self.pools.path().join("p.json"), pool.to_string()).unwrap();
    }

    /// A dispatcher as a fresh execution environment has it: nothing is remembered.
    async fn dispatcher(&self) -> Arc<StandaloneDispatcher> {
        let config = aws::loopback_config(&self.local.endpoint(), "us-east-1").await;
        let settings = StandaloneSettings {
            run_queue_url: format!("{}/{ACCOUNT}/runs", self.local.endpoint()),
            schedules: ScheduleSettings {
                group: "pushpool".to_owned(),
                role_arn: format!("arn:aws:iam::{ACCOUNT}:role/schedules"),
                run_queue_arn: format!("arn:aws:sqs:us-east-1:{ACCOUNT}:runs"),
            },
            dead_letter_queue_url: format!("{}/{ACCOUNT}/dlq", self.local.endpoint()),
            pools: self.pools.path().to_string_lossy().into_owned(),
            event_bus: None,
            run_task_rate: 0.0,
            policy: Policy {
                requests: ecs::Settings {
                    region: "us-east-1".into(),
                    subnets: vec!["subnet-1".into()],
                    ..ecs::Settings::default()
                },
                capacity_timeout: Duration::from_secs(u64::from(u32::MAX)),
                hand_back_delay: Duration::from_secs(10),
            },
        };
        let sink: Arc<dyn Sink> = Arc::clone(&self.notes) as _;
        Arc::new(aws::standalone_dispatcher(&config, settings, sink).unwrap())
    }

    fn notes(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes.0.lock().unwrap())
    }

    fn calls(&self, operation: &str) -> u64 {
        self.local.calls().get(&format!("ecs:{operation}")).copied().unwrap_or(0)
    }

    fn handed_back(&self) -> Vec<Value> {
        let schedules = self.local.scheduler().waiting();
        schedules.iter().map(|(_, _, body)| serde_json::from_str(body).unwrap()).collect()
    }
}

fn message(run: u32, variables: Value) -> Value {
    let id = |what: &str| Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{what} {run}").as_bytes());
    json!({
        "version": 1,
        "flow_run_id": id("run"),
        "state_id": id("state"),
        "expected_start_time": "2026-01-01T00:00:00Z",
        "work_pool": "p",
        "run": {"flow": {"name": "f"}, "deployment": {"name": "d", "job_variables": variables}},
    })
}

fn event(messages: &[Value], receive_count: u32) -> Value {
    let records: Vec<Value> = messages
        .iter()
        .map(|message| {
            json!({
                "messageId": message["state_id"],
                "receiptHandle": "unknown",
                "body": message.to_string(),
                "attributes": {"ApproximateReceiveCount": receive_count.to_string()},
            })
        })
        .collect();
    json!({"Records": records})
}

async fn deliver(dispatcher: &Arc<StandaloneDispatcher>, messages: &[Value], receive_count: u32) -> usize {
    let records = sqs_event::records(event(messages, receive_count)).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    dispatcher.handle(records, deadline).await.batch_item_failures.len()
}

#[tokio::test]
async fn a_lost_answer_keeps_the_token_and_the_redelivery_adopts() {
    let world = World::start().await;
    world.local.faults().add(Rule::new(Service::Ecs, "RunTask", Fault::LostAnswer).times(2));
    let messages = [message(1, json!({}))];
    assert_eq!(deliver(&world.dispatcher().await, &messages, 1).await, 1, "unknown: the message stays");
    assert_eq!(deliver(&world.dispatcher().await, &messages, 2).await, 0);
    assert_eq!(world.local.ecs().tasks().len(), 1);
    assert_eq!(world.notes().len(), 2);
}

#[tokio::test]
async fn a_template_that_changed_between_deliveries_is_adopted_too() {
    let world = World::start().await;
    world.local.faults().add(Rule::new(Service::Ecs, "RunTask", Fault::LostAnswer).times(2));
    assert_eq!(deliver(&world.dispatcher().await, &[message(1, json!({"cpu": 256, "memory": 512}))], 1).await, 1);
    assert_eq!(deliver(&world.dispatcher().await, &[message(1, json!({"cpu": 512, "memory": 1024}))], 2).await, 0);
    assert_eq!(world.local.ecs().tasks().len(), 1, "ConflictException names the task that runs");
    assert_eq!(world.notes()[1], "adopted");
}

#[tokio::test]
async fn a_throttle_after_a_lost_answer_does_not_start_a_second_task() {
    let world = World::start().await;
    let messages = [message(1, json!({}))];
    world.local.faults().add(Rule::new(Service::Ecs, "RunTask", Fault::LostAnswer).times(2));
    assert_eq!(deliver(&world.dispatcher().await, &messages, 1).await, 1);
    let throttle = Fault::reported("EC2 throttled the look-up of a security group").unwrap();
    world.local.faults().add(Rule::new(Service::Ecs, "RunTask", throttle).once());
    assert_eq!(deliver(&world.dispatcher().await, &messages, 2).await, 0);
    assert_eq!(world.notes()[1], "adopted");
    assert_eq!((world.local.ecs().tasks().len(), world.handed_back().len()), (1, 0));
}

#[tokio::test]
async fn what_aws_refuses_for_now_is_handed_back_as_a_new_attempt() {
    for situation in [
        "throttled by name",
        "EC2 throttled the look-up of a security group",
        "EC2 throttled the look-up of a subnet",
        "EC2 throttled, as ECS worded it until 2020",
        "EC2 failed while ECS looked up a security group",
        "the service-linked role is not there yet",
        "Fargate vCPU quota in failures",
        "no memory on the instances",
        "agent of the instance is away",
        "no Fargate capacity in failures",
        "no instances in the cluster",
    ] {
        let fault = Fault::reported(situation).expect(situation);
        let world = World::start().await;
        world.local.faults().add(Rule::new(Service::Ecs, "RunTask", fault.clone()).once());
        let sent = message(1, json!({}));
        assert_eq!(deliver(&world.dispatcher().await, std::slice::from_ref(&sent), 1).await, 0, "{fault:?}");
        let mut back = world.handed_back();
        assert_eq!(back.len(), 1, "{fault:?}: {:?}", world.notes());
        assert_eq!(back[0]["flow_run_id"], sent["flow_run_id"]);
        assert_ne!(back[0]["state_id"], sent["state_id"]);
        assert!(world.local.ecs().tasks().is_empty());
        // Once it is due, the new attempt has a token of its own and runs.
        back[0]["expected_start_time"] = json!("2026-01-01T00:00:00Z");
        assert_eq!(deliver(&world.dispatcher().await, &back, 1).await, 0);
        assert_eq!(world.local.ecs().tasks().len(), 1);
    }
}

#[tokio::test]
async fn what_aws_refuses_for_good_crashes_with_a_code_in_the_dead_letter_queue() {
    let world = World::start().await;
    let dispatcher = world.dispatcher().await;
    assert_eq!(deliver(&dispatcher, &[message(1, json!({"cluster": "nowhere"}))], 1).await, 0);
    assert_eq!(deliver(&dispatcher, &[message(2, json!({"cpu": 256, "memory": 8192}))], 1).await, 0);
    let notes = world.notes();
    assert!(notes.iter().all(|note| note.starts_with("crashed PP0")), "{notes:?}");
    assert_eq!(world.local.sqs().bodies("dlq").unwrap().len(), 2);
    let received = world.local.sqs().call(
        "ReceiveMessage",
        json!({"QueueUrl": format!("{}/{ACCOUNT}/dlq", world.local.endpoint()), "MessageAttributeNames": ["All"]}),
    );
    let attributes = received.await.unwrap()["Messages"][0]["MessageAttributes"].clone();
    assert!(attributes["ErrorCode"]["StringValue"].as_str().unwrap().starts_with("PP0"), "{attributes}");
}

#[tokio::test]
async fn a_definition_that_somebody_deregistered_is_registered_again() {
    let world = World::start().await;
    let dispatcher = world.dispatcher().await;
    assert_eq!(deliver(&dispatcher, &[message(1, json!({}))], 1).await, 0);
    let listed = world.local.ecs().call("ListTaskDefinitions", json!({})).await.unwrap();
    let arn = listed["taskDefinitionArns"][0].clone();
    world.local.ecs().call("DeregisterTaskDefinition", json!({"taskDefinition": arn})).await.unwrap();
    assert_eq!(deliver(&dispatcher, &[message(2, json!({}))], 1).await, 0);
    assert_eq!(world.notes(), ["launched", "launched"]);
    assert_eq!(world.calls("RegisterTaskDefinition"), 2);
}

/// A stranger who may register task definitions, and pass no role, registers a revision of every family.
async fn plant(world: &World) {
    let families = world.local.ecs().call("ListTaskDefinitionFamilies", json!({})).await.unwrap();
    for family in families["families"].as_array().unwrap() {
        let planted = json!({"family": family, "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc",
            "cpu": "256", "memory": "512", "containerDefinitions": [{"name": "prefect", "image": "planted"}]});
        world.local.ecs().call("RegisterTaskDefinition", planted).await.unwrap();
    }
}

/// Image, revision, and roles of each task there was, in the order of their revisions.
async fn ran(world: &World) -> Vec<(String, String, Value, Value)> {
    let listed = world.local.ecs().call("ListTasks", json!({"desiredStatus": "STOPPED"})).await.unwrap();
    let described = world.local.ecs().call("DescribeTasks", json!({"tasks": listed["taskArns"]})).await.unwrap();
    let mut ran = Vec::new();
    for task in described["tasks"].as_array().unwrap() {
        let arn = &task["taskDefinitionArn"];
        let definition = json!({"taskDefinition": arn});
        let definition = world.local.ecs().call("DescribeTaskDefinition", definition).await.unwrap();
        ran.push((
            task["containers"][0]["image"].as_str().unwrap().to_owned(),
            arn.as_str().unwrap().rsplit(':').next().unwrap().to_owned(),
            definition["taskDefinition"]["taskRoleArn"].clone(),
            task["overrides"]["taskRoleArn"].clone(),
        ));
    }
    ran.sort_by(|one, other| one.1.cmp(&other.1));
    ran
}

#[tokio::test]
async fn a_revision_that_a_stranger_registers_never_runs_and_has_no_role() {
    let world = World::start().await;
    let role = "arn:aws:iam::123456789012:role/etl";
    let launch = async |dispatcher: &Arc<StandaloneDispatcher>, run: u32| {
        let variables = json!({"image": "flows:1", "task_role_arn": role});
        assert_eq!(deliver(dispatcher, &[message(run, variables)], 1).await, 0);
    };
    let first = world.dispatcher().await;
    launch(&first, 1).await;
    launch(&world.dispatcher().await, 5).await;
    plant(&world).await;
    launch(&first, 2).await;
    let second = world.dispatcher().await;
    launch(&second, 3).await;
    plant(&world).await;
    launch(&second, 4).await;
    let of = |revision: &str| ("flows:1".to_owned(), revision.to_owned(), json!(role), Value::Null);
    assert_eq!(ran(&world).await, [of("1"), of("1"), of("1"), of("3"), of("3")]);
    let calls = ["DescribeTaskDefinition", "RegisterTaskDefinition", "RunTask"].map(|call| world.calls(call));
    assert_eq!(calls, [3, 2, 5], "one look for each process, and a registration more where a stranger was");
    let planted = world.local.ecs().call("ListTaskDefinitions", json!({"sort": "DESC"})).await.unwrap();
    let planted = json!({"taskDefinition": planted["taskDefinitionArns"][0]});
    let planted = world.local.ecs().call("DescribeTaskDefinition", planted).await.unwrap();
    assert_eq!(
        planted["taskDefinition"]["containerDefinitions"][0]["image"], "planted",
        "the newest one is a stranger's"
    );
}

#[tokio::test]
async fn an_attempt_of_two_revisions_is_one_task() {
    let world = World::start().await;
    world.local.faults().add(Rule::new(Service::Ecs, "RunTask", Fault::LostAnswer).times(2));
    let messages = [message(1, json!({}))];
    assert_eq!(deliver(&world.dispatcher().await, &messages, 1).await, 1, "unknown: the message stays");
    plant(&world).await;
    assert_eq!(deliver(&world.dispatcher().await, &messages, 2).await, 0);
    assert_eq!(world.notes()[1], "adopted", "ConflictException names the task of the other revision");
    assert_eq!(ran(&world).await.len(), 1);
}

#[tokio::test]
async fn a_revision_that_is_deregistered_is_not_replaced_by_a_strangers() {
    let world = World::start().await;
    let dispatcher = world.dispatcher().await;
    assert_eq!(deliver(&dispatcher, &[message(1, json!({}))], 1).await, 0);
    plant(&world).await;
    let listed = world.local.ecs().call("ListTaskDefinitions", json!({})).await.unwrap();
    let ours = json!({"taskDefinition": listed["taskDefinitionArns"][0]});
    world.local.ecs().call("DeregisterTaskDefinition", ours).await.unwrap();
    assert_eq!(deliver(&dispatcher, &[message(2, json!({}))], 1).await, 0);
    let revisions: Vec<String> = ran(&world).await.into_iter().map(|(_, revision, _, _)| revision).collect();
    assert_eq!(revisions, ["1", "3"]);
}

#[tokio::test]
async fn a_stopped_task_is_found_although_lists_by_started_by_show_none() {
    let world = World::start().await;
    for changed in [json!({}), json!({"cpu": 256, "memory": 512})] {
        world.local.faults().add(Rule::new(Service::Ecs, "RunTask", Fault::LostAnswer).times(2));
        let run = if changed == json!({}) { 1 } else { 2 };
        assert_eq!(deliver(&world.dispatcher().await, &[message(run, json!({}))], 1).await, 1);
        let before = (world.calls("ListTasks"), world.calls("DescribeTasks"));
        let throttle = Fault::Throttle { code: "ThrottlingException".into(), message: "Rate exceeded".into() };
        world.local.faults().add(Rule::new(Service::Ecs, "RunTask", throttle).once());
        // The second time the deployment was edited in between, so its family is another one.
        assert_eq!(deliver(&world.dispatcher().await, &[message(run, changed)], 2).await, 0);
        assert_eq!(world.notes()[1], "adopted");
        let calls = (world.calls("ListTasks") - before.0, world.calls("DescribeTasks") - before.1);
        assert_eq!(calls, if run == 1 { (2, 1) } else { (3, 1) }, "no more than have tasks to show");
    }
    assert_eq!(world.local.ecs().tasks().len(), 2);
}

#[tokio::test]
async fn the_doctor_tries_the_lists_that_functions_ask_for() {
    let world = World::start().await;
    let config = aws::loopback_config(&world.local.endpoint(), "us-east-1").await;
    let tasks = manage::account::Tasks::new(&config);
    assert_eq!(tasks.try_lists(&"default".into()).await, Ok(None), "an ECS that is strict about startedBy");
    assert_eq!(world.calls("ListTasks"), 4);
    let refusal = local::wire::AwsError::new("InvalidParameterException", "not together");
    let refused = Rule::new(Service::Ecs, "ListTasks", Fault::Error(refusal));
    world.local.faults().add(refused.once());
    let words = tasks.try_lists(&"default".into()).await.unwrap();
    assert!(words.as_ref().is_some_and(|words| words.contains("not together")), "{words:?}");
    let denial = local::wire::AwsError::new("AccessDeniedException", "not for you");
    world.local.faults().add(Rule::new(Service::Ecs, "ListTasks", Fault::Error(denial)).once());
    assert!(tasks.try_lists(&"default".into()).await.is_err(), "who may not ask knows nothing");
}

#[tokio::test]
async fn definitions_are_registered_once_each_and_every_run_costs_one_call() {
    let world = World::start().await;
    let dispatcher = world.dispatcher().await;
    for batch in 0..100 {
        let variables = json!({"env": {"BATCH": batch.to_string()}});
        let messages: Vec<Value> = (0..10).map(|i| message(batch * 10 + i, variables.clone())).collect();
        assert_eq!(deliver(&dispatcher, &messages, 1).await, 0);
    }
    let calls: BTreeMap<String, u64> = world.local.calls();
    let expected = [("ecs:DescribeTaskDefinition", 100), ("ecs:RegisterTaskDefinition", 100), ("ecs:RunTask", 1_000)];
    assert_eq!(calls, expected.map(|(call, count)| (call.to_owned(), count)).into());
    assert_eq!(world.local.ecs().tasks().len(), 1_000);
}

#[tokio::test]
async fn fifty_cold_dispatchers_at_once_lose_no_run_to_one_new_definition() {
    let world = World::start().await;
    let mut dispatchers = Vec::new();
    for _ in 0..50 {
        dispatchers.push(world.dispatcher().await);
    }
    let busy = Fault::Throttle {
        code: "ClientException".into(),
        message: "Too many concurrent attempts to create a new revision of the specified family.".into(),
    };
    world.local.faults().add(Rule::new(Service::Ecs, "RegisterTaskDefinition", busy).skip(1).times(5));
    let deliveries = dispatchers.iter().zip(0..).map(|(dispatcher, run)| {
        let dispatcher = Arc::clone(dispatcher);
        tokio::spawn(async move { deliver(&dispatcher, &[message(run, json!({}))], 1).await })
    });
    for delivery in deliveries.collect::<Vec<_>>() {
        assert_eq!(delivery.await.unwrap(), 0);
    }
    assert_eq!(world.local.ecs().tasks().len(), 50, "{:?}", world.notes());
    let listed = world.local.ecs().call("ListTaskDefinitionFamilies", json!({})).await.unwrap();
    assert_eq!(listed["families"].as_array().unwrap().len(), 1);
}

fn outage() -> local::wire::AwsError {
    local::wire::AwsError::new("ServerException", "Service Unavailable. Please try again later.").with_status(500)
}

#[tokio::test]
async fn a_bad_network_and_a_slow_answer_are_unknown_outcomes() {
    let world = World::start().await;
    let dispatcher = world.dispatcher().await;
    for (fault, times) in [(Fault::FailBefore, 2), (Fault::Error(outage()), 1)] {
        world.local.faults().add(Rule::new(Service::Ecs, "RunTask", fault).times(times));
        assert_eq!(deliver(&dispatcher, &[message(1, json!({}))], 1).await, 1);
    }
    assert!(world.local.ecs().tasks().is_empty() && world.handed_back().is_empty());
    assert_eq!(deliver(&dispatcher, &[message(1, json!({}))], 2).await, 0);
    assert_eq!(world.local.ecs().tasks().len(), 1);
}

#[tokio::test]
async fn the_same_message_ten_times_at_once_is_one_task() {
    let world = World::start().await;
    let mut deliveries = Vec::new();
    for count in 1..=10 {
        let dispatcher = world.dispatcher().await;
        deliveries.push(tokio::spawn(async move { deliver(&dispatcher, &[message(1, json!({}))], count).await }));
    }
    for delivery in deliveries {
        assert_eq!(delivery.await.unwrap(), 0);
    }
    assert_eq!(world.local.ecs().tasks().len(), 1);
    assert_eq!(world.notes().len(), 10);
}

#[tokio::test]
async fn a_hand_back_is_scheduled_once_however_often_it_is_asked_for_and_its_message_begins_a_new_chain() {
    let world = World::start().await;
    let throttle = || Fault::Throttle { code: "ThrottlingException".into(), message: "Rate exceeded".into() };
    world.local.faults().add(Rule::new(Service::Ecs, "RunTask", throttle()).times(2));
    let lost = world.local.faults().add(Rule::new(Service::Scheduler, "CreateSchedule", Fault::LostAnswer).once());
    for _ in 0..2 {
        assert_eq!(deliver(&world.dispatcher().await, &[message(1, json!({}))], 1).await, 0, "{:?}", world.notes());
    }
    assert_eq!((world.local.faults().fired(lost), world.handed_back().len()), (1, 1));
    let refused = AwsError::new("AccessDeniedException", "User is not authorized to perform: scheduler:CreateSchedule");
    world.local.faults().add(Rule::new(Service::Ecs, "RunTask", throttle()).once());
    world.local.faults().add(Rule::new(Service::Scheduler, "CreateSchedule", Fault::Error(refused)).once());
    assert_eq!(deliver(&world.dispatcher().await, &[message(2, json!({}))], 1).await, 1);
    assert_eq!(world.notes().last().unwrap(), "returned PP0412");
    while world.local.sqs().bodies("runs").unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let received = json!({"QueueUrl": "runs", "AttributeNames": ["All"]});
    let received = world.local.sqs().call("ReceiveMessage", received).await.unwrap();
    assert_eq!(received["Messages"][0]["Attributes"]["AWSTraceHeader"], Value::Null);
}

/// Lambda freezes a function between invocations, and ECS closes its connections meanwhile.
#[tokio::test]
async fn a_connection_that_was_closed_costs_one_more_request_with_the_same_token() {
    for fault in [Fault::FailBefore, Fault::LostAnswer] {
        let world = World::start().await;
        world.local.faults().add(Rule::new(Service::Ecs, "RunTask", fault.clone()).once());
        assert_eq!(deliver(&world.dispatcher().await, &[message(1, json!({}))], 1).await, 0, "{fault:?}");
        assert_eq!((world.local.ecs().tasks().len(), world.calls("RunTask")), (1, 2), "{fault:?}");
    }
}

/// ECS may know a revision some seconds after it has answered that it is registered.
#[tokio::test]
async fn a_definition_that_ecs_does_not_know_yet_is_waited_for() {
    let world = World::start().await;
    world.local.ecs().set_lag(Lag { tasks: 0, definitions: 3_000 });
    assert_eq!(deliver(&world.dispatcher().await, &[message(1, json!({}))], 1).await, 0);
    assert_eq!(world.notes(), ["launched"]);
    // Longer than anybody has seen: the run is not crashed for it.
    world.local.ecs().set_lag(Lag { tasks: 0, definitions: 3_600_000 });
    assert_eq!(deliver(&world.dispatcher().await, &[message(2, json!({"cpu": 512, "memory": 1024}))], 1).await, 1);
    assert_eq!(world.notes(), ["returned PP0320"]);
}

/// A refusal of the repetition says nothing about the request whose answer was lost.
#[tokio::test]
async fn a_repetition_that_is_refused_proves_nothing() {
    let world = World::start().await;
    world.local.faults().add(Rule::new(Service::Ecs, "RunTask", Fault::LostAnswer).once());
    let throttle = Fault::Throttle { code: "ThrottlingException".into(), message: "Rate exceeded".into() };
    world.local.faults().add(Rule::new(Service::Ecs, "RunTask", throttle).once());
    assert_eq!(deliver(&world.dispatcher().await, &[message(1, json!({}))], 1).await, 1);
    assert_eq!((world.local.ecs().tasks().len(), world.handed_back().len()), (1, 0), "{:?}", world.notes());
}
