//! The installation of `infra/applied` on loopback.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use iam_rs::{Principal, PrincipalId};
use local::{
    Config, Local,
    ecs::{Dwell, HostImage, Secrets},
    lambda::{Bootstrap, EventSourceMapping, Function, FunctionUrl, Mapping, RuntimeApi},
    sqs::Sqs,
};
use pushpool_tests::rig::{
    applied::{ACCOUNT, Applied, Ask, REGION, Resource, Roles, policy},
    binaries::binary,
};
use quamina::Quamina;
use serde_json::json;
use tokio::task::JoinSet;

use super::{AUTH, PATIENCE, TOKEN};

/// The installation, running.
pub(super) struct Wired {
    pub(super) applied: Arc<Applied>,
    pub(super) local: Local,
    roles: Arc<Roles>,
    functions: Arc<BTreeMap<String, Arc<RuntimeApi>>>,
    /// By the name of their queue.
    pub(super) mappings: BTreeMap<String, EventSourceMapping>,
    // Schedules and the rule.
    services: JoinSet<()>,
}

/// `arn:…:NAME`: the name.
fn name_of(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap()
}

/// The name of the role with that ARN.
fn role_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap()
}

/// What AWS has for a secret that is read by this reference.
fn secrets(applied: &Applied) -> Vec<(String, String)> {
    let parameters = applied.all("aws_ssm_parameter").into_values();
    let pools = parameters.map(|it| (it.text("name").to_owned(), it.get("value").to_string()));
    let server = format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:prefect-AbCdEf");
    pools
        .chain([
            (server, json!({"auth_string": AUTH}).to_string()),
            ("/pushpool/doorbell".to_owned(), TOKEN.to_owned()),
        ])
        .collect()
}

impl Wired {
    /// Queues first, then what reads and writes them.
    pub(super) async fn start(applied: Applied, image: HostImage, more: &[(&str, String)]) -> Self {
        let mut config = Config { region: REGION.to_owned(), account_id: ACCOUNT.to_owned(), ..Config::default() };
        config.ecs.clusters = vec!["etl".to_owned()];
        config.ecs.secrets = Secrets::new(secrets(&applied));
        config.ecs.default_image = image;
        config.ecs.dwell =
            Dwell { provisioning: 50, pending: 50, activating: None, deactivating: None, deprovisioning: 50 };
        let local = Local::start(config).await.unwrap();
        let roles = Roles::new(&applied, ACCOUNT, REGION);
        local.guard(roles.guard());
        queues(&applied, local.sqs()).await;
        local.scheduler().create_group("pushpool");

        let mut functions = BTreeMap::new();
        for function in applied.all("aws_lambda_function").into_values() {
            functions.insert(function.text("arn").to_owned(), Arc::new(start(function, &local, more).await));
        }
        let mut wired = Self {
            applied: Arc::new(applied),
            local,
            roles,
            functions: Arc::new(functions),
            mappings: BTreeMap::new(),
            services: JoinSet::new(),
        };
        wired.rule();
        wired
    }

    /// The mappings and the schedules: from now on things happen.
    pub(super) async fn let_go(&mut self) {
        for it in self.applied.all("aws_lambda_event_source_mapping").into_values() {
            let mapping = self.mapping(it).await;
            self.mappings.insert(name_of(it.text("event_source_arn")).to_owned(), mapping);
        }
        let schedules: Vec<String> =
            self.applied.all("aws_scheduler_schedule").into_keys().map(str::to_owned).collect();
        for address in schedules {
            let every = rate(self.applied.all("aws_scheduler_schedule")[address.as_str()].text("schedule_expression"));
            let fire = self.firing(&address);
            self.services.spawn(async move {
                let mut interval = tokio::time::interval(every);
                loop {
                    interval.tick().await;
                    fire().await;
                }
            });
        }
    }

    async fn mapping(&self, it: Resource<'_>) -> EventSourceMapping {
        let function = self.applied.find("aws_lambda_function", "arn", it.text("function_name"));
        let role = role_name(function.text("role"));
        for action in ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"] {
            self.roles.ask(role, &Ask::new(action, it.text("event_source_arn"))).unwrap();
        }
        let queue = self.applied.find("aws_sqs_queue", "arn", it.text("event_source_arn"));
        let mapping = Mapping {
            batch_size: usize::try_from(it.number("batch_size")).unwrap(),
            window: Duration::from_secs(it.number("maximum_batching_window_in_seconds")),
            maximum_concurrency: usize::try_from(it.block("scaling_config").number("maximum_concurrency")).unwrap(),
            timeout: Duration::from_secs(function.number("timeout")),
            report_batch_item_failures: *it.get("function_response_types") == json!(["ReportBatchItemFailures"]),
            ..Mapping::new(queue.text("url"))
        };
        let invoked = Arc::<RuntimeApi>::clone(&self.functions[function.text("arn")]);
        EventSourceMapping::start(self.local.sqs().clone(), invoked, mapping).await.unwrap()
    }

    /// What a schedule does when its time comes, as its role.
    pub(super) fn firing(&self, address: &str) -> impl Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + use<> {
        let schedules = self.applied.all("aws_scheduler_schedule");
        let target = schedules[address].block("target");
        let role = self.applied.find("aws_iam_role", "arn", target.text("role_arn"));
        trusts(role, "scheduler.amazonaws.com");
        let (arn, role) = (target.text("arn").to_owned(), role.text("name").to_owned());
        // `applied.py` shows JSON in strings as JSON.
        let input = target.get("input").clone();
        let (sqs, roles, functions) = (self.local.sqs().clone(), Arc::clone(&self.roles), Arc::clone(&self.functions));
        let url = arn.contains(":sqs:").then(|| self.applied.find("aws_sqs_queue", "arn", &arn).text("url").to_owned());
        move || {
            let (sqs, roles, functions) = (sqs.clone(), Arc::clone(&roles), Arc::clone(&functions));
            let (arn, role, input, url) = (arn.clone(), role.clone(), input.clone(), url.clone());
            Box::pin(async move {
                if let Some(url) = url {
                    roles.ask(&role, &Ask::new("sqs:SendMessage", arn)).unwrap();
                    sqs.send(&url, input.to_string()).await.unwrap();
                } else {
                    roles.ask(&role, &Ask::new("lambda:InvokeFunction", &*arn)).unwrap();
                    let result = functions[&arn].invoke(input, Duration::from_secs(60)).await;
                    assert!(result.is_ok(), "{arn}: {result:?}");
                }
            })
        }
    }

    /// EventBridge: an event of ECS that the rule's pattern takes goes to the target, if the queue's policy lets it.
    fn rule(&mut self) {
        let Some(rule) = self.applied.all("aws_cloudwatch_event_rule").into_values().next() else { return };
        let target = self.applied.find("aws_cloudwatch_event_target", "rule", rule.text("name"));
        for changed in ["input", "input_path", "input_transformer"] {
            assert!(target.get(changed).is_null(), "the observer reads whole events");
        }
        let mut pattern = Quamina::new();
        pattern.add_pattern("rule", &rule.get("event_pattern").to_string()).unwrap();
        for arn in [target.text("arn"), target.block("dead_letter_config").text("arn")] {
            let url = self.applied.find("aws_sqs_queue", "arn", arn).text("url");
            let document = policy(self.applied.find("aws_sqs_queue_policy", "queue_url", url).get("policy"));
            let sends = |rule: &str, service: &str, secure: bool| {
                let ask = Ask::new("sqs:SendMessage", arn).with("aws:SourceArn", rule);
                ask.allowed_by(&document, Principal::Service(PrincipalId::String(service.to_owned())), secure)
            };
            assert!(sends(rule.text("arn"), "events.amazonaws.com", true), "{arn} does not take the rule's events");
            assert!(!sends(rule.text("arn"), "events.amazonaws.com", false), "without TLS");
            assert!(!sends(&format!("{}-2", rule.text("arn")), "events.amazonaws.com", true), "another rule's");
            assert!(!sends(rule.text("arn"), "sns.amazonaws.com", true), "another service's");
        }
        let url = self.applied.find("aws_sqs_queue", "arn", target.text("arn")).text("url").to_owned();
        let (sqs, mut events) = (self.local.sqs().clone(), self.local.ecs().subscribe());
        self.services.spawn(async move {
            while let Ok(event) = events.recv().await {
                let event = event.to_string();
                if !pattern.matches_for_event(event.as_bytes()).unwrap().is_empty() {
                    sqs.send(&url, event).await.unwrap();
                }
            }
        });
    }

    /// The doorbell's URL, if both permissions are there that one without a signature needs.
    pub(super) async fn url(&self) -> FunctionUrl {
        let urls = self.applied.all("aws_lambda_function_url");
        let url = urls.values().next().unwrap();
        let function = self.applied.find("aws_lambda_function", "function_name", url.text("function_name"));
        let permitted: BTreeSet<&str> = self
            .applied
            .all("aws_lambda_permission")
            .into_values()
            .filter(|it| it.text("function_name") == url.text("function_name") && it.text("principal") == "*")
            .filter(|it| it.get("function_url_auth_type") == "NONE" || *it.get("invoked_via_function_url") == true)
            .map(|it| it.text("action"))
            .collect();
        assert_eq!(url.text("authorization_type"), "NONE");
        assert_eq!(permitted, BTreeSet::from(["lambda:InvokeFunction", "lambda:InvokeFunctionUrl"]));
        let timeout = Duration::from_secs(function.number("timeout"));
        let invoked = Arc::<RuntimeApi>::clone(&self.functions[function.text("arn")]);
        FunctionUrl::start((std::net::Ipv4Addr::LOCALHOST, 0).into(), invoked, timeout).await.unwrap()
    }

    /// Waits until functions have buried that in a dead-letter queue.
    pub(super) async fn buried(&self, queue: &str, what: &str) {
        let started = Instant::now();
        while self.local.sqs().sent_bodies(queue).unwrap() != [what] {
            assert!(started.elapsed() < PATIENCE, "{queue} has {:#?}", self.local.sqs().bodies(queue));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The functions have called nothing that their roles do not allow.
    pub(super) async fn stop(mut self) -> BTreeMap<String, BTreeSet<String>> {
        self.services.abort_all();
        while let Some(ended) = self.services.join_next().await {
            // What panicked has said why; what ran is cancelled.
            assert!(!ended.is_err_and(|error| error.is_panic()), "a schedule or the rule failed");
        }
        for mapping in std::mem::take(&mut self.mappings).into_values() {
            mapping.stop().await;
        }
        for function in self.functions.values() {
            function.stop().await;
        }
        self.local.stop().await;
        assert_eq!(self.roles.denied(), BTreeSet::new());
        self.roles.allowed()
    }
}

fn trusts(role: Resource<'_>, service: &str) {
    let statement = &role.get("assume_role_policy")["Statement"][0];
    assert_eq!((&statement["Action"], &statement["Effect"]), (&json!("sts:AssumeRole"), &json!("Allow")));
    assert_eq!(statement["Principal"]["Service"], service);
    let condition = json!({"StringEquals": {"aws:SourceAccount": ACCOUNT}});
    assert!(service == "lambda.amazonaws.com" || statement["Condition"] == condition, "{statement}");
}

/// `rate(1 minute)`, `rate(5 minutes)`.
fn rate(expression: &str) -> Duration {
    let inner = expression.strip_prefix("rate(").and_then(|it| it.strip_suffix(')')).unwrap();
    let (number, unit) = inner.split_once(' ').unwrap();
    assert!(unit == if number == "1" { "minute" } else { "minutes" }, "{expression}");
    Duration::from_secs(60 * number.parse::<u64>().unwrap())
}

/// Makes the queues, and sees that each gives up a message that nobody could handle, to its dead-letter queue and back.
async fn queues(applied: &Applied, sqs: &Sqs) {
    // Dead-letter queues come first in the alphabet, and have to be there first.
    for queue in applied.all("aws_sqs_queue").into_values() {
        let url = sqs.create_queue(queue.text("name"), queue.queue_attributes()).await.unwrap();
        assert_eq!(url.rsplit('/').next(), queue.text("url").rsplit('/').next());
    }
    for (kind, member, name) in [
        ("aws_sqs_queue_redrive_allow_policy", "redrive_allow_policy", "RedriveAllowPolicy"),
        ("aws_sqs_queue_policy", "policy", "Policy"),
    ] {
        for it in applied.all(kind).into_values() {
            let input = json!({"QueueUrl": it.text("queue_url"), "Attributes": {name: it.get(member).to_string()}});
            sqs.call("SetQueueAttributes", input).await.unwrap();
        }
    }
    for queue in applied.all("aws_sqs_queue").into_values().filter(|it| !it.get("redrive_policy").is_null()) {
        let url = queue.text("url");
        let mut message = json!({"QueueUrl": url, "MessageBody": "given up"});
        if *queue.get("fifo_queue") == true {
            message["MessageGroupId"] = "group".into();
            message["MessageDeduplicationId"] = "one".into();
        }
        sqs.call("SendMessage", message).await.unwrap();
        let receive = json!({"QueueUrl": url, "VisibilityTimeout": 0, "WaitTimeSeconds": 0});
        let mut receives = 0;
        while sqs.call("ReceiveMessage", receive.clone()).await.unwrap()["Messages"].is_array() {
            receives += 1;
        }
        assert_eq!(receives, queue.get("redrive_policy")["maxReceiveCount"]);
        let dead = queue.get("redrive_policy")["deadLetterTargetArn"].as_str().unwrap();
        assert_eq!(sqs.bodies(name_of(dead)).unwrap(), ["given up"], "{dead}");
        let dead = applied.find("aws_sqs_queue", "arn", dead);
        sqs.call("PurgeQueue", json!({"QueueUrl": dead.text("url")})).await.unwrap();
    }
}

/// A function as the plan has it.
async fn start(function: Resource<'_>, local: &Local, more: &[(&str, String)]) -> RuntimeApi {
    let name = function.text("function_name").to_owned();
    let path = {
        let binary_name = name.strip_prefix("pushpool-").unwrap().to_owned();
        tokio::task::spawn_blocking(move || binary(&binary_name)).await.unwrap()
    };
    let mut bootstrap = Bootstrap::new(name, path);
    bootstrap.region = REGION.to_owned();
    bootstrap.account_id = ACCOUNT.to_owned();
    bootstrap.memory = u32::try_from(function.number("memory_size")).unwrap();
    bootstrap.environments = 4;
    bootstrap.endpoint_url = Some(local.endpoint());
    let variables = function.block("environment").get("variables").as_object().unwrap();
    let variables = variables.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
    bootstrap.environment = variables.collect();
    for (name, value) in more {
        // Only what the plan sets, with another value.
        if let Some(planned) = bootstrap.environment.get_mut(*name) {
            planned.clone_from(value);
        }
    }
    bootstrap.environment.insert("AWS_ACCESS_KEY_ID".to_owned(), role_name(function.text("role")).to_owned());
    RuntimeApi::start(bootstrap).await.unwrap()
}
