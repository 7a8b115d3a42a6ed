//! Observer and reconciler against a real Prefect server and the tasks of the local ECS.
//!
//! Runs are dispatched by the real dispatcher; events are those of the local ECS, delivered when a test says so: late,
//! twice, or never. Containers are shell commands where it does not matter what runs, and `prefect flow-run execute` where
//! it does.

use std::{sync::Arc, time::Duration};

use aws::{
    LogAndMetrics, ObserverQueueUrls, ObserverSettings, PrefectDispatcher, PrefectSettings, SdkConfig, SqsObserver,
};
use dispatch::{
    check::Check,
    dispatcher::Policy,
    observe,
    prefect::control,
    reconcile, runs,
    sqs_event::{self, Record},
};
use ecs::Attempt;
use local::{
    Config, Local,
    ecs::{StartFailure, Status, TaskFault, TaskRule},
};
use prefect_api::{Client, Connection, Patience, http::HttpTransport};
use pushpool_tests::rig::prefect::{
    Api, NewDeployment, Options, Project, Proxy, Server, Version, environment, shared, unique,
};
use serde_json::{Value, json};
use tokio::{
    sync::{Mutex, broadcast},
    time::{Instant, timeout},
};

const PATIENCE: Duration = Duration::from_secs(120);
/// A run that is handed back comes back at once.
const SOON: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(3_600);

/// A server, an account, and a work pool.
struct World {
    local: Local,
    api: Api,
    url: String,
    pool: String,
    project: Project,
    config: SdkConfig,
    dispatcher: Arc<PrefectDispatcher>,
    events: Mutex<(broadcast::Receiver<Value>, Vec<Value>)>,
}

/// A run that was dispatched, and the task it got.
struct Launched {
    run: String,
    deployment: String,
    task_arn: String,
}

impl World {
    async fn start() -> Self {
        Self::at(shared().await, json!({})).await
    }

    async fn at(server: &Server, pool_options: Value) -> Self {
        let mut config = Config::default();
        config.ecs.environment = environment(server);
        let local = Local::start(config).await.unwrap();
        for queue in ["runs", "dlq", "events", "polls"] {
            local.sqs().create_queue(queue, json!({})).await.unwrap();
        }
        let api = server.api();
        let pool = unique("pool");
        let mut body = json!({"name": pool, "type": "ecs:push", "base_job_template": {}});
        for (key, value) in pool_options.as_object().unwrap() {
            body[key] = value.clone();
        }
        api.create_pool_with(body).await;
        let config = aws::loopback_config(&local.endpoint(), "us-east-1").await;
        let url = server.url();
        let requests = ecs::Settings {
            region: "us-east-1".into(),
            prefect_api_url: Some(url.clone()),
            subnets: vec!["subnet-1".into()],
            ..ecs::Settings::default()
        };
        let settings = PrefectSettings {
            run_queue_url: queue_url(&local, "runs"),
            fifo_queue_url: None,
            dead_letter_queue_url: queue_url(&local, "dlq"),
            run_task_rate: 0.0,
            policy: Policy { requests, capacity_timeout: LONG, hand_back_delay: SOON },
            options: control::Options::default(),
        };
        let dispatcher = aws::prefect_dispatcher(&config, client(&url), settings, Arc::new(LogAndMetrics));
        let events = Mutex::new((local.ecs().subscribe(), Vec::new()));
        Self { local, api, url, pool, project: Project::copy(), config, dispatcher: Arc::new(dispatcher), events }
    }

    fn observer(&self, policy: runs::Policy, task_events: bool) -> Arc<SqsObserver> {
        let queues = ObserverQueueUrls {
            events: queue_url(&self.local, "events"),
            poll: queue_url(&self.local, "polls"),
            dead_letter: queue_url(&self.local, "dlq"),
        };
        let settings = ObserverSettings { queues, policy, options: observe::Options { task_events } };
        Arc::new(aws::observer(&self.config, client(&self.url), settings, Arc::new(LogAndMetrics)))
    }

    /// Has a fresh observer handle messages; the number of those that have to come back.
    async fn observe_with(&self, policy: runs::Policy, bodies: &[String]) -> usize {
        let observer = self.observer(policy, false);
        let deadline = Instant::now() + Duration::from_secs(60);
        observer.handle(records(bodies, false), deadline).await.batch_item_failures.len()
    }

    async fn observe(&self, bodies: &[&Value]) {
        let bodies: Vec<String> = bodies.iter().map(|body| body.to_string()).collect();
        let policy = runs::Policy { hand_back_delay: SOON, ..runs::Policy::default() };
        assert_eq!(self.observe_with(policy, &bodies).await, 0);
    }

    async fn check(&self, run: &str, cancel_grace: Duration) {
        let check = Check::of(run.parse().unwrap());
        let policy = runs::Policy {
            cancel_grace,
            claim_grace: Duration::ZERO,
            shown_after: Duration::ZERO,
            ..runs::Policy::default()
        };
        assert_eq!(self.observe_with(policy, &[check.body()]).await, 0);
    }

    async fn deployment(&self, flow: &str, variables: Value) -> String {
        let deployment = NewDeployment::new(flow, self.project.path(), &self.pool).job_variables(variables);
        self.api.create_deployment(deployment).await.id
    }

    async fn scheduled(&self, variables: Value) -> (String, String) {
        let deployment = self.deployment("quick", variables).await;
        (self.api.create_run(&deployment, json!({})).await, deployment)
    }

    async fn attempt(&self, run: &str) -> Attempt {
        let state = &self.api.run(run).await["state"];
        assert_eq!(state["type"], "SCHEDULED", "{state}");
        let id = |value: &str| value.parse().unwrap();
        Attempt { flow_run_id: id(run), state_id: id(state["id"].as_str().unwrap()) }
    }

    /// Dispatches the run as it is scheduled now; the ARN of its task.
    async fn dispatch(&self, run: &str) -> String {
        let attempt = self.attempt(run).await;
        let due = self.api.run(run).await["state"]["state_details"]["scheduled_time"].clone();
        let message = json!({
            "version": 1, "flow_run_id": attempt.flow_run_id, "state_id": attempt.state_id,
            "expected_start_time": due, "work_pool": self.pool,
        });
        let deadline = Instant::now() + Duration::from_secs(60);
        let answer = self.dispatcher.handle(records(&[message.to_string()], true), deadline).await;
        assert_eq!(answer.batch_item_failures, []);
        let run = self.api.run(run).await;
        let pid = run["infrastructure_pid"].as_str().unwrap_or_else(|| panic!("not launched: {run}"));
        pid.split_once("::").unwrap().1.to_owned()
    }

    async fn launch(&self, variables: Value) -> Launched {
        let (run, deployment) = self.scheduled(variables).await;
        let task_arn = self.dispatch(&run).await;
        Launched { run, deployment, task_arn }
    }

    /// As if the flow ran in the task's container. Past the rules: a run that was handed back would wait for its time.
    async fn begin(&self, run: &str) {
        let verdict = self.api.force_state(run, json!({"type": "RUNNING", "name": "Running"})).await;
        assert_eq!(verdict["status"], "ACCEPT", "{verdict}");
    }

    /// The event of a task's getting into a state, whenever it was or will be.
    async fn event(&self, task_arn: &str, status: &str) -> Value {
        let mut events = self.events.lock().await;
        let wanted = |event: &&Value| event["detail"]["taskArn"] == task_arn && event["detail"]["lastStatus"] == status;
        loop {
            if let Some(event) = events.1.iter().find(wanted) {
                return event.clone();
            }
            let event = timeout(PATIENCE, events.0.recv()).await.expect("the event comes").unwrap();
            events.1.push(event);
        }
    }

    async fn stopped(&self, task_arn: &str) -> Value {
        self.event(task_arn, "STOPPED").await
    }

    fn status(&self, task_arn: &str) -> Status {
        self.local.ecs().tasks().iter().find(|task| task.task_arn == task_arn).unwrap().status
    }

    /// Name and message of the run's state.
    async fn state(&self, run: &str) -> (String, String) {
        let state = &self.api.run(run).await["state"];
        let text = |key: &str| state[key].as_str().unwrap_or_default().to_owned();
        (text("name"), text("message"))
    }

    async fn assert_state(&self, run: &str, name: &str, words: &[&str]) {
        let (found, message) = self.state(run).await;
        assert_eq!(found, name, "{message}");
        for word in words {
            assert!(message.contains(word), "{word} in: {message}");
        }
    }

    fn bodies(&self, queue: &str) -> Vec<String> {
        self.local.sqs().bodies(queue).unwrap()
    }
}

fn queue_url(local: &Local, queue: &str) -> String {
    format!("{}/000000000000/{queue}", local.endpoint())
}

fn client(url: &str) -> Client<HttpTransport> {
    Client::new(HttpTransport::new(&Connection::to(url)).unwrap(), Patience::FUNCTION)
}

fn records(bodies: &[String], fifo: bool) -> Vec<Record> {
    let records: Vec<Value> = bodies
        .iter()
        .enumerate()
        .map(|(index, body)| {
            let mut record = json!({"messageId": format!("m{index}"), "body": body, "attributes": {}});
            if fifo {
                record["attributes"]["MessageGroupId"] = "pool".into();
            }
            record
        })
        .collect();
    sqs_event::records(json!({"Records": records})).unwrap()
}

fn shell(script: &str) -> Value {
    json!({"command": format!("sh -c '{script}'")})
}

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
