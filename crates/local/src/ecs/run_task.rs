//! RunTask: idempotency, placement, the tasks that come out. What the request itself must be like is in
//! [`super::run_task_request`].

use std::sync::Arc;

use ::ecs::Size;
use serde_json::{Value, json};

use super::definition::Definition;
use super::engine::{Due, Engine, typed};
use super::errors::{conflict, invalid};
use super::faults::{Failure, TaskFault};
use super::run_task_request::{RunTask, check_form, check_meaning};
use super::tags::{self, Tag};
use super::task::{Container, Interface, Phase, Status, Task, Times};
use crate::clock::Millis;
use crate::wire::AwsError;

/// "You've reached the limit …" is what the Fargate vCPU quota says in `failures` (AWS re:Post and
/// paradisec-archive/nabu pull request 1254).
const VCPU_QUOTA: &str = "You've reached the limit on the number of vCPUs you can run concurrently";

/// Longest life of a client token in milliseconds: 24 hours.
const TOKEN_LIFE: Millis = 24 * 3_600_000;

/// What a client token stands for. Request and answer are kept as text: as values they are ten times the size, and
/// there is one for every run.
#[derive(Debug)]
pub(super) struct Token {
    /// The request, without its token.
    request: String,
    answer: String,
    /// Tasks that are not yet forgotten.
    tasks: Vec<String>,
    expires: Millis,
}

/// Where a task goes.
#[derive(Debug, Clone)]
struct Placement {
    launch_type: &'static str,
    capacity_provider: Option<String>,
    /// Which container instance, and its ARN.
    instance: Option<(usize, String)>,
}

/// In a cluster without container instances RunTask is an error and not a failure: what AWS answers.
fn no_instances() -> AwsError {
    invalid("No Container Instances were found in your cluster.")
}

impl Engine {
    /// Starts up to ten tasks.
    ///
    /// Idempotency ("Ensuring idempotency", ECS API reference): a token is known per cluster; the same token with the
    /// same parameters gets the original answer, failures included; with other parameters ConflictException, whose
    /// `resourceIds` are "the existing task ARNs which are already associated with the clientToken". A token lives 24
    /// hours or until an hour after its tasks stopped, whichever is less. Only requests that were accepted are known:
    /// an error does not use up the token.
    ///
    /// # Errors
    ///
    /// ConflictException; ClusterNotFoundException; what the rules of RunTask refuse ([the list](super)).
    pub fn run_task(&mut self, now: Millis, input: Value) -> Result<Value, AwsError> {
        self.pass(now);
        let mut request = input;
        // Tokens are compared with what AWS would see, so a direct caller's unknown members must go as well.
        if let Some(shape) = super::shapes::request("RunTask") {
            request =
                super::model::conform(&shape, &request).map_err(|misfit| misfit.answer("InvalidParameterException"))?;
        }
        let run: RunTask = typed(request.clone())?;
        check_form(&run, &request)?;
        if self.config.clusters_on_demand {
            self.make_cluster(run.cluster.as_deref());
        }
        let cluster = self.cluster_name(run.cluster.as_deref())?;
        let key = run.client_token.clone().map(|token| (cluster.clone(), token));
        if let Value::Object(members) = &mut request {
            members.remove("clientToken");
            // The same cluster by name, by ARN or by default is the same parameter.
            members.insert("cluster".into(), cluster.clone().into());
        }
        if let Some(token) = key.as_ref().and_then(|key| self.tokens.get(key)).filter(|token| token.expires > now) {
            // Compared as values, for which the order of members does not count.
            let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
            if read(&token.request) != request {
                return Err(conflict(token.tasks.clone()));
            }
            return Ok(read(&token.answer));
        }
        let definition = self.definition_to_run(&run.task_definition)?;
        let placement = self.placement(&cluster, &run)?;
        let size = check_meaning(&run, &request, &definition, placement.launch_type)?;
        if placement.launch_type == "EC2" && self.config.container_instances.is_empty() {
            return Err(no_instances());
        }

        let fault = self.faults.take(run.started_by.as_deref());
        let (mut tasks, mut failures) = (Vec::new(), Vec::new());
        if let Some(TaskFault::RunTaskFailures(injected)) = &fault {
            failures.clone_from(injected);
        } else {
            for _ in 0..run.count.unwrap_or(1) {
                match self.place(&cluster, &placement, size) {
                    Ok(placement) => {
                        tasks.push(self.create_task(now, &cluster, &run, &definition, placement, size, fault.as_ref()));
                    }
                    Err(more) => failures.extend(more),
                }
            }
        }
        let shown: Vec<Value> = tasks.iter().map(|sequence| self.tasks[sequence].describe(true)).collect();
        let mut answer = json!({});
        answer["tasks"] = shown.into();
        answer["failures"] = failures.iter().map(Failure::describe).collect();
        if let Some(key) = key
            && (!tasks.is_empty() || self.config.replay_failed_answers)
        {
            let arns = tasks.iter().map(|sequence| self.tasks[sequence].arn.clone()).collect();
            let expires = now + TOKEN_LIFE;
            self.at(expires, Due::ForgetToken(key.0.clone(), key.1.clone()));
            let (request, answer) = (request.to_string(), answer.to_string());
            self.tokens.insert(key, Token { request, answer, tasks: arns, expires });
        }
        Ok(answer)
    }

    /// Forgets one task of a token, and the token with the last of them.
    pub(super) fn release_token(&mut self, cluster: &str, token: &str, task_arn: &str) {
        let key = (cluster.to_owned(), token.to_owned());
        if let Some(known) = self.tokens.get_mut(&key) {
            known.tasks.retain(|arn| arn != task_arn);
            if known.tasks.is_empty() {
                self.tokens.remove(&key);
            }
        }
    }

    /// Forgets a token whose time is over.
    pub(super) fn forget_token(&mut self, now: Millis, cluster: String, token: String) {
        let key = (cluster, token);
        if self.tokens.get(&key).is_some_and(|known| known.expires <= now) {
            self.tokens.remove(&key);
        }
    }

    fn definition_to_run(&self, reference: &str) -> Result<Arc<Definition>, AwsError> {
        match self.revision(reference) {
            Some(revision) if revision.is_active() => Ok(revision.definition.clone()),
            // "You can't use an INACTIVE task definition to run new tasks" (DeregisterTaskDefinition). AWS allows
            // itself ten minutes to enforce it.
            Some(_) => Err(invalid("TaskDefinition is inactive")),
            None => Err(invalid("TaskDefinition not found.")),
        }
    }

    /// Launch type or capacity provider: of the request, else of the cluster's default strategy, else EC2.
    ///
    /// RunTaskRequest: "If a capacityProviderStrategy is specified, the launchType parameter must be omitted. If no
    /// capacityProviderStrategy or launchType is specified, the defaultCapacityProviderStrategy for the cluster is
    /// used."
    fn placement(&self, cluster: &str, run: &RunTask) -> Result<Placement, AwsError> {
        let of_launch_type = |launch_type| Placement { launch_type, capacity_provider: None, instance: None };
        match run.launch_type.as_deref() {
            Some("FARGATE") => return Ok(of_launch_type("FARGATE")),
            Some("EC2") => return Ok(of_launch_type("EC2")),
            // EXTERNAL and MANAGED_INSTANCES: of neither is there ever a host here.
            Some(_) => return Err(no_instances()),
            None => {}
        }
        let known = &self.clusters[cluster];
        let default: Vec<super::run_task_request::StrategyItem>;
        let strategy = if run.capacity_provider_strategy.is_empty() {
            default = typed(Value::Array(known.default_strategy.clone()))?;
            &default
        } else {
            &run.capacity_provider_strategy
        };
        if let Some(unknown) = strategy.iter().find(|item| !known.capacity_providers.contains(&item.capacity_provider))
        {
            return Err(invalid(format!(
                "The specified capacity provider '{}' was not found.",
                unknown.capacity_provider
            )));
        }
        // Standalone tasks have no history to weigh against: the provider with a base, else the heaviest, else the
        // first.
        let chosen = strategy.iter().rev().max_by_key(|item| (item.base > 0, item.weight));
        let Some(chosen) = chosen.map(|item| item.capacity_provider.as_str()) else {
            return Ok(of_launch_type("EC2"));
        };
        let launch_type = if ["FARGATE", "FARGATE_SPOT"].contains(&chosen) { "FARGATE" } else { "EC2" };
        Ok(Placement { launch_type, capacity_provider: Some(chosen.to_owned()), instance: None })
    }

    /// Room for one task of this size, or the `failures` that say there is none.
    fn place(&self, cluster: &str, placement: &Placement, size: Size) -> Result<Placement, Vec<Failure>> {
        let running = || self.tasks.values().filter(|task| task.status != Status::Stopped);
        if placement.launch_type == "FARGATE" {
            if let Some(quota) = self.config.vcpu_quota {
                // On demand and Spot are counted apart ("AWS Fargate service quotas").
                let is_spot = |provider: &Option<String>| provider.as_deref() == Some("FARGATE_SPOT");
                let used: u32 = running()
                    .filter(|task| task.launch_type == "FARGATE")
                    .filter(|task| is_spot(&task.capacity_provider) == is_spot(&placement.capacity_provider))
                    .map(|task| task.size.cpu)
                    .sum();
                if used + size.cpu > quota * 1024 {
                    return Err(vec![Failure::new(VCPU_QUOTA)]);
                }
            }
            return Ok(placement.clone());
        }
        let mut failures = Vec::new();
        for (index, instance) in self.config.container_instances.iter().enumerate() {
            let (mut cpu, mut memory) = (instance.cpu, instance.memory);
            for task in running().filter(|task| task.cluster == cluster && task.instance == Some(index)) {
                cpu = cpu.saturating_sub(task.size.cpu);
                memory = memory.saturating_sub(task.size.memory);
            }
            let arn = self.arn(&format!("container-instance/{cluster}/{index:032x}"));
            // "RESOURCE:*" ("API failure reasons", ECS developer guide).
            let lacking = match () {
                () if memory < size.memory => "RESOURCE:MEMORY",
                () if cpu < size.cpu => "RESOURCE:CPU",
                () => {
                    let placement = placement.clone();
                    return Ok(Placement { instance: Some((index, arn)), ..placement });
                }
            };
            failures.push(Failure { arn: Some(arn), reason: lacking.into(), detail: None });
        }
        Err(failures)
    }

    #[expect(clippy::too_many_arguments, reason = "what a task is made of")]
    fn create_task(
        &mut self,
        now: Millis,
        cluster: &str,
        run: &RunTask,
        definition: &Arc<Definition>,
        placement: Placement,
        size: Size,
        fault: Option<&TaskFault>,
    ) -> u64 {
        let sequence = self.count();
        let id = format!("{:032x}", self.ids.next());
        let containers = definition
            .spec
            .container_definitions
            .iter()
            .map(|_| {
                let container = uuid::Uuid::from_u128(self.ids.next());
                Container {
                    arn: self.arn(&format!("container/{cluster}/{id}/{container}")),
                    runtime_id: format!("{id}-{:010}", self.ids.next() as u64 % 10_000_000_000),
                    phase: Phase::Waiting,
                }
            })
            .collect();
        let interface = run.subnets().first().map(|subnet| self.interface(subnet));
        let fargate = placement.launch_type == "FARGATE";
        let (instance, instance_arn) = placement.instance.unzip();
        let task = Task {
            arn: self.arn(&format!("task/{cluster}/{id}")),
            id: id.clone(),
            sequence,
            cluster: cluster.to_owned(),
            cluster_arn: self.clusters[cluster].arn.clone(),
            definition: definition.clone(),
            launch_type: placement.launch_type,
            capacity_provider: placement.capacity_provider,
            instance,
            instance_arn,
            platform_version: fargate.then(|| match run.platform_version.as_deref() {
                None | Some("LATEST") => "1.4.0".to_owned(),
                Some(version) => version.to_owned(),
            }),
            interface,
            overrides: run.overrides.clone().unwrap_or_default(),
            size,
            started_by: run.started_by.clone(),
            // "The default value is the family name of the task definition (for example, family:my-family-name)".
            group: run.group.clone().unwrap_or_else(|| format!("family:{}", definition.family)),
            enable_execute_command: run.enable_execute_command,
            tags: self.tags_of(cluster, run, definition),
            client_token: run.client_token.clone(),
            status: Status::Provisioning,
            stop: None,
            containers,
            version: 0,
            created: now,
            updated: now,
            times: Times::default(),
            step: 0,
            start_failure: match fault {
                Some(TaskFault::FailToStart(failure)) => Some(failure.clone()),
                _ => None,
            },
            stuck: fault == Some(&TaskFault::StuckProvisioning),
            interrupt_after: match fault {
                Some(TaskFault::InterruptSpot(after)) => Some(*after),
                _ => None,
            },
        };
        self.tasks.insert(sequence, task);
        self.sequences.insert(id, sequence);
        self.changed(now, sequence);
        self.begin(now, sequence);
        sequence
    }

    /// Tags of the request; with `propagateTags` those of the definition, below them; with `enableECSManagedTags`
    /// `aws:ecs:clusterName`.
    fn tags_of(&self, cluster: &str, run: &RunTask, definition: &Definition) -> Vec<Tag> {
        let mut tags = Vec::new();
        if run.propagate_tags.as_deref() == Some("TASK_DEFINITION")
            && let Some(revision) = self.revision(&definition.arn)
        {
            tags.clone_from(&revision.tags);
        }
        tags::merge(&mut tags, run.tags.clone());
        if run.enable_ecs_managed_tags {
            tags.push(Tag { key: "aws:ecs:clusterName".into(), value: cluster.to_owned() });
        }
        tags
    }

    fn interface(&mut self, subnet: &str) -> Interface {
        let bits = self.ids.next() as u64;
        let [_, _, a, b, c, d, e, f] = bits.to_be_bytes();
        Interface {
            attachment_id: uuid::Uuid::from_u128(self.ids.next()).to_string(),
            interface_id: format!("eni-{:017x}", bits >> 4),
            subnet: subnet.to_owned(),
            address: format!("10.{d}.{e}.{f}"),
            mac: format!("02:{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}"),
        }
    }
}
