//! A real Prefect server whose work pools are served by the functions' own binaries.
//!
//! Flow runs are executed by `prefect flow-run execute` in processes of this machine where it matters what runs. That costs
//! five seconds of CPU each, so where it is the number of runs that matters, containers run `light_flow.py`, which has the
//! same conversation with the server about states and nothing else.
//!
//! Most worlds share a server; [`pushpool_tests::rig::served`] says how they keep apart.

mod cancelling;
mod capacity;
mod chaos;
mod crash;
mod doorbell;
mod faults;
mod flooded;
mod limits;
mod logs;
mod older;
mod once;
mod other;
mod ready;
mod redrive;
mod references;
mod rollback;
mod samples;
mod scale;
mod waiting;
mod way;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use pushpool_tests::rig::{
    prefect::{Api, NewDeployment, Project, Server, stage, unique},
    python::python,
    served::{Served, Setup},
};
use serde_json::{Value, json};

/// A flow process takes some seconds to start, and many tests run at once.
const PATIENCE: Duration = Duration::from_secs(180);

/// For what is done with many runs.
const LONG: Duration = Duration::from_secs(600);

/// A work pool, and the pushpool that serves it.
struct World {
    api: Api,
    project: Project,
    pool: String,
    served: Served,
}

/// What a light container noted.
struct Note {
    run: String,
    at: f64,
    begun: bool,
}

impl World {
    /// On the server that tests share. `options` go with the request that creates the pool.
    async fn start(setup: Setup, options: Value) -> Self {
        Self::on(stage().await, "ecs", setup, options).await
    }

    /// On any server.
    async fn on(server: &Server, pool_type: &str, mut setup: Setup, options: Value) -> Self {
        let (api, project, pool) = (server.api(), Project::copy(), unique("pool"));
        let mut body = json!({"name": pool, "type": pool_type, "base_job_template": {}});
        for (key, value) in options.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        api.create_pool_with(body).await;
        if pool_type != "ecs:push" {
            setup.pools.push(pool.clone());
        }
        let served = setup.start(server, project.path()).await;
        Self { api, project, pool, served }
    }

    /// A flow of the project, deployed to the pool.
    fn flow(&self, flow: &str) -> NewDeployment {
        NewDeployment::new(flow, self.project.path(), &self.pool)
    }

    /// A deployment whose containers are light and run for `seconds`.
    fn light(&self, seconds: f64) -> NewDeployment {
        let script = python().script("light_flow.py");
        let command = format!("python -I -S {} {} {seconds}", script.display(), self.project.file("notes"));
        self.flow("quick").job_variables(json!({"command": command}))
    }

    async fn deploy(&self, deployment: NewDeployment) -> String {
        self.api.create_deployment(deployment).await.id
    }

    /// Runs of a deployment that are due, oldest first.
    async fn due(&self, deployment: &str, count: usize) -> Vec<String> {
        let mut runs = Vec::with_capacity(count);
        for _ in 0..count {
            runs.push(self.api.create_run(deployment, json!({})).await);
        }
        runs
    }

    /// A run of a flow with these parameters that is due.
    async fn run(&self, flow: &str, parameters: Value) -> String {
        let deployment = self.deploy(self.flow(flow)).await;
        self.api.create_run(&deployment, json!({"parameters": parameters})).await
    }

    /// How many of the runs, at most 200, are in states of this type.
    async fn count(&self, runs: &[String], state_type: &str) -> usize {
        let filter = json!({"flow_runs": {"id": {"any_": runs}, "state": {"type": {"any_": [state_type]}}}});
        let count = self.api.post("/flow_runs/count", filter).await.ok();
        usize::try_from(count.as_u64().unwrap()).unwrap()
    }

    /// Waits until so many of the runs are in states of this type.
    async fn reach(&self, runs: &[String], state_type: &str, wanted: usize, patience: Duration) {
        let started = Instant::now();
        while self.count(runs, state_type).await < wanted {
            if started.elapsed() > patience {
                let mut states = BTreeMap::<String, usize>::new();
                for run in runs {
                    *states.entry(self.api.state_names(run).await.join(", ")).or_default() += 1;
                }
                panic!("{wanted} of {} runs are not {state_type} after {patience:?}: {states:#?}", runs.len());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn all_complete(&self, runs: &[String]) {
        self.reach(runs, "COMPLETED", runs.len(), LONG).await;
    }

    /// Each of the runs has had exactly one task.
    fn assert_one_task_each(&self, runs: &[String]) {
        for run in runs {
            let tasks = self.served.tasks_of(run);
            assert_eq!(tasks.len(), 1, "{run}: {tasks:#?}");
        }
        assert_eq!(self.served.tasks().len(), runs.len());
    }

    /// The most tasks that were live at a time.
    fn most_live_tasks(&self) -> usize {
        let tasks = self.served.tasks();
        let live = |at: u64| {
            let live =
                tasks.iter().filter(|it| it.created_at <= at && it.stopped_at.is_none_or(|stopped| stopped > at));
            live.count()
        };
        tasks.iter().map(|task| live(task.created_at)).max().unwrap_or_default()
    }

    fn notes(&self) -> Vec<Note> {
        let notes = std::fs::read_to_string(self.project.file("notes")).unwrap_or_default();
        let read = |line: &str| {
            let note: Value = serde_json::from_str(line).unwrap();
            let run = note["run"].as_str().unwrap().to_owned();
            Note { run, at: note["at"].as_f64().unwrap(), begun: note["note"] == "begun" }
        };
        notes.lines().map(read).collect()
    }

    /// The most light containers that ran at a time, by their own clock.
    fn most_running(&self) -> i32 {
        let mut notes = self.notes();
        notes.sort_by(|a, b| a.at.total_cmp(&b.at));
        let mut running = 0;
        notes
            .iter()
            .map(|note| {
                running += if note.begun { 1 } else { -1 };
                running
            })
            .max()
            .unwrap_or_default()
    }

    /// Runs in the order in which light containers began them.
    fn order(&self) -> Vec<String> {
        let mut begun: Vec<Note> = self.notes().into_iter().filter(|note| note.begun).collect();
        begun.sort_by(|a, b| a.at.total_cmp(&b.at));
        begun.into_iter().map(|note| note.run).collect()
    }
}
