//! What a run costs the dispatcher that serves a real Prefect server, and the server.

use std::{collections::BTreeMap, path::Path, time::Instant};

use pushpool_tests::rig::prefect::{NewDeployment, Options, Project, Proxy, unique};
use serde_json::{Value, json};

use super::{Aws, Failure, Function, RuntimeApi, check_all_acknowledged, event};

/// Runs of one deployment, due and unclaimed.
const RUNS: usize = 200;

/// 200 due runs in full batches, one process: own processor time, requests to the server, calls to AWS.
pub(super) async fn figures(bootstrap: &Path, aws: &Aws) -> Result<(), Failure> {
    let server = Options::default().start().await;
    let proxy = Proxy::start(server.address()).await;
    let (api, project, pool) = (server.api(), Project::copy(), unique("figures"));
    api.create_pool(&pool, json!({})).await;
    let deployment = api.create_deployment(NewDeployment::new("quick", project.path(), &pool)).await;
    for _ in 0..RUNS {
        api.create_run(&deployment.id, json!({})).await;
    }
    let messages: Vec<Value> = api
        .scheduled_runs(&pool, json!({"limit": RUNS}))
        .await
        .iter()
        .map(|scheduled| {
            let run = &scheduled["flow_run"];
            json!({"version": 1, "flow_run_id": run["id"], "state_id": run["state_id"],
                "expected_start_time": run["next_scheduled_start_time"], "work_pool": pool})
        })
        .collect();

    let runtime = RuntimeApi::start().await?;
    let prefect = BTreeMap::from([("PREFECT_API_URL", proxy.url())]);
    aws.local.reset_calls();
    let function = Function::spawn(bootstrap, &runtime, aws, &aws.local.endpoint(), None, &prefect)?;
    // The first batch pays for starting up.
    let (first, rest) = messages.split_at(10);
    runtime.push(event(first));
    check_all_acknowledged(&runtime.answers(1).await?)?;
    proxy.reset();
    let (before, started) = (function.processor_time()?, Instant::now());
    for batch in rest.chunks(10) {
        runtime.push(event(batch));
    }
    check_all_acknowledged(&runtime.answers(messages.len() / 10).await?)?;
    #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
    let runs = rest.len() as f64;
    let own = (function.processor_time()? - before).as_secs_f64() * 1_000.0 / runs;
    #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
    let requests = proxy.counts().values().sum::<u64>() as f64 / runs;
    println!(
        "{} runs of a Prefect server: own CPU a run {own:>6.3} ms, {requests:.2} requests a run, {:.0} runs/s",
        rest.len(),
        runs / started.elapsed().as_secs_f64()
    );
    for (operation, count) in proxy.counts() {
        println!("    {operation:<37} {count:>8}");
    }
    Ok(())
}
