//! A server for tests: it gives prepared answers and keeps what it was asked.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use serde_json::Value;

use crate::{Client, Method, Patience, Request, Response, Transport, TransportError};

/// Method, path and body of a request.
pub(crate) type Asked = (Method, String, Value);

#[derive(Default)]
pub(crate) struct Fake {
    answers: Mutex<VecDeque<(u16, Value)>>,
    asked: Mutex<Vec<Asked>>,
}

impl Fake {
    /// A client of a server with these answers: status and body.
    pub(crate) fn client(answers: impl IntoIterator<Item = (u16, Value)>) -> (Client<Arc<Self>>, Arc<Self>) {
        let answers = Mutex::new(answers.into_iter().collect());
        let fake = Arc::new(Self { answers, ..Self::default() });
        (Client::new(Arc::clone(&fake), Patience::FUNCTION), fake)
    }

    /// What it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.asked().into_iter().map(|(_, path, _)| path).collect()
    }
}

impl Transport for Arc<Fake> {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let Request { method, path, body, .. } = request;
        let body = body.map_or(Value::Null, |body| serde_json::from_str(&body).unwrap());
        self.asked.lock().unwrap().push((method, path, body));
        let (status, answer) = self.answers.lock().unwrap().pop_front().expect("an answer for each request");
        let body = if answer.is_null() { Vec::new() } else { answer.to_string().into_bytes() };
        Ok(Response { status, retry_after: None, body })
    }
}
