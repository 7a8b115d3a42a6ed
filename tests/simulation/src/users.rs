//! The people around a pool: they make runs, cancel and move them, pause and edit.

use std::{sync::Arc, time::Duration};

use prefect_api::models::StateType;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::{
    scenario::{Pool, Run, What},
    server::{Collision, NewDeployment, NewRun},
    world::{POLL, Sim, World, timestamp},
};

/// The block that the server never gets to read.
const BROKEN: &str = "broken";

/// Pools, queues and deployments as they are made.
pub(super) struct Place {
    /// Names of the pools.
    pub pools: Vec<String>,
    /// Deployments, one for each pool.
    pub deployments: Vec<Uuid>,
    /// Those with a concurrency limit of 0, one for each pool, if there are any.
    pub closed: Vec<Uuid>,
}

/// Makes the pools and deployments of the plan.
pub(super) fn set_up(world: &mut World) -> Place {
    let plans = world.scenario.pools.clone();
    let mut place = Place { pools: Vec::new(), deployments: Vec::new(), closed: Vec::new() };
    let now = world.now();
    let flow = world.server.create_flow("flow");
    let references = world.scenario.references;
    if references {
        world.server.create_variable("cluster", "default".into());
        world.server.create_block("json", "placement", json!({"value": {"cluster": "default"}}));
        world.server.create_block("secret", "token", json!({"value": "a secret"}));
    }
    for (number, Pool { limit, queue_limit, deployment_limit, grace }) in plans.into_iter().enumerate() {
        let name = format!("pool-{number}");
        let template = if references { referring_template() } else { json!({}) };
        let pool = world.server.create_pool(now, &name, "ecs:push", template, limit);
        if queue_limit.is_some() {
            world.server.update_queue(now, &name, "default", &json!({"concurrency_limit": queue_limit}));
        }
        // Every other pool runs on Spot.
        let launch_type = if number % 2 == 0 { "FARGATE" } else { "FARGATE_SPOT" };
        let cluster = match (references, number % 2) {
            (false, _) => "default",
            (true, 0) => "{{ prefect.variables.cluster }}",
            (true, _) => "{{ prefect.blocks.json.placement.cluster }}",
        };
        let mut variables = json!({"cpu": 256, "memory": 512, "cluster": cluster, "launch_type": launch_type,
            "execution_role_arn": "arn:aws:iam::000000000000:role/execution"});
        if world.scenario.unreadable == Some(number) {
            world.server.break_block(BROKEN);
            variables["env"] = json!({"X": format!("{{{{ prefect.blocks.json.{BROKEN} }}}}")});
        }
        let deployment = world.server.create_deployment(NewDeployment {
            name: format!("deployment-{number}"),
            flow,
            queue: world.server.queue_named(pool, "default"),
            job_variables: variables.as_object().cloned().unwrap_or_default(),
            concurrency_limit: deployment_limit.map(|(limit, _)| limit),
            collision: deployment_limit
                .map(|(_, cancels)| if cancels { Collision::CancelNew } else { Collision::Enqueue }),
            grace_period_seconds: grace,
        });
        if world.scenario.closed.is_some() {
            place.closed.push(world.server.create_deployment(NewDeployment {
                name: format!("closed-{number}"),
                flow,
                queue: world.server.queue_named(pool, "default"),
                job_variables: variables.as_object().cloned().unwrap_or_default(),
                concurrency_limit: Some(0),
                ..NewDeployment::default()
            }));
        }
        place.pools.push(name);
        place.deployments.push(deployment);
    }
    place
}

/// The built-in template with a secret in the environment, which says nothing about clusters.
fn referring_template() -> Value {
    let built_in = include_str!("../../../crates/work-pool/src/built_in.json");
    let mut template: Value = serde_json::from_str(built_in).expect("the built-in template is JSON");
    // Texts are most of it, and say nothing to the functions: encoding and reading them takes a fifth of the simulation's time.
    for variable in template["variables"]["properties"].as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
        if let Some(schema) = variable.as_object_mut() {
            schema.retain(|key, _| key != "title" && key != "description");
        }
    }
    template["variables"]["properties"]["env"]["default"] = json!({"TOKEN": "{{ prefect.blocks.secret.token }}"});
    template
}

/// Makes the runs and does what users do, when the plan says so.
pub(super) async fn act(sim: Sim, place: Arc<Place>) {
    let scenario = sim.world().scenario.clone();
    let mut plan: Vec<(u64, Result<usize, What>)> =
        scenario.runs.iter().enumerate().map(|(number, run)| (run.made, Ok(number))).collect();
    plan.extend(scenario.actions.iter().map(|action| (action.at, Err(action.what))));
    plan.sort_by_key(|(at, what)| (*at, what.is_err()));
    for (at, what) in plan {
        let until = sim.world().at(at);
        sleep_until(until).await;
        match what {
            Ok(number) => make(&sim, &place, number, scenario.runs[number]),
            Err(what) => act_once(&sim, &place, what),
        }
        sim.wake(POLL);
    }
}

fn make(sim: &Sim, place: &Place, number: usize, run: Run) {
    let mut world = sim.world();
    let due = timestamp(world.millis() + (run.due - run.made));
    let now = world.now();
    let new = NewRun {
        deployment: if run.closed { place.closed[run.pool] } else { place.deployments[run.pool] },
        due: Some(due),
        retries: (run.retries > 0).then_some((run.retries, run.retry_delay)),
        poison: run.poison,
        ..NewRun::default()
    };
    let id = world.server.create_run(now, new);
    world.note(|| format!("{id} is made, due {due}"));
    world.runs[number] = Some(id);
    world.ledger.pool_of.insert(id, run.pool);
    if world.rng.bool() {
        ring(&mut world, &place.pools[run.pool], id, "prefect.flow-run.Scheduled");
    }
}

fn ring(world: &mut World, pool: &str, run: Uuid, event: &str) {
    let body = json!({"version": 1, "ring": {"work_pool": pool, "flow_run_id": run, "event": event}, "hops": 1});
    // By the doorbell, whose invocation is the first of the chain.
    world.send_from(Some(0), POLL, &body.to_string(), Duration::ZERO, None);
}

fn act_once(sim: &Sim, place: &Place, what: What) {
    let mut world = sim.world();
    world.note(|| format!("USER {what:?}"));
    let now = world.now();
    let run = |world: &World, number: usize| world.runs[number];
    match what {
        What::Cancel(number) => {
            let Some(id) = run(&world, number) else { return };
            propose(&mut world, id, json!({"type": "CANCELLING", "name": "Cancelling"}));
            let pool = &place.pools[world.scenario.runs[number].pool];
            if world.rng.u32(..4) > 0 {
                ring(&mut world, pool, id, "prefect.flow-run.Cancelling");
            }
        }
        What::Delete(number) => {
            let Some(id) = run(&world, number) else { return };
            world.server.delete_run(now, id);
        }
        What::Reschedule(number, seconds) => {
            let Some(id) = run(&world, number) else { return };
            let scheduled = world.state_of(id).is_some_and(|state| state.state_type == StateType::Scheduled);
            if scheduled {
                let due = timestamp(world.millis() + seconds * 1_000);
                propose(&mut world, id, scheduled_at("Scheduled", due));
            }
        }
        What::Retry(number) => {
            let Some(id) = run(&world, number) else { return };
            let ended = world.state_of(id).is_some_and(|state| super::ledger::is_final(state.state_type));
            if ended {
                propose(&mut world, id, scheduled_at("AwaitingRetry", now));
                let pool = &place.pools[world.scenario.runs[number].pool];
                ring(&mut world, pool, id, "prefect.flow-run.AwaitingRetry");
            }
        }
        What::PausePool(pool, paused) => {
            world.ledger.paused.insert(pool);
            world.server.update_pool(now, &place.pools[pool], &json!({"is_paused": paused}));
        }
        What::PauseQueue(pool, paused) => {
            world.ledger.paused.insert(pool);
            world.server.update_queue(now, &place.pools[pool], "default", &json!({"is_paused": paused}));
        }
        What::EditTemplate(pool) => {
            world.server.update_pool(now, &place.pools[pool], &json!({"base_job_template": {}}));
        }
        What::EditDeployment(pool) => {
            let variables = json!({"cpu": 512, "memory": 1024, "cluster": "default",
                "execution_role_arn": "arn:aws:iam::000000000000:role/execution", "env": {"EDITED": "1"}});
            world.server.update_deployment(now, place.deployments[pool], &json!({"job_variables": variables}));
        }
        What::RaiseLimit(pool, limit) => {
            if world.scenario.pools[pool].limit.is_some() {
                world.ledger.changed_limits.insert(pool);
                world.server.update_pool(now, &place.pools[pool], &json!({"concurrency_limit": limit}));
            }
        }
        What::RestartServer(seconds) => world.server_away = Some(Instant::now() + Duration::from_secs(seconds)),
        What::CutAws(seconds) => world.aws_away = Some(Instant::now() + Duration::from_secs(seconds)),
        What::StopDispatching(seconds) => {
            world.dispatching_from = Some(Instant::now() + Duration::from_secs(seconds));
        }
    }
}

/// Lets a flow go on that has paused in its process.
pub(super) fn resume_run(world: &mut World, run: Uuid) {
    if world.state_of(run).is_some_and(|state| state.state_type == StateType::Paused) {
        propose(world, run, json!({"type": "RUNNING", "name": "Running"}));
    }
}

fn scheduled_at(name: &str, due: jiff::Timestamp) -> Value {
    json!({"type": "SCHEDULED", "name": name, "state_details": {"scheduled_time": due}})
}

/// What a person proposes goes the way of every proposal.
fn propose(world: &mut World, run: Uuid, mut state: Value) {
    use prefect_api::{Method, Request};
    if state["state_details"].is_null() {
        state["state_details"] = json!({});
    }
    let body = json!({"state": state, "force": false}).to_string();
    let request = Request {
        method: Method::Post,
        path: format!("/flow_runs/{run}/set_state"),
        body: Some(body),
        headers: Vec::new(),
    };
    world.serve("user", &request);
}

/// Everything is as it was before users paused it.
pub(super) fn resume(world: &mut World, place: &Place) {
    let now = world.now();
    for pool in &place.pools {
        world.server.update_pool(now, pool, &json!({"is_paused": false}));
        world.server.update_queue(now, pool, "default", &json!({"is_paused": false}));
    }
    for deployment in place.closed.iter().filter(|_| world.scenario.closed.is_some_and(|closed| closed.opens)) {
        world.server.change_global_limit(*deployment, 10);
    }
    world.server_away = None;
    world.aws_away = None;
    world.dispatching_from = None;
}

/// Whether an action is about one of the first so many runs, or about none.
pub(super) fn concerns(what: What, runs: usize) -> bool {
    match what {
        What::Cancel(run) | What::Delete(run) | What::Reschedule(run, _) | What::Retry(run) => run < runs,
        _ => true,
    }
}
