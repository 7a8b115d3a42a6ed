//! What depends on the settings of our loopback AWS, or on faults that it is told to have, as aws-sdk-rust sees it. The
//! emulators of others have nothing to compare it with.

use std::time::Duration;

use aws_sdk_ecs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::run_task::{RunTaskError, RunTaskOutput, builders::RunTaskFluentBuilder},
    types::{
        AwsVpcConfiguration, CapacityProviderStrategyItem, Compatibility, ContainerDefinition, DesiredStatus,
        LaunchType, LogConfiguration, LogDriver, NetworkConfiguration, NetworkMode, Task, TaskStopCode,
    },
};
use local::{
    Config, Fault, Local, Rule, Service,
    ecs::{Bucket, Dwell, Failure, Runner, StartFailure, TaskFault, TaskRule, Throttles},
};
use serde_json::Value;
use tokio::{
    sync::broadcast::Receiver,
    time::{Instant, sleep, timeout},
};

/// Longest wait for something that must come. No test passes or fails by how soon it comes.
const LONG: Duration = Duration::from_secs(60);

/// A local AWS with a Fargate definition `f`, whose tasks run a command.
struct World {
    local: Local,
    ecs: Client,
    _logs: tempfile::TempDir,
}

impl World {
    async fn start(mut config: Config, command: &[&str]) -> Self {
        let logs = tempfile::tempdir().unwrap();
        config.ecs.log_directory = Some(logs.path().to_owned());
        config.ecs.dwell = Dwell::ZERO;
        let local = Local::start(config).await.unwrap();
        let ecs = aws::ecs_client(&aws::loopback_config(&local.endpoint(), "us-east-1").await);
        let container = ContainerDefinition::builder()
            .name("main")
            .image("busybox")
            .stop_timeout(2)
            .set_command(Some(command.iter().map(|word| (*word).to_owned()).collect()))
            .build();
        ecs.register_task_definition()
            .family("f")
            .network_mode(NetworkMode::Awsvpc)
            .requires_compatibilities(Compatibility::Fargate)
            .cpu("256")
            .memory("512")
            .container_definitions(container)
            .send()
            .await
            .unwrap();
        local.reset_calls();
        Self { local, ecs, _logs: logs }
    }

    fn request(&self) -> RunTaskFluentBuilder {
        let vpc = AwsVpcConfiguration::builder().subnets("subnet-12345678").build().unwrap();
        let network = NetworkConfiguration::builder().awsvpc_configuration(vpc).build();
        self.ecs.run_task().task_definition("f").launch_type(LaunchType::Fargate).network_configuration(network)
    }

    async fn run(&self) -> String {
        let output = self.request().send().await.unwrap();
        output.tasks()[0].task_arn().unwrap().to_owned()
    }

    async fn task(&self, arn: &str) -> Task {
        let output = self.ecs.describe_tasks().tasks(arn).send().await.unwrap();
        output.tasks()[0].clone()
    }

    /// The task once it is in this status.
    async fn in_status(&self, arn: &str, status: &str) -> Task {
        let deadline = Instant::now() + LONG;
        loop {
            let task = self.task(arn).await;
            if task.last_status() == Some(status) {
                return task;
            }
            assert!(Instant::now() < deadline, "not {status}: {task:?}");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// An account in which nothing runs: tasks end when they start.
fn nothing_runs() -> Config {
    let mut config = Config::default();
    config.ecs.runner = Runner::Instant { exit_code: 0 };
    config
}

/// Code and message of the service's error.
fn refusal<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> (&str, &str) {
    let error = error.as_service_error().expect("an answer of the service");
    (error.code().unwrap(), error.message().unwrap())
}

/// A task started by a request that lost its answer: none for the caller, one in the account.
fn no_answer(result: Result<RunTaskOutput, SdkError<RunTaskError>>) -> bool {
    matches!(result, Err(SdkError::DispatchFailure(_) | SdkError::ResponseError(_) | SdkError::TimeoutError(_)))
}

/// ECS developer guide, "AWS Fargate throttling quotas": a bucket of 20 RunTask calls.
#[tokio::test]
async fn run_task_is_throttled_with_the_common_error() {
    let world = World::start(nothing_runs(), &["true"]).await;
    // Slow to refill, so that a slow machine asks faster than that all the same.
    let mut throttles = Throttles::default();
    throttles.operations.insert("RunTask".to_owned(), Bucket { burst: 20, rate: 1 });
    world.local.ecs().set_throttles(Some(throttles));
    let mut refused = Vec::new();
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..100 {
        asked.spawn(world.request().send());
    }
    for result in asked.join_all().await {
        if let Err(error) = result {
            let (code, message) = refusal(&error);
            refused.push((code.to_owned(), message.to_owned()));
        }
    }
    assert!(!refused.is_empty(), "none of 100 calls was throttled");
    assert!(refused.iter().all(|it| *it == ("ThrottlingException".to_owned(), "Rate exceeded".to_owned())));
    assert_eq!(world.local.ecs().tasks().len(), 100 - refused.len());
    world.local.stop().await;
}

/// ECS developer guide, "API failure reasons": a 200 with `failures` and without a task.
#[tokio::test]
async fn run_task_can_fail_within_a_success() {
    let world = World::start(nothing_runs(), &["true"]).await;
    let reason = "Capacity is unavailable at this time. Please try again later or in a different availability zone";
    let fault = TaskFault::RunTaskFailures(vec![Failure::new(reason)]);
    world.local.ecs().inject(TaskRule::next(fault).started_by("unlucky"));
    let lucky = world.request().started_by("lucky").send().await.unwrap();
    assert_eq!((lucky.tasks().len(), lucky.failures().len()), (1, 0));
    let unlucky = world.request().started_by("unlucky").send().await.unwrap();
    assert_eq!(unlucky.tasks().len(), 0);
    assert_eq!(unlucky.failures()[0].reason(), Some(reason));
    let again = world.request().started_by("unlucky").send().await.unwrap();
    assert_eq!(again.tasks().len(), 1);
    world.local.stop().await;
}

/// "AWS Fargate service quotas": on-demand and Spot vCPUs are counted apart.
#[tokio::test]
async fn the_vcpu_quota_is_a_failure_and_spot_has_its_own() {
    let world = World::start(Config::default(), &["sleep", "600"]).await;
    world.local.ecs().set_vcpu_quota(Some(1));
    let output = world.request().count(6).send().await.unwrap();
    assert_eq!((output.tasks().len(), output.failures().len()), (4, 2));
    assert!(output.failures()[0].reason().unwrap().contains("limit on the number of vCPUs"));
    let spot = CapacityProviderStrategyItem::builder().capacity_provider("FARGATE_SPOT").weight(1).build().unwrap();
    let on_spot = world.request().set_launch_type(None).capacity_provider_strategy(spot).send().await.unwrap();
    assert_eq!((on_spot.tasks().len(), on_spot.failures().len()), (1, 0));
    world.local.stop().await;
}

/// "Ensuring idempotency", ECS API reference: what the token is for.
#[tokio::test]
async fn a_lost_answer_is_found_again_by_its_token() {
    let world = World::start(nothing_runs(), &["true"]).await;
    world.local.faults().add(Rule::new(Service::Ecs, "RunTask", Fault::LostAnswer).once());
    assert!(no_answer(world.request().client_token("t").send().await));
    let output = world.request().client_token("t").send().await.unwrap();
    let tasks = world.local.ecs().tasks();
    assert_eq!(tasks.len(), 1, "one task for two calls");
    assert_eq!(output.tasks()[0].task_arn(), Some(&*tasks[0].task_arn));
    // Whereas a call that never arrived leaves nothing.
    world.local.faults().add(Rule::new(Service::Ecs, "RunTask", Fault::FailBefore).once());
    assert!(no_answer(world.request().client_token("u").send().await));
    assert_eq!(world.local.ecs().tasks().len(), 1);
    assert_eq!(world.local.calls()["ecs:RunTask"], 3);
    world.local.stop().await;
}

/// ECS developer guide, "Stopped task error codes": CannotPullContainerError.
#[tokio::test]
async fn an_image_that_can_not_be_pulled_stops_the_task_before_it_runs() {
    let world = World::start(Config::default(), &["sleep", "600"]).await;
    world.local.ecs().inject(TaskRule::next(TaskFault::FailToStart(StartFailure::cannot_pull("busybox"))));
    let task = world.run().await;
    let task = world.in_status(&task, "STOPPED").await;
    assert_eq!(task.stop_code(), Some(&TaskStopCode::TaskFailedToStart));
    assert!(task.stopped_reason().unwrap().starts_with("CannotPullContainerError"));
    assert!(task.started_at().is_none() && task.containers()[0].exit_code().is_none());
    world.local.stop().await;
}

/// ECS developer guide, "Amazon ECS clusters for Fargate": Spot capacity goes with SIGTERM and a stop code of its own.
#[tokio::test]
async fn a_spot_interruption_is_sigterm_and_a_stop_code() {
    let world = World::start(
        Config::default(),
        &["sh", "-c", "trap 'exit 9' TERM; echo ready; while true; do sleep 0.1; done"],
    )
    .await;
    let spot = CapacityProviderStrategyItem::builder().capacity_provider("FARGATE_SPOT").weight(1).build().unwrap();
    let output = world.request().set_launch_type(None).capacity_provider_strategy(spot).send().await.unwrap();
    let arn = output.tasks()[0].task_arn().unwrap();
    world.in_status(arn, "RUNNING").await;
    let log = world.local.ecs().log_path(arn).unwrap();
    let ready = async {
        while !std::fs::read_to_string(&log).is_ok_and(|text| text.contains("ready")) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LONG, ready).await.expect("the trap is set");
    assert!(world.local.ecs().interrupt_spot(arn));
    let task = world.in_status(arn, "STOPPED").await;
    assert_eq!(task.stop_code(), Some(&TaskStopCode::SpotInterruption));
    assert_eq!(task.containers()[0].exit_code(), Some(9));
    world.local.stop().await;
}

/// ECS developer guide, "Amazon ECS task state change events" and "Amazon ECS task lifecycle".
#[tokio::test]
async fn every_change_of_a_task_is_an_event_in_order() {
    let world = World::start(Config::default(), &["sh", "-c", "exit 3"]).await;
    let mut events = world.local.ecs().subscribe();
    let arn = world.run().await;
    let seen = timeout(LONG, until_stopped(&mut events)).await.expect("the task stops");
    let mut statuses: Vec<&str> = seen.iter().map(|event| event["detail"]["lastStatus"].as_str().unwrap()).collect();
    statuses.dedup();
    assert_eq!(statuses, ["PROVISIONING", "PENDING", "RUNNING", "DEPROVISIONING", "STOPPED"]);
    let versions: Vec<u64> = seen.iter().map(|event| event["detail"]["version"].as_u64().unwrap()).collect();
    assert!(versions.is_sorted_by(|one, next| next == &(one + 1)), "{versions:?}");
    for event in &seen {
        assert_eq!((&event["source"], &event["detail-type"]), (&"aws.ecs".into(), &"ECS Task State Change".into()));
        assert_eq!(event["detail"]["taskArn"], *arn);
        assert_eq!(event["resources"][0], *arn);
        assert!(event["detail"].get("tags").is_none(), "events have no tags");
    }
    let last = &seen.last().unwrap()["detail"];
    assert_eq!((&last["stopCode"], &last["desiredStatus"]), (&"EssentialContainerExited".into(), &"STOPPED".into()));
    assert_eq!(last["containers"][0]["exitCode"], 3);
    assert!(last["stoppedAt"].as_str().unwrap().ends_with('Z'), "times of events are ISO 8601");
    world.local.stop().await;
}

async fn until_stopped(events: &mut Receiver<Value>) -> Vec<Value> {
    let mut seen = Vec::new();
    loop {
        let event = events.recv().await.unwrap();
        let over = event["detail"]["lastStatus"] == "STOPPED";
        seen.push(event);
        if over {
            return seen;
        }
    }
}

/// Amazon EventBridge user guide: a rule on `aws.ecs` with a queue as its target.
#[tokio::test]
async fn events_reach_a_queue() {
    let world = World::start(nothing_runs(), &["true"]).await;
    let config = aws::loopback_config(&world.local.endpoint(), "us-east-1").await;
    let sqs = aws_sdk_sqs::Client::new(&config);
    let queue = sqs.create_queue().queue_name("events").send().await.unwrap();
    let url = queue.queue_url().unwrap();
    world.local.route_ecs_events_to(url);
    let arn = world.run().await;
    let mut statuses = Vec::new();
    let deadline = Instant::now() + LONG;
    while !statuses.contains(&"STOPPED".to_owned()) {
        assert!(Instant::now() < deadline, "{statuses:?}");
        let output = sqs.receive_message().queue_url(url).max_number_of_messages(10).wait_time_seconds(5).send().await;
        for message in output.unwrap().messages() {
            let event: Value = serde_json::from_str(message.body().unwrap()).unwrap();
            assert_eq!(event["detail"]["taskArn"], *arn);
            statuses.push(event["detail"]["lastStatus"].as_str().unwrap().to_owned());
        }
    }
    world.local.stop().await;
}

/// ContainerDefinition, `logConfiguration`: what the process writes is kept, whatever the driver.
#[tokio::test]
async fn a_task_leaves_its_output() {
    let world = World::start(Config::default(), &["sh", "-c", "echo out; echo err >&2; exit 1"]).await;
    let arn = world.run().await;
    world.in_status(&arn, "STOPPED").await;
    let log = std::fs::read_to_string(world.local.ecs().log_path(&arn).unwrap()).unwrap();
    assert!(log.contains("out") && log.contains("err"), "{log}");
    world.local.stop().await;
}

/// DescribeTasks: "stopped tasks appear in the returned results for at least one hour", a setting here.
#[tokio::test]
async fn stopped_tasks_are_forgotten_after_their_retention() {
    let mut config = nothing_runs();
    config.ecs.retention = 1;
    let world = World::start(config, &["true"]).await;
    let arn = world.run().await;
    let deadline = Instant::now() + LONG;
    loop {
        let output = world.ecs.describe_tasks().tasks(&arn).send().await.unwrap();
        if output.tasks().is_empty() {
            assert_eq!(output.failures()[0].reason(), Some("MISSING"));
            break;
        }
        assert!(Instant::now() < deadline, "{output:?}");
        sleep(Duration::from_millis(20)).await;
    }
    let listed = world.ecs.list_tasks().desired_status(DesiredStatus::Stopped).send().await.unwrap();
    assert!(listed.task_arns().is_empty());
    world.local.stop().await;
}

/// A definition for CloudWatch logs is accepted by the SDK's own builders too, not only as the suite's JSON.
#[tokio::test]
async fn the_sdks_builders_speak_the_same() {
    let world = World::start(nothing_runs(), &["true"]).await;
    let logs = LogConfiguration::builder()
        .log_driver(LogDriver::Awslogs)
        .options("awslogs-group", "g")
        .options("awslogs-region", "us-east-1")
        .options("awslogs-stream-prefix", "p")
        .build()
        .unwrap();
    let container = ContainerDefinition::builder().name("main").image("busybox").log_configuration(logs).build();
    let register = || {
        let register = world.ecs.register_task_definition().family("logs").container_definitions(container.clone());
        register
            .requires_compatibilities(Compatibility::Fargate)
            .network_mode(NetworkMode::Awsvpc)
            .cpu("256")
            .memory("512")
    };
    let error = register().send().await.unwrap_err();
    assert!(error.as_service_error().unwrap().is_client_exception());
    assert!(refusal(&error).1.contains("execution role"), "{error:?}");
    let role = "arn:aws:iam::000000000000:role/execution";
    let registered = register().execution_role_arn(role).send().await.unwrap();
    assert_eq!(registered.task_definition().unwrap().revision(), 1);
    world.local.stop().await;
}
