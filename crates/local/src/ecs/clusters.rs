//! Clusters.

use serde::Deserialize;
use serde_json::{Value, json};

use super::engine::{Engine, cluster_name};
use super::errors::{cluster_not_found, invalid};
use super::paging::{self, Order, Page};
use super::tags::{self, Tag};
use super::task::Status;
use crate::wire::AwsError;

#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) arn: String,
    /// A deleted cluster stays as INACTIVE (DeleteCluster).
    pub(super) active: bool,
    pub(super) tags: Vec<Tag>,
    pub(super) capacity_providers: Vec<String>,
    pub(super) default_strategy: Vec<Value>,
    settings: Value,
}

impl Cluster {
    /// One with the capacity providers of Fargate, as the console makes them.
    pub(super) fn with_fargate(arn: String) -> Self {
        Self {
            arn,
            active: true,
            tags: Vec::new(),
            capacity_providers: vec!["FARGATE".into(), "FARGATE_SPOT".into()],
            default_strategy: Vec::new(),
            settings: json!([{"name": "containerInsights", "value": "disabled"}]),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateCluster {
    cluster_name: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    capacity_providers: Vec<String>,
    #[serde(default)]
    default_capacity_provider_strategy: Vec<Value>,
    settings: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct DescribeClusters {
    #[serde(default)]
    clusters: Vec<String>,
    #[serde(default)]
    include: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct DeleteCluster {
    cluster: String,
}

impl Engine {
    /// Creates a cluster, or answers with the one of that name.
    pub(super) fn create_cluster(&mut self, input: CreateCluster) -> Result<Value, AwsError> {
        // "If you don't specify a name for your cluster, you create a cluster that's named default."
        let name = input.cluster_name.unwrap_or_else(|| "default".to_owned());
        if let Some(refusal) = ::ecs::rules::check_name(&name, "Cluster name", diagnosis::PP0227) {
            return Err(invalid(refusal.answer));
        }
        tags::check(&input.tags)?;
        if !self.clusters.get(&name).is_some_and(|cluster| cluster.active) {
            let arn = self.arn(&format!("cluster/{name}"));
            let mut cluster = Cluster::with_fargate(arn);
            cluster.tags = input.tags;
            cluster.capacity_providers = input.capacity_providers;
            cluster.default_strategy = input.default_capacity_provider_strategy;
            cluster.settings = input.settings.unwrap_or(cluster.settings);
            self.clusters.insert(name.clone(), cluster);
        }
        Ok(json!({"cluster": self.describe_cluster(&name, true)}))
    }

    pub(super) fn describe_clusters(&mut self, input: DescribeClusters) -> Result<Value, AwsError> {
        // "A list of up to 100 cluster names or full cluster ARN entries. If you do not specify a cluster, the default
        // cluster is assumed."
        if input.clusters.len() > 100 {
            return Err(invalid("Clusters can not have more than 100 elements."));
        }
        let references = if input.clusters.is_empty() { vec!["default".to_owned()] } else { input.clusters };
        let with_tags = input.include.iter().any(|field| field == "TAGS");
        let (mut clusters, mut failures) = (Vec::new(), Vec::new());
        for reference in references {
            let name = cluster_name(&reference);
            match self.describe_cluster(name, with_tags) {
                Value::Null => {
                    let arn = self.arn(&format!("cluster/{name}"));
                    failures.push(json!({"arn": arn, "reason": "MISSING"}));
                }
                cluster => clusters.push(cluster),
            }
        }
        Ok(json!({"clusters": clusters, "failures": failures}))
    }

    pub(super) fn list_clusters(&mut self, page: Page) -> Result<Value, AwsError> {
        let active = self.clusters.iter().filter(|(_, cluster)| cluster.active);
        let arns = active.map(|(name, cluster)| (name.clone(), cluster.arn.clone())).collect();
        paging::answer("clusterArns", arns, Order::Ascending, &page)
    }

    pub(super) fn delete_cluster(&mut self, input: DeleteCluster) -> Result<Value, AwsError> {
        let name = cluster_name(&input.cluster).to_owned();
        if !self.clusters.contains_key(&name) {
            return Err(cluster_not_found());
        }
        if self.tasks.values().any(|task| task.cluster == name && task.status != Status::Stopped) {
            return Err(AwsError::new(
                "ClusterContainsTasksException",
                "The Cluster cannot be deleted while Tasks are active.",
            ));
        }
        if let Some(cluster) = self.clusters.get_mut(&name) {
            cluster.active = false;
        }
        Ok(json!({"cluster": self.describe_cluster(&name, false)}))
    }

    /// Null when there is none.
    fn describe_cluster(&self, name: &str, with_tags: bool) -> Value {
        let Some(cluster) = self.clusters.get(name) else { return Value::Null };
        let count = |wanted: fn(Status) -> bool| {
            self.tasks.values().filter(|task| task.cluster == name && wanted(task.status)).count()
        };
        let instances = if cluster.active { self.config.container_instances.len() } else { 0 };
        json!({
            "clusterArn": cluster.arn,
            "clusterName": name,
            "status": if cluster.active { "ACTIVE" } else { "INACTIVE" },
            "registeredContainerInstancesCount": instances,
            "runningTasksCount": count(|status| status == Status::Running),
            "pendingTasksCount": count(|status| status < Status::Running),
            "activeServicesCount": 0,
            "statistics": [],
            "tags": if with_tags { json!(cluster.tags) } else { json!([]) },
            "settings": cluster.settings,
            "capacityProviders": cluster.capacity_providers,
            "defaultCapacityProviderStrategy": cluster.default_strategy,
        })
    }
}
