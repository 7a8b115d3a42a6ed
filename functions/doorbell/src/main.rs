//! The doorbell function: a POST from outside becomes a message of the poll queue.
//!
//! It can be reached by anybody who knows its URL, so it does nothing but compare a secret and send one message, and it is
//! allowed nothing else. What comes in is not believed: of an automation's payload it keeps the names of work pool, flow
//! run and event, and the poller asks the server.
//!
//! <!-- variables of the doorbell -->
//!
//! | variable | meaning | default | set by |
//! | --- | --- | --- | --- |
//! | `PUSHPOOL_POLL_QUEUE_URL` | URL of the poll queue: the poller adds ticks, the observer has pools with a free slot polled, the doorbell rings | required | the module |
//! | `PUSHPOOL_DOORBELL_TOKEN` | the shared secret in the clear, at least 16 characters; this or the next is required | none | `more_environment` |
//! | `PUSHPOOL_DOORBELL_TOKEN_SECRET_ARN` | secret with it: Secrets Manager ARN, or SSM parameter | none | the module |
//! | `PUSHPOOL_METRIC_NAMESPACE` | CloudWatch namespace of the metrics | pushpool | the module |
//! | `AWS_LAMBDA_LOG_LEVEL` | level of the log; Lambda sets it from the logging configuration of the function | info | Lambda |
//!
//! <!-- end -->
//!
//! A secret is read at the start and again when its token may have been replaced, see [`dispatch::doorbell`].

use std::sync::Arc;

use dispatch::{
    doorbell::{Doorbell, FixedToken, SHORTEST_TOKEN},
    ports::TokenSource,
};
use function::{BadSettings, Error, Settings, serve, start_log};
use installation::{Function, variables};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_log();
    let Read { poll_queue_url, token, token_secret } = read(Settings::of(Function::Doorbell))?;
    let config = aws::function_config();
    let rings = aws::Sender::new(&config, poll_queue_url);
    match token_secret {
        Some(secret) => open(aws::Secret::at(&secret, &config)?, rings).await,
        None => open(FixedToken(token), rings).await,
    }
}

async fn open<S: TokenSource>(source: S, rings: aws::Sender) -> Result<(), Error> {
    let doorbell = Doorbell::open(source, rings).await.map_err(|refused| {
        format!("{} ({}): {} {}", refused.summary, refused.code, refused.detail, refused.resolution)
    })?;
    let doorbell = Arc::new(doorbell);
    serve(move |event, _| {
        let doorbell = Arc::clone(&doorbell);
        async move { Ok(doorbell.answer(&event).await) }
    })
    .await
}

struct Read {
    poll_queue_url: String,
    token: String,
    token_secret: Option<String>,
}

fn read(settings: Settings<'_>) -> Result<Read, BadSettings> {
    let poll_queue_url = settings.required(&variables::POLL_QUEUE_URL);
    let token_secret = settings.get(&variables::DOORBELL_TOKEN_SECRET_ARN);
    let token = settings.get(&variables::DOORBELL_TOKEN).unwrap_or_default();
    if token_secret.is_none() && token.chars().count() < SHORTEST_TOKEN {
        settings.mistake(format!(
            "PUSHPOOL_DOORBELL_TOKEN has less than {SHORTEST_TOKEN} characters, and PUSHPOOL_DOORBELL_TOKEN_SECRET_ARN is \
             not set"
        ));
    }
    settings.finish(Read { poll_queue_url, token, token_secret })
}
