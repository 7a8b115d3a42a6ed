//! The ECSTask block as its class reads it (prefect-aws 0.4.20, `ecs.py`).
//!
//! A block that its class refuses cannot run under the agent either, so reading gives every reason. With
//! [`Reading::repair`], what has only one sensible meaning is taken instead.

use json_patch::Patch;
use prefect_api::models::Object;
use serde_json::Value;

use super::pydantic::{
    optional_flag, optional_integer, optional_list, optional_number, optional_object, optional_text, texts,
};

/// Name of the container that a flow runs in.
pub(crate) const CONTAINER: &str = "prefect";

/// Slug of the block.
pub(crate) const SLUG: &str = "ecs-task";

/// How a block is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading<'a> {
    /// Whether to take what the class refuses and has only one sensible meaning.
    pub repair: bool,
    /// Version of Prefect whose image stands for a missing one.
    pub prefect_version: &'a str,
}

/// Launch types of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LaunchType {
    Fargate,
    FargateSpot,
    Ec2,
    External,
}

impl LaunchType {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fargate => "FARGATE",
            Self::FargateSpot => "FARGATE_SPOT",
            Self::Ec2 => "EC2",
            Self::External => "EXTERNAL",
        }
    }

    pub(crate) fn is_fargate(self) -> bool {
        matches!(self, Self::Fargate | Self::FargateSpot)
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Fargate, Self::FargateSpot, Self::Ec2, Self::External].into_iter().find(|it| it.name() == name)
    }
}

/// An ECSTask block.
#[derive(Debug, Clone)]
pub(crate) struct EcsTask {
    pub env: Object,
    pub labels: Object,
    pub name: Option<String>,
    pub command: Option<Vec<String>>,
    pub task_definition_arn: Option<String>,
    pub task_definition: Option<Object>,
    pub family: Option<String>,
    pub image: Option<String>,
    /// Whether the image stands nowhere, and the class took its own release's.
    pub image_is_the_agents: bool,
    pub auto_deregister: bool,
    pub cpu: Option<i64>,
    pub memory: Option<i64>,
    pub execution_role_arn: Option<String>,
    pub configure_logs: bool,
    pub log_options: Object,
    pub stream_output: bool,
    pub launch_type: Option<LaunchType>,
    pub vpc_id: Option<String>,
    pub cluster: Option<String>,
    pub task_role_arn: Option<String>,
    pub task_customizations: Patch,
    pub start_timeout_seconds: i64,
    pub watch_poll_interval: f64,
}

impl EcsTask {
    /// Reads the data of a block.
    ///
    /// # Errors
    /// Why the class refuses it, each reason once.
    pub(crate) fn read(data: &Object, reading: Reading<'_>) -> Result<Self, Vec<String>> {
        let parsed = if reading.repair { Some(parse_objects(data)) } else { None };
        let mut fields = Fields { data: parsed.as_ref().unwrap_or(data), refused: Vec::new() };
        if data.get("type").and_then(Value::as_str).is_some_and(|of| of != SLUG) {
            fields.refused.push(format!("`type` must be {SLUG}"));
        }
        let stream_output = fields.of("stream_output", optional_flag).unwrap_or_default();
        let configure_logs = fields.of("configure_cloudwatch_logs", optional_flag);
        let mut task = Self {
            env: fields.of("env", |field, value| texts(field, value, true).map(Some)).unwrap_or_default(),
            labels: fields.of("labels", |field, value| texts(field, value, false).map(Some)).unwrap_or_default(),
            name: fields.text("name"),
            command: fields.command(reading.repair),
            task_definition_arn: fields.text("task_definition_arn"),
            task_definition: fields.of("task_definition", optional_object),
            family: fields.text("family"),
            image: fields.text("image"),
            image_is_the_agents: false,
            auto_deregister: fields.of("auto_deregister_task_definition", optional_flag).unwrap_or(true),
            cpu: fields.of("cpu", optional_integer).filter(|cpu| *cpu != 0),
            memory: fields.of("memory", optional_integer).filter(|memory| *memory != 0),
            execution_role_arn: fields.text("execution_role_arn"),
            configure_logs: configure_logs.unwrap_or(stream_output),
            log_options: fields
                .of("cloudwatch_logs_options", |field, value| texts(field, value, false).map(Some))
                .unwrap_or_default(),
            stream_output,
            launch_type: fields.launch_type(),
            vpc_id: fields.text("vpc_id"),
            cluster: fields.text("cluster"),
            task_role_arn: fields.text("task_role_arn"),
            task_customizations: fields.patch(),
            start_timeout_seconds: fields.of("task_start_timeout_seconds", optional_integer).unwrap_or(120),
            watch_poll_interval: fields.of("task_watch_poll_interval", optional_number).unwrap_or(5.0),
        };
        task.find_image(reading.prefect_version);
        task.validate(&mut fields.refused);
        if fields.refused.is_empty() { Ok(task) } else { Err(fields.refused) }
    }

    /// `image_is_required`: the definition's image, or else that of the agent's own release.
    fn find_image(&mut self, prefect_version: &str) {
        if self.image.is_some() || self.task_definition_arn.is_some() {
            return;
        }
        let container = self.task_definition.as_ref().and_then(prefect_container);
        self.image = container.and_then(|it| it.get("image")?.as_str()).filter(|it| !it.is_empty()).map(str::to_owned);
        if self.image.is_none() {
            self.image = Some(format!("prefecthq/prefect:{prefect_version}-python3.11"));
            self.image_is_the_agents = true;
        }
    }

    /// The validators over several fields.
    fn validate(&self, refused: &mut Vec<String>) {
        let role_of_definition = self.task_definition.as_ref().and_then(|it| it.get("executionRoleArn"));
        let has_role = self.execution_role_arn.is_some()
            || self.task_definition_arn.is_some()
            || role_of_definition.is_some_and(|role| role.as_str().is_some_and(|role| !role.is_empty()));
        if self.configure_logs && !has_role {
            refused.push("CloudWatch logs are on and no `execution_role_arn` is set".to_owned());
        }
        if !self.log_options.is_empty() && !self.configure_logs {
            refused.push("`cloudwatch_logs_options` are set and CloudWatch logs are off".to_owned());
        }
    }
}

/// Objects that old command lines wrote as text.
fn parse_objects(data: &Object) -> Object {
    let mut data = data.clone();
    for field in ["env", "labels", "task_definition", "cloudwatch_logs_options"] {
        if let Some(Value::String(text)) = data.get(field)
            && let Ok(object @ Value::Object(_)) = serde_json::from_str(text)
        {
            data.insert(field.to_owned(), object);
        }
    }
    data
}

/// The container of a definition that a flow runs in.
pub(crate) fn prefect_container(definition: &Object) -> Option<&Object> {
    let containers = definition.get("containerDefinitions")?.as_array()?;
    containers.iter().filter_map(Value::as_object).find(|it| it.get("name").is_some_and(|name| name == CONTAINER))
}

/// The fields of a block, and what is wrong with them.
struct Fields<'a> {
    data: &'a Object,
    refused: Vec<String>,
}

impl<'a> Fields<'a> {
    fn of<T>(&mut self, field: &str, read: impl Fn(&str, Option<&'a Value>) -> Result<Option<T>, String>) -> Option<T> {
        match read(field, self.data.get(field)) {
            Ok(value) => value,
            Err(refused) => {
                self.refused.push(refused);
                None
            }
        }
    }

    /// Text; the block treats the empty one as none.
    fn text(&mut self, field: &str) -> Option<String> {
        self.of(field, optional_text).filter(|text| !text.is_empty())
    }

    fn command(&mut self, repair: bool) -> Option<Vec<String>> {
        let command = match self.data.get("command") {
            Some(Value::String(text)) if repair => Some(text.split_whitespace().map(str::to_owned).collect()),
            _ => self.of("command", optional_list),
        };
        command.filter(|words| !words.is_empty())
    }

    fn launch_type(&mut self) -> Option<LaunchType> {
        match self.data.get("launch_type") {
            None => Some(LaunchType::Fargate),
            Some(Value::Null) => None,
            Some(value) => {
                let known = value.as_str().and_then(LaunchType::parse);
                if known.is_none() {
                    self.refused.push("`launch_type` must be FARGATE, FARGATE_SPOT, EC2 or EXTERNAL".to_owned());
                }
                known
            }
        }
    }

    /// A list, or text that holds one.
    fn patch(&mut self) -> Patch {
        let patch = match self.data.get("task_customizations") {
            None => Ok(Patch::default()),
            Some(Value::String(text)) => serde_json::from_str(text),
            Some(list) => serde_json::from_value(list.clone()),
        };
        patch.unwrap_or_else(|error| {
            self.refused.push(format!("`task_customizations` is not a JSON patch ({error})"));
            Patch::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(data: &Value) -> Result<EcsTask, Vec<String>> {
        let reading = Reading { repair: false, prefect_version: "2.20.26" };
        EcsTask::read(data.as_object().unwrap(), reading)
    }

    #[test]
    fn a_block_is_read_as_its_class_reads_it() {
        let task = read(&json!({"cpu": "512", "stream_output": true, "execution_role_arn": "arn:r", "command": [],
            "launch_type": null, "task_customizations": "[{\"op\": \"remove\", \"path\": \"/tags\"}]"}))
        .unwrap();
        assert_eq!((task.cpu, task.configure_logs, task.launch_type), (Some(512), true, None));
        assert_eq!((task.command, task.task_customizations.len()), (None, 1));
        assert_eq!(read(&json!({})).unwrap().launch_type, Some(LaunchType::Fargate));
    }

    #[test]
    fn the_image_comes_from_the_definition_or_from_the_agents_release() {
        let literal = json!({"task_definition": {"containerDefinitions": [{"name": "prefect", "image": "a:1"}]}});
        assert_eq!(read(&literal).unwrap().image.as_deref(), Some("a:1"));
        let none = read(&json!({"image": null})).unwrap();
        assert_eq!(none.image.as_deref(), Some("prefecthq/prefect:2.20.26-python3.11"));
        assert!(none.image_is_the_agents);
        assert_eq!(read(&json!({"task_definition_arn": "arn:x"})).unwrap().image, None);
    }

    #[test]
    fn what_the_class_refuses_is_refused_with_every_reason() {
        let refused = read(&json!({"command": "python -m x", "cpu": "lots", "env": null, "labels": {"a": null},
            "launch_type": "MOON", "task_customizations": [{"op": "grow", "path": "/a"}],
            "configure_cloudwatch_logs": true}))
        .unwrap_err();
        assert_eq!(refused.len(), 7, "{refused:#?}");
        let options = read(&json!({"cloudwatch_logs_options": {"awslogs-group": "x"}})).unwrap_err();
        assert!(options[0].contains("cloudwatch_logs_options"), "{options:?}");
    }

    #[test]
    fn what_is_written_as_text_is_taken_only_when_told() {
        let data = json!({"command": "python -m prefect.engine", "env": "{\"A\": \"1\"}"});
        assert_eq!(read(&data).unwrap_err().len(), 2);
        let reading = Reading { repair: true, prefect_version: "2.20.26" };
        let task = EcsTask::read(data.as_object().unwrap(), reading).unwrap();
        assert_eq!(task.command.unwrap(), ["python", "-m", "prefect.engine"]);
        assert_eq!(task.env["A"], "1");
    }
}
