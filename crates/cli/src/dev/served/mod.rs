//! `pushpool dev --prefect`: the work pools of a Prefect server, served from this machine.
//!
//! What runs is what is deployed, but for the processes it runs in: poller, dispatcher, observer, reconciler and doorbell
//! against the server, SQS and ECS on loopback, and the tasks as processes that run `prefect flow-run execute`.

mod look;
mod news;
mod runs;
mod stage;
mod stillness;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use dispatch::served::served_pools;
use manage::{
    Address, ManageError, Server,
    account::Tasks,
    doorbell::{Passing, is_loopback},
    running::Dev,
    server,
};
use prefect_api::{Client, Connection, PAGE, http::HttpTransport, models::ListedPool};
use prefect_ids::FlowRunId;
use serde_json::json;
use tokio::{
    sync::{mpsc, watch},
    time::interval,
};

use self::{
    news::{News, Silence, Teller},
    runs::{Run, Runs},
    stage::{NAME, Stage},
};
use super::{
    args::DevArgs,
    house,
    process::{Interrupts, close, log_directory, runtime},
    report::tail,
    screen::Screen,
    table,
};
use crate::{
    args::Output,
    dev::{news::Task, screen::TICK},
    error::CliError,
    output::{self, BAD, HEAD, note, paint, say},
    terminal::Place,
};

/// How long ago the last heartbeat of somebody who serves a pool may be.
const ALIVE: Duration = Duration::from_secs(90);

/// Runs the command; its exit code.
///
/// # Errors
/// The server or something on this machine cannot be used. What becomes of runs is no error.
pub(crate) fn run(args: &DevArgs) -> Result<u8, CliError> {
    let connection = server::connection(&Address {
        api_url: args.requests.settings().prefect_api_url,
        profile: args.served.profile.clone(),
    })?;
    let images = args.images.as_deref().map(house::images).transpose()?.unwrap_or_default();
    find_prefect(args.served.env_dir.as_deref())?;
    runtime()?.block_on(async {
        let mut interrupts = Interrupts::listen()?;
        check(args, &connection).await?;
        let (sender, news) = mpsc::unbounded_channel();
        let teller = Teller::new(sender);
        warn_of_rivals(&connection.api_url, &args.served.only);
        let logs = log_directory(args)?;
        let stage = Stage::open(args, &connection, images, logs.clone(), &teller).await?;
        let (api_url, region) = (connection.api_url.clone(), args.requests.settings().region);
        let dev = Dev::started(stage.local.endpoint(), region, logs.clone(), Some(api_url), &args.served.only);
        dev.write();
        introduce(&stage, &connection, &logs);
        let server = Server { client: stage.client.clone(), url: connection.api_url.clone() };
        let bell = install_bell(args, &server, &stage, &teller).await;
        let silences = tokio::spawn(stillness::watch(connection.clone(), teller.clone()));
        let (open, asked) = watch::channel(Vec::new());
        let tasks = Tasks::new(&dev.config().await);
        let looks = look::watch(stage.client.clone(), tasks, args.served.only.clone(), asked, teller.clone());
        let looking = tokio::spawn(looks);
        let mut watch = Watch { runs: Runs::default(), screen: Screen::new(), news, open, silence: None };
        let watching = tokio::spawn(watch_tasks(stage.local.ecs().subscribe(), teller.clone()));
        let ending = tokio::select! {
            () = watch.follow(args.served.runs) => Ok(0),
            () = interrupts.next() => Ok(0),
        };
        watching.abort();
        silences.abort();
        watch.screen.clear();
        let written = watch.report(args, &stage);
        if let Some(bell) = bell
            && let Err(error) = bell.remove(&server).await
        {
            say(error);
        }
        // Not before: the server goes on with a request that is given up here, and would get the next one beside it.
        looking.abort();
        close(stage.close().await).await;
        written.and(ending)
    })
}

/// The program that tasks run. An environment that was named is the one that is used, or none: flows in another would fail for
/// reasons that have nothing to do with what is tried.
fn find_prefect(env_dir: Option<&Path>) -> Result<(), CliError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories: Vec<PathBuf> = match env_dir {
        Some(directory) => vec![directory.join("bin")],
        None => std::env::split_paths(&path).collect(),
    };
    if directories.iter().any(|directory| directory.join("prefect").is_file()) {
        return Ok(());
    }
    let detail = match env_dir {
        Some(directory) if !directory.is_dir() => format!("{} is not a directory.", directory.display()),
        Some(directory) => format!("{} has no bin/prefect.", directory.display()),
        None => "PATH does not have it.".to_owned(),
    };
    let error = ManageError::Explained {
        summary: "there is no `prefect` to run flows with".to_owned(),
        detail,
        help: "Activate the Python environment that your flows need, or name it with --env-dir.".to_owned(),
    };
    Err(error.into())
}

/// Says before anything is taken from somebody else that somebody else serves these pools.
async fn check(args: &DevArgs, connection: &Connection) -> Result<(), CliError> {
    let only = &args.served.only;
    let transport = HttpTransport::new(connection).map_err(|error| CliError::BadSetting(error.to_string()))?;
    let server =
        Server { client: Client::new(transport, prefect_api::Patience::PERSON), url: connection.api_url.clone() };
    let pools: Vec<ListedPool> =
        served_pools(&server.client, only.is_empty(), only).await.map_err(|error| server.told(error))?;
    if let Some(missing) = only.iter().find(|name| !pools.iter().any(|pool| pool.name == **name)) {
        return Err(server.no_such_pool(missing).await.into());
    }
    if !only.is_empty() {
        return Ok(());
    }
    let now = jiff::Timestamp::now();
    for pool in &pools {
        let workers = server.client.workers(&pool.name).await.map_err(|error| server.told(error))?;
        let alive = workers.iter().find(|worker| {
            worker.name != NAME
                && worker
                    .last_heartbeat_time
                    .is_some_and(|at| now.duration_since(at).as_secs_f64() < ALIVE.as_secs_f64())
        });
        if let Some(worker) = alive {
            let error = ManageError::Explained {
                summary: format!("work pool \"{}\" is served by \"{}\" already", pool.name, worker.name),
                detail: "Both would launch its runs.".to_owned(),
                help: "Name the work pools to serve from here with --pool.".to_owned(),
            };
            return Err(error.into());
        }
    }
    Ok(())
}

/// Two of them on one pool work against each other, and neither can know that the other is no leftover of its own.
fn warn_of_rivals(api_url: &str, pools: &[String]) {
    for rival in Dev::rivals(api_url, pools) {
        let process = rival.process;
        note(format_args!(
            "another `pushpool dev` (process {process}) serves the same work pools: each takes tasks of the other for lost. \
             `kill {process}` ends it"
        ));
    }
}

fn introduce(stage: &Stage, connection: &Connection, logs: &Path) {
    let head = |text| paint(HEAD, text);
    say(format_args!(
        "{} {}\n{} {} (token {})\n{} {}\n{} {}\n{} {}",
        head("Prefect   "),
        connection.api_url,
        head("Doorbell  "),
        stage.doorbell.url(),
        stage.token,
        head("AWS       "),
        stage.local.endpoint(),
        head("Task logs "),
        logs.display(),
        head("Ends with "),
        Place::now().way_to_end()
    ));
}

/// Has the server ring for new runs, so that they need not wait for a poll. That takes a server on this machine: what
/// listens here listens on loopback.
async fn install_bell(
    args: &DevArgs,
    server: &Server<HttpTransport>,
    stage: &Stage,
    teller: &Teller,
) -> Option<Passing> {
    if !is_loopback(&server.url) {
        return None;
    }
    match Passing::install(server, &args.served.only, &stage.doorbell.url(), &stage.token).await {
        Ok(bell) => Some(bell),
        Err(error) => {
            let seconds = args.served.poll_interval.as_secs();
            teller.tell(News::Trouble(format!("new runs are found by polls alone, every {seconds} s: {error}")));
            None
        }
    }
}

/// What is known and what is seen of it.
struct Watch {
    runs: Runs,
    screen: Screen,
    news: mpsc::UnboundedReceiver<News>,
    /// Runs that have not ended, for those who ask the server about them.
    open: watch::Sender<Vec<FlowRunId>>,
    /// Whether the server answers.
    silence: Option<Silence>,
}

impl Watch {
    /// Follows the runs until so many of them have ended, or for ever.
    async fn follow(&mut self, most: Option<usize>) {
        let mut ticks = interval(TICK);
        loop {
            tokio::select! {
                Some(news) = self.news.recv() => self.show(news),
                _ = ticks.tick() => {
                    let runs = &self.runs;
                    let server = self.silence.as_ref().map(|Silence { since, why }| {
                        format!("The Prefect server has not answered for {} s ({why})", since.elapsed().as_secs())
                    });
                    self.screen.draw_frame(|width, height| runs.frame(width, height, server.as_deref()));
                }
            }
            if most.is_some_and(|most| self.runs.ended() >= most) {
                return;
            }
        }
    }

    fn show(&mut self, news: News) {
        if let News::Silence(silence) = news {
            self.silence = silence;
            return;
        }
        match &news {
            News::Serving(pool) => self.screen.interject(&format!("serving work pool {}", paint(HEAD, pool))),
            News::Trouble(text) => self.screen.interject(&format!("{} {text}", paint(BAD, "trouble:"))),
            _ => {}
        }
        for index in self.runs.apply(news) {
            self.screen.step(|elapsed| self.runs.all()[index].line(elapsed));
        }
        self.open.send_replace(self.runs.open(PAGE));
    }

    fn report(&self, args: &DevArgs, stage: &Stage) -> Result<(), CliError> {
        let log_of = |run: &Run| -> Option<PathBuf> {
            run.task_arn.as_deref().and_then(|arn| stage.local.ecs().log_path(arn)).filter(|path| path.exists())
        };
        let text = match args.output {
            Output::Json => {
                let runs: Vec<_> = self
                    .runs
                    .all()
                    .iter()
                    .map(|run| {
                        let mut run_and_log = json!(run);
                        run_and_log["log_file"] = json!(log_of(run));
                        run_and_log
                    })
                    .collect();
                let counts = BTreeMap::from([
                    ("runs", self.runs.all().len()),
                    ("ended", self.runs.ended()),
                    ("failed", self.runs.all().iter().filter(|run| run.has_failed()).count()),
                ]);
                format!("{:#}\n", json!({"runs": runs, "counts": counts, "calls": stage.local.calls()}))
            }
            Output::Text => {
                let mut lines = table::lines(&self.runs.entries(), None);
                for run in self.runs.all().iter().filter(|run| run.has_failed()) {
                    if let Some(log) = log_of(run) {
                        lines.push(format!("\n{} {}", paint(HEAD, run.shown()), log.display()));
                        lines.extend(tail(&log).into_iter().map(|line| format!("  {line}")));
                    }
                }
                lines.join("\n") + "\n"
            }
        };
        output::data(&text).map_err(CliError::WriteOutput)
    }
}

/// Passes ECS's events on.
async fn watch_tasks(mut events: tokio::sync::broadcast::Receiver<serde_json::Value>, teller: Teller) {
    use tokio::sync::broadcast::error::RecvError;
    loop {
        match events.recv().await {
            Ok(event) => {
                if let Some(task) = Task::of_event(&event) {
                    teller.tell(News::Task(task));
                }
            }
            // The server is asked about every run anyway.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::find_prefect;

    #[test]
    fn the_environment_that_was_named_is_the_one_that_has_prefect() {
        let directory = tempfile::tempdir().unwrap();
        let error = find_prefect(Some(&directory.path().join("none"))).unwrap_err().to_string();
        assert!(error.contains("none is not a directory"), "{error}");
        let error = find_prefect(Some(directory.path())).unwrap_err().to_string();
        assert!(error.contains("has no bin/prefect"), "whatever PATH has: {error}");
        std::fs::create_dir(directory.path().join("bin")).unwrap();
        std::fs::write(directory.path().join("bin/prefect"), "").unwrap();
        find_prefect(Some(directory.path())).unwrap();
    }
}
