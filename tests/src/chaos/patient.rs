//! Asks a Prefect server that is away now and then, until it answers: for users and containers, who do not give up.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use http_body_util::Full;
use hyper::{Method, Request, body::Bytes};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::rig::prefect::exchange;

/// Time for one try.
const TRY: Duration = Duration::from_secs(90);

/// Time for all tries of a request.
const PATIENCE: Duration = Duration::from_secs(900);

/// Somebody who asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patient(pub(super) SocketAddr);

impl Patient {
    /// `GET`; `path` comes after `/api`.
    ///
    /// # Panics
    /// As [`Patient::post`].
    pub(super) async fn get(self, path: &str) -> Value {
        self.ask(&Method::GET, path, &Value::Null).await
    }

    /// `POST`. The request is repeated, so it should be one that may be.
    ///
    /// # Panics
    /// When the server refuses it, or does not answer in a quarter of an hour.
    pub(super) async fn post(self, path: &str, body: &Value) -> Value {
        self.ask(&Method::POST, path, body).await
    }

    /// Proposes a state and returns the verdict. Known by its transition, so that a repeated one is the same.
    ///
    /// # Panics
    /// As [`Patient::post`].
    pub(super) async fn propose(self, run: &str, state_type: &str, name: &str) -> Value {
        let details = json!({"transition_id": Uuid::new_v4()});
        let state = json!({"type": state_type, "name": name, "state_details": details});
        self.post(&format!("/flow_runs/{run}/set_state"), &json!({"state": state})).await
    }

    async fn ask(self, method: &Method, path: &str, body: &Value) -> Value {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let started = Instant::now();
        loop {
            let request = Request::builder()
                .method(method)
                .uri(format!("/api{path}"))
                .header("host", self.0.to_string())
                .header("content-type", "application/json")
                .body(Full::new(Bytes::from(text.clone())))
                .expect("a request can be built");
            let said = match tokio::time::timeout(TRY, exchange(self.0, request)).await {
                Ok(Ok(answer)) if answer.status().is_success() => {
                    return serde_json::from_slice(answer.body()).unwrap_or_default();
                }
                Ok(Ok(answer)) => {
                    let said = format!("{} {}", answer.status(), String::from_utf8_lossy(answer.body()));
                    let passing = matches!(answer.status().as_u16(), 408 | 429 | 500..);
                    assert!(passing, "{method} {path}: {said}");
                    said
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer".to_owned(),
            };
            assert!(started.elapsed() < PATIENCE, "{method} {path}: {said}");
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
    }
}
