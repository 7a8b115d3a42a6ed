//! From a job configuration to the two ECS requests of a run, and (feature `aws`) the launcher that sends them.

#[cfg(any(feature = "aws", test))]
mod alike;
mod attempt;
mod command;
mod configuration;
#[cfg(feature = "aws")]
pub mod control;
mod definition;
mod described;
mod environment;
mod error;
mod explain;
pub mod failure;
mod fargate;
mod findings;
mod ids;
mod ignored;
pub mod launch;
#[cfg(feature = "aws")]
pub mod launcher;
mod lenient;
mod locate;
mod names;
mod network;
mod overrides;
#[cfg(feature = "aws")]
pub mod pace;
mod placement;
mod prepare;
mod refused;
#[cfg(feature = "aws")]
mod revisions;
mod roles;
pub mod rules;
#[cfg(any(feature = "aws", test))]
mod same;
mod secrets;
mod shape;
mod tags;
pub mod task;
mod value;

pub use error::{PrepareError, SplitCommandError};
pub use explain::explain;
pub use fargate::{Size, parse_cpu, parse_memory};
pub use ids::{ClusterRef, TaskArn};
pub use prepare::{prepare, prepare_to_launch};
pub use refused::Refused;
pub use roles::check_roles;
pub use shape::{ShapeError, check_shape};

use std::{collections::BTreeMap, fmt};

use prefect_ids::{FlowRunId, StateId};
use serde_json::Value;
use uuid::Uuid;

/// What identifies a thing of Prefect's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Named {
    /// Its id, where one is known.
    pub id: Option<Uuid>,
    /// Its name.
    pub name: String,
}

/// One dispatch of a run: the flow run and the SCHEDULED state that is being claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attempt {
    /// The flow run.
    pub flow_run_id: FlowRunId,
    /// Its SCHEDULED state.
    pub state_id: StateId,
}

/// The run a request is prepared for.
#[derive(Clone, PartialEq)]
pub struct Run {
    /// Which dispatch of which flow run.
    pub attempt: Attempt,
    /// Name of the flow run, when it has one.
    pub name: Option<String>,
    /// The work pool.
    pub work_pool: Named,
    /// The flow, when known.
    pub flow: Option<Named>,
    /// The deployment; none for runs submitted as bundles.
    pub deployment: Option<Named>,
    /// Environment only this run has and that pushpool sets, for instance `PUSHPOOL_PARAMETERS`.
    pub environment: BTreeMap<String, String>,
}

/// What the account and the operator decide, not the pool.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// Region of the cluster.
    pub region: String,
    /// Prefect API as the containers reach it; absent in standalone mode.
    pub prefect_api_url: Option<String>,
    /// Image when the pool names none.
    pub default_image: Option<String>,
    /// Subnets when the pool names none.
    pub subnets: Vec<String>,
    /// Security groups when the pool names none.
    pub security_groups: Vec<String>,
    /// Whether tasks in the settings' subnets get a public address.
    pub assign_public_ip: bool,
    /// Secrets Manager or SSM ARN of the Prefect API key, when the pool names none.
    pub api_key_secret_arn: Option<String>,
    /// Secrets Manager or SSM ARN of the Prefect auth string, when the pool names none.
    pub api_auth_string_secret_arn: Option<String>,
    /// Whether a flow run on Spot reschedules itself when its task is interrupted, unless its environment says
    /// otherwise: `PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR=reschedule`, which Prefect 3.8 and later understand.
    pub reschedule_on_spot: bool,
    /// Whether roles come from the work pool only, see [`check_roles`].
    pub roles_of_pool_only: bool,
}

/// The task definition of a prepared run.
#[derive(Clone, PartialEq)]
pub enum Definition {
    /// An existing definition named by `task_definition_arn`.
    Existing(String),
    /// A content-addressed definition.
    Content {
        /// Its family, which ends in the hash of the content.
        family: String,
        /// RegisterTaskDefinition request in AWS's own JSON names, `family` included.
        request: Value,
    },
}

/// Exactly what would be sent for one run.
#[derive(Clone, PartialEq)]
pub struct Prepared {
    /// What RunTask's `taskDefinition` refers to.
    pub definition: Definition,
    /// RunTask request in AWS's own JSON names, with `clientToken`, `startedBy` and `taskDefinition`.
    pub run_task: Value,
    /// Name of the container the flow run executes in.
    pub container_name: String,
    /// What the operator may want to know although the run goes ahead.
    pub notices: Vec<String>,
}

// What a run is given as environment may be secret, whatever its name: none of it is shown by accident.

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("attempt", &self.attempt)
            .field("name", &self.name)
            .field("work_pool", &self.work_pool)
            .field("flow", &self.flow)
            .field("deployment", &self.deployment)
            .field("environment", &self.environment.keys().collect::<Vec<_>>())
            .finish()
    }
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Existing(definition) => f.debug_tuple("Existing").field(definition).finish(),
            Self::Content { family, .. } => f.debug_struct("Content").field("family", family).finish_non_exhaustive(),
        }
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("definition", &self.definition)
            .field("container_name", &self.container_name)
            .field("notices", &self.notices)
            .finish_non_exhaustive()
    }
}
