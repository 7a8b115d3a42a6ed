//! Where the task of a run is.

use diagnosis::Diagnosis;
use ecs::{ClusterRef, launch::TaskControl, task::Task};
use prefect_api::{Transport, models::FlowRun};
use serde_json::Value;
use work_pool::Object;

use super::{
    Runs,
    clusters::{self, Clusters, rendered},
    held::{History, is_task_of},
};
use crate::{
    infrastructure::Infrastructure,
    ports::{Failure, TaskOutput},
    prefect::failure,
};

/// The task of a run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Located {
    /// ECS knows it.
    Task(Box<Task>),
    /// There is none, or it is over: ECS has forgotten it, or more tasks have stopped than the search looks through. The
    /// run was read again after the search and had not changed.
    Nowhere,
    /// The run or its task is not pushpool's.
    Unknown(&'static str),
    /// Its task may be in a cluster that cannot be told; the operator has to say more.
    NoCluster(Box<Diagnosis>),
}

impl<T: Transport, K: TaskControl, O: TaskOutput> Runs<T, K, O> {
    /// The task of the claim that holds.
    pub(crate) async fn locate(&self, run: &FlowRun, history: &History) -> Result<Located, Failure> {
        let recorded = Infrastructure::of_run(run);
        if let Some(Infrastructure { cluster, task_arn }) = &recorded {
            let described = match self.tasks.describe(cluster, std::slice::from_ref(task_arn)).await {
                Ok(described) => described,
                Err(error) if error.is_no_cluster() => Vec::new(),
                Err(error) => return Err(Failure::unanswered(error)),
            };
            for task in described {
                if task.attempt().is_none() {
                    return Ok(Located::Unknown("its task is not pushpool's"));
                }
                if is_task_of(run, history, &task) {
                    return Ok(Located::Task(Box::new(task)));
                }
            }
        }
        let Some(claim) = history.claim else {
            return Ok(match recorded {
                Some(_) => Located::Nowhere,
                None => Located::Unknown("it is claimed by somebody else"),
            });
        };
        let clusters = self.clusters(run, recorded.as_ref()).await?;
        for cluster in &clusters.names {
            match self.tasks.started_by(cluster, &claim.attempt.started_by()).await {
                Ok(tasks) => {
                    if let Some(task) = tasks.into_iter().next() {
                        return Ok(Located::Task(Box::new(task)));
                    }
                }
                Err(error) if error.is_no_cluster() => {}
                Err(error) => return Err(Failure::unanswered(error)),
            }
        }
        if let Some(reason) = clusters.unknown {
            return Ok(Located::NoCluster(Box::new(reason)));
        }
        // A task that has stopped, or was told to, may be missed there. If it ran the flow, the run says so by now.
        let holds = match self.client.flow_run(run.id).await {
            Ok(latest) => latest.state_id.or_else(|| latest.state.map(|state| state.id)),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(failure::of(&error)),
        };
        let moved_on = holds != history.current().map(|state| state.id);
        Ok(if moved_on { Located::Unknown("the run has moved on") } else { Located::Nowhere })
    }

    /// Where a run's task may be.
    async fn clusters(&self, run: &FlowRun, recorded: Option<&Infrastructure>) -> Result<Clusters, Failure> {
        let mut clusters = Clusters::default();
        if let Some(Infrastructure { cluster, .. }) = recorded {
            clusters.add(cluster);
        }
        match self.cluster_of(run).await? {
            Ok(cluster) => clusters.add(&cluster),
            // An operator who lists clusters lists all that a block may name.
            Err(_) if !self.policy.clusters.is_empty() => {}
            Err(why) => clusters.unknown = Some(clusters::unknown(run, &why)),
        }
        for cluster in &self.policy.clusters {
            clusters.add(cluster);
        }
        Ok(clusters)
    }

    /// The cluster that a run is launched in, by its pool, deployment and job variables; or why it cannot be told.
    pub(crate) async fn cluster_of(&self, run: &FlowRun) -> Result<Result<ClusterRef, String>, Failure> {
        let deployment = match run.deployment_id {
            None => None,
            Some(id) => {
                let found = self.client.deployments(&[id]).await.map_err(|error| failure::of(&error))?;
                // A deployment that is gone may have named a cluster.
                let Some(deployment) = found.into_iter().next() else {
                    return Ok(Err(format!("The server has no deployment {id}, which may have named a cluster.")));
                };
                Some(deployment)
            }
        };
        let pool = match &run.work_pool_name {
            Some(name) => self.pool(name).await?,
            None => None,
        };
        let Some(pool) = pool else {
            return Ok(Err("The work pool of the run does not exist.".to_owned()));
        };
        let of_deployment = deployment.and_then(|deployment| deployment.job_variables).unwrap_or_default();
        let of_run = run.job_variables.clone().unwrap_or_default();
        let template = &pool.pool.base_job_template;
        match rendered(&self.client, &self.references, template, &of_deployment, &of_run, self.now()).await {
            Ok(rendered) => Ok(rendered),
            // A block that the server fails to read for ever must not keep a run from its end where the settings suffice.
            Err(failure) if !self.policy.clusters.is_empty() => Ok(Err(clusters::text(failure.diagnosis))),
            Err(failure) => Err(failure),
        }
    }

    /// The same of a run that has no job variables.
    pub(crate) async fn cluster_of_pool(&self, template: &Value) -> Result<Result<ClusterRef, String>, Failure> {
        let none = Object::new();
        rendered(&self.client, &self.references, template, &none, &none, self.now()).await
    }
}
