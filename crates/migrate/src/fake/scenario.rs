//! A small estate and its plan: two deployments of one agent pool that go to one new push pool, and one that stays.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Fake, URL};
use crate::{
    document::restoring,
    file::PlanFile,
    fingerprint::fingerprint,
    journal::Object,
    plan::{
        Action, Current, Level, MadeFrom, PlannedDeployment, PlannedPool, PlannedQueue, PoolAction, Risk, Seen,
        SeenKind, ServerSeen, Target, UpgradePlan, VERSION, Write,
    },
};

pub(crate) const AGENTS: &str = "agents";
pub(crate) const PUSH: &str = "prod-push";
const BLOCK: Uuid = Uuid::from_u128(0xb10c);

/// The server as it is before the upgrade.
pub(crate) fn server(version: &str) -> Fake {
    let fake = Fake::new(version);
    fake.state(|state| {
        state.pools = vec![json!({"id": Uuid::from_u128(0xa9), "name": AGENTS, "type": "prefect-agent"})];
        state.queues = vec![json!({"id": Uuid::from_u128(0x9), "name": "urgent", "work_pool_name": AGENTS,
            "priority": 1, "concurrency_limit": 2, "is_paused": false})];
        state.blocks = vec![json!({"id": BLOCK, "name": "prod", "block_type": {"slug": "ecs-task"}})];
        state.deployments = ["nightly", "hourly", "stays"].iter().zip(1..).map(|it| deployment(it, version)).collect();
    });
    fake
}

fn deployment((name, number): (&&str, u128), version: &str) -> Value {
    let schedule = |at: u128, limit: Value| {
        json!({"id": Uuid::from_u128(0x5000 + 16 * number + at), "updated": "0", "schedule": {"cron": at.to_string()},
            "active": at == 1, "max_active_runs": null, "max_scheduled_runs": limit, "catchup": false})
    };
    let (variables, others) =
        if is_old(version) { ("infra_overrides", "manifest_path") } else { ("job_variables", "labels") };
    json!({"id": Uuid::from_u128(number), "updated": "0", "name": name, "flow_id": Uuid::from_u128(0xf), "tags": ["a"],
        "version": "7", "description": "what it is for", "paused": true, "path": "reports", "pull_steps": null,
        "schedules": [schedule(1, json!(5)), schedule(2, Value::Null)], "work_pool_name": AGENTS,
        "work_queue_name": "urgent", "infrastructure_document_id": BLOCK, "storage_document_id": null,
        variables: {"env.STAGE": name}, others: null})
}

fn is_old(version: &str) -> bool {
    version.starts_with("2.")
}

/// The plan for the server as it is now.
pub(crate) fn plan(fake: &Fake) -> PlanFile {
    let (version, deployments) = fake.state(|state| (state.version.clone(), state.deployments.clone()));
    let queue = |name: &str, priority, concurrency_limit| PlannedQueue {
        name: name.to_owned(),
        description: None,
        priority: Some(priority),
        concurrency_limit,
        is_paused: false,
    };
    let pool = PlannedPool {
        name: PUSH.to_owned(),
        pool_type: "ecs:push".to_owned(),
        action: PoolAction::Create,
        made_from: MadeFrom::Blocks { blocks: vec!["ecs-task/prod".to_owned()] },
        description: None,
        base_job_template: json!({"job_configuration": {}, "variables": {}}),
        concurrency_limit: Some(20),
        is_paused: false,
        queues: vec![queue("urgent", 1, Some(2)), queue("default", 2, None)],
        not_carried: Vec::new(),
        notes: Vec::new(),
        seen: vec![block()],
    };
    PlanFile::new(UpgradePlan {
        version: VERSION,
        server: ServerSeen { url: URL.to_owned(), version: version.clone() },
        digest: "0".repeat(64),
        pools: vec![pool],
        deployments: deployments.iter().map(|it| planned(it, &version)).collect(),
        notes: Vec::new(),
    })
}

fn planned(document: &Value, version: &str) -> PlannedDeployment {
    let name = document["name"].as_str().unwrap().to_owned();
    let target = Target {
        pool: PUSH.to_owned(),
        queue: "urgent".to_owned(),
        job_variables: object(json!({"env": {"STAGE": name}})),
        pull_steps: vec![json!({"prefect.deployments.steps.set_working_directory": {"directory": "/opt"}})],
        entrypoint: None,
        path: None,
    };
    let changes = object(json!({"work_pool_name": target.pool, "work_queue_name": target.queue, "path": null,
        "job_variables": target.job_variables, "pull_steps": target.pull_steps, "infrastructure_document_id": null}));
    let write = match is_old(version) {
        false => Write::Patch { body: changes },
        true => {
            let whole = restoring(&object(document.clone()), &Write::Post { body: changes.clone() });
            Write::Post { body: whole.body().clone().into_iter().chain(changes).collect() }
        }
    };
    let moves = name != "stays";
    PlannedDeployment {
        id: document["id"].as_str().unwrap().parse().unwrap(),
        flow: "report".to_owned(),
        action: if moves { Action::Migrate } else { Action::Leave },
        reasons: vec!["its block is none that push pools replace".to_owned()],
        from: Current {
            pool: Some(AGENTS.to_owned()),
            pool_type: Some("prefect-agent".to_owned()),
            queue: Some("urgent".to_owned()),
            infrastructure: Some("ecs-task/prod".to_owned()),
            storage: None,
        },
        target: moves.then_some(target),
        write: moves.then_some(write),
        risk: Risk { level: Level::Low, reasons: Vec::new() },
        notes: Vec::new(),
        not_carried: Vec::new(),
        proof: None,
        seen: vec![
            Seen {
                kind: SeenKind::Deployment,
                id: document["id"].as_str().unwrap().parse().unwrap(),
                fingerprint: fingerprint(document),
            },
            block(),
        ],
        name,
    }
}

fn block() -> Seen {
    let document = json!({"id": BLOCK, "name": "prod", "block_type": {"slug": "ecs-task"}});
    Seen { kind: SeenKind::BlockDocument, id: BLOCK, fingerprint: fingerprint(&document) }
}

/// The deployment that goes first.
pub(crate) fn nightly() -> Object {
    Object::Deployment { id: Uuid::from_u128(1), name: "report/nightly".to_owned() }
}

pub(crate) fn object(value: Value) -> prefect_api::models::Object {
    value.as_object().unwrap().clone()
}
