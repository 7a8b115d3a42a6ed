//! Says when the Prefect server does not answer: because it is down, or because it stands still, which a server on SQLite does
//! for a minute at a time. Otherwise people look for the error in their pools or in pushpool.

use std::time::Duration;

use prefect_api::{ApiError, Client, Connection, Method, Patience, http::HttpTransport};
use tokio::time::{Instant, sleep, timeout};

use super::news::{News, Silence, Teller};

/// How often the server is asked whether it is well.
const LOOK: Duration = Duration::from_secs(5);

/// How soon it is asked again while it is down, and once before it counts as down.
const AGAIN: Duration = Duration::from_secs(1);

/// An answer that takes longer than this is late. It involves no database.
const LATE: Duration = Duration::from_secs(10);

/// One try: the next look is the second.
const PATIENCE: Patience = Patience { tries: 1, total: Duration::ZERO, first: Duration::ZERO };

/// Watches until it is aborted.
pub(super) async fn watch(mut connection: Connection, teller: Teller) {
    // Longer than the server stands still, so that one request tells how long that was.
    connection.timeout = Duration::from_secs(120);
    let Ok(transport) = HttpTransport::new(&connection) else { return };
    // Not one of those that wait for each other.
    let client = Client::new(transport, PATIENCE);
    let url = &connection.api_url;
    // Since when it does not answer, and whether that has been told.
    let mut silent: Option<(Instant, bool)> = None;
    loop {
        sleep(if silent.is_some() { AGAIN } else { LOOK }).await;
        let asked = Instant::now();
        let health = client.json(Method::Get, "/health", None);
        tokio::pin!(health);
        let answer = match timeout(LATE, &mut health).await {
            Ok(answer) => answer,
            Err(_) => {
                let text = format!(
                    "the Prefect server at {url} has not answered for {} s. pushpool waits and goes on when it answers. A \
                     server on SQLite can stand still for a minute when several requests write at once; one on PostgreSQL \
                     does not",
                    LATE.as_secs(),
                );
                let since = silent.map_or(asked, |(since, _)| since);
                silent = Some((since, true));
                teller.tell(News::Trouble(text));
                teller.tell(News::Silence(Some(Silence { since, why: "no answer".to_owned() })));
                health.await
            }
        };
        match (is_there(answer.err()), silent) {
            (Ok(()), None) => {}
            (Ok(()), Some((since, told))) => {
                silent = None;
                if told {
                    teller.tell(News::Silence(None));
                    teller.tell(News::Trouble(format!(
                        "the Prefect server answered after {} s",
                        since.elapsed().as_secs()
                    )));
                }
            }
            (Err(_), None) => silent = Some((asked, false)),
            (Err(_), Some((_, true))) => {}
            (Err(why), Some((since, false))) => {
                silent = Some((since, true));
                let text = format!(
                    "the Prefect server at {url} does not answer ({why}). Nothing starts until it does; then pushpool goes on"
                );
                teller.tell(News::Trouble(text));
                teller.tell(News::Silence(Some(Silence { since, why })));
            }
        }
    }
}

/// A server that refuses the question is there.
fn is_there(error: Option<ApiError>) -> Result<(), String> {
    match error {
        Some(ApiError::Unanswered { reason, .. }) => Err(reason.to_string()),
        Some(ApiError::Busy { status, .. }) => Err(format!("HTTP {status}")),
        _ => Ok(()),
    }
}
