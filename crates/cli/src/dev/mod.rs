//! `pushpool dev`: messages in, tasks as processes of this machine, and everything between them as on AWS: the real
//! SDK against SQS and ECS on loopback, an event source mapping, and the dispatcher behind it, in this process or as
//! the function's own binary.

mod args;
mod board;
mod feed;
mod function;
mod house;
mod news;
mod process;
mod report;
mod samples;
mod screen;
mod served;
mod summary;
mod table;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use manage::running::Dev;
use tokio::{
    sync::{
        broadcast::{self, error::RecvError},
        mpsc,
    },
    time::{Instant, MissedTickBehavior, interval},
};

pub(crate) use self::args::{DevArgs, HELP};
use self::{
    args::MessageArgs,
    board::Board,
    feed::Sample,
    function::Function,
    house::House,
    news::{News, Reporter, Task},
    process::{Interrupts, close, log_directory, runtime},
    report::{Ending, Report},
    samples::Samples,
    screen::{Screen, TICK},
};
use crate::{
    args::Output,
    error::CliError,
    output::{self, BAD, HEAD, note, paint, say},
    terminal::Place,
};

/// The images of a clone.
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
    let logs = log_directory(args)?;
    let source = Source::of(args, &logs)?;
    let images = source.images.as_deref().map(house::images).transpose()?.unwrap_or_default();
    runtime()?.block_on(async {
        let mut interrupts = Interrupts::listen()?;
        let region = args.requests.settings().region;
        let mut house = House::open(args, images, logs, source.pools.clone()).await?;
        Dev::started(house.local.endpoint(), region, house.logs.clone(), None, &[]).write();
        let result = dispatch(args, &source, &mut house, &mut interrupts).await;
        house.installation.close().await;
        close(house.local).await;
        result
    })
}

/// What is fed, and against which pools.
struct Source {
    messages: Vec<Sample>,
    pools: PathBuf,
    images: Option<PathBuf>,
    /// Directory of the samples, if they were needed.
    samples: Option<PathBuf>,
}

impl Source {
    /// What was named, and the samples for the rest.
    fn of(args: &DevArgs, logs: &Path) -> Result<Self, CliError> {
        let MessageArgs { events, pools, .. } = &args.messages;
        let samples = match (events.is_empty(), pools) {
            (false, Some(_)) => None,
            _ => Some(Samples::find(logs)?),
        };
        let of_samples = samples.as_ref().map(|it| it.events.clone());
        let messages = match (&of_samples, events.as_slice()) {
            (Some(directory), []) => {
                note(format_args!("feeding the samples in {}", directory.display()));
                feed::read(std::slice::from_ref(directory))?
            }
            (_, named) => feed::read(named)?,
        };
        let clone = Path::new(IMAGES);
        let images = args.images.clone().or_else(|| Some(clone.to_owned()).filter(|path| path.exists()));
        let images = images.or_else(|| samples.as_ref().and_then(|it| it.images.clone()));
        let pools = pools.clone().or_else(|| samples.map(|it| it.pools)).unwrap_or_default();
        if !pools.is_dir() {
            let text = format!("{} is no directory; --pools names the pools'", pools.display());
            return Err(CliError::BadSetting(text));
        }
        Ok(Self { messages, pools, images, samples: of_samples })
    }
}

/// Feeds the messages and sees them through.
async fn dispatch(
    args: &DevArgs,
    source: &Source,
    house: &mut House,
    interrupts: &mut Interrupts,
) -> Result<u8, CliError> {
    let samples = source.messages.as_slice();
    let (sender, news) = mpsc::unbounded_channel();
    let reporter = Reporter(sender);
    tokio::spawn(watch_tasks(house.local.ecs().clone(), house.local.ecs().subscribe(), reporter.clone()));
    let function = Function::start(args, house, &reporter).await?;
    let mut view = View { board: Board::new(samples), screen: Screen::new(), news };
    let ending = tokio::select! {
        ending = view.feed_and_follow(samples, house, args.messages.timeout) => ending?,
        () = interrupts.next() => Ending::Interrupted,
    };
    view.screen.clear();
    let report = view.report(ending, house).await?;
    let text = match args.output {
        Output::Text => summary::text(&report, &view.board),
        Output::Json => format!("{:#}\n", serde_json::json!(report)),
    };
    output::data(&text).map_err(CliError::WriteOutput)?;
    if args.messages.keep && ending != Ending::Interrupted {
        view.screen.plain();
        say(invitation(house, &args.requests.settings().region, source.samples.as_deref()));
        tokio::select! {
            () = view.go_on() => {}
            () = interrupts.next() => {}
        }
    }
    function.stop(house).await;
    Ok(match ending {
        Ending::Interrupted => INTERRUPTED,
        _ => u8::from(!report.is_good(args.messages.strict)),
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

fn invitation(house: &House, region: &str, samples: Option<&Path>) -> String {
    let endpoint = house.local.endpoint();
    let body = match samples {
        Some(directory) => format!("\"$(jq -r '.Records[0].body' {}/failing-job.json)\"", directory.display()),
        None => "file://message.json".to_owned(),
    };
    let aws = format!("aws --endpoint-url {endpoint}");
    let head = |text: &str| paint(HEAD, text);
    format!(
        "\n{}\n  \
           AWS_ENDPOINT_URL={endpoint} AWS_REGION={region} AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any\n  \
           run queue          {}\n  \
           dead-letter queue  {}\n\
         {}\n  \
           {aws} sqs send-message --queue-url {} --message-body {body}\n  \
           {aws} sqs receive-message --queue-url {} --message-attribute-names All\n  \
           {aws} ecs list-tasks --desired-status STOPPED",
        head(&format!("Still dispatching. It ends with {}.", Place::now().way_to_end())),
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
