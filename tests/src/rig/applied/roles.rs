//! IAM as far as pushpool's policies go: each call over the wire is taken apart into what IAM is asked for it, and a library
//! evaluates the policies of the role whose credentials signed it.
//!
//! What a call asks for is from the Service Authorization Reference. A function's access key *is* its role's name here.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use iam_rs::{Arn, Context, Decision, IAMPolicy, IAMRequest, PolicyEvaluator, Principal, PrincipalId};
use local::{AwsError, Call, Service};
use serde_json::Value;

use super::Applied;

/// One thing that IAM is asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ask {
    /// For instance `sqs:SendMessage`.
    pub action: String,
    /// ARN; for actions without resources that of the whole service.
    pub resource: String,
    /// Condition keys and their values.
    pub context: BTreeMap<String, String>,
}

/// The roles of an installation.
#[derive(Debug)]
pub struct Roles {
    policies: BTreeMap<String, PolicyEvaluator>,
    account: String,
    region: String,
    denied: Mutex<BTreeSet<String>>,
    allowed: Mutex<BTreeMap<String, BTreeSet<String>>>,
}

impl Ask {
    /// Without conditions.
    pub fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self { action: action.into(), resource: resource.into(), context: BTreeMap::new() }
    }

    /// With a condition key's value.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.context.insert(key.to_owned(), value.into());
        self
    }

    /// Whether a policy allows it: not if nothing does, nor if something denies it. `secure` is about the way.
    ///
    /// # Panics
    /// When the policy or the question is malformed.
    #[must_use]
    pub fn allowed_by(&self, policy: &PolicyEvaluator, principal: Principal, secure: bool) -> bool {
        let mut context = Context::new().with_boolean("aws:SecureTransport", secure);
        for (key, value) in &self.context {
            context = context.with_string(key, value);
        }
        let resource = Arn::parse(&self.resource).unwrap_or_else(|error| panic!("{}: {error}", self.resource));
        let request = IAMRequest::new_with_context(principal, &*self.action, resource, context);
        policy.evaluate(&request).unwrap_or_else(|error| panic!("{self:?}: {error}")).decision == Decision::Allow
    }
}

/// A policy document.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn policy(document: &Value) -> PolicyEvaluator {
    let policy = IAMPolicy::from_json(&document.to_string()).unwrap_or_else(|error| panic!("{error}: {document}"));
    PolicyEvaluator::with_policies(vec![policy])
}

impl Roles {
    /// The roles of the installation, in that account and region.
    ///
    /// # Panics
    /// When a policy is malformed, or a role has several.
    #[must_use]
    pub fn new(applied: &Applied, account: &str, region: &str) -> Arc<Self> {
        let mut policies = BTreeMap::new();
        for it in applied.all("aws_iam_role_policy").into_values() {
            let other = policies.insert(it.text("role").to_owned(), policy(it.get("policy")));
            assert!(other.is_none(), "{} has two policies", it.text("role"));
        }
        let (account, region) = (account.to_owned(), region.to_owned());
        Arc::new(Self { policies, account, region, denied: Mutex::default(), allowed: Mutex::default() })
    }

    /// Asks whether a role may do that; what it may not is remembered.
    ///
    /// # Errors
    /// It may not.
    ///
    /// # Panics
    /// When there is no such role.
    pub fn ask(&self, role: &str, ask: &Ask) -> Result<(), AwsError> {
        let policy = self.policies.get(role).unwrap_or_else(|| panic!("no policy of {role}"));
        let principal = PrincipalId::String(format!("arn:aws:iam::{}:role/{role}", self.account));
        if ask.allowed_by(policy, Principal::Aws(principal), true) {
            let mut allowed = self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
            allowed.entry(role.to_owned()).or_default().insert(ask.action.clone());
            return Ok(());
        }
        let Ask { action, resource, context } = ask;
        let denied = format!("{role} is not authorized to perform: {action} on resource: {resource}, {context:?}");
        self.denied.lock().unwrap_or_else(PoisonError::into_inner).insert(denied.clone());
        Err(AwsError::new("AccessDeniedException", denied))
    }

    /// What [`local::Local::guard`] takes. Calls of others than the roles are nobody's business here.
    pub fn guard(self: &Arc<Self>) -> impl Fn(&Call<'_>) -> Result<(), AwsError> + Send + Sync + 'static {
        let roles = Arc::clone(self);
        move |call| {
            let Some(role) = call.caller.access_key.as_deref().filter(|key| roles.policies.contains_key(*key)) else {
                return Ok(());
            };
            roles.asks(call).iter().try_for_each(|ask| roles.ask(role, ask))
        }
    }

    /// What was denied so far.
    #[must_use]
    pub fn denied(&self) -> BTreeSet<String> {
        self.denied.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The actions that each role was allowed so far.
    #[must_use]
    pub fn allowed(&self) -> BTreeMap<String, BTreeSet<String>> {
        self.allowed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account)
    }

    /// An ARN of what is named by an ARN or by its name.
    fn named(&self, service: &str, kind: &str, name: &str) -> String {
        if name.starts_with("arn:") { name.to_owned() } else { self.arn(service, &format!("{kind}{name}")) }
    }

    /// What IAM is asked for a call.
    #[must_use]
    pub fn asks(&self, call: &Call<'_>) -> Vec<Ask> {
        let input = call.input;
        let text = |member: &str| input[member].as_str().unwrap_or_default();
        // A batch asks for what its parts do.
        let action = format!("{}:{}", call.service, call.operation.trim_end_matches("Batch"));
        match call.service {
            Service::Sqs => {
                let name = text("QueueUrl").rsplit('/').next().unwrap_or_default();
                vec![Ask::new(action, self.arn("sqs", name))]
            }
            Service::Ecs => self.asks_of_ecs(call.operation, action, input),
            Service::SecretsManager => {
                vec![Ask::new(action, self.named("secretsmanager", "secret:", text("SecretId")))]
            }
            Service::Ssm => {
                let name = text("Name").trim_start_matches('/');
                vec![Ask::new(action, self.named("ssm", "parameter/", name))]
            }
            Service::Logs => {
                let stream = format!("log-group:{}:log-stream:{}", text("logGroupName"), text("logStreamName"));
                vec![Ask::new(action, self.arn("logs", &stream))]
            }
            Service::Events => {
                let buses = input["Entries"].as_array().into_iter().flatten();
                let buses = buses.map(|it| it["EventBusName"].as_str().unwrap_or("default"));
                buses.map(|bus| Ask::new(&*action, self.named("events", "event-bus/", bus))).collect()
            }
            Service::Scheduler => {
                let schedule = format!("schedule/{}/{}", text("GroupName"), text("Name"));
                let role = input["Target"]["RoleArn"].as_str().unwrap_or_default();
                vec![
                    Ask::new(action, self.arn("scheduler", &schedule)),
                    Ask::new("iam:PassRole", role).with("iam:PassedToService", "scheduler.amazonaws.com"),
                ]
            }
        }
    }

    fn asks_of_ecs(&self, operation: &str, action: String, input: &Value) -> Vec<Ask> {
        let text = |member: &str| input[member].as_str().unwrap_or_default();
        let cluster = match text("cluster") {
            "" => self.arn("ecs", "cluster/default"),
            name => self.named("ecs", "cluster/", name),
        };
        let cluster_name = cluster.rsplit('/').next().unwrap_or_default();
        let anything = self.arn("ecs", "*");
        let task = |id: &str| self.named("ecs", &format!("task/{cluster_name}/"), id);
        let pass = |roles: &Value| -> Vec<Ask> {
            let roles = ["executionRoleArn", "taskRoleArn"].map(|member| roles[member].as_str());
            let pass =
                |role: &str| Ask::new("iam:PassRole", role).with("iam:PassedToService", "ecs-tasks.amazonaws.com");
            roles.into_iter().flatten().map(pass).collect()
        };
        let tag = |resource: String| {
            let tags = input["tags"].as_array().is_some_and(|tags| !tags.is_empty());
            tags.then(|| Ask::new("ecs:TagResource", resource).with("ecs:CreateAction", operation))
        };
        match operation {
            "RunTask" => {
                // A family alone is its latest revision.
                let definition = text("taskDefinition");
                let latest =
                    if definition.trim_start_matches("arn:aws:ecs:").matches(':').count() == 0 { ":1" } else { "" };
                let definition = self.named("ecs", "task-definition/", &format!("{definition}{latest}"));
                let mut asks = vec![Ask::new(action, definition).with("ecs:cluster", &*cluster)];
                asks.extend(tag(task("0123456789abcdef0123456789abcdef")));
                asks.extend(pass(&input["overrides"]));
                asks
            }
            "RegisterTaskDefinition" => {
                let containers = input["containerDefinitions"].as_array();
                let privileged = containers.is_some_and(|all| all.iter().any(|it| it["privileged"] == true));
                let mut asks = vec![Ask::new(action, anything).with("ecs:privileged", privileged.to_string())];
                // ECS was seen to ask for the ARN without a revision (aws/aws-cdk issue 25768); its documents show it with one.
                for resource in [text("family").to_owned(), format!("{}:1", text("family"))] {
                    asks.extend(tag(self.arn("ecs", &format!("task-definition/{resource}"))));
                }
                asks.extend(pass(input));
                asks
            }
            "StopTask" => vec![Ask::new(action, task(text("task"))).with("ecs:cluster", &*cluster)],
            "DescribeTasks" => {
                let tasks = input["tasks"].as_array().into_iter().flatten().filter_map(Value::as_str);
                tasks.map(|id| Ask::new(&*action, task(id)).with("ecs:cluster", &*cluster)).collect()
            }
            "ListTasks" => vec![Ask::new(action, anything).with("ecs:cluster", cluster)],
            _ => vec![Ask::new(action, anything)],
        }
    }
}

#[cfg(test)]
mod tests {
    use local::Caller;
    use serde_json::json;

    use super::*;
    use crate::rig::applied::{ACCOUNT, REGION};

    const DISPATCHER: &str = "pushpool-dispatcher-eu-central-1";

    /// Whether the plan's role may make that call.
    fn may(role: &str, service: Service, operation: &str, input: &Value) -> bool {
        let roles = Roles::new(&Applied::served(), ACCOUNT, REGION);
        let caller = Caller { access_key: Some(role.to_owned()), region: None };
        let allowed = roles.guard()(&Call { caller: &caller, service, operation, input }).is_ok();
        assert_eq!(roles.denied().is_empty(), allowed);
        allowed
    }

    #[test]
    fn a_dispatcher_launches_its_families_in_its_clusters_with_its_roles() {
        let launch = |change: Value| {
            let mut input = json!({"cluster": "etl", "taskDefinition": "prefect_etl", "tags": [{"key": "a", "value": "b"}],
                "overrides": {"taskRoleArn": "arn:aws:iam::111122223333:role/etl-task"}});
            input.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            may(DISPATCHER, Service::Ecs, "RunTask", &input)
        };
        assert!(launch(json!({})));
        assert!(launch(json!({"taskDefinition": "prefect_etl:7"})));
        assert!(launch(json!({"cluster": "arn:aws:ecs:eu-central-1:111122223333:cluster/etl"})));
        assert!(!launch(json!({"cluster": "other"})));
        assert!(!launch(json!({"taskDefinition": "web"})));
        assert!(!launch(
            json!({"taskDefinition": "arn:aws:ecs:eu-central-1:444455556666:task-definition/prefect_etl:1"})
        ));
        assert!(!launch(json!({"overrides": {"executionRoleArn": "arn:aws:iam::111122223333:role/admin"}})));
        assert!(!may(
            "pushpool-observer-eu-central-1",
            Service::Ecs,
            "RunTask",
            &json!({"cluster": "etl", "taskDefinition": "prefect_etl"})
        ));
    }

    #[test]
    fn no_privileged_container_is_registered() {
        let register = |container: Value| {
            let input = json!({"family": "prefect_etl", "containerDefinitions": [{"name": "a"}, container]});
            may(DISPATCHER, Service::Ecs, "RegisterTaskDefinition", &input)
        };
        assert!(register(json!({"name": "b"})));
        assert!(register(json!({"name": "b", "privileged": false})));
        assert!(!register(json!({"name": "b", "privileged": true})));
    }

    /// A role that may tag revisions only cannot register: no revision exists when ECS asks.
    #[test]
    fn a_definition_with_tags_is_registered() {
        let register = |family: &str| {
            let input = json!({"family": family, "tags": [{"key": "a", "value": "b"}]});
            may(DISPATCHER, Service::Ecs, "RegisterTaskDefinition", &input)
        };
        assert!(register("prefect_etl"));
        assert!(!register("web"));
    }

    #[test]
    fn queues_are_for_who_needs_them() {
        let send = |role: &str, queue: &str| {
            let input = json!({"QueueUrl": format!("https://sqs.eu-central-1.amazonaws.com/111122223333/{queue}")});
            may(role, Service::Sqs, "SendMessageBatch", &input)
        };
        assert!(send("pushpool-poller-eu-central-1", "pushpool-run.fifo"));
        assert!(send("pushpool-doorbell-eu-central-1", "pushpool-poll"));
        assert!(!send("pushpool-doorbell-eu-central-1", "pushpool-run"));
        assert!(!send(DISPATCHER, "pushpool-run"));
        assert!(send(DISPATCHER, "pushpool-run-dlq"));
    }

    #[test]
    fn a_standalone_dispatcher_schedules_in_its_group_and_with_its_role_alone() {
        let roles = Roles::new(&Applied::standalone(), ACCOUNT, REGION);
        let caller = Caller { access_key: Some(DISPATCHER.to_owned()), region: None };
        let may = |group: &str, role: &str| {
            let role = format!("arn:aws:iam::{ACCOUNT}:role/{role}");
            let input = json!({"Name": "a", "GroupName": group, "Target": {"RoleArn": role}});
            let call =
                Call { caller: &caller, service: Service::Scheduler, operation: "CreateSchedule", input: &input };
            roles.guard()(&call).is_ok()
        };
        assert!(may("pushpool", "pushpool-schedules-eu-central-1"));
        assert!(!may("default", "pushpool-schedules-eu-central-1"));
        assert!(!may("pushpool", "etl-task"));
        let run = json!({"QueueUrl": format!("https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/pushpool-run")});
        let call = Call { caller: &caller, service: Service::Sqs, operation: "SendMessage", input: &run };
        assert!(roles.guard()(&call).is_err(), "Lambda would take that for a loop");
    }

    #[test]
    fn a_secret_is_read_by_who_is_told_of_it() {
        let secret = json!({"SecretId": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:prefect-AbCdEf"});
        assert!(may(DISPATCHER, Service::SecretsManager, "GetSecretValue", &secret));
        assert!(!may("pushpool-doorbell-eu-central-1", Service::SecretsManager, "GetSecretValue", &secret));
        let token = json!({"Name": "/pushpool/doorbell"});
        assert!(may("pushpool-doorbell-eu-central-1", Service::Ssm, "GetParameter", &token));
        assert!(!may(DISPATCHER, Service::Ssm, "GetParameter", &token));
    }
}
