//! The task definition.
//!
//! Semantics of `_prepare_task_definition` and `_validate_task_definition` (prefect-aws 0.7.12, `ecs_worker.py`), with
//! these differences. A launch type that is not given means Fargate for the definition too; the worker takes it for
//! Fargate only in the RunTask request, and ECS then refuses the pair. EXTERNAL needs no FARGATE among the
//! compatibilities. An image, network mode or compatibility that is explicitly null counts as not given. Fargate's sizes
//! are checked. The roles that the overrides name are the definition's (see [`Draft::take_roles`]). And the result is
//! canonical and named by its content (see [`Draft::finish`]).

use std::collections::BTreeSet;

use serde_json::{Value, json};
use work_pool::Object;

use crate::{
    Named, PrepareError, Run, Settings,
    configuration::{Configuration, DEFAULT_CONTAINER},
    described,
    environment::{Environment, entry, name_of},
    fargate,
    findings::Findings,
    lenient,
    locate::{not_allowed, require, within},
    names,
    placement::Placement,
    secrets::Secrets,
    shape::shape_errors,
    value::{compact, drop_empty, is_empty, kind, sort_keys, to_integer, to_text, true_member},
};

/// Image when neither the pool nor the settings name one. The worker takes the tag of its own version of Prefect and
/// Python; there is no worker, and `3-latest` is what Prefect publishes for its newest release.
const DEFAULT_IMAGE: &str = "prefecthq/prefect:3-latest";

/// `cpu` and `memory` when the definition says nothing (prefect-aws 0.7.12, `ECS_DEFAULT_CPU`, `ECS_DEFAULT_MEMORY`).
const DEFAULT_SIZE: [(&str, i64); 2] = [("cpu", 1_024), ("memory", 2_048)];

/// Bytes of a task definition.
const LARGEST: usize = 64 * 1024;

/// A definition before it is named.
#[derive(Debug)]
pub(crate) struct Draft {
    definition: Object,
    /// Index of the orchestration container.
    container: usize,
    /// Its name.
    pub container_name: String,
    base_family: String,
}

impl Draft {
    /// The definition without the environment that pushpool puts there.
    pub(crate) fn prepare(
        configuration: &Configuration<'_>,
        placement: &Placement,
        run: &Run,
        settings: &Settings,
        findings: &mut Findings,
    ) -> Result<Self, PrepareError> {
        let mut definition = configuration.task_definition.cloned().unwrap_or_default();
        described::drop_answers(&mut definition, findings);
        let base_family = match true_member(&definition, "family") {
            None => generated(DEFAULT_CONTAINER, run),
            Some(Value::String(family)) => family.clone(),
            Some(other) => return Err(refused("task_definition.family", other, "a string")),
        };
        definition.remove("family");
        let (mut containers, empty) = containers(&mut definition)?;
        let mut container = find_container(&mut containers, configuration.container_name)?;
        // What the console exports may have containers of nulls beside the flow's.
        let is_blank = |container: &Object| container.values().all(is_empty);
        let before = containers[..container].iter().filter(|it| is_blank(it)).count();
        containers.retain(|it| !is_blank(it));
        container -= before;
        let container_name = name(&containers[container]).unwrap_or(DEFAULT_CONTAINER).to_owned();
        if empty && container_name != DEFAULT_CONTAINER && configuration.container_name.is_none() {
            findings.notes.push(format!(
                "The flow runs in container {container_name:?} (image {}): the template's own container is empty, because \
                 neither `image` nor `container_name` is set.",
                containers[container].get("image").and_then(Value::as_str).unwrap_or("of the dispatcher")
            ));
        }
        let orchestration = &mut containers[container];
        if orchestration.get("image").is_none_or(is_empty) {
            let image = settings.default_image.as_deref().filter(|image| !image.is_empty());
            orchestration.insert("image".to_owned(), image.unwrap_or(DEFAULT_IMAGE).into());
        }
        if let Some(environment) = orchestration.get_mut("environment").and_then(Value::as_array_mut) {
            let place = || format!("task_definition.containerDefinitions[{container}].environment");
            require(Some(environment), "name", "RegisterTaskDefinition", place)?;
            environment.retain(|entry| entry.get("value") != Some(&Value::Null));
            require(Some(environment), "value", "RegisterTaskDefinition", place)?;
        }
        containers.iter_mut().enumerate().for_each(|(index, container)| lenient::mend(container, index, findings));
        let orchestration = &mut containers[container];
        if configuration.configure_logs {
            orchestration.insert("logConfiguration".to_owned(), log_configuration(configuration, run, settings));
        }
        size(&mut definition, orchestration, placement)?;
        definition.insert(
            "containerDefinitions".to_owned(),
            Value::Array(containers.into_iter().map(Value::Object).collect()),
        );
        drop_empty(&mut definition);
        let draft = Self { definition, container, container_name, base_family };
        draft.validate(configuration.configure_logs, placement, findings);
        Ok(draft)
    }

    /// Takes the roles out of the overrides of the RunTask request: ECS asks for `iam:PassRole` when a definition with roles
    /// is registered, so a revision that a stranger registers has none that the stranger could not pass. In the overrides
    /// they would go to whatever revision is run.
    pub(crate) fn take_roles(&mut self, request: &mut Object) {
        let Some(Value::Object(overrides)) = request.get_mut("overrides") else { return };
        for member in ["taskRoleArn", "executionRoleArn"] {
            // Of another type it is refused under its own path.
            if let Some(Value::String(_)) = overrides.get(member)
                && let Some(role) = overrides.shift_remove(member).filter(|role| !is_empty(role))
            {
                self.definition.insert(member.to_owned(), role);
            }
        }
    }

    /// Keeps the Prefect API's secrets out of all plain environment and adds them to the orchestration container's
    /// `secrets`.
    pub(crate) fn add_secrets(&mut self, secrets: &Secrets<'_>, findings: &mut Findings) {
        let orchestration = self.container;
        for (index, container) in self.containers_mut().enumerate() {
            if let Some(environment) = container.get_mut("environment").and_then(Value::as_array_mut) {
                let place = || format!("task_definition.containerDefinitions[{index}].environment");
                secrets.keep_out_of_list(environment, index == orchestration, place, findings);
            }
        }
        secrets.add_to(self.container_mut());
        let on_fargate = self.requires("FARGATE");
        let has_secrets = |container: &&Object| true_member(container, "secrets").is_some();
        if on_fargate
            && true_member(&self.definition, "executionRoleArn").is_none()
            && let Some(container) = self.containers().find(has_secrets)
        {
            let container = name(container).unwrap_or_default().to_owned();
            findings.refuse(PrepareError::ReadSecrets { container });
        }
    }

    /// Adds the environment that all runs share. What a secret of the container already provides stays in the overrides:
    /// ECS refuses a definition in which an environment variable and a secret share a name.
    pub(crate) fn add_environment(&mut self, environment: &mut Environment<'_>) {
        for name in self.secret_names() {
            environment.keep_out_of_definition(&name);
        }
        if environment.shared.is_empty() {
            return;
        }
        if let Some(list) = self.environment_mut() {
            list.retain(|entry| name_of(entry).is_none_or(|name| !environment.shared.contains_key(name)));
            list.extend(environment.shared.iter().map(|(name, value)| entry(name, value)));
        }
    }

    /// Puts entries of the overrides into the definition.
    pub(crate) fn take_entries(&mut self, moved: Vec<Value>) {
        if let Some(list) = self.environment_mut() {
            let names: BTreeSet<&str> = moved.iter().filter_map(name_of).collect();
            list.retain(|entry| name_of(entry).is_none_or(|name| !names.contains(name)));
            list.extend(moved);
        }
    }

    /// Puts the command of the overrides into the definition.
    pub(crate) fn take_command(&mut self, command: Value) {
        self.container_mut().insert("command".to_owned(), command);
    }

    /// Names that the orchestration container's secrets provide.
    pub(crate) fn secret_names(&self) -> Vec<String> {
        let secrets = self.container().get("secrets").and_then(Value::as_array);
        secrets.into_iter().flatten().filter_map(name_of).map(str::to_owned).collect()
    }

    /// `networkMode`.
    pub(crate) fn network_mode(&self) -> Option<&str> {
        self.definition.get("networkMode").and_then(Value::as_str)
    }

    /// Whether `requiresCompatibilities` has `compatibility`.
    pub(crate) fn requires(&self, compatibility: &str) -> bool {
        requires(&self.definition, compatibility)
    }

    /// `cpu` or `memory`.
    pub(crate) fn size(&self, member: &str) -> Option<&str> {
        self.definition.get(member).and_then(Value::as_str)
    }

    /// The canonical request and its family.
    ///
    /// Canonical: keys sorted, and the lists that ECS takes for sets sorted by what identifies their items
    /// (`environment`, `secrets`, `environmentFiles`; prefect-aws 0.7.12, `_task_definitions_equal`). The family ends in
    /// the hash of that text, so all revisions that pushpool registers in it have the same content. What others register
    /// under that name has not, which is why the launcher compares and pins a revision (`revisions`).
    ///
    /// `superseded` are names of the environment whose value in the overrides is another one. They are in the definition
    /// only so that runs share it, and go if it is too large.
    pub(crate) fn finish(mut self, superseded: &BTreeSet<&str>, findings: &mut Findings) -> (String, Value) {
        let (mut family, mut bytes) = self.canonical();
        if bytes > LARGEST && !superseded.is_empty() {
            if let Some(list) = self.environment_mut() {
                list.retain(|entry| name_of(entry).is_none_or(|name| !superseded.contains(name)));
            }
            (family, bytes) = self.canonical();
        }
        let place = self.definition.keys().take_while(|key| key.as_str() < "family").count();
        self.definition.shift_insert(place, "family".to_owned(), family.as_str().into());
        let request = Value::Object(self.definition);
        for error in shape_errors("RegisterTaskDefinition", &request) {
            findings.refuse(within("task_definition", error));
        }
        if bytes > LARGEST {
            findings.refuse(PrepareError::FitDefinition { bytes, largest: largest(&request) });
        }
        (family, request)
    }

    /// Brings the definition into its canonical order; its family, and the size of the request in bytes.
    fn canonical(&mut self) -> (String, usize) {
        for container in self.containers_mut() {
            for (list, identity) in [("environment", "name"), ("secrets", "name"), ("environmentFiles", "value")] {
                match container.get_mut(list).and_then(Value::as_array_mut) {
                    Some(items) if items.is_empty() => drop(container.remove(list)),
                    Some(items) => items.sort_by(|one, other| text(one, identity).cmp(text(other, identity))),
                    None => {}
                }
            }
        }
        let mut content = Value::Object(std::mem::take(&mut self.definition));
        sort_keys(&mut content);
        let text = compact(&content);
        if let Value::Object(definition) = content {
            self.definition = definition;
        }
        let family = names::family(&self.base_family, &text);
        let bytes = text.len() + family.len() + r#""family":"","#.len();
        (family, bytes)
    }

    /// `_validate_task_definition`, and what Fargate would refuse.
    fn validate(&self, configure_logs: bool, placement: &Placement, findings: &mut Findings) {
        if configure_logs && true_member(&self.definition, "executionRoleArn").is_none() {
            findings.refuse(PrepareError::ConfigureLogs);
        }
        let requires_ec2 = self.requires("EC2");
        let spot = placement.launch_type == "FARGATE_SPOT";
        let by_provider = !placement.providers.is_empty() && !spot;
        let by_cluster = requires_ec2 && placement.launch_type.is_empty();
        if !by_provider && !by_cluster {
            let launch_type = if placement.launch_type.is_empty() { "FARGATE" } else { &placement.launch_type };
            let compatibilities = self.definition.get("requiresCompatibilities");
            if !matches!(launch_type, "EC2" | "EXTERNAL") && compatibilities.is_some() && !self.requires("FARGATE") {
                findings.refuse(PrepareError::MatchLaunchType {
                    launch_type: launch_type.to_owned(),
                    compatibilities: compatibilities.map(ToString::to_string).unwrap_or_default(),
                });
            }
            let network_mode = self.network_mode().unwrap_or("awsvpc");
            if matches!(launch_type, "FARGATE" | "FARGATE_SPOT") && network_mode != "awsvpc" {
                findings.refuse(PrepareError::MatchNetworkMode {
                    network_mode: network_mode.to_owned(),
                    launch_type: launch_type.to_owned(),
                });
            }
        }
        if self.requires("FARGATE") {
            findings.check(check_storage("task_definition", &self.definition));
            findings.check(check_size("task_definition", self.size("cpu"), self.size("memory")));
        }
    }

    fn container(&self) -> &Object {
        self.containers().nth(self.container).unwrap_or(&self.definition)
    }

    fn containers(&self) -> impl Iterator<Item = &Object> {
        let list = self.definition.get("containerDefinitions").and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_object)
    }

    fn containers_mut(&mut self) -> impl Iterator<Item = &mut Object> {
        let list = self.definition.get_mut("containerDefinitions").and_then(Value::as_array_mut);
        list.into_iter().flatten().filter_map(Value::as_object_mut)
    }

    fn container_mut(&mut self) -> &mut Object {
        // `prepare` has put objects there and nothing else, one of them at this index.
        match self.definition.get_mut("containerDefinitions").and_then(|list| list.get_mut(self.container)) {
            Some(Value::Object(container)) => container,
            _ => unreachable!("the orchestration container is an object of the definition"),
        }
    }

    /// The orchestration container's environment; none when something else stands there, which the shape check refuses.
    fn environment_mut(&mut self) -> Option<&mut Vec<Value>> {
        let environment = self.container_mut().entry("environment").or_insert_with(|| Value::Array(Vec::new()));
        environment.as_array_mut()
    }
}

/// Checks a pair of sizes.
pub(crate) fn check_size(place: &'static str, cpu: Option<&str>, memory: Option<&str>) -> Result<(), PrepareError> {
    let shown = |size: Option<&str>| size.unwrap_or("not given").to_owned();
    fargate::check(cpu, memory).map_err(|nearest| PrepareError::SizeTask {
        place,
        cpu: shown(cpu),
        memory: shown(memory),
        nearest,
    })
}

/// Checks `ephemeralStorage` of the definition or of the overrides.
pub(crate) fn check_storage(place: &'static str, object: &Object) -> Result<(), PrepareError> {
    let size = object.get("ephemeralStorage").and_then(|storage| storage.get("sizeInGiB")).and_then(Value::as_i64);
    match size {
        Some(found) if !fargate::STORAGE.contains(&found) => Err(PrepareError::SizeStorage { place, found }),
        _ => Ok(()),
    }
}

fn refused(path: &str, found: &Value, allowed: &str) -> PrepareError {
    not_allowed("RegisterTaskDefinition", path, found, allowed)
}

fn requires(definition: &Object, compatibility: &str) -> bool {
    let list = definition.get("requiresCompatibilities").and_then(Value::as_array);
    list.is_some_and(|list| list.iter().any(|item| item == compatibility))
}

/// Takes the containers out of the definition, without the empty ones; whether the first was one of these.
fn containers(definition: &mut Object) -> Result<(Vec<Object>, bool), PrepareError> {
    let list = match definition.remove("containerDefinitions") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => list,
        Some(other) => return Err(refused("task_definition.containerDefinitions", &other, "a list")),
    };
    let first_is_empty = list.first().is_some_and(is_empty);
    let containers =
        list.into_iter().enumerate().filter(|(_, container)| !is_empty(container)).map(|(index, container)| {
            match container {
                Value::Object(container) => Ok(container),
                other => Err(refused(&format!("task_definition.containerDefinitions[{index}]"), &other, "an object")),
            }
        });
    Ok((containers.collect::<Result<_, _>>()?, first_is_empty))
}

fn name(container: &Object) -> Option<&str> {
    container.get("name").and_then(Value::as_str).filter(|name| !name.is_empty())
}

/// Index of the container that the flow run executes in, which has its name afterwards: the one named, else `prefect`,
/// else the first; else one without a name, else a new one.
fn find_container(containers: &mut Vec<Object>, wanted: Option<&str>) -> Result<usize, PrepareError> {
    let position = |wanted: &str| containers.iter().position(|container| name(container) == Some(wanted));
    let inferred = || match position(DEFAULT_CONTAINER) {
        Some(_) => DEFAULT_CONTAINER,
        None => containers.first().and_then(name).unwrap_or(DEFAULT_CONTAINER),
    };
    let wanted = wanted.unwrap_or_else(inferred).to_owned();
    if let Some(index) = position(&wanted) {
        return Ok(index);
    }
    if wanted != DEFAULT_CONTAINER {
        let known = containers.iter().filter_map(name).map(str::to_owned).collect();
        return Err(PrepareError::FindContainer { name: wanted, known });
    }
    let index = containers.iter().position(|container| name(container).is_none()).unwrap_or(containers.len());
    if index == containers.len() {
        containers.push(Object::new());
    }
    containers[index].insert("name".to_owned(), wanted.into());
    Ok(index)
}

/// The log configuration, which replaces what the container has.
fn log_configuration(configuration: &Configuration<'_>, run: &Run, settings: &Settings) -> Value {
    let generated = || names::log_prefix(&generated("prefect-logs", run));
    let mut options = json!({
        "awslogs-create-group": "true",
        "awslogs-group": "prefect",
        "awslogs-region": settings.region,
        "awslogs-stream-prefix": configuration.log_prefix.map_or_else(generated, str::to_owned),
    });
    for (name, value) in &configuration.log_options {
        options[*name] = (*value).into();
    }
    json!({"logDriver": "awslogs", "options": options})
}

/// `<prefix>_<pool>_<deployment or flow>`, by id where there is one.
fn generated(prefix: &str, run: &Run) -> String {
    let called = |thing: &Named| thing.id.map_or_else(|| thing.name.clone(), |id| id.to_string());
    match run.deployment.as_ref().or(run.flow.as_ref()) {
        Some(thing) => format!("{prefix}_{}_{}", run.work_pool.name, called(thing)),
        None => format!("{prefix}_{}", run.work_pool.name),
    }
}

/// CPU, memory, compatibilities and network mode.
fn size(definition: &mut Object, container: &mut Object, placement: &Placement) -> Result<(), PrepareError> {
    for member in ["requiresCompatibilities", "networkMode"] {
        if definition.get(member).is_some_and(Value::is_null) {
            definition.remove(member);
        }
    }
    let as_fargate = matches!(placement.launch_type.as_str(), "FARGATE" | "FARGATE_SPOT")
        || (placement.launch_type.is_empty() && placement.on_fargate(requires(definition, "EC2")));
    for (member, default) in DEFAULT_SIZE {
        let given = true_member(definition, member).cloned();
        if as_fargate {
            let size = given.as_ref().map_or_else(|| default.to_string().into(), to_text).into_owned();
            definition.insert(member.to_owned(), size.into());
            continue;
        }
        let size = match &given {
            None => default,
            Some(value) => to_integer(value).ok_or_else(|| PrepareError::SizeContainer {
                member,
                found: if value.is_string() { value.to_string() } else { kind(value).to_owned() },
            })?,
        };
        container.entry(member).or_insert_with(|| size.into());
        if let Some(given) = given {
            definition.insert(member.to_owned(), to_text(&given).into_owned().into());
        }
    }
    if as_fargate {
        match definition.entry("requiresCompatibilities").or_insert_with(|| json!([])) {
            Value::Array(list) if !list.iter().any(|item| item == "FARGATE") => list.push("FARGATE".into()),
            Value::Array(_) => {}
            other => return Err(refused("task_definition.requiresCompatibilities", other, "a list")),
        }
        definition.entry("networkMode").or_insert_with(|| "awsvpc".into());
    }
    Ok(())
}

fn text<'a>(item: &'a Value, member: &str) -> &'a str {
    item.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// The largest environment entries and commands of a definition.
fn largest(request: &Value) -> Vec<(String, usize)> {
    let mut parts = Vec::new();
    for container in request["containerDefinitions"].as_array().into_iter().flatten() {
        for entry in container["environment"].as_array().into_iter().flatten() {
            parts.push((name_of(entry).unwrap_or_default().to_owned(), entry.to_string().len()));
        }
        if let Some(command) = container.get("command") {
            parts.push(("command".to_owned(), command.to_string().len()));
        }
    }
    parts.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    parts.truncate(5);
    parts
}
