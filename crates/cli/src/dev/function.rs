//! The dispatcher behind an event source mapping: in this process, or as the function's own binary.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write,
    path::Path,
    sync::Arc,
    time::Duration,
};

use aws::{ScheduleSettings, StandaloneSettings};
use dispatch::{
    dispatcher::Policy,
    sqs_event::{self, BatchResponse, Record},
};
use installation::{Function::Dispatcher, Variable, timing, variables};
use local::lambda::{
    Bootstrap, Function as LambdaFunction, FunctionError, InProcess, Invocation, Line, Output, RuntimeApi,
};
use serde_json::Value;
use tokio::{sync::mpsc, time::Instant};

use super::{
    args::DevArgs,
    house::{self, CONCURRENCY, House},
    news::{self, News, Reporter},
};
use crate::error::CliError;

/// File with the output of the function binary, among the logs of the tasks.
const LOG: &str = "dispatcher.log";

/// A dispatcher that takes the run queue's messages.
pub(crate) struct Function {
    binary: Option<Arc<RuntimeApi>>,
}

impl Function {
    /// Starts it, and has the run queue invoke it.
    ///
    /// # Errors
    /// The binary cannot be started, or a setting is not possible.
    pub(crate) async fn start(args: &DevArgs, house: &mut House, reporter: &Reporter) -> Result<Self, CliError> {
        let (function, binary): (Arc<dyn LambdaFunction>, _) = match &args.messages.bootstrap {
            None => (in_process(args, house, reporter).await?, None),
            Some(path) => {
                let binary = Arc::new(binary(path, args, house, reporter).await?);
                (Arc::<RuntimeApi>::clone(&binary), Some(binary))
            }
        };
        let watched = Arc::new(Watched { function, reporter: reporter.clone() });
        let connected = house.installation.connect(Dispatcher, watched, true).await;
        connected.map_err(|error| house::failed(&error))?;
        Ok(Self { binary })
    }

    /// Takes no more messages, and ends when those under way are settled.
    pub(crate) async fn stop(self, house: &mut House) {
        house.installation.disconnect(Dispatcher).await;
        if let Some(binary) = self.binary {
            binary.stop().await;
        }
    }
}

async fn in_process(args: &DevArgs, house: &House, reporter: &Reporter) -> Result<Arc<dyn LambdaFunction>, CliError> {
    let requests = args.requests.settings();
    let config = aws::loopback_config(&house.local.endpoint(), &requests.region).await;
    let mut told = house.installation.variables(Dispatcher);
    let mut told = |variable: &Variable| told.remove(variable.name).unwrap_or_default();
    let settings = StandaloneSettings {
        run_queue_url: told(&variables::RUN_QUEUE_URL),
        schedules: ScheduleSettings {
            group: told(&variables::SCHEDULE_GROUP),
            role_arn: told(&variables::SCHEDULE_ROLE_ARN),
            run_queue_arn: told(&variables::RUN_QUEUE_ARN),
        },
        dead_letter_queue_url: told(&variables::DLQ_URL),
        pools: house.pools.display().to_string(),
        event_bus: None,
        run_task_rate: variables::RUN_TASK_RATE.default_number(),
        policy: policy(requests, timing::STANDALONE_HAND_BACK_DELAY),
    };
    let dispatcher = aws::standalone_dispatcher(&config, settings, reporter.sink())
        .map_err(|error| CliError::BadSetting(format!("--pools {error}")))?;
    let dispatcher = Arc::new(dispatcher);
    Ok(of_batches(move |records, deadline| {
        let dispatcher = Arc::clone(&dispatcher);
        async move { dispatcher.handle(records, deadline).await }
    }))
}

/// What an operator decides about dispatching, as the function has it when nothing is set.
pub(crate) fn policy(requests: ecs::Settings, hand_back_delay: Duration) -> Policy {
    Policy { requests, capacity_timeout: variables::CAPACITY_TIMEOUT.default_seconds(), hand_back_delay }
}

/// A use case that takes batches of SQS records, as a function of this process.
pub(crate) fn of_batches<F, R>(handle: F) -> Arc<dyn LambdaFunction>
where
    F: Fn(Vec<Record>, Instant) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = BatchResponse> + Send,
{
    Arc::new(InProcess::new(move |event, left: Duration| {
        let handle = handle.clone();
        async move {
            let failed = |message: String| FunctionError::Failed { error_type: "Error".to_owned(), message };
            let records = sqs_event::records(event).map_err(|error| failed(error.to_string()))?;
            let answer = handle(records, Instant::now() + left).await;
            serde_json::to_value(answer).map_err(|error| failed(error.to_string()))
        }
    }))
}

/// The function's binary behind the Runtime API, configured as on AWS: by its environment.
async fn binary(path: &Path, args: &DevArgs, house: &House, reporter: &Reporter) -> Result<RuntimeApi, CliError> {
    let failed = |source| CliError::StartFunction { path: path.to_owned(), source };
    let absolute = path.canonicalize().map_err(failed)?;
    if absolute.is_dir() {
        return Err(failed(std::io::ErrorKind::IsADirectory.into()));
    }
    let requests = args.requests.settings();
    let (lines, receiver) = mpsc::unbounded_channel();
    let bootstrap = Bootstrap {
        environments: CONCURRENCY,
        region: requests.region.clone(),
        endpoint_url: Some(house.local.endpoint()),
        environment: environment(house, requests),
        output: Output::Lines(lines),
        ..Bootstrap::new(Dispatcher.name(), absolute)
    };
    let api = RuntimeApi::start(bootstrap).await.map_err(failed)?;
    let log = fs::create_dir_all(&house.logs).and_then(|()| File::create(house.logs.join(LOG)));
    tokio::spawn(listen(receiver, log.map_err(failed)?, reporter.clone()));
    Ok(api)
}

/// The settings of `functions/dispatcher`.
fn environment(house: &House, requests: ecs::Settings) -> BTreeMap<String, String> {
    let pools = house.pools.canonicalize().unwrap_or_else(|_| house.pools.clone());
    let chosen = [
        (&variables::POOL_DOCUMENTS, Some(pools.display().to_string())),
        (&variables::DEFAULT_IMAGE, requests.default_image),
        (&variables::SUBNETS, Some(requests.subnets.join(","))),
        (&variables::SECURITY_GROUPS, Some(requests.security_groups.join(","))),
        (&variables::ASSIGN_PUBLIC_IP, Some(requests.assign_public_ip.to_string())),
        (&variables::CONTAINER_PREFECT_API_URL, requests.prefect_api_url),
        (&variables::API_KEY_SECRET_ARN, requests.api_key_secret_arn),
        (&variables::API_AUTH_STRING_SECRET_ARN, requests.api_auth_string_secret_arn),
        // Outcomes are read from the log, so it may not be quieter than this.
        (&variables::LOG_LEVEL, Some("info".to_owned())),
    ];
    let chosen = chosen
        .into_iter()
        .filter_map(|(variable, value)| Some((variable.name.to_owned(), value.filter(|value| !value.is_empty())?)));
    house.installation.variables(Dispatcher).into_iter().chain(chosen).collect()
}

/// Keeps the binary's log, and tells of the outcomes in it.
async fn listen(mut lines: mpsc::UnboundedReceiver<Line>, mut log: File, reporter: Reporter) {
    while let Some(line) = lines.recv().await {
        // A full disk costs the log, not the run.
        let _ = writeln!(log, "{}", line.text);
        if let Some(news) = news::of_log_line(&line.text) {
            reporter.tell(news);
        }
    }
}

/// A function that tells which messages it gets, and when it fails as a whole.
struct Watched {
    function: Arc<dyn LambdaFunction>,
    reporter: Reporter,
}

impl LambdaFunction for Watched {
    fn invoke(&self, event: Value, timeout: Duration) -> Invocation<'_> {
        for record in event["Records"].as_array().into_iter().flatten() {
            let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
            self.reporter.tell(News::Taken { message_id: text("messageId"), body: text("body") });
        }
        Box::pin(async move {
            let answer = self.function.invoke(event, timeout).await;
            if let Err(error) = &answer
                && *error != FunctionError::Stopped
            {
                self.reporter.tell(News::Trouble(error.to_string()));
            }
            answer
        })
    }
}
