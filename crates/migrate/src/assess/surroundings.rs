//! What is around a deployment and not moved with it: runs, automations, queues, agents.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    estate::{AGENT_POOL, Deployment, Estate},
    mapping::findings::Findings,
    plan::{Level, Note},
};

/// The pool that queues without a pool of their own are in.
const DEFAULT_AGENT_POOL: &str = "default-agent-pool";

/// Runs, automations and schedules of a deployment that moves.
pub(super) fn of_deployment(estate: &Estate, deployment: &Deployment, findings: &mut Findings) {
    let view = &deployment.view;
    for run in estate.flow_runs.iter().filter(|run| run.deployment_id == Some(view.id)) {
        let name = run.name.as_deref().unwrap_or("?");
        match run.state_type.as_str() {
            "SCHEDULED" if run.auto_scheduled => {}
            "SCHEDULED" | "PAUSED" => findings.risk(
                Level::Medium,
                "run_left_in_old_queue",
                format!(
                    "Run `{name}` ({}) waits in the old queue, and stays there: leave an agent to it, or cancel it and make \
                     another one.",
                    run.state_type
                ),
            ),
            _ => findings.note(
                "run_stays_with_agent",
                format!("Run `{name}` is {} and stays with the agent: stop no agent before it ends.", run.state_type),
            ),
        }
    }
    for automation in &estate.automations {
        if mentions(&automation.actions, &view.id.to_string())
            || mentions(std::slice::from_ref(&automation.trigger), &view.id.to_string())
        {
            findings.note(
                "automation_names_it",
                format!(
                    "Automation `{}` names the deployment by its id, which stays. A prefect.yaml for it has to hold the trigger, or \
                     the next `prefect deploy` deletes it.",
                    automation.name
                ),
            );
        }
    }
    if view.work_pool_name.as_deref().is_none_or(|pool| pool == DEFAULT_AGENT_POOL) {
        findings.note(
            "plain_queue",
            "Its queue had no pool of its own: agents asked for it by name, whatever its priority. In the pool, priorities count.",
        );
    }
    if let Some(manifest) = deployment.document.get("manifest_path").and_then(Value::as_str).filter(|it| !it.is_empty())
    {
        findings.risk(
            Level::High,
            "manifest",
            format!(
                "The deployment has a manifest ({manifest}), from which Prefect 2 reads the place of the flow. The pool takes the \
                 entrypoint `{}`: check it.",
                view.entrypoint.as_deref().unwrap_or_default()
            ),
        );
    }
    schedules(deployment, findings);
}

fn schedules(deployment: &Deployment, findings: &mut Findings) {
    let view = &deployment.view;
    if view.paused {
        findings.note("paused_stays", "The deployment stays paused.");
    }
    let inactive = view.schedules.iter().filter(|schedule| !schedule.active).count();
    if inactive > 0 {
        findings.note(
            "schedules_stay_inactive",
            format!("Inactive schedules stay so: {inactive} of {}.", view.schedules.len()),
        );
    }
    if deployment.document.get("schedule").is_some_and(|it| !it.is_null()) && !view.schedules.is_empty() {
        findings.note("schedule_repeats", "The field `schedule` repeats one of `schedules`, and is not written.");
    }
    if view.enforce_parameter_schema {
        findings.note(
            "parameters_checked",
            "The server checks parameters (enforce_parameter_schema true), and goes on to.",
        );
    }
}

/// Whether an id stands anywhere in documents.
fn mentions(documents: &[Value], id: &str) -> bool {
    documents.iter().any(|document| match document {
        Value::String(text) => text.contains(id),
        Value::Array(items) => mentions(items, id),
        Value::Object(members) => members.values().any(|member| mentions(std::slice::from_ref(member), id)),
        _ => false,
    })
}

/// What concerns no single deployment.
pub(super) fn of_estate(estate: &Estate, moves: bool) -> Vec<Note> {
    let mut findings = Findings::default();
    for queue in estate.work_queues.iter().filter(|queue| queue.filter.as_ref().is_some_and(|filter| !filter.is_null()))
    {
        let filter = queue.filter.as_ref().map(ToString::to_string).unwrap_or_default();
        findings.note(
            "queue_by_filter",
            format!(
                "Queue `{}` chooses its runs by a filter ({filter}), which push pools have not: runs that it would have chosen go \
                 to the queue of their deployment.",
                queue.name
            ),
        );
    }
    let agents: BTreeSet<&str> =
        estate.work_pools.values().filter(|pool| pool.pool_type == AGENT_POOL).map(|pool| pool.name.as_str()).collect();
    let agents_queues: BTreeSet<&str> = estate
        .work_queues
        .iter()
        .filter(|queue| queue.work_pool_name.as_deref().is_some_and(|pool| agents.contains(pool)))
        .map(|queue| queue.name.as_str())
        .collect();
    if moves && !agents.is_empty() {
        findings.note(
            "agents_by_queue_name",
            format!(
                "An agent that was started with only the name of a queue (`prefect agent start -q default`) takes runs from queues of \
                 that name in every pool, push pools included. Queues of agents: {}. Start remaining agents with `--pool`.",
                agents_queues.into_iter().collect::<Vec<_>>().join(", ")
            ),
        );
    }
    for automation in &estate.automations {
        let about_pool = estate.work_pools.values().filter(|pool| agents.contains(pool.name.as_str())).any(|pool| {
            mentions(&automation.actions, &pool.id.to_string())
                || mentions(std::slice::from_ref(&automation.trigger), &pool.id.to_string())
        });
        let about_queue = estate.work_queues.iter().any(|queue| {
            mentions(&automation.actions, &queue.id.to_string())
                || mentions(std::slice::from_ref(&automation.trigger), &queue.id.to_string())
        });
        if about_pool || about_queue {
            findings.note(
                "automation_names_pool",
                format!(
                    "Automation `{}` names an old pool or queue by its id: point it to the new one.",
                    automation.name
                ),
            );
        }
    }
    findings.notes
}
