//! The ring use case: a request from outside becomes a message of the poll queue, and nothing else.
//!
//! Whoever knows its address can send to it, so what comes in is not believed: of an automation's payload it keeps the
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
//! The event is that of a Lambda function URL (Lambda developer guide, "Invoking Lambda function URLs", payload format
//! version 2.0; header names come in lower case).

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use crate::{
    ports::Failure,
    ring::{PollMessage, Ring},
};

/// Largest body that is looked at. An automation's event has some 3 KB; SQS takes 256 KiB.
const LARGEST: usize = 256 * 1024;

/// Takes rings.
pub trait Rings: Send + Sync + 'static {
    /// Sends a body to the poll queue.
    ///
    /// # Errors
    /// [`Failure`] when it is not known to have been taken.
    fn send(&self, body: String) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Compares the secret and rings.
pub struct Doorbell<R> {
    token: String,
    rings: R,
}

impl<R: Rings> Doorbell<R> {
    /// A doorbell that rings for who shows `token`.
    pub fn new(token: String, rings: R) -> Self {
        Self { token, rings }
    }

    /// The answer to a request.
    pub async fn answer(&self, event: &Value) -> Value {
        let status = self.ring(event).await;
        tracing::info!(status, "ring");
        json!({"statusCode": status, "headers": {"content-type": "application/json"}, "body": "{}"})
    }

    async fn ring(&self, event: &Value) -> u16 {
        if event["requestContext"]["http"]["method"] != "POST" {
            return 405;
        }
        if !self.is_known(&event["headers"]) {
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
        match self.rings.send(ring.body()).await {
            Ok(()) => 202,
            Err(failure) => {
                tracing::error!(code = failure.diagnosis.code, detail = failure.diagnosis.detail, "not sent");
                503
            }
        }
    }

    /// `Authorization: Bearer TOKEN`, or `X-Pushpool-Token: TOKEN` where a proxy in between uses the former itself. The time
    /// it takes tells nothing but the length.
    fn is_known(&self, headers: &Value) -> bool {
        let bearer = headers["authorization"].as_str().and_then(|value| value.strip_prefix("Bearer "));
        let own = headers["x-pushpool-token"].as_str();
        [own, bearer].into_iter().flatten().any(|shown| shown.as_bytes().ct_eq(self.token.as_bytes()).into())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use ecs::failure::Class;

    use super::*;
    use crate::codes;

    const TOKEN: &str = "0123456789abcdef";

    #[derive(Default)]
    struct Bell {
        rings: Mutex<Vec<String>>,
        broken: bool,
    }

    impl Rings for Bell {
        async fn send(&self, body: String) -> Result<(), Failure> {
            if self.broken {
                return Err(Failure {
                    class: Class::Transient,
                    diagnosis: codes::queue_failed("poll queue", "outage"),
                });
            }
            self.rings.lock().unwrap().push(body);
            Ok(())
        }
    }

    fn request(method: &str, headers: Value, body: &str) -> Value {
        json!({"requestContext": {"http": {"method": method}}, "headers": headers, "body": body,
            "isBase64Encoded": false})
    }

    async fn status(bell: &Doorbell<Bell>, event: &Value) -> u64 {
        bell.answer(event).await["statusCode"].as_u64().unwrap()
    }

    #[tokio::test]
    async fn only_who_knows_the_token_rings() {
        let bell = Doorbell::new(TOKEN.to_owned(), Bell::default());
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
        assert!(bell.rings.rings.lock().unwrap().is_empty());
        for headers in [json!({"authorization": format!("Bearer {TOKEN}")}), json!({"x-pushpool-token": TOKEN})] {
            assert_eq!(status(&bell, &request("POST", headers, "")).await, 202);
        }
        assert_eq!(*bell.rings.rings.lock().unwrap(), [r#"{"version":1,"ring":{}}"#; 2]);
    }

    #[tokio::test]
    async fn what_rings_is_small_whatever_is_sent() {
        let bell = Doorbell::new(TOKEN.to_owned(), Bell::default());
        let headers = json!({"x-pushpool-token": TOKEN});
        assert_eq!(status(&bell, &request("GET", headers.clone(), "")).await, 405);
        assert_eq!(status(&bell, &request("POST", headers.clone(), &"x".repeat(LARGEST + 1))).await, 413);
        let mut encoded = request("POST", headers.clone(), &STANDARD.encode(r#"{"event": "prefect.flow-run.Late"}"#));
        encoded["isBase64Encoded"] = json!(true);
        assert_eq!(status(&bell, &encoded).await, 202);
        for odd in [json!({}), json!([]), Value::Null, json!({"requestContext": 5})] {
            assert_eq!(status(&bell, &odd).await, 405, "{odd}");
        }
        let rings = bell.rings.rings.lock().unwrap();
        assert_eq!(*rings, [r#"{"version":1,"ring":{"event":"prefect.flow-run.Late"}}"#]);
    }

    #[tokio::test]
    async fn a_queue_that_is_away_is_told() {
        let bell = Doorbell::new(TOKEN.to_owned(), Bell { broken: true, ..Bell::default() });
        assert_eq!(status(&bell, &request("POST", json!({"x-pushpool-token": TOKEN}), "")).await, 503);
    }
}
