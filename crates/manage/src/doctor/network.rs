//! What tasks need: clusters, subnets with addresses and a way out, and room in the account's quota.

use std::collections::BTreeSet;

use aws::SdkConfig;
use installation::variables;

use super::{
    finding::{Findings, Status},
    functions::Functions,
    prefect::Seen,
};
use crate::account::{Installation, Network, SubnetFacts, Tasks, WayOut};

/// Fewer free addresses than this in a subnet, and runs of a busy hour wait: each task takes one.
const FEW: u64 = 16;

/// vCPU of a new account (ECS developer guide, "Service quotas").
const NEW_ACCOUNT: f64 = 6.0;

/// What a task without a way to the internet needs, as endpoints of its VPC: images come from ECR and S3, its log goes to
/// CloudWatch (ECS developer guide, "Amazon ECS interface VPC endpoints").
const ENDPOINTS: [&str; 4] = ["ecr.api", "ecr.dkr", "s3", "logs"];

pub(super) async fn check(
    installation: &Installation,
    config: &SdkConfig,
    functions: &Functions,
    seen: &Seen,
    findings: &mut Findings,
) {
    clusters(installation, config, functions, findings).await;
    if functions.variable("dispatcher", variables::LAUNCH_ROLE_ARN.name).is_some() {
        let todo = "Run it there, with credentials of that account.";
        findings.add(Status::NotChecked, "network and quota", "tasks are in another account", todo);
    } else {
        subnets(config, functions, seen, findings).await;
        match installation.fargate_vcpu().await {
            Ok(vcpu) => {
                let todo = if vcpu > NEW_ACCOUNT { "" } else { "That of a new account: ask Support for more." };
                let status = if todo.is_empty() { Status::Ok } else { Status::Warning };
                findings.add(status, "quota", format!("{vcpu} vCPU on Fargate at once"), todo);
            }
            Err(trouble) => findings.not_checked("quota", &trouble),
        }
    }
}

async fn clusters(installation: &Installation, config: &SdkConfig, functions: &Functions, findings: &mut Findings) {
    let tasks = Tasks::new(config);
    let clusters = functions.list("observer", variables::CLUSTERS.name);
    if clusters.is_empty() && !functions.all.is_empty() {
        findings.add(Status::NotChecked, "clusters", "the observer is told of none", "");
    }
    for cluster in clusters {
        let name = cluster.rsplit('/').next().unwrap_or(&cluster).to_owned();
        match installation.cluster(&cluster).await {
            Ok(Some(status)) if status == "ACTIVE" => {
                findings.ok(&format!("cluster {name}"), status);
                lists(&tasks, &cluster, &name, findings).await;
            }
            Ok(status) => {
                let what = status.unwrap_or_else(|| "there is no such cluster".to_owned());
                findings.add(Status::Failed, &format!("cluster {name}"), what, "Make it, or correct `cluster_arns`.");
            }
            Err(trouble) => findings.not_checked(&format!("cluster {name}"), &trouble),
        }
    }
}

/// Whether ECS answers the lists of tasks that the functions ask for. Its API reference leaves open which filters go together.
async fn lists(tasks: &Tasks, cluster: &str, name: &str, findings: &mut Findings) {
    let check = format!("tasks of {name}");
    match tasks.try_lists(&cluster.into()).await {
        Ok(None) => findings.ok(&check, "ECS lists them as the functions ask it to"),
        Ok(Some(words)) => {
            let todo = "Tasks cannot be found again there, so runs may start twice: please report this.";
            findings.add(
                Status::Failed,
                &check,
                format!("ECS refuses a list that the functions ask for: {words}"),
                todo,
            );
        }
        Err(trouble) => findings.not_checked(&check, &trouble),
    }
}

async fn subnets(config: &SdkConfig, functions: &Functions, seen: &Seen, findings: &mut Findings) {
    let mut ids = functions.list("dispatcher", variables::SUBNETS.name);
    let public = functions.variable("dispatcher", variables::ASSIGN_PUBLIC_IP.name) == Some("true");
    let own = ids.clone();
    ids.extend(seen.subnets.iter().cloned());
    if ids.is_empty() {
        let todo = "A pool needs them, or the module's `network`.";
        findings.add(Status::NotChecked, "subnets", "neither the dispatcher nor a pool names one", todo);
        return;
    }
    let network = match Network::of(config, &ids).await {
        Ok(network) => network,
        Err(trouble) if trouble.is(&["InvalidSubnetID.NotFound", "InvalidSubnetId.NotFound"]) => {
            let todo = "Correct `network` of the module, or the pool's subnets.";
            findings.add(Status::Failed, "subnets", trouble.to_string(), todo);
            return;
        }
        Err(trouble) => return findings.not_checked("subnets", &trouble),
    };
    let vpcs: BTreeSet<&str> =
        network.subnets.iter().filter(|it| own.contains(&it.id)).map(|it| it.vpc_id.as_str()).collect();
    if vpcs.len() > 1 {
        let what = format!("those of the dispatcher are in {} VPCs: RunTask takes those of one", vpcs.len());
        findings.add(Status::Failed, "subnets", what, "Correct `network` of the module.");
    }
    for subnet in &network.subnets {
        let endpoints = network.endpoints.get(&subnet.vpc_id).cloned().unwrap_or_default();
        // Whether a pool gives its tasks public addresses is the pool's to say.
        let public = own.contains(&subnet.id).then_some(public);
        let (status, what, todo) = reaches(subnet, public, &endpoints);
        findings.add(status, &format!("subnet {}", subnet.id), format!("{} free addresses, {what}", subnet.free), todo);
    }
}

/// Whether tasks in a subnet get an address and reach what they need. `public`: whether they get a public address, if known.
fn reaches(subnet: &SubnetFacts, public: Option<bool>, endpoints: &BTreeSet<String>) -> (Status, String, &'static str) {
    let missing: Vec<&str> = ENDPOINTS.iter().copied().filter(|name| !endpoints.contains(*name)).collect();
    let (status, what, todo) = match (&subnet.way_out, public) {
        (WayOut::Through(id), _) => (Status::Ok, format!("out through {id}"), ""),
        (WayOut::InternetGateway, Some(true)) => (Status::Ok, "out through the internet gateway".to_owned(), ""),
        (WayOut::InternetGateway, None) => {
            let todo = "Tasks of its pool need assign_public_ip.";
            (Status::Warning, "out through the internet gateway, with a public address only".to_owned(), todo)
        }
        (WayOut::InternetGateway, Some(false)) if !missing.is_empty() => {
            let todo = "`network.assign_public_ip = true`, or subnets with a NAT gateway.";
            (Status::Failed, "no way out: an internet gateway needs public addresses".to_owned(), todo)
        }
        (_, _) if !missing.is_empty() => {
            let what = format!("no way out, and no endpoints for {}", missing.join(", "));
            (Status::Failed, what, "A NAT gateway, or these endpoints and one for the Prefect API.")
        }
        (_, _) => {
            let todo = "Check that the Prefect API is reached without it.";
            (Status::Warning, "images and logs by endpoints; no way to the internet".to_owned(), todo)
        }
    };
    match (status, subnet.free) {
        (Status::Failed, _) => (status, what, todo),
        (_, 0) => (Status::Failed, what, "No task gets an address: more or larger subnets."),
        (Status::Ok, 1..FEW) => (Status::Warning, what, "Few addresses: more or larger subnets."),
        _ => (status, what, todo),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_needs_an_address_and_a_way_out() {
        let subnet = |way_out: WayOut, free: u64| SubnetFacts { id: "s".into(), vpc_id: "v".into(), free, way_out };
        let all: BTreeSet<String> = ENDPOINTS.map(str::to_owned).into();
        let none = BTreeSet::new();
        let nat = || WayOut::Through("nat-1".to_owned());
        assert_eq!(reaches(&subnet(nat(), 100), Some(false), &none).0, Status::Ok);
        assert_eq!(reaches(&subnet(nat(), 3), Some(false), &none).0, Status::Warning);
        assert_eq!(reaches(&subnet(nat(), 0), Some(false), &none).0, Status::Failed);
        assert_eq!(reaches(&subnet(WayOut::InternetGateway, 100), Some(true), &none).0, Status::Ok);
        assert_eq!(reaches(&subnet(WayOut::InternetGateway, 100), Some(false), &none).0, Status::Failed);
        assert_eq!(reaches(&subnet(WayOut::InternetGateway, 100), None, &none).0, Status::Warning);
        assert_eq!(reaches(&subnet(WayOut::None, 100), Some(true), &none).0, Status::Failed);
        assert_eq!(reaches(&subnet(WayOut::None, 100), Some(false), &all).0, Status::Warning);
    }
}
