//! Says when the Prefect server stands still, which a server on SQLite does for a minute at a time. Otherwise people look for
//! the error in their pools or in pushpool.

use std::time::Duration;

use prefect_api::{Client, Connection, Method, Patience, http::HttpTransport};
use tokio::time::{Instant, sleep, timeout};

use super::news::{News, Teller};

/// How often the server is asked whether it is well.
const LOOK: Duration = Duration::from_secs(5);

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
    loop {
        sleep(LOOK).await;
        let asked = Instant::now();
        let health = client.json(Method::Get, "/health", None);
        tokio::pin!(health);
        if timeout(LATE, &mut health).await.is_ok() {
            continue;
        }
        teller.tell(News::Trouble(format!(
            "the Prefect server at {url} has not answered for {} s. pushpool waits and goes on when it answers. A server on \
             SQLite can stand still for a minute when several requests write at once; one on PostgreSQL does not",
            LATE.as_secs(),
        )));
        if health.await.is_ok() {
            teller.tell(News::Trouble(format!("the Prefect server answered after {} s", asked.elapsed().as_secs())));
        }
    }
}
