//! The Prefect server as it is seen from here: reachable, authorised, and its pools served.

use std::collections::BTreeSet;

use jiff::Timestamp;
use prefect_api::{
    Transport, is_cloud,
    models::{WorkPool, WorkQueue, Worker},
};
use serde_json::Value;

use super::finding::{Findings, Status};
use crate::{
    error::ManageError,
    pool::{PUSH, status::verdict::FRESH},
    server::Server,
    times::ago,
};

/// What other checks need to know of the server.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Its address, if there is one.
    pub(super) url: Option<String>,
    /// Whether it answers and takes the credentials.
    answers: bool,
    /// Subnets that are defaults of pools.
    pub(super) subnets: BTreeSet<String>,
    /// What tasks of each pool are by default.
    pub(super) pools: Vec<Tasks>,
}

/// What tasks of a pool are, as far as its template's defaults say.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Tasks {
    /// The pool.
    pub(super) pool: String,
    pub(super) family: Option<String>,
    pub(super) cluster: Option<String>,
    /// Execution role and task role.
    pub(super) roles: Vec<String>,
}

impl Tasks {
    fn of(pool: &WorkPool) -> Self {
        let variables = &pool.base_job_template["variables"]["properties"];
        let default = |name: &str| variables[name]["default"].as_str().map(str::to_owned);
        Self {
            pool: pool.name.clone(),
            family: default("family"),
            cluster: default("cluster"),
            roles: ["execution_role_arn", "task_role_arn"].into_iter().filter_map(default).collect(),
        }
    }
}

/// Checks the server, and the pools that are served for their type. Prefect Cloud submits the runs of those itself.
pub(super) async fn check<T: Transport>(server: &Result<Server<T>, ManageError>, findings: &mut Findings) -> Seen {
    let server = match server {
        Ok(server) => server,
        Err(error) => {
            let todo = "Give it with --prefect-api-url or --profile. A standalone installation has none.";
            findings.add(Status::NotChecked, "prefect", error.to_string(), todo);
            return Seen::default();
        }
    };
    let mut seen = Seen { url: Some(server.url.clone()), ..Seen::default() };
    let types: &[&str] = if is_cloud(&server.url) { &[] } else { &[PUSH] };
    let asked = tokio::try_join!(server.client.server_version(), server.client.work_pools(types, &[]));
    let (version, pools) = match asked {
        Ok(asked) => asked,
        Err(error) => {
            findings.add(
                Status::Failed,
                "prefect",
                server.told(error).to_string(),
                "`prefect config view` shows what is set.",
            );
            return seen;
        }
    };
    findings.ok("prefect", format!("{} answers and takes the credentials, version {version}", server.url));
    seen.answers = true;
    pools_check(server, pools, &mut seen, findings).await;
    seen
}

/// Checks the pools that the installation serves by name, whatever their type; None if its settings could not be read.
pub(super) async fn check_named<T: Transport>(
    server: &Result<Server<T>, ManageError>,
    names: Option<&BTreeSet<String>>,
    seen: &mut Seen,
    findings: &mut Findings,
) {
    const CHECK: &str = "pools";
    let Ok(server) = server else { return };
    if !seen.answers {
        return;
    }
    let known = |name: &String| seen.pools.iter().any(|it| it.pool == *name);
    let names_left: Vec<String> = names.into_iter().flatten().filter(|name| !known(name)).cloned().collect();
    if !names_left.is_empty() {
        match server.client.work_pools(&[], &names_left).await {
            Ok(pools) => {
                for name in names_left.iter().filter(|name| !pools.iter().any(|pool| pool.name == **name)) {
                    let todo = "Create it with `pushpool pool create`, or take it out of the module's prefect.pools.";
                    findings.add(
                        Status::Warning,
                        &format!("pool {name}"),
                        "the installation names it, and the server has no such pool".to_owned(),
                        todo,
                    );
                }
                pools_check(server, pools, seen, findings).await;
            }
            Err(error) => findings.add(Status::NotChecked, CHECK, server.told(error).to_string(), ""),
        }
    }
    if seen.pools.is_empty() && names_left.is_empty() {
        let (status, what) = match (is_cloud(&server.url), names) {
            (false, _) => (Status::Warning, format!("there is no work pool of type {PUSH}")),
            (true, Some(_)) => (Status::Warning, "the installation names no work pool".to_owned()),
            (true, None) => (Status::NotChecked, "the poller's settings say which pools are served".to_owned()),
        };
        let todo = "`pushpool pool create` makes one; pools of another type are served if the installation names them.";
        findings.add(status, CHECK, what, todo);
    }
}

async fn pools_check<T: Transport>(server: &Server<T>, pools: Vec<WorkPool>, seen: &mut Seen, findings: &mut Findings) {
    for pool in pools {
        seen.subnets.extend(subnets(&pool));
        seen.pools.push(Tasks::of(&pool));
        pool_check(server, &pool, findings).await;
    }
}

async fn pool_check<T: Transport>(server: &Server<T>, pool: &WorkPool, findings: &mut Findings) {
    let asked = tokio::try_join!(server.client.work_queues(&pool.name), server.client.workers(&pool.name));
    let check = format!("pool {}", pool.name);
    match asked {
        Ok((queues, workers)) => {
            let (status, what, todo) = served(pool, &queues, &workers, Timestamp::now());
            findings.add(status, &check, what, todo);
        }
        Err(error) => findings.add(Status::NotChecked, &check, server.told(error).to_string(), ""),
    }
}

/// Whether a pool is served.
fn served(pool: &WorkPool, queues: &[WorkQueue], workers: &[Worker], now: Timestamp) -> (Status, String, &'static str) {
    if pool.is_paused {
        return (Status::Warning, "paused: none of its runs starts".to_owned(), "`pushpool pool resume` ends that.");
    }
    let status = pool.status.as_deref().unwrap_or("without a status");
    let names: Vec<&str> = workers
        .iter()
        .filter(|worker| worker.status.as_deref() == Some("ONLINE"))
        .map(|worker| worker.name.as_str())
        .collect();
    let polled = queues.iter().filter_map(|queue| queue.last_polled).max();
    let fresh = polled.is_some_and(|at| now.duration_since(at).as_secs_f64() < FRESH.as_secs_f64());
    let polled = polled.map_or_else(|| "never polled".to_owned(), |at| format!("polled {}", ago(at, now)));
    match (fresh, names.as_slice()) {
        (true, [_, ..]) => (Status::Ok, format!("{status}, {polled}, served by {}", names.join(", ")), ""),
        (true, []) => {
            let todo = "Somebody asks for its runs without saying who: an agent or a script.";
            (Status::Warning, format!("{status}, {polled}, without a heartbeat"), todo)
        }
        (false, _) => {
            let todo = "Nothing starts. docs/runbook.md#poll-age: the schedule, the poll queue, the poller's log.";
            (Status::Failed, format!("{status}, {polled}"), todo)
        }
    }
}

/// Subnets among the defaults of a pool, in either of the shapes that are accepted.
fn subnets(pool: &WorkPool) -> Vec<String> {
    let default = &pool.base_job_template["variables"]["properties"]["network_configuration"]["default"];
    let listed = [&default["subnets"], &default["awsvpcConfiguration"]["subnets"]];
    let listed = listed.into_iter().filter_map(Value::as_array).flatten();
    listed.filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: &str = "2026-01-01T00:10:00Z";

    fn status(pool: Value, polled: Option<&str>, worker: Option<&str>) -> Status {
        let mut document = json!({"id": uuid::Uuid::nil(), "name": "p", "type": "ecs:push", "status": "READY"});
        document.as_object_mut().unwrap().extend(pool.as_object().unwrap().clone());
        let queue = json!({"id": uuid::Uuid::nil(), "name": "default", "last_polled": polled});
        let workers: Vec<Worker> = worker
            .map(|status| serde_json::from_value(json!({"name": "pushpool", "status": status})).unwrap())
            .into_iter()
            .collect();
        let pool = serde_json::from_value(document).unwrap();
        served(&pool, &[serde_json::from_value(queue).unwrap()], &workers, NOW.parse().unwrap()).0
    }

    #[test]
    fn a_pool_is_served_if_it_is_polled_by_somebody_who_says_so() {
        let fresh = Some("2026-01-01T00:09:40Z");
        assert_eq!(status(json!({}), fresh, Some("ONLINE")), Status::Ok);
        assert_eq!(status(json!({}), fresh, Some("OFFLINE")), Status::Warning);
        assert_eq!(status(json!({}), Some("2026-01-01T00:08:00Z"), Some("ONLINE")), Status::Failed);
        assert_eq!(status(json!({}), None, None), Status::Failed);
        assert_eq!(status(json!({"is_paused": true}), None, None), Status::Warning);
    }
}
