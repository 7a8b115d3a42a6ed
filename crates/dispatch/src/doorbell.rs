//! The ring use case: a request from outside becomes a message of the poll queue, and nothing else.
//!
//! Anyone who knows its address can send to it, so what comes in is not believed: of an automation's payload it keeps the
//! names of work pool, flow run and event, and the poller asks the server.
//!
//! | request | answer | message |
//! | --- | --- | --- |
//! | another method than POST | 405 | |
//! | without the token, or with a wrong one | 401 | |
//! | a body of more than 256 KiB | 413 | |
//! | anything else | 202 | a ring |
//! | the same, while SQS does not take it | 503 | |
//!
//! The token is read when the doorbell starts, and again when it may have been replaced: after a token that is not known, at
//! most once a minute, and before a known one is believed for longer than five minutes. From then on the former token is no
//! longer accepted. A secret that holds no usable token shuts the doorbell: it does not start, or refuses everyone until the
//! secret holds one.
//!
//! The event is that of a Lambda function URL (Lambda developer guide, "Invoking Lambda function URLs", payload format
//! version 2.0; header names come in lower case).

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use diagnosis::Diagnosis;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use crate::{
    codes,
    ports::{PollQueue, TokenSource},
    ring::{PollMessage, Ring},
};

/// Largest body that is looked at. An automation's event has some 3 KB; SQS takes 256 KiB.
const LARGEST: usize = 256 * 1024;

/// Characters that a token has at least. Shorter ones can be guessed in a day.
pub const SHORTEST_TOKEN: usize = 16;

/// How long a token that is not known is refused without reading the secret again: a flood must not become a flood at
/// Secrets Manager.
const REFUSED_FOR: Duration = Duration::from_secs(60);

/// How long a known token is believed without reading the secret again.
const BELIEVED_FOR: Duration = Duration::from_secs(300);

/// How long a reading of the secret may take: the function has ten seconds for a ring.
const READING: Duration = Duration::from_secs(3);

/// A token that stands in the setting itself.
#[derive(Clone)]
pub struct FixedToken(pub String);

impl TokenSource for FixedToken {
    fn setting(&self) -> &'static str {
        "PUSHPOOL_DOORBELL_TOKEN"
    }

    async fn token(&self) -> Result<String, String> {
        Ok(self.0.clone())
    }
}

/// Compares the secret and rings.
pub struct Doorbell<Q, S> {
    queue: Q,
    source: S,
    kept: Mutex<Kept>,
}

struct Kept {
    /// None while the secret holds no usable one.
    token: Option<String>,
    /// When the secret was read last, or was to be.
    read_at: Instant,
}

impl<Q: PollQueue, S: TokenSource> Doorbell<Q, S> {
    /// Reads the token. The doorbell rings for those who send it.
    ///
    /// # Errors
    /// The secret cannot be read, or holds no usable token.
    pub async fn open(source: S, queue: Q) -> Result<Self, Diagnosis> {
        let text = source.token().await.map_err(|problem| codes::no_token(source.setting(), &problem))?;
        let token = usable(&text, source.setting())?;
        Ok(Self { queue, source, kept: Mutex::new(Kept { token: Some(token), read_at: Instant::now() }) })
    }

    /// The answer to a request.
    pub async fn answer(&self, event: &Value) -> Value {
        let status = self.ring(event).await;
        // What anyone can cause stays out of the log, which costs by the line.
        match status {
            401 | 405 => tracing::debug!(status, "ring"),
            _ => tracing::info!(status, "ring"),
        }
        json!({"statusCode": status, "headers": {"content-type": "application/json"}, "body": "{}"})
    }

    async fn ring(&self, event: &Value) -> u16 {
        if event["requestContext"]["http"]["method"] != "POST" {
            return 405;
        }
        if !self.is_known(&event["headers"]).await {
            return 401;
        }
        let body = event["body"].as_str().unwrap_or_default();
        // Base64 takes four characters for three bytes.
        let encoded = event["isBase64Encoded"] == true;
        if body.len() > if encoded { LARGEST / 3 * 4 + 4 } else { LARGEST } {
            return 413;
        }
        let body = if encoded { STANDARD.decode(body).unwrap_or_default() } else { body.as_bytes().to_vec() };
        let ring = PollMessage::Ring(Ring::of_automation(&body));
        // The doorbell's own invocation is the first of the chain.
        match self.queue.send_poll(&ring, 1, Duration::ZERO).await {
            Ok(()) => 202,
            Err(failure) => {
                tracing::error!(code = failure.diagnosis.code.id(), detail = failure.diagnosis.detail, "not sent");
                503
            }
        }
    }

    /// `Authorization: Bearer TOKEN`, or `X-Pushpool-Token: TOKEN` where a proxy in between uses the former itself.
    async fn is_known(&self, headers: &Value) -> bool {
        let bearer = headers["authorization"].as_str().and_then(|value| value.strip_prefix("Bearer "));
        let own = headers["x-pushpool-token"].as_str();
        let shown: Vec<&str> = [own, bearer].into_iter().flatten().collect();
        if shown.is_empty() {
            return false;
        }
        let mut kept = self.kept.lock().await;
        let life = if kept.is_one_of(&shown) { BELIEVED_FOR } else { REFUSED_FOR };
        if kept.read_at.elapsed() >= life {
            self.read_again(&mut kept).await;
        }
        kept.is_one_of(&shown)
    }

    /// A token that cannot be read just now stays what it was. One that is not usable is none.
    async fn read_again(&self, kept: &mut Kept) {
        let setting = self.source.setting();
        let read = timeout(READING, self.source.token()).await;
        kept.read_at = Instant::now();
        match read {
            Ok(Ok(text)) => match usable(&text, setting) {
                Ok(token) => kept.token = Some(token),
                Err(Diagnosis { code, detail, resolution, .. }) => {
                    tracing::error!(code = code.id(), detail, resolution, "the doorbell is shut");
                    kept.token = None;
                }
            },
            Ok(Err(problem)) => tracing::warn!(setting, problem, "the token was not read again"),
            Err(_) => tracing::warn!(setting, "the token was not read again: no answer in time"),
        }
    }
}

impl Kept {
    /// The time it takes tells nothing but the length.
    fn is_one_of(&self, shown: &[&str]) -> bool {
        let Some(token) = &self.token else { return false };
        shown.iter().any(|shown| shown.as_bytes().ct_eq(token.as_bytes()).into())
    }
}

/// The token in the text of a secret, without the line break that comes with values out of files.
fn usable(text: &str, setting: &'static str) -> Result<String, Diagnosis> {
    let token = text.trim();
    if token.chars().count() < SHORTEST_TOKEN {
        let problem = format!("it has less than {SHORTEST_TOKEN} characters");
        return Err(codes::no_token(setting, &problem));
    }
    Ok(token.to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;
    use crate::ports::Failure;

    const TOKEN: &str = "0123456789abcdef";

    #[derive(Default)]
    struct Bell {
        rings: Mutex<Vec<String>>,
        broken: bool,
    }

    impl PollQueue for Bell {
        async fn send_poll(&self, message: &PollMessage, hops: u32, delay: Duration) -> Result<(), Failure> {
            assert_eq!(delay, Duration::ZERO);
            if self.broken {
                return Err(Failure::transient(codes::queue_failed("poll queue", "outage")));
            }
            self.rings.lock().unwrap().push(message.body_after(hops));
            Ok(())
        }
    }

    async fn open(bell: Bell) -> Doorbell<Bell, FixedToken> {
        Doorbell::open(FixedToken(TOKEN.to_owned()), bell).await.unwrap()
    }

    /// A secret that is replaced meanwhile.
    #[derive(Default)]
    struct Vault {
        holds: Mutex<Option<String>>,
        read: AtomicUsize,
    }

    impl Vault {
        fn put(&self, text: &str) {
            *self.holds.lock().unwrap() = Some(text.to_owned());
        }
    }

    impl TokenSource for std::sync::Arc<Vault> {
        fn setting(&self) -> &'static str {
            "PUSHPOOL_DOORBELL_TOKEN_SECRET_ARN"
        }

        async fn token(&self) -> Result<String, String> {
            self.read.fetch_add(1, Ordering::Relaxed);
            self.holds.lock().unwrap().clone().ok_or_else(|| "AccessDenied".to_owned())
        }
    }

    async fn with(bell: &Doorbell<Bell, std::sync::Arc<Vault>>, token: &str) -> u64 {
        status(bell, &request("POST", json!({"x-pushpool-token": token}), "")).await
    }

    #[tokio::test]
    async fn a_secret_without_a_usable_token_opens_no_door() {
        for (text, problem) in [
            (Some(""), "less than 16 characters"),
            (Some("\n"), "less than 16 characters"),
            (Some("  0123456789abcde\r\n"), "less than 16 characters"),
            (None, "AccessDenied"),
        ] {
            let vault = std::sync::Arc::new(Vault { holds: Mutex::new(text.map(str::to_owned)), ..Vault::default() });
            let refused = Doorbell::open(vault, Bell::default()).await.err().unwrap();
            assert_eq!(refused.code, "PP0640");
            assert!(refused.detail.contains("PUSHPOOL_DOORBELL_TOKEN_SECRET_ARN"), "{refused:?}");
            assert!(refused.detail.contains(problem) && !refused.detail.contains("0123456789"), "{refused:?}");
        }
        let vault = std::sync::Arc::new(Vault::default());
        vault.put(&format!("{TOKEN}\n"));
        let bell = Doorbell::open(vault, Bell::default()).await.unwrap();
        assert_eq!(with(&bell, TOKEN).await, 202);
    }

    #[tokio::test(start_paused = true)]
    async fn a_replaced_token_is_found_and_the_former_one_forgotten() {
        const NEXT: &str = "fedcba9876543210";
        let vault = std::sync::Arc::new(Vault::default());
        vault.put(TOKEN);
        let bell = Doorbell::open(std::sync::Arc::clone(&vault), Bell::default()).await.unwrap();
        let read = || vault.read.load(Ordering::Relaxed);
        // A flood of wrong ones reads the secret once a minute, and a request without any token never.
        tokio::time::advance(REFUSED_FOR).await;
        for _ in 0..1_000 {
            assert_eq!(with(&bell, "wrong-wrong-wrong").await, 401);
            assert_eq!(status(&bell, &request("POST", json!({}), "")).await, 401);
        }
        assert_eq!(read(), 2);
        vault.put(NEXT);
        assert_eq!(with(&bell, NEXT).await, 401, "it was read just now");
        tokio::time::advance(REFUSED_FOR).await;
        assert_eq!(with(&bell, NEXT).await, 202);
        assert_eq!(with(&bell, TOKEN).await, 401);
        // One who never sends a wrong token is not believed for ever either.
        vault.put(TOKEN);
        tokio::time::advance(BELIEVED_FOR - Duration::from_secs(1)).await;
        assert_eq!(with(&bell, NEXT).await, 202);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(with(&bell, NEXT).await, 401);
        assert_eq!(with(&bell, TOKEN).await, 202);
        // Secrets Manager is away: the token is what it was.
        *vault.holds.lock().unwrap() = None;
        tokio::time::advance(BELIEVED_FOR).await;
        assert_eq!(with(&bell, TOKEN).await, 202);
        // An empty secret shuts the door, and the next usable one opens it.
        vault.put("\n");
        tokio::time::advance(BELIEVED_FOR).await;
        assert_eq!(with(&bell, TOKEN).await, 401);
        assert_eq!(with(&bell, "").await, 401);
        vault.put(NEXT);
        tokio::time::advance(REFUSED_FOR).await;
        assert_eq!(with(&bell, NEXT).await, 202);
    }

    fn request(method: &str, headers: Value, body: &str) -> Value {
        json!({"requestContext": {"http": {"method": method}}, "headers": headers, "body": body,
            "isBase64Encoded": false})
    }

    async fn status<S: TokenSource>(bell: &Doorbell<Bell, S>, event: &Value) -> u64 {
        bell.answer(event).await["statusCode"].as_u64().unwrap()
    }

    #[tokio::test]
    async fn only_who_knows_the_token_rings() {
        let bell = open(Bell::default()).await;
        for headers in [
            json!({}),
            json!({"authorization": "Bearer wrong"}),
            json!({"authorization": TOKEN}),
            json!({"authorization": format!("Bearer {TOKEN}x")}),
            json!({"x-pushpool-token": ""}),
            Value::Null,
        ] {
            assert_eq!(status(&bell, &request("POST", headers.clone(), "{}")).await, 401, "{headers}");
        }
        assert!(bell.queue.rings.lock().unwrap().is_empty());
        for headers in [json!({"authorization": format!("Bearer {TOKEN}")}), json!({"x-pushpool-token": TOKEN})] {
            assert_eq!(status(&bell, &request("POST", headers, "")).await, 202);
        }
        assert_eq!(*bell.queue.rings.lock().unwrap(), [r#"{"version":1,"ring":{},"hops":1}"#; 2]);
    }

    #[tokio::test]
    async fn what_rings_is_small_whatever_is_sent() {
        let bell = open(Bell::default()).await;
        let headers = json!({"x-pushpool-token": TOKEN});
        assert_eq!(status(&bell, &request("GET", headers.clone(), "")).await, 405);
        assert_eq!(status(&bell, &request("POST", headers.clone(), &"x".repeat(LARGEST + 1))).await, 413);
        let mut encoded = request("POST", headers.clone(), &STANDARD.encode(r#"{"event": "prefect.flow-run.Late"}"#));
        encoded["isBase64Encoded"] = json!(true);
        assert_eq!(status(&bell, &encoded).await, 202);
        for odd in [json!({}), json!([]), Value::Null, json!({"requestContext": 5})] {
            assert_eq!(status(&bell, &odd).await, 405, "{odd}");
        }
        let rings = bell.queue.rings.lock().unwrap();
        assert_eq!(*rings, [r#"{"version":1,"ring":{"event":"prefect.flow-run.Late"},"hops":1}"#]);
    }

    #[tokio::test]
    async fn a_queue_that_is_away_is_told() {
        let bell = open(Bell { broken: true, ..Bell::default() }).await;
        assert_eq!(status(&bell, &request("POST", json!({"x-pushpool-token": TOKEN}), "")).await, 503);
    }
}
