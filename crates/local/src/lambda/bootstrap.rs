//! A real `bootstrap` binary as a function: its processes, one per environment.
//!
//! Environments start when they are needed and stay for the next invocation. A process that ends, or takes longer than
//! the timeout and is killed, fails its invocation; the next one gets a new process (Lambda developer guide,
//! "Understanding the Lambda execution environment lifecycle"). The time to start counts against a limit of its own,
//! 10 s, not against the function's timeout.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use uuid::Uuid;

use super::chain::Chain;
use super::function::{Function, FunctionError, Invocation};
use super::runtime_api::{Endpoint, Job};
use crate::clock::Clock;

/// A function's binary and how it is run.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    /// Name of the function.
    pub name: String,
    /// The binary.
    pub path: PathBuf,
    /// Arguments; Lambda passes none.
    pub arguments: Vec<String>,
    /// Most processes, that is, invocations at a time.
    pub environments: usize,
    /// MB, only told to the function, not enforced.
    pub memory: u32,
    /// Region in `AWS_REGION` and the function's ARN.
    pub region: String,
    /// Account in the function's ARN.
    pub account_id: String,
    /// For `AWS_ENDPOINT_URL`.
    pub endpoint_url: Option<String>,
    /// Further environment; wins over everything that is set here.
    pub environment: BTreeMap<String, String>,
    /// Where the process runs; this process's own directory by default.
    pub working_directory: Option<PathBuf>,
    /// Most time from the start of the process to its first request for work.
    pub init_timeout: Duration,
    /// Where its output goes.
    pub output: Output,
}

impl Bootstrap {
    /// One environment of 256 MB in `us-east-1`, account `000000000000`, output discarded.
    pub fn new(name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            path: path.into(),
            arguments: Vec::new(),
            environments: 1,
            memory: 256,
            region: "us-east-1".into(),
            account_id: "000000000000".into(),
            endpoint_url: None,
            environment: BTreeMap::new(),
            working_directory: None,
            init_timeout: Duration::from_secs(10),
            output: Output::Discard,
        }
    }

    fn arn(&self) -> String {
        format!("arn:aws:lambda:{}:{}:function:{}", self.region, self.account_id, self.name)
    }

    /// What the process finds in its environment (Lambda developer guide, "Defined runtime environment variables").
    /// Nothing of this process's own but `PATH`. The credentials are made up: nothing here checks them.
    fn variables(&self, runtime_api: &str, index: usize) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        let mut set = |name: &str, value: String| all.insert(name.to_owned(), value);
        set("AWS_LAMBDA_RUNTIME_API", runtime_api.to_owned());
        set("AWS_LAMBDA_FUNCTION_NAME", self.name.clone());
        set("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".into());
        set("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", self.memory.to_string());
        set("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".into());
        set("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", self.name));
        set("AWS_LAMBDA_LOG_STREAM_NAME", format!("local/[$LATEST]{index}"));
        set("AWS_REGION", self.region.clone());
        set("AWS_DEFAULT_REGION", self.region.clone());
        set("AWS_ACCESS_KEY_ID", "local".into());
        set("AWS_SECRET_ACCESS_KEY", "local".into());
        set("AWS_SESSION_TOKEN", "local".into());
        set("_HANDLER", "bootstrap".into());
        set("LAMBDA_TASK_ROOT", self.path.parent().unwrap_or(&self.path).display().to_string());
        set("TZ", ":UTC".into());
        set("LANG", "en_US.UTF-8".into());
        if let Ok(path) = std::env::var("PATH") {
            set("PATH", path);
        }
        if let Some(url) = &self.endpoint_url {
            set("AWS_ENDPOINT_URL", url.clone());
        }
        all.extend(self.environment.clone());
        all
    }
}

/// Where a function's output goes.
#[derive(Debug, Clone, Default)]
pub enum Output {
    /// Nowhere.
    #[default]
    Discard,
    /// To the end of a file, as it comes, all environments together.
    File(PathBuf),
    /// To a channel.
    Lines(mpsc::UnboundedSender<Line>),
}

/// A line of a function's standard output or error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Name of the function.
    pub function: String,
    /// Which of its environments.
    pub environment: usize,
    /// Without its end.
    pub text: String,
}

#[derive(Debug, Clone)]
enum Sink {
    Discard,
    File(Arc<Mutex<File>>),
    Lines(mpsc::UnboundedSender<Line>),
}

#[derive(Debug)]
struct Pool {
    bootstrap: Bootstrap,
    sink: Sink,
    idle: Mutex<Vec<Environment>>,
    stopped: watch::Sender<bool>,
    clock: Clock,
}

#[derive(Debug)]
struct Environment {
    index: usize,
    endpoint: Endpoint,
    process: Option<Child>,
}

/// A function behind the Runtime API. Processes end with it: killed on drop, waited for by [`RuntimeApi::stop`].
#[derive(Debug)]
pub struct RuntimeApi {
    pool: Arc<Pool>,
    free: Arc<Semaphore>,
}

/// An environment in use. Goes back to the pool however the invocation ends.
struct Lease {
    environment: Option<Environment>,
    pool: Arc<Pool>,
    /// The invocation came to an end; otherwise the process is in the middle of something and is of no further use.
    finished: bool,
    _permit: OwnedSemaphorePermit,
}

impl RuntimeApi {
    /// Opens the endpoints. Processes start with the first invocations.
    ///
    /// # Errors
    ///
    /// No port, or the output file cannot be opened.
    pub async fn start(bootstrap: Bootstrap) -> io::Result<Self> {
        let sink = match &bootstrap.output {
            Output::Discard => Sink::Discard,
            Output::File(path) => {
                Sink::File(Arc::new(Mutex::new(OpenOptions::new().create(true).append(true).open(path)?)))
            }
            Output::Lines(sender) => Sink::Lines(sender.clone()),
        };
        let count = bootstrap.environments.max(1);
        let mut idle = Vec::new();
        // Taken from the end, so that the first is the first to be used.
        for index in (0..count).rev() {
            idle.push(Environment { index, endpoint: Endpoint::start().await?, process: None });
        }
        let (stopped, _) = watch::channel(false);
        let pool = Pool { bootstrap, sink, idle: Mutex::new(idle), stopped, clock: Clock::new() };
        Ok(Self { pool: Arc::new(pool), free: Arc::new(Semaphore::new(count)) })
    }

    /// Ids of the processes that are running and idle.
    pub fn idle_processes(&self) -> Vec<u32> {
        self.pool.idle().iter().filter_map(|environment| environment.process.as_ref()?.id()).collect()
    }

    /// Ends invocations under way with [`FunctionError::Stopped`], kills the processes and waits for them.
    pub async fn stop(&self) {
        self.pool.stopped.send_replace(true);
        let count = u32::try_from(self.pool.bootstrap.environments.max(1)).unwrap_or(u32::MAX);
        // Every environment comes back as soon as its invocation has noticed; one whose caller no longer looks is
        // killed when the caller drops it.
        let _ = tokio::time::timeout(Duration::from_secs(5), self.free.acquire_many(count)).await;
        let environments = std::mem::take(&mut *self.pool.idle());
        for mut environment in environments {
            environment.kill().await;
            environment.endpoint.stop().await;
        }
        self.free.close();
    }
}

impl Function for RuntimeApi {
    fn invoke(&self, event: Value, timeout: Duration) -> Invocation<'_> {
        Box::pin(async move {
            let stopped = self.pool.stopped.subscribe();
            let permit = Arc::clone(&self.free).acquire_owned().await.map_err(|_| FunctionError::Stopped)?;
            let environment = self.pool.idle().pop().filter(|_| !*stopped.borrow());
            let pool = Arc::clone(&self.pool);
            let mut lease = Lease { environment, pool, finished: false, _permit: permit };
            let Some(environment) = lease.environment.as_mut() else { return Err(FunctionError::Stopped) };
            let outcome = environment.invoke(&self.pool, event, timeout, stopped).await;
            lease.finished = true;
            outcome
        })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut environment) = self.environment.take() else { return };
        if !self.finished {
            // Killed by its own drop.
            environment.process = None;
        }
        self.pool.idle().push(environment);
    }
}

impl Pool {
    fn idle(&self) -> MutexGuard<'_, Vec<Environment>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Environment {
    async fn invoke(
        &mut self,
        pool: &Pool,
        event: Value,
        timeout: Duration,
        mut stopped: watch::Receiver<bool>,
    ) -> Result<Value, FunctionError> {
        let stop = async {
            // An error means that the pool is gone, which is as good.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        };
        tokio::pin!(stop);
        let started = tokio::select! {
            started = self.ensure_process(pool) => started,
            () = &mut stop => Err(FunctionError::Stopped),
        };
        if let Err(error) = started {
            self.kill().await;
            return Err(error);
        }
        let mut answer = self.endpoint.submit(Job {
            id: Uuid::new_v4().to_string(),
            event: event.to_string().into(),
            deadline: pool.clock.now() + u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX),
            function_arn: pool.bootstrap.arn(),
            trace_id: Chain::of(&event).trace_header(pool.clock.now()),
        });
        let Some(process) = self.process.as_mut() else { return Err(FunctionError::Exited("no process".into())) };
        let outcome = tokio::select! {
            biased;
            answered = &mut answer => match answered {
                Ok(outcome) => return outcome,
                Err(_) => Err(FunctionError::Exited("the invocation was given up".into())),
            },
            status = process.wait() => match answer.try_recv() {
                Ok(outcome) => outcome,
                Err(_) => Err(FunctionError::Exited(describe(status))),
            },
            () = tokio::time::sleep(timeout) => Err(FunctionError::TimedOut(timeout)),
            () = &mut stop => Err(FunctionError::Stopped),
        };
        self.kill().await;
        outcome
    }

    /// Starts a process unless one runs, and waits until it asks for work.
    async fn ensure_process(&mut self, pool: &Pool) -> Result<(), FunctionError> {
        if let Some(process) = &mut self.process
            && matches!(process.try_wait(), Ok(None))
        {
            return Ok(());
        }
        self.endpoint.reset();
        let bootstrap = &pool.bootstrap;
        let mut command = Command::new(&bootstrap.path);
        command
            .args(&bootstrap.arguments)
            .env_clear()
            .envs(bootstrap.variables(&self.endpoint.address().to_string(), self.index))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C in the terminal is for this process, which then stops the functions in good order.
            .process_group(0)
            .kill_on_drop(true);
        if let Some(directory) = &bootstrap.working_directory {
            command.current_dir(directory);
        }
        let mut process =
            command.spawn().map_err(|error| FunctionError::Start(format!("{}: {error}", bootstrap.path.display())))?;
        let line = Line { function: bootstrap.name.clone(), environment: self.index, text: String::new() };
        if let Some(stdout) = process.stdout.take() {
            tokio::spawn(pump(stdout, pool.sink.clone(), line.clone()));
        }
        if let Some(stderr) = process.stderr.take() {
            tokio::spawn(pump(stderr, pool.sink.clone(), line));
        }
        let process = self.process.insert(process);
        tokio::select! {
            () = self.endpoint.ready() => Ok(()),
            status = process.wait() => {
                Err(FunctionError::Start(self.endpoint.init_error().unwrap_or_else(|| describe(status))))
            }
            () = tokio::time::sleep(bootstrap.init_timeout) => {
                let seconds = bootstrap.init_timeout.as_secs_f64();
                Err(FunctionError::Start(format!("it did not ask for work within {seconds} s")))
            }
        }
    }

    async fn kill(&mut self) {
        if let Some(mut process) = self.process.take()
            && let Err(error) = process.kill().await
        {
            tracing::warn!(environment = self.index, %error, "killing a function's process failed");
        }
    }
}

fn describe(status: io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => status.to_string(),
        Err(error) => format!("waiting for it failed: {error}"),
    }
}

/// Passes lines on until the process has closed its end.
async fn pump(from: impl AsyncRead + Unpin, sink: Sink, line: Line) {
    let mut reader = BufReader::new(from);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes).await.is_ok_and(|read| read > 0) {
        match &sink {
            Sink::Discard => {}
            Sink::File(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                if let Err(error) = file.write_all(&bytes) {
                    tracing::warn!(%error, "writing a function's output failed");
                }
            }
            Sink::Lines(sender) => {
                let text = String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned();
                // A receiver that is gone wants no more lines.
                let _ = sender.send(Line { text, ..line.clone() });
            }
        }
        bytes.clear();
    }
}
