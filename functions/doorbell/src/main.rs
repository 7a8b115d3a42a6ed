//! The doorbell function: a POST from outside becomes a message of the poll queue.
//!
//! It can be reached by anybody who knows its URL, so it does nothing but compare a secret and send one message, and it is
//! allowed nothing else. What comes in is not believed: of an automation's payload it keeps the names of work pool, flow
//! run and event, and the poller asks the server.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `PUSHPOOL_POLL_QUEUE_URL` | URL of the poll queue | required |
//! | `PUSHPOOL_DOORBELL_TOKEN` | the shared secret, at least 16 characters | this or the next |
//! | `PUSHPOOL_DOORBELL_TOKEN_SECRET_ARN` | secret with it: Secrets Manager ARN, or SSM parameter | this or the previous |
//!
//! A secret is read at the start and again when its token may have been replaced, see [`dispatch::doorbell`].

use std::sync::Arc;

use dispatch::{
    doorbell::{Doorbell, FixedToken, SHORTEST_TOKEN},
    ports::TokenSource,
};
use function::{BadSettings, Error, Settings, serve, start_log};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_log();
    let Read { poll_queue_url, token, token_secret } = read(Settings::of("doorbell"))?;
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
    let poll_queue_url = settings.required("PUSHPOOL_POLL_QUEUE_URL", "the URL of the poll queue");
    let token_secret = settings.get("PUSHPOOL_DOORBELL_TOKEN_SECRET_ARN");
    let token = settings.get("PUSHPOOL_DOORBELL_TOKEN").unwrap_or_default();
    if token_secret.is_none() && token.chars().count() < SHORTEST_TOKEN {
        settings.mistake(format!(
            "PUSHPOOL_DOORBELL_TOKEN has less than {SHORTEST_TOKEN} characters, and PUSHPOOL_DOORBELL_TOKEN_SECRET_ARN is \
             not set"
        ));
    }
    settings.finish(Read { poll_queue_url, token, token_secret })
}
