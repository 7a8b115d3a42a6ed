//! A function URL: HTTP requests as invocations, and their answers as responses.
//!
//! Events have the payload format version 2.0, and answers may be its response object or any other JSON (Lambda developer
//! guide, "Invoking Lambda function URLs", "Request and response payload format"). Nothing is authenticated: the URL is as
//! one with auth type NONE. Bodies of content types that are text come as they are, all others in Base64.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::function::{Function, FunctionError};
use crate::clock::Clock;
use crate::http::{Answer, Handler, HangUp, Listening, respond};

/// A running function URL. Dropping it closes the listener.
#[derive(Debug)]
pub struct FunctionUrl {
    listening: Listening,
}

struct Front {
    function: Arc<dyn Function>,
    timeout: Duration,
    clock: Clock,
}

impl FunctionUrl {
    /// Listens on `address` and invokes the function for each request.
    ///
    /// # Errors
    ///
    /// The address cannot be bound.
    pub async fn start(address: SocketAddr, function: Arc<dyn Function>, timeout: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let front = Front { function, timeout, clock: Clock::new() };
        Ok(Self { listening: Listening::start(listener, Arc::new(front))? })
    }

    /// The URL, ending in a slash as Lambda's do.
    pub fn url(&self) -> String {
        format!("http://{}/", self.listening.address())
    }

    /// Closes the listener and its connections.
    pub async fn stop(self) {
        self.listening.stop().await;
    }
}

impl Handler for Front {
    async fn handle(&self, parts: Parts, body: Bytes) -> Result<Answer, HangUp> {
        let event = event(&parts, &body, self.clock.now());
        Ok(match self.function.invoke(event, self.timeout).await {
            Ok(answer) => response(&answer),
            Err(FunctionError::Throttled(reason)) => {
                let body = json!({"Reason": reason, "Type": "User", "message": "Rate Exceeded."});
                respond(StatusCode::TOO_MANY_REQUESTS, "application/json", body.to_string())
            }
            // "Internal Server Error" is all that Lambda tells the outside.
            Err(_) => respond(StatusCode::BAD_GATEWAY, "application/json", r#"{"Message":"Internal Server Error"}"#),
        })
    }
}

fn event(parts: &Parts, body: &[u8], now: u64) -> Value {
    let headers = headers(&parts.headers);
    let text = |name: &str| headers.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let is_text = is_text(&text("content-type"));
    let plain = std::str::from_utf8(body).ok().filter(|_| is_text);
    let (body, encoded) = match plain {
        Some(text) => (text.to_owned(), false),
        None => (STANDARD.encode(body), true),
    };
    let path = parts.uri.path();
    let host = text("host");
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": parts.uri.query().unwrap_or_default(),
        "requestContext": {
            "accountId": "anonymous",
            "apiId": host.split('.').next(),
            "domainName": host,
            "http": {
                "method": parts.method.as_str(), "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
                "userAgent": text("user-agent"),
            },
            "requestId": Uuid::new_v4(),
            "routeKey": "$default",
            "stage": "$default",
            "timeEpoch": now,
        },
        "headers": headers,
        "body": body,
        "isBase64Encoded": encoded,
    })
}

/// Names are in lower case; values of one name are joined by commas.
fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let mut all = Map::new();
    for name in headers.keys() {
        let values: Vec<String> =
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
        all.insert(name.as_str().to_owned(), values.join(",").into());
    }
    all
}

fn is_text(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let known = ["application/json", "application/javascript", "application/xml"];
    kind.starts_with("text/") || known.contains(&kind) || kind.ends_with("+json")
}

/// An object with `statusCode` is a response; anything else is the body of one.
fn response(answer: &Value) -> Answer {
    let Some(status) = answer["statusCode"].as_u64() else {
        return respond(StatusCode::OK, "application/json", answer.to_string());
    };
    let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    let body = match &answer["body"] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let body = if answer["isBase64Encoded"] == true { STANDARD.decode(&body).unwrap_or_default() } else { body.into() };
    let mut response = respond(status.unwrap_or(StatusCode::BAD_GATEWAY), "application/json", body);
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        let value = value.as_str().and_then(|value| HeaderValue::from_str(value).ok());
        if let (Ok(name), Some(value)) = (HeaderName::try_from(name.as_str()), value) {
            response.headers_mut().insert(name, value);
        }
    }
    if !answer["headers"].is_object() {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response
}
