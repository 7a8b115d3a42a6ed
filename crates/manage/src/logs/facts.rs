//! The facts about a run, from the server, its log and ECS.

use std::{collections::BTreeSet, path::PathBuf};

use ::installation::Function;
use dispatch::{
    infrastructure::Infrastructure,
    prefect::{history, logs::LOGGER, states::holder},
};
use ecs::{Attempt, ClusterRef, task::Task};
use jiff::Timestamp;
use prefect_api::{
    PAGE, Transport,
    filters::{FlowRunFilter, FlowRunList, FlowRunQuery, FlowRunSort},
    models::{FlowRun, State, WrittenLine},
};
use prefect_ids::FlowRunId;

use crate::account::{ContainerLog, Tasks};
use crate::{
    error::ManageError,
    installation::{self, Which},
    running::Dev,
    server::Server,
};

/// Most pages of a run's log that are looked through for what pushpool wrote.
const PAGES: usize = 10;

/// How many runs of one name are told apart.
const NAMESAKES: usize = 5;

/// Functions that write about single runs.
const FUNCTIONS: [Function; 3] = [Function::Dispatcher, Function::Observer, Function::Reconciler];

/// All about a run.
#[derive(Debug)]
pub struct Facts {
    /// The run itself.
    pub run: FlowRun,
    /// Other runs of its name, if the user gave a name.
    pub namesakes: Vec<FlowRunId>,
    /// Oldest first.
    pub states: Vec<State>,
    /// What pushpool claimed, oldest first.
    pub claims: Vec<Claim>,
    /// In no order.
    pub tasks: Vec<TaskFacts>,
    /// What pushpool wrote, oldest first.
    pub lines: Vec<WrittenLine>,
    /// The log has more lines than were looked through.
    pub cut: bool,
    /// Log groups of the functions.
    pub functions: Vec<String>,
    /// Their region, if it was given.
    pub region: Option<String>,
}

impl Facts {
    /// Whether the run's tasks are those of a `pushpool dev` of this machine.
    #[must_use]
    pub fn is_of_dev(&self) -> bool {
        self.tasks.iter().any(TaskFacts::is_of_dev)
    }
}

/// A claim of pushpool's.
#[derive(Debug)]
pub struct Claim {
    /// The attempt that it claims.
    pub attempt: Attempt,
    /// When it was made.
    pub at: Timestamp,
    /// The message that it was made for.
    pub message_id: Option<String>,
}

/// A task of the run.
#[derive(Debug)]
pub struct TaskFacts {
    /// Its cluster and its ARN.
    pub infrastructure: Infrastructure,
    /// Whether it is what the server has for the run.
    pub is_recorded: bool,
    /// What ECS says.
    pub task: Option<Task>,
    /// Its task definition.
    pub definition_arn: Option<String>,
    /// Where its containers log to.
    pub logs: Vec<ContainerLog>,
    /// What its containers wrote, where a `pushpool dev` of this machine ran it.
    pub files: Vec<PathBuf>,
    /// Why something is not known.
    pub trouble: Option<String>,
}

impl TaskFacts {
    fn of(infrastructure: Infrastructure, is_recorded: bool) -> Self {
        let dev = Dev::of_task(&infrastructure.task_arn);
        let files = dev.map(|dev| dev.log_files(&infrastructure.task_arn)).unwrap_or_default();
        Self { infrastructure, is_recorded, task: None, definition_arn: None, logs: Vec::new(), files, trouble: None }
    }

    /// The last part of its ARN.
    #[must_use]
    pub fn id(&self) -> &str {
        let arn = &self.infrastructure.task_arn;
        arn.rsplit('/').next().unwrap_or(arn)
    }

    /// Whether a `pushpool dev` of this machine ran it.
    #[must_use]
    pub fn is_of_dev(&self) -> bool {
        !self.files.is_empty()
    }

    /// Its region, from its ARN: arn:PARTITION:ecs:REGION:ACCOUNT:task/CLUSTER/ID
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.infrastructure.task_arn.split(':').nth(3).filter(|region| !region.is_empty())
    }
}

/// Asks for everything about a run.
///
/// # Errors
/// There is no such run, or the server does not answer. That AWS does not is said with the tasks.
pub async fn gather<T: Transport>(server: &Server<T>, name: &str, installation: &Which) -> Result<Facts, ManageError> {
    let (run, namesakes) = find(server, name).await?;
    let told = |error| server.told(error);
    let states = history::read(&server.client, run.id, run.state_id).await.map_err(told)?;
    let (mut lines, mut read, mut cut) = (Vec::new(), 0, true);
    for _ in 0..PAGES {
        let page = server.client.logs(run.id, read).await.map_err(told)?;
        read += page.len();
        let last = page.len() < PAGE;
        lines.extend(page.into_iter().filter(|line| line.name == LOGGER));
        if last {
            cut = false;
            break;
        }
    }
    let claims: Vec<Claim> = history::claims(run.id, &states)
        .into_iter()
        .map(|(attempt, state)| Claim {
            attempt,
            at: state.timestamp,
            message_id: holder(state).map(|holder| holder.message_id.to_owned()),
        })
        .collect();
    let tasks = tasks(&run, &claims, &lines).await;
    let functions = FUNCTIONS.map(|function| function.log_group(&installation.prefix)).to_vec();
    let region = installation.region.clone();
    Ok(Facts { run, namesakes, states, claims, tasks, lines, cut, functions, region })
}

/// The run of an id, or the newest one of a name with the ids of the others.
async fn find<T: Transport>(server: &Server<T>, name: &str) -> Result<(FlowRun, Vec<FlowRunId>), ManageError> {
    let not_there = || ManageError::Explained {
        summary: format!("there is no flow run \"{name}\" at {}", server.url),
        detail: String::new(),
        help: "Give the id or the name of a flow run: `prefect flow-run ls` shows both.".to_owned(),
    };
    if let Ok(id) = name.parse::<FlowRunId>() {
        return match server.client.flow_run(id).await {
            Err(error) if error.is_not_found() => Err(not_there()),
            answer => answer.map(|run| (run, Vec::new())).map_err(|error| server.told(error)),
        };
    }
    let names = [name];
    let query = FlowRunQuery { flow_runs: Some(FlowRunFilter::named(&names)), ..FlowRunQuery::default() };
    let list = FlowRunList { query, sort: FlowRunSort::ExpectedStartTimeDesc, limit: NAMESAKES };
    let mut found = server.client.flow_runs(&list).await.map_err(|error| server.told(error))?.into_iter();
    let newest = found.next().ok_or_else(not_there)?;
    Ok((newest, found.map(|run| run.id).collect()))
}

/// The tasks that the server, the log or ECS know of.
async fn tasks(run: &FlowRun, claims: &[Claim], lines: &[WrittenLine]) -> Vec<TaskFacts> {
    let mut tasks: Vec<TaskFacts> = Infrastructure::of_run(run).map(|it| TaskFacts::of(it, true)).into_iter().collect();
    for (infrastructure, definition_arn) in lines.iter().filter_map(|line| launched(&line.message)) {
        match tasks.iter_mut().find(|it| it.infrastructure.task_arn == infrastructure.task_arn) {
            Some(known) => known.definition_arn = definition_arn,
            None => tasks.push(TaskFacts { definition_arn, ..TaskFacts::of(infrastructure, false) }),
        }
    }
    // Where no task is known, there is no cluster to look for one in. Tasks may be in another region than the functions.
    let Some(first) = tasks.first().map(|it| it.infrastructure.task_arn.clone()) else { return tasks };
    let Some(config) = installation::config_of_task(&first).await else {
        for task in &mut tasks {
            task.trouble = Some("it was started by a `pushpool dev` that does not run here now".to_owned());
        }
        return tasks;
    };
    let ecs = Tasks::new(&config);
    let clusters: BTreeSet<ClusterRef> = tasks.iter().map(|it| it.infrastructure.cluster.clone()).collect();
    for task in &mut tasks {
        match ecs.describe(&task.infrastructure.cluster, &task.infrastructure.task_arn).await {
            Ok(described) => {
                let definition = described.as_ref().and_then(|it| it.task_definition_arn.clone());
                task.definition_arn = definition.or_else(|| task.definition_arn.take());
                task.task = described;
            }
            Err(trouble) => task.trouble = Some(trouble.to_string()),
        }
    }
    // A task whose launch nobody could record.
    if tasks.iter().all(|it| it.trouble.is_none()) {
        for (cluster, claim) in clusters.iter().flat_map(|cluster| claims.iter().map(move |claim| (cluster, claim))) {
            for task in ecs.of_attempt(cluster, claim.attempt).await.unwrap_or_default() {
                if tasks.iter().any(|it| it.infrastructure.task_arn == task.task_arn) {
                    continue;
                }
                let infrastructure = Infrastructure { cluster: cluster.clone(), task_arn: task.task_arn.clone() };
                let definition_arn = task.task_definition_arn.clone();
                tasks.push(TaskFacts { task: Some(task), definition_arn, ..TaskFacts::of(infrastructure, false) });
            }
        }
    }
    for task in tasks.iter_mut().filter(|task| !task.is_of_dev()) {
        if let (Some(definition), None) = (&task.definition_arn, &task.trouble) {
            match ecs.logs(definition).await {
                Ok(logs) => task.logs = logs,
                Err(trouble) => task.trouble = Some(trouble.to_string()),
            }
        }
    }
    tasks
}

/// Reads the line that a dispatcher writes about a launch (`dispatch::prefect::control`): the task, and its definition.
fn launched(line: &str) -> Option<(Infrastructure, Option<String>)> {
    let rest = line.strip_prefix("ECS task launched: ").or_else(|| line.strip_prefix("ECS task adopted: "))?;
    let (arn, rest) = rest.split_once(' ')?;
    // arn:PARTITION:ecs:REGION:ACCOUNT:task/CLUSTER/ID
    let (cluster, _) = arn.split_once(":task/")?.1.split_once('/')?;
    let definition = rest.strip_prefix("(task definition: ").and_then(|rest| rest.split_once(')'));
    let definition = definition.map(|(definition, _)| definition.to_owned()).filter(|it| it.starts_with("arn:"));
    Some((Infrastructure { cluster: cluster.into(), task_arn: arn.into() }, definition))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_about_a_launch_is_read() {
        let arn = "arn:aws:ecs:eu-west-1:123456789012:task/prod/0123";
        let definition = "arn:aws:ecs:eu-west-1:123456789012:task-definition/prefect_x:1";
        let (infrastructure, found) =
            launched(&format!("ECS task launched: {arn} (task definition: {definition}) https://x")).unwrap();
        assert_eq!((infrastructure.cluster.as_str(), infrastructure.task_arn.as_str()), ("prod", arn));
        assert_eq!(found.as_deref(), Some(definition));
        let (_, none) = launched(&format!("ECS task adopted: {arn} (task definition: as it was launched)")).unwrap();
        assert_eq!(none, None);
        assert!(launched("Downloading flow code").is_none());
    }
}
