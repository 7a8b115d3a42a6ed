//! `pushpool dev`: messages in, tasks as processes of this machine, and everything between them as on AWS: the real
//! SDK against SQS and ECS on loopback, an event source mapping, and the dispatcher behind it, in this process or as
//! the function's own binary.

mod board;
mod feed;
mod function;
mod house;
mod news;
mod report;
mod screen;
mod served;
mod summary;
mod table;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use local::ecs::Status;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{
        broadcast::{self, error::RecvError},
        mpsc,
    },
    time::{Instant, MissedTickBehavior, interval},
};

use self::{
    board::Board,
    feed::Sample,
    function::Function,
    house::House,
    news::{News, Reporter, Task},
    report::{Ending, Report},
    screen::{Screen, TICK},
};
use crate::{
    args::{DevArgs, Output},
    error::CliError,
    output::{self, BAD, HEAD, paint, say},
};

/// The messages that are fed when none are named.
const SAMPLES: &str = "events/sqs";

/// The images that are used when none are named and these are there.
const IMAGES: &str = "events/images.json";

/// Exit code after Ctrl-C, as shells count: 128 and the number of SIGINT.
const INTERRUPTED: u8 = 130;

/// Runs the command; its exit code.
///
/// # Errors
/// Something cannot be read or started. What becomes of messages is no error but in the exit code.
pub(crate) fn run(args: &DevArgs) -> Result<u8, CliError> {
    if args.prefect {
        return served::run(args);
    }
    let samples = samples(args)?;
    let images = match &args.images {
        Some(path) => house::images(path)?,
        None if Path::new(IMAGES).exists() => house::images(Path::new(IMAGES))?,
        None => Default::default(),
    };
    if !args.pools.is_dir() {
        return Err(CliError::BadSetting(format!(
            "{} is no directory; --pools names the pools'",
            args.pools.display()
        )));
    }
    runtime()?.block_on(async {
        let mut interrupts = Interrupts::listen()?;
        let logs = args.logs.clone().unwrap_or_else(new_log_directory);
        let house = House::open(args.port, &args.requests.settings().region, images, logs).await?;
        let result = dispatch(args, &samples, &house, &mut interrupts).await;
        close(house.local).await;
        result
    })
}

fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let built = builder.worker_threads(2).enable_all().build();
    built.map_err(|source| CliError::SetUp { what: "start the runtime", source })
}

/// Whatever happened, nothing may outlive this process. Further signals wait: the tasks get some seconds.
async fn close(local: local::Local) {
    let left = local.ecs().tasks().iter().filter(|task| task.status != Status::Stopped).count();
    if left > 0 {
        say(format_args!("stopping {left} task{}", if left == 1 { "" } else { "s" }));
    }
    local.stop().await;
}

fn samples(args: &DevArgs) -> Result<Vec<Sample>, CliError> {
    if !args.events.is_empty() {
        return feed::read(&args.events);
    }
    let default = PathBuf::from(SAMPLES);
    if !default.is_dir() {
        let advice = "name messages with --events, or start this in a clone of pushpool";
        return Err(CliError::BadSetting(format!("there is no {SAMPLES} here; {advice}")));
    }
    feed::read(&[default])
}

fn new_log_directory() -> PathBuf {
    std::env::temp_dir().join(format!("pushpool-dev-{}", uuid::Uuid::new_v4().simple()))
}

/// The signals that mean that it is enough.
struct Interrupts([Signal; 3]);

impl Interrupts {
    fn listen() -> Result<Self, CliError> {
        let listen = |kind| signal(kind).map_err(|source| CliError::SetUp { what: "listen for signals", source });
        Ok(Self([listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?, listen(SignalKind::hangup())?]))
    }

    async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// Feeds the messages and sees them through.
async fn dispatch(
    args: &DevArgs,
    samples: &[Sample],
    house: &House,
    interrupts: &mut Interrupts,
) -> Result<u8, CliError> {
    let (sender, news) = mpsc::unbounded_channel();
    let reporter = Reporter(sender);
    tokio::spawn(watch_tasks(house.local.ecs().clone(), house.local.ecs().subscribe(), reporter.clone()));
    let function = Function::start(args, house, &reporter).await?;
    let mut view = View { board: Board::new(samples), screen: Screen::new(), news };
    let ending = tokio::select! {
        ending = view.feed_and_follow(samples, house, args.timeout) => ending?,
        () = interrupts.next() => Ending::Interrupted,
    };
    view.screen.clear();
    let report = view.report(ending, house).await?;
    let text = match args.output {
        Output::Text => summary::text(&report, &view.board),
        Output::Json => format!("{:#}\n", serde_json::json!(report)),
    };
    output::data(&text).map_err(CliError::WriteOutput)?;
    if args.keep && ending != Ending::Interrupted {
        say(invitation(house, &args.requests.settings().region));
        tokio::select! {
            () = view.go_on() => {}
            () = interrupts.next() => {}
        }
    }
    function.stop().await;
    Ok(match ending {
        Ending::Interrupted => INTERRUPTED,
        _ => u8::from(!report.is_good(args.strict)),
    })
}

/// What is known and what is seen of it.
struct View {
    board: Board,
    screen: Screen,
    news: mpsc::UnboundedReceiver<News>,
}

impl View {
    /// Sends the messages, then follows the news until every message is done or the time is over.
    async fn feed_and_follow(
        &mut self,
        samples: &[Sample],
        house: &House,
        timeout: Duration,
    ) -> Result<Ending, CliError> {
        let started = Instant::now();
        for (index, sample) in samples.iter().enumerate() {
            let message_id = house.send(&sample.body).await?;
            self.board.sent(index, message_id, Timestamp::now());
            self.screen.changed(&self.board.rows()[index]);
        }
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut dead = 0;
        while !self.board.is_done() {
            tokio::select! {
                Some(item) = self.news.recv() => self.show(item),
                _ = ticks.tick() => {
                    if started.elapsed() >= timeout {
                        return Ok(Ending::TimedOut);
                    }
                    self.screen.draw(&self.board);
                    // SQS tells nobody when it gives a message up.
                    let count = house.dead_letter_count();
                    if count != dead {
                        dead = count;
                        for letter in house.dead_letters().await? {
                            self.show(News::Dead { message_id: letter.message_id });
                        }
                    }
                }
            }
        }
        Ok(Ending::Complete)
    }

    /// Goes on showing what becomes of messages that others send.
    async fn go_on(&mut self) {
        self.screen.plain();
        while let Some(item) = self.news.recv().await {
            self.show(item);
        }
    }

    fn show(&mut self, item: News) {
        if let News::Trouble(text) = &item {
            self.screen.interject(&format!("{} {text}", paint(BAD, "dispatcher:")));
        }
        if let Some(index) = self.board.apply(item, Timestamp::now()) {
            self.screen.changed(&self.board.rows()[index]);
        }
    }

    async fn report(&self, ending: Ending, house: &House) -> Result<Report, CliError> {
        let ecs = house.local.ecs();
        Ok(Report::new(
            &self.board,
            ending,
            house.local.endpoint(),
            self.screen.elapsed(),
            house.dead_letters().await?,
            house.local.calls(),
            |task_arn| ecs.log_path(task_arn),
        ))
    }
}

fn invitation(house: &House, region: &str) -> String {
    let endpoint = house.local.endpoint();
    let aws = format!("aws --endpoint-url {endpoint}");
    let head = |text| paint(HEAD, text);
    format!(
        "\n{}\n  \
           AWS_ENDPOINT_URL={endpoint} AWS_REGION={region} AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any\n  \
           run queue          {}\n  \
           dead-letter queue  {}\n\
         {}\n  \
           {aws} sqs send-message --queue-url {} --message-body \"$(jq -r '.Records[0].body' {SAMPLES}/failing-job.json)\"\n  \
           {aws} sqs receive-message --queue-url {} --message-attribute-names All\n  \
           {aws} ecs list-tasks --desired-status STOPPED",
        head("Still dispatching, until Ctrl-C:"),
        house.run_queue_url,
        house.dead_letter_queue_url,
        head("For instance:"),
        house.run_queue_url,
        house.dead_letter_queue_url,
    )
}

/// Passes ECS's events on. Who lags too far behind to get them all looks at the tasks instead.
async fn watch_tasks(ecs: local::ecs::Ecs, mut events: broadcast::Receiver<serde_json::Value>, reporter: Reporter) {
    loop {
        match events.recv().await {
            Ok(event) => {
                if let Some(task) = Task::of_event(&event) {
                    reporter.tell(News::Task(task));
                }
            }
            Err(RecvError::Lagged(_)) => {
                ecs.tasks().iter().map(Task::of_view).for_each(|task| reporter.tell(News::Task(task)));
            }
            Err(RecvError::Closed) => return,
        }
    }
}
