//! Whether the dispatcher may start tasks as the pools have them, and give them their roles. IAM simulates it.

use std::collections::BTreeSet;

use aws::SdkConfig;
use installation::variables;

use super::{
    finding::{Findings, Status},
    functions::Functions,
    prefect::{Seen, Tasks},
};
use crate::account::{Probe, denied};

/// The module's own families begin so; what follows is the pool, the deployment and a hash.
const FAMILY: &str = "prefect_";

pub(super) async fn check(config: &SdkConfig, functions: &Functions, seen: &Seen, findings: &mut Findings) {
    let Some(dispatcher) = functions.all.get("dispatcher") else { return };
    if let Some(role) = functions.variable("dispatcher", variables::LAUNCH_ROLE_ARN.name) {
        let todo = "Run it there, with credentials of that account: `aws iam simulate-principal-policy`.";
        return findings.add(Status::NotChecked, "roles", format!("tasks are launched as {role}"), todo);
    }
    let clusters = functions.list("observer", variables::CLUSTERS.name);
    // Without a server nobody says which pools there are.
    let any = [Tasks::default()];
    for tasks in if seen.pools.is_empty() { &any[..] } else { &seen.pools } {
        let probes = probes(&dispatcher.role_arn, config.region().map_or("", AsRef::as_ref), &clusters, tasks);
        let check = if tasks.pool.is_empty() { "roles".to_owned() } else { format!("roles of {}", tasks.pool) };
        let Some(probes) = probes else {
            findings.add(Status::NotChecked, &check, "neither the observer nor the pool names a cluster", "");
            continue;
        };
        let mut refused = Vec::new();
        let mut trouble = None;
        for probe in &probes {
            match denied(config, &dispatcher.role_arn, probe).await {
                Ok(resources) => refused.extend(resources.into_iter().map(|it| format!("{} on {it}", probe.action))),
                Err(error) => trouble = Some(error),
            }
        }
        match trouble {
            Some(trouble) => findings.not_checked(&check, &trouble),
            None if refused.is_empty() => {
                let what = format!("the dispatcher may start its tasks and give them {} roles", tasks.roles.len());
                findings.ok(&check, what);
            }
            None => {
                let todo = "`task_definition_families`, `cluster_arns`, `execution_role_arns` and `task_role_arns` of the module, or its permissions boundary.";
                findings.add(Status::Failed, &check, format!("the dispatcher may not {}", refused.join(", ")), todo);
            }
        }
    }
}

/// What a pool's tasks take. None if nobody names a cluster.
fn probes<'a>(role: &str, region: &str, clusters: &'a BTreeSet<String>, tasks: &'a Tasks) -> Option<Vec<Probe<'a>>> {
    let mut parts = role.split(':');
    let (partition, account) = (parts.nth(1)?, parts.nth(2)?);
    let cluster = match &tasks.cluster {
        // A name is looked for among the ARNs.
        Some(name) => clusters.iter().find(|arn| arn.rsplit('/').next() == Some(name)).unwrap_or(name),
        None => clusters.first()?,
    };
    let legal = |name: &str| name.replace(|it: char| !it.is_ascii_alphanumeric() && it != '_' && it != '-', "-");
    let family = tasks.family.as_deref().map_or_else(|| format!("{FAMILY}{}", legal(&tasks.pool)), legal);
    let definition = format!("arn:{partition}:ecs:{region}:{account}:task-definition/{family}-0123456789abcdef:1");
    let mut probes =
        vec![Probe { action: "ecs:RunTask", resources: vec![definition], context: ("ecs:cluster", cluster) }];
    if !tasks.roles.is_empty() {
        let context = ("iam:PassedToService", "ecs-tasks.amazonaws.com");
        probes.push(Probe { action: "iam:PassRole", resources: tasks.roles.clone(), context });
    }
    Some(probes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws-cn:iam::111122223333:role/pp-dispatcher";

    #[test]
    fn a_pool_asks_for_its_family_its_cluster_and_its_roles() {
        let clusters = BTreeSet::from(["arn:aws-cn:ecs:cn-north-1:111122223333:cluster/etl".to_owned()]);
        let tasks = |family: Option<&str>, cluster: Option<&str>| Tasks {
            pool: "my pool".to_owned(),
            family: family.map(str::to_owned),
            cluster: cluster.map(str::to_owned),
            roles: vec!["arn:aws-cn:iam::111122223333:role/x".to_owned()],
        };
        let of = |tasks: &Tasks| {
            let probes = probes(ROLE, "cn-north-1", &clusters, tasks).unwrap();
            assert_eq!((probes[1].action, &probes[1].resources), ("iam:PassRole", &tasks.roles));
            (probes[0].resources[0].clone(), probes[0].context.1.to_owned())
        };
        let definition = |family: &str| {
            format!("arn:aws-cn:ecs:cn-north-1:111122223333:task-definition/{family}-0123456789abcdef:1")
        };
        let etl = clusters.first().unwrap().clone();
        assert_eq!(of(&tasks(None, None)), (definition("prefect_my-pool"), etl.clone()));
        assert_eq!(of(&tasks(Some("etl jobs"), Some("etl"))), (definition("etl-jobs"), etl));
        assert_eq!(of(&tasks(None, Some("other"))).1, "other");
        assert_eq!(probes(ROLE, "cn-north-1", &BTreeSet::new(), &tasks(None, None)), None);
    }
}
