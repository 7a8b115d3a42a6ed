//! ECS as a state machine: operations and the passing of time in, answers and effects out.
//!
//! No clock, no I/O, no randomness: `now` is an argument, ids come from [`Ids`], and what is to happen outside is
//! returned as [`Effect`]s. The shell ([`super::Ecs`]) starts processes for them; a simulation may do anything else,
//! as long as it reports what became of each container ([`Engine::started`], [`Engine::start_failed`],
//! [`Engine::exited`]).

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::buckets::{Buckets, Throttles};
use super::clusters::Cluster;
use super::config::{Config, Lag};
use super::errors::{cluster_not_found, invalid, throttled};
use super::families::Family;
use super::faults::{TaskFaults, TaskRule};
use super::ids::Ids;
use super::model;
use super::run_task::Token;
use super::shapes;
use super::task::{Task, TaskView};
use crate::clock::Millis;
use crate::wire::{Account, AwsError, Service};

/// One container of one task.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId {
    /// The task.
    pub task_arn: String,
    /// Its place in the definition's `containerDefinitions`.
    pub index: usize,
}

/// What is to happen outside.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Start a container, and report [`Engine::started`] or [`Engine::start_failed`], and after the former
    /// [`Engine::exited`].
    Start(Launch),
    /// Signal a container that was started and has not been reported as ended.
    Signal(ContainerId, Signal),
    /// Deliver this event: the whole EventBridge envelope.
    Event(Value),
}

/// A container to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// Which.
    pub container: ContainerId,
    /// Its name in the definition.
    pub name: String,
    /// Its image.
    pub image: String,
    /// `entryPoint` and `command` with overrides applied; may be empty.
    pub command: Vec<String>,
    /// The container's variables: definition, overrides, secrets.
    pub environment: Environment,
}

/// Variables of a process. `Debug` shows their names only: secrets are among them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(pub BTreeMap<String, String>);

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// How a container is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// SIGTERM.
    Terminate,
    /// SIGKILL.
    Kill,
}

/// What happens by itself at some time.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// The task of this sequence moves on, if this is still its step.
    Step(u64, u64),
    /// A container that has not ended by now is killed.
    Kill(u64, usize),
    /// The task's Spot capacity is taken back.
    Interrupt(u64),
    /// The stopped task is forgotten.
    Forget(u64),
    /// The client token of a cluster is forgotten.
    ForgetToken(String, String),
    /// It is forgotten as far as this stopped task goes.
    ReleaseToken { cluster: String, token: String, task_arn: String },
}

/// The state of one account's ECS.
#[derive(Debug)]
pub struct Engine {
    pub(super) account: Account,
    pub(super) config: Config,
    pub(super) ids: Box<dyn Ids>,
    pub(super) clusters: BTreeMap<String, Cluster>,
    pub(super) families: BTreeMap<String, Family>,
    /// By sequence, that is in order of creation.
    pub(super) tasks: BTreeMap<u64, Task>,
    pub(super) sequences: HashMap<String, u64>,
    /// By cluster and client token.
    pub(super) tokens: HashMap<(String, String), Token>,
    pub(super) faults: TaskFaults,
    buckets: Buckets,
    pub(super) due: BTreeMap<(Millis, u64), Due>,
    pub(super) effects: Vec<Effect>,
    tells: bool,
    counter: u64,
    /// The time of the present call.
    now: Millis,
}

impl Engine {
    /// An account with the clusters of `config` and nothing in them.
    pub fn new(account: Account, config: Config, ids: Box<dyn Ids>) -> Self {
        let mut engine = Self {
            account,
            config,
            ids,
            clusters: BTreeMap::new(),
            families: BTreeMap::new(),
            tasks: BTreeMap::new(),
            sequences: HashMap::new(),
            tokens: HashMap::new(),
            faults: TaskFaults::default(),
            buckets: Buckets::default(),
            due: BTreeMap::new(),
            effects: Vec::new(),
            tells: true,
            counter: 0,
            now: 0,
        };
        for name in engine.config.clusters.clone() {
            let cluster = Cluster::with_fargate(engine.arn(&format!("cluster/{name}")));
            engine.clusters.insert(name, cluster);
        }
        engine
    }

    /// Executes one operation.
    ///
    /// # Errors
    ///
    /// What AWS answers, by the name of its exception; UnknownOperationException for operations not modelled;
    /// ThrottlingException when [`Config::throttles`] has a bucket and it is empty.
    pub fn call(&mut self, now: Millis, operation: &str, input: &Value) -> Result<Value, AwsError> {
        self.pass(now);
        self.now = now;
        let Some(shape) = shapes::request(operation) else {
            return Err(AwsError::unknown_operation(Service::Ecs, operation));
        };
        if let Some(throttles) = &self.config.throttles
            && !self.buckets.take(throttles, operation, now)
        {
            return Err(throttled());
        }
        let code = if operation == "RegisterTaskDefinition" { "ClientException" } else { "InvalidParameterException" };
        let input = model::conform(&shape, input).map_err(|misfit| misfit.answer(code))?;
        match operation {
            "CreateCluster" => self.create_cluster(typed(input)?),
            "DescribeClusters" => self.describe_clusters(typed(input)?),
            "ListClusters" => self.list_clusters(typed(input)?),
            "DeleteCluster" => self.delete_cluster(typed(input)?),
            "RegisterTaskDefinition" => self.register_task_definition(now, input),
            "DescribeTaskDefinition" => self.describe_task_definition(typed(input)?),
            "DeregisterTaskDefinition" => self.deregister_task_definition(now, typed(input)?),
            "ListTaskDefinitions" => self.list_task_definitions(typed(input)?),
            "ListTaskDefinitionFamilies" => self.list_task_definition_families(typed(input)?),
            "RunTask" => self.run_task(now, input),
            "StopTask" => self.stop_task(now, typed(input)?),
            "DescribeTasks" => self.describe_tasks(typed(input)?),
            "ListTasks" => self.list_tasks(typed(input)?),
            "TagResource" => self.tag_resource(typed(input)?),
            "UntagResource" => self.untag_resource(typed(input)?),
            "ListTagsForResource" => self.list_tags_for_resource(typed(input)?),
            _ => Err(AwsError::unknown_operation(Service::Ecs, operation)),
        }
    }

    /// Lets this happen to RunTask calls from now on.
    pub fn inject(&mut self, rule: TaskRule) {
        self.faults.add(rule);
    }

    /// Puts these token buckets in place of those there were, full; or none.
    pub fn set_throttles(&mut self, throttles: Option<Throttles>) {
        self.config.throttles = throttles;
        self.buckets = Buckets::default();
    }

    /// From now on this many Fargate vCPUs may be in use at once; or any number.
    pub fn set_vcpu_quota(&mut self, vcpus: Option<u32>) {
        self.config.vcpu_quota = vcpus;
    }

    /// From now on reads see writes so late.
    pub fn set_lag(&mut self, lag: Lag) {
        self.config.lag = lag;
    }

    /// Whether reads see by now what was written at that time.
    pub(super) fn is_seen(&self, written: Millis, lag: u64) -> bool {
        written.saturating_add(lag) <= self.now
    }

    /// Whether changes become [`Effect::Event`]s, as they do at first. Where nobody listens, leaving them out saves most
    /// of the cost of a task.
    pub fn tell(&mut self, events: bool) {
        self.tells = events;
    }

    /// Every task that can still be described, in order of creation.
    pub fn tasks(&self) -> Vec<TaskView> {
        self.tasks.values().map(Task::view).collect()
    }

    /// Name of the first essential container of a task.
    pub fn main_container(&self, task_arn: &str) -> Option<String> {
        let id = task_arn.rsplit('/').next()?;
        let task = self.tasks.get(self.sequences.get(id)?)?;
        let mut containers = task.definition.spec.container_definitions.iter();
        Some(containers.find(|container| container.essential)?.name.clone())
    }

    /// Log group and stream prefix of a container of a task, if its log driver is `awslogs` and it has both.
    pub(crate) fn log_place(&self, task_id: &str, container: &str) -> Option<(String, String)> {
        let task = self.tasks.get(self.sequences.get(task_id)?)?;
        let spec = task.definition.spec.container_definitions.iter().find(|spec| spec.name == container)?;
        let logs = spec.log_configuration.as_ref().filter(|logs| logs.log_driver == "awslogs")?;
        let option = |name: &str| logs.options.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
        Some((option("awslogs-group")?, option("awslogs-stream-prefix")?))
    }

    /// When [`Engine::advance`] has something to do next.
    pub fn next_due(&self) -> Option<Millis> {
        self.due.keys().next().map(|(at, _)| *at)
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn arn(&self, resource: &str) -> String {
        self.account.arn(Service::Ecs, resource)
    }

    /// A number greater than all before it.
    pub(super) fn count(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    pub(super) fn at(&mut self, at: Millis, due: Due) {
        let order = self.count();
        self.due.insert((at, order), due);
    }

    /// Makes the cluster a request means, if its name may be one and there is none.
    pub(super) fn make_cluster(&mut self, reference: Option<&str>) {
        let name = cluster_name(reference.unwrap_or("default"));
        if ::ecs::rules::check_name(name, "Cluster name", diagnosis::PP0227).is_none()
            && !self.clusters.contains_key(name)
        {
            let cluster = Cluster::with_fargate(self.arn(&format!("cluster/{name}")));
            self.clusters.insert(name.to_owned(), cluster);
        }
    }

    /// Name of the cluster a request means: a name, an ARN, or `default` when it says nothing.
    pub(super) fn cluster_name(&self, reference: Option<&str>) -> Result<String, AwsError> {
        let name = cluster_name(reference.unwrap_or("default"));
        match self.clusters.get(name) {
            Some(cluster) if cluster.active => Ok(name.to_owned()),
            Some(_) => Err(invalid("The referenced cluster was inactive.")),
            None => Err(cluster_not_found()),
        }
    }

    /// The task a request means by id or ARN, if it is in this cluster.
    pub(super) fn task_in(&self, cluster: &str, reference: &str) -> Option<&Task> {
        let id = match reference.split_once(":task/") {
            // arn:…:task/cluster/id, or without the cluster in the old format.
            Some((_, path)) => match path.split_once('/') {
                Some((of, _)) if of != cluster => return None,
                Some((_, id)) => id,
                None => path,
            },
            None => reference,
        };
        let task = self.tasks.get(self.sequences.get(id)?)?;
        (task.cluster == cluster).then_some(task)
    }

    /// Queues the event of a change of the task's.
    pub(super) fn changed(&mut self, now: Millis, sequence: u64) {
        let id = uuid::Uuid::from_u128(self.ids.next());
        let Some(task) = self.tasks.get_mut(&sequence) else { return };
        task.version += 1;
        task.updated = now;
        if !self.tells {
            return;
        }
        // "Amazon ECS task state change events", ECS developer guide.
        let mut event = json!({
            "version": "0",
            "id": id.to_string(),
            "detail-type": "ECS Task State Change",
            "source": "aws.ecs",
            "account": self.account.account_id,
            "time": super::task::iso(now),
            "region": self.account.region,
            "resources": [task.arn],
        });
        event["detail"] = task.detail();
        if self.config.events_without_stop_code
            && let Some(detail) = event["detail"].as_object_mut()
        {
            detail.remove("stopCode");
        }
        self.effects.push(Effect::Event(event));
    }
}

/// The input in the form an operation reads. The shape was checked, so a failure is a number out of range.
pub(super) fn typed<T: DeserializeOwned>(input: Value) -> Result<T, AwsError> {
    serde_json::from_value(input).map_err(|error| AwsError::serialization(error.to_string()))
}

/// The name in a cluster's name or ARN.
pub(super) fn cluster_name(reference: &str) -> &str {
    reference.split_once(":cluster/").map_or(reference, |(_, name)| name)
}
